"""A thousand short processes one after the other, each with one run of a thousand points."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import runlake
from benchmarks.measure import Target, at_most
from benchmarks.workload import disk_bytes, scratch
from runlake.store import Store

PROCESSES = 1000
POINTS = 1000

_PROGRAM = f"""
import math, random, runlake
with runlake.start_run() as run:
    loss = run.metric("loss")
    for step in range({POINTS}):
        loss.log(math.exp(-step / 300) + random.gauss(0, 0.01), step)
"""


def targets() -> Iterator[Target]:
    """Disk space while nothing is sealed, and after."""
    with scratch() as folder:
        lake = folder / "lake"
        runlake.set_tracking_uri(str(lake))
        unsealed, peak = 0, 0
        for number in range(PROCESSES):
            subprocess.run([sys.executable, "-c", _PROGRAM], check=True, cwd=folder, stderr=subprocess.DEVNULL)
            if number % 50 == 49:
                peak = max(peak, disk_bytes(lake))
        unsealed = max(peak, disk_bytes(lake))
        store = Store.open(lake)
        store.seal()
        store.close()
        held = runlake.points().select("step").collect().height
        assert held == PROCESSES * POINTS, f"{held} points are there"
        points = disk_bytes(lake / "segments") + disk_bytes(lake / "journals")
        rest = disk_bytes(lake) - points
    yield at_most("1,000 processes × 1,000 points: disk while unsealed", unsealed / 1e6, 200, " MB")
    detail = f" (and {rest / PROCESSES:,.0f} B a run of catalog and artifacts)"
    yield at_most("the same, sealed", points / (PROCESSES * POINTS), 10, " B a point", detail)
