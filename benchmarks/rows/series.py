"""Series of 10 M sealed points in 1,000 buckets, as a whole and a hundredth of it, and 200 series in one call."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

import runlake
from benchmarks.measure import Target, at_most, seconds
from benchmarks.rows.reads import KEYS, fill
from benchmarks.rows.reads import POINTS as POINTS_OF_MANY
from benchmarks.workload import loop_times, losses, rounded, scratch, uniform
from runlake.store import get_store

POINTS, BUCKETS = 10_000_000, 1000
READS = 15


def targets() -> Iterator[Target]:
    """Segments as the sealer made them while the points were logged; their files are in the page cache."""
    for what, make in (("float32 losses", losses), ("random doubles", uniform), ("4 decimals", rounded)):
        yield from one_long(what, make(POINTS))
    with scratch() as folder:
        runlake.set_tracking_uri(str(folder / "lake"))
        run_ids = fill()
        get_store(folder / "lake").seal()
        many = median_ms(lambda: runlake.series(run_ids, "*", points=100))
        assert runlake.series(run_ids, "*", points=100)["count"].sum() == len(run_ids) * KEYS * POINTS_OF_MANY
        get_store(folder / "lake").close()
    yield at_most("200 series of 100,000 points in 100 buckets each", many, 300, " ms")


def one_long(what: str, values: NDArray[np.float64]) -> Iterator[Target]:
    """All of a series, and a hundredth from its middle."""
    start, end = POINTS // 2, POINTS // 2 + POINTS // 100
    with scratch() as folder:
        run_id = log(folder / "lake", values)
        check(runlake.series(run_id, "loss", points=BUCKETS), values)
        check(runlake.series(run_id, "loss", points=BUCKETS, start=start, end=end), values[start:end])
        whole = median_ms(lambda: runlake.series(run_id, "loss", points=BUCKETS))
        part = median_ms(lambda: runlake.series(run_id, "loss", points=BUCKETS, start=start, end=end))
        get_store(folder / "lake").close()
    yield at_most(f"10 M points of {what} in 1,000 buckets", whole, 60, " ms")
    yield at_most("a hundredth of them in 1,000 buckets", part, 10, " ms")


def log(root: Path, values: NDArray[np.float64]) -> str:
    """Log one long series, seal it, and return the id of its run."""
    runlake.set_tracking_uri(str(root))
    with runlake.start_run() as run:
        run.log_arrays("loss", np.arange(len(values)), values, loop_times(len(values)))
    get_store(root).seal()
    return run.info.run_id


def check(made: pl.DataFrame, values: NDArray[np.float64]) -> None:
    """Compare each bucket with NumPy's answer."""
    parts = values.reshape(BUCKETS, -1)
    assert (made["min"].to_numpy() == parts.min(axis=1)).all()
    assert (made["max"].to_numpy() == parts.max(axis=1)).all()
    assert (made["last"].to_numpy() == parts[:, -1]).all()
    assert np.allclose(made["mean"].to_numpy(), parts.mean(axis=1), rtol=1e-12)


def median_ms(query: Callable[[], pl.DataFrame]) -> float:
    """Run a query again and again, the first time for warming up."""
    query()
    return statistics.median(seconds(query) for _ in range(READS)) * 1e3
