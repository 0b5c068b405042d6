"""Points by choice: one series out of 100 M sealed points, and one metric over 300 runs out of 12 M."""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import polars as pl

import runlake
from benchmarks.measure import Target, at_most
from benchmarks.workload import losses, scratch
from runlake.store import get_store

READS = 30


def targets() -> Iterator[Target]:
    """All columns of each point; the stores' files are in the page cache, as they were just written."""
    pick = random.Random(20)
    with scratch() as folder:
        run_ids = fill(folder / "long", runs=100, keys=10, points=100_000)
        one = median_ms(lambda: runlake.points(pick.choice(run_ids), f"m{pick.randrange(10)}"), 100_000)
        get_store(folder / "long").close()
        run_ids = fill(folder / "wide", runs=300, keys=10, points=4_000)
        over_runs = median_ms(lambda: runlake.points(run_ids, f"m{pick.randrange(10)}"), 300 * 4_000)
        get_store(folder / "wide").close()
    yield at_most("one series of 100 k points out of 100 M sealed", one, 10, " ms")
    yield at_most("one metric over 300 runs of 4,000 steps out of 12 M sealed", over_runs, 30, " ms")


def fill(root: Path, *, runs: int, keys: int, points: int) -> list[str]:
    """Make a store of sealed series, no two of them alike, and return the ids of its runs."""
    runlake.set_tracking_uri(str(root))
    steps, values, run_ids = np.arange(points), losses(keys * points).reshape(keys, points), []
    for number in range(runs):
        with runlake.start_run() as run:
            scaled = (values * (1 + number / 1000)).astype(np.float32).astype(np.float64)
            for key in range(keys):
                run.log_arrays(f"m{key}", steps, scaled[key])
        run_ids.append(run.info.run_id)
    get_store(root).seal()
    return run_ids


def median_ms(query: Callable[[], pl.LazyFrame], rows: int) -> float:
    """Collect a query again and again, the first time for warming up."""
    taken = []
    for _ in range(READS + 1):
        start = time.perf_counter()
        frame = query().collect()
        taken.append((time.perf_counter() - start) * 1e3)
        assert frame.height == rows, f"{frame.height} points"
    return statistics.median(taken[1:])
