"""One series of 100,000 points out of a sealed store of 20 M."""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Iterator

import numpy as np

import runlake
from benchmarks.measure import Target, at_most
from benchmarks.workload import losses, scratch
from runlake.store import get_store

RUNS, KEYS, POINTS = 10, 20, 100_000
READS = 30


def targets() -> Iterator[Target]:
    """Series picked at random; the store's files are in the page cache, as they were just written."""
    with scratch() as folder:
        runlake.set_tracking_uri(str(folder / "lake"))
        run_ids = fill()
        get_store(folder / "lake").seal()
        pick = random.Random(20)
        times = []
        for _ in range(READS):
            run_id, key = pick.choice(run_ids), f"m{pick.randrange(KEYS)}"
            start = time.perf_counter()
            frame = runlake.points(run_id, key).collect()
            times.append(time.perf_counter() - start)
            assert frame.height == POINTS, f"{frame.height} points"
        get_store(folder / "lake").close()
    yield at_most("one series of 100 k points out of 20 M sealed", statistics.median(times[1:]) * 1e3, 10, " ms")


def fill() -> list[str]:
    """Log 200 series into the store in force and return the ids of their runs."""
    steps, values, run_ids = np.arange(POINTS), losses(POINTS), []
    for _ in range(RUNS):
        with runlake.start_run() as run:
            for key in range(KEYS):
                run.log_arrays(f"m{key}", steps, values)
        run_ids.append(run.info.run_id)
    return run_ids
