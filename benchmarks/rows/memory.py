"""Resident memory of a process that logs 50 M points, above what it had before the first."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

from benchmarks.measure import Target, at_most
from benchmarks.workload import scratch

POINTS = 50_000_000

_PROGRAM = """
import sys, numpy, runlake

def memory(field):
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith(field)) / 1024

how, points = sys.argv[1], int(sys.argv[2])
steps = numpy.arange(1_000_000)
values = numpy.random.default_rng(20).random(1_000_000)
run = runlake.start_run()
run.log({"warm-up": 0.0}, step=0)
idle = memory("VmRSS")
open("/proc/self/clear_refs", "w").write("5")  # forget the peak so far
if how == "arrays":
    for call in range(points // len(steps)):
        run.log_arrays("loss", steps, values)
else:
    loss = run.metric("loss")
    for step in range(points):
        loss.log(0.5, step)
stats = run.stats()
assert stats.stored == points + 1, stats
print(memory("VmHWM") - idle)
"""


def targets() -> Iterator[Target]:
    """The peak, with everything that syncs and seals beside it."""
    peaks = {how: _peak_mib(how) for how in ("arrays", "handle")}
    detail = " (" + ", ".join(f"{how} {peak:.0f}" for how, peak in peaks.items()) + ")"
    yield at_most("resident memory while logging 50 M points", max(peaks.values()), 300, " MB", detail)


def _peak_mib(how: str) -> float:
    with scratch() as folder:
        command = [sys.executable, "-c", _PROGRAM, how, str(POINTS)]
        done = subprocess.run(command, check=True, cwd=folder, capture_output=True, text=True)
    return float(done.stdout)
