"""Ten thousand short runs, sealed 64 at a time and compacted: files, bytes a point, one series, time and memory."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

import runlake
from benchmarks.measure import Target, at_least, at_most
from benchmarks.workload import disk_bytes, loop_times, losses, scratch
from runlake.config import Config
from runlake.store import Store

RUNS = 10_000
POINTS = 1_000
RUNS_A_SEAL = 64
QUERIES = 30

_COMPACT = """
import json, sys, time
from runlake.config import Config
from runlake.store import Store
def memory(what):
    lines = open("/proc/self/status").read().splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith(what))
store = Store.open(sys.argv[1], config=Config(compact_in_background=0))
before, start, used = memory("VmRSS"), time.perf_counter(), time.process_time()
done = store.compactor.compact()
taken, used = time.perf_counter() - start, time.process_time() - used
while store.compactor.remove_replaced(grace_ms=0):  # the second hour takes the name that the first has replaced
    pass
print(json.dumps({"seconds": taken, "used": used, "rewritten": done.rewritten, "files_before": done.files_before,
    "memory": memory("VmHWM") - before}))
store.close()
"""


def targets() -> Iterator[Target]:
    """All files of the folder of segments count; a series is read as a user would."""
    with scratch() as folder:
        run_ids = _fill(folder / "lake")
        done = _compact(folder / "lake")
        files = sum(path.is_file() for path in (folder / "lake" / "segments").rglob("*"))
        detail = f" ({done['files_before']} before)"
        yield at_most(f"files of {RUNS:,} runs × {POINTS:,} points, compacted", files, 20, "", detail)
        each = disk_bytes(folder / "lake" / "segments") / (RUNS * POINTS)
        yield at_most("bytes a point there: float32-valued losses, times of a 20 ms loop", each, 5, " B")
        speed = done["rewritten"] / done["used"] / 1e6
        detail = f" ({done['seconds']:.1f} s passed, {done['rewritten'] / 1e6:.0f} M points written)"
        yield at_least("points compacted a second of a processor", speed, 5, " M", detail)
        yield at_most("memory for that, above the idle process", done["memory"] / 2**20, 400, " MiB")
        yield at_most("one series of them, median", _one_series(folder / "lake", run_ids), 10, " ms")


def _fill(root: Path) -> list[str]:
    config = Config(seal_bytes=28 * RUNS_A_SEAL * POINTS, compact_in_background=0)
    store = Store.open(root, config=config)
    times, values, steps = loop_times(POINTS), losses(RUNS * POINTS), np.arange(POINTS)
    run_ids = [f"{number:032x}" for number in range(RUNS)]
    for number, run_id in enumerate(run_ids):
        store.create_run(run_id, "0", name=f"run {number}", user_id="bench", start_time=0, owned=False)
        logger = store.run_logger(run_id)
        logger.log_arrays("loss", steps, values[number::RUNS], times + number)
        store.let_go(run_id)
    store.seal()
    store.close()
    return run_ids


def _compact(root: Path) -> dict[str, Any]:
    said = subprocess.run([sys.executable, "-c", _COMPACT, str(root)], check=True, capture_output=True, text=True)
    done: dict[str, Any] = json.loads(said.stdout)
    return done


def _one_series(root: Path, run_ids: list[str]) -> float:
    """Return the median time of reading a series whole, in milliseconds.

    Raises:
        AssertionError: a value is not what was logged.
    """
    runlake.set_tracking_uri(str(root))
    expected = losses(RUNS * POINTS)
    taken = []
    for number in range(0, RUNS, RUNS // QUERIES):
        query = runlake.points(run_ids[number], "loss")
        start = time.perf_counter()
        frame = query.collect()
        taken.append(time.perf_counter() - start)
        values = frame.sort("step")["value"].to_numpy()
        assert values.tobytes() == expected[number::RUNS].tobytes(), "values are not what was logged"
    return statistics.median(taken) * 1e3
