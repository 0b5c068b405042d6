"""Measure: medians of interleaved rounds, so that a slow moment of the machine meets every competitor."""

from __future__ import annotations

import gc
import os
import platform
import statistics
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

ROUNDS = 5


@dataclass(frozen=True)
class Target:
    """One row of the table of targets."""

    what: str
    must: str
    reached: str
    met: bool


def at_most(what: str, value: float, limit: float, unit: str = "", detail: str = "") -> Target:
    """A target that is met from below."""
    return Target(what, f"≤ {limit:g}{unit}", f"{value:.3g}{unit}{detail}", value <= limit)


def at_least(what: str, value: float, limit: float, unit: str = "", detail: str = "") -> Target:
    """A target that is met from above."""
    return Target(what, f"≥ {limit:g}{unit}", f"{value:.3g}{unit}{detail}", value >= limit)


def report(targets: Iterable[Target]) -> int:
    """Print the conditions and a table, each row as soon as it is measured; return how many targets are missed."""
    print(f"{conditions()}\n\n| what | must reach | reached | |\n|---|---|---|---|", flush=True)
    missed = 0
    for target in targets:
        missed += not target.met
        verdict = "yes" if target.met else "**no**"
        print(f"| {target.what} | {target.must} | {target.reached} | {verdict} |", flush=True)
    return missed


def interleaved(competitors: Mapping[str, Callable[[], float]], rounds: int = ROUNDS) -> dict[str, float]:
    """Run every competitor once a round and return the median of what each says it took.

    The garbage collector stays on, and starts each turn with nothing to do.
    """
    taken: dict[str, list[float]] = {name: [] for name in competitors}
    for _ in range(rounds):
        for name, run in competitors.items():
            gc.collect()
            taken[name].append(run())
    return {name: statistics.median(times) for name, times in taken.items()}


def seconds(run: Callable[[], object]) -> float:
    """Time one call."""
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def conditions() -> str:
    """Say on which machine, commit and day numbers were taken."""
    cpu = next((line.split(":")[1].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")), "?")
    memory = next((int(line.split()[1]) >> 20 for line in _lines("/proc/meminfo") if line.startswith("MemTotal")), 0)
    return (
        f"{cpu}, {len(os.sched_getaffinity(0))} cores, {memory} GiB; Linux {platform.release()}; "
        f"Python {platform.python_version()}; commit {_commit()}; {datetime.now(UTC):%Y-%m-%d}"
    )


def _lines(path: str) -> list[str]:
    return Path(path).read_text().splitlines()


def _commit() -> str:
    here = Path(__file__).parent
    commit = subprocess.run(["git", "describe", "--always", "--dirty"], cwd=here, capture_output=True, text=True)
    return commit.stdout.strip() or "?"
