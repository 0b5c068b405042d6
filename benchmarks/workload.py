"""Workload: the values that benchmarks log, the same in every run."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

SEED = 20


def losses(count: int) -> NDArray[np.float64]:
    """A loss that falls and is noisy, as a float32 network gives it: 24 bits of mantissa in each double."""
    rng = np.random.default_rng(SEED)
    falling = 2.5 * np.exp(-np.linspace(0, 5, count))
    return (falling + rng.gamma(2.0, 0.02, count)).astype(np.float32).astype(np.float64)


def uniform(count: int) -> NDArray[np.float64]:
    """Uniform random doubles: nothing to compress but sign and exponent."""
    return np.random.default_rng(SEED).random(count)


def rounded(count: int) -> NDArray[np.float64]:
    """Accuracies that a program rounded to four decimals."""
    rng = np.random.default_rng(SEED)
    return rng.normal(0.9, 0.05, count).clip(0, 1).round(4)


def constant_times(count: int) -> NDArray[np.int64]:
    """One moment for all points, as one call of `log_arrays` gives it."""
    return np.full(count, 1_760_000_000_000, np.int64)


def loop_times(count: int) -> NDArray[np.int64]:
    """Milliseconds of a training loop whose steps take 20 ms, give or take a fifth."""
    steps = np.random.default_rng(SEED).normal(20, 4, count).clip(1)
    return 1_760_000_000_000 + np.cumsum(steps).astype(np.int64)


@contextmanager
def scratch() -> Iterator[Path]:
    """A folder on a real disk that is gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="runlake-bench-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def disk_bytes(folder: Path) -> int:
    """Space that the files below a folder take on disk, holes not counted."""
    return sum(path.lstat().st_blocks * 512 for path in folder.rglob("*") if path.is_file())
