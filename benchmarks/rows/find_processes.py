"""Processes that ask one question: how long they take from start to end, and how much memory."""

from __future__ import annotations

import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.measure import ROUNDS, Target, at_most
from benchmarks.rows.find_question import BEST, LIMIT, QUESTION, best_runs
from benchmarks.sweep import Sweep, name_of

_PROGRAM = f"""
import sys, runlake
runlake.set_tracking_uri(sys.argv[1])
found = runlake.runs(where={QUESTION!r}).sort({BEST!r}, descending=True, nulls_last=True).head({LIMIT}).collect()
if len(sys.argv) > 2:
    everything = runlake.runs().collect()
    assert everything.height == int(sys.argv[2]), everything.height
# not ru_maxrss, which begins with that of the process that started this one
peak_kb = next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(peak_kb / 1024, *found["run_name"])
"""


@dataclass(frozen=True)
class _Asked:
    seconds: float
    peak_mb: float


def processes(lake: Path, drawn: Sweep) -> Iterator[Target]:
    """One process after the other, with the cache and without; the files are in the page cache."""
    first = [_first(lake, drawn) for _ in range(ROUNDS)]
    yield at_most("first build of the cache, by a new process", _median_s(first), 8, " s", f" ({_peak(first):.0f} MB)")
    later = [_ask(lake, drawn) for _ in range(ROUNDS)]
    what = f"{drawn.runs:,} runs: the same question from a new process, import included"
    yield at_most(what, _median_s(later) * 1e3, 400, " ms")
    whole = [_ask(lake, drawn, everything=True) for _ in range(ROUNDS)]
    detail = f" ({_peak(whole):.0f} MB with all runs and columns as a frame)"
    yield at_most("memory of that process, at its peak", _peak(later), 500, " MB", detail)


def _first(lake: Path, drawn: Sweep) -> _Asked:
    shutil.rmtree(lake / "cache", ignore_errors=True)
    return _ask(lake, drawn)


def _ask(lake: Path, drawn: Sweep, *, everything: bool = False) -> _Asked:
    """Start a process that asks, and fail unless its answer is right."""
    command = [sys.executable, "-c", _PROGRAM, str(lake), *([str(drawn.runs)] if everything else [])]
    start = time.perf_counter()
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    taken = time.perf_counter() - start
    peak, *names = done.stdout.split()
    assert names == [name_of(run) for run in best_runs(drawn)], "these are not the best runs"
    return _Asked(taken, float(peak))


def _median_s(asked: list[_Asked]) -> float:
    return statistics.median(one.seconds for one in asked)


def _peak(asked: list[_Asked]) -> float:
    return max(one.peak_mb for one in asked)
