"""Report: everything that `runlake bench` measures, in one go."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from runlake.bench import calls, kills, paced, throughput
from runlake.bench.calls import Calls
from runlake.bench.kills import Kills
from runlake.bench.machine import Machine, describe
from runlake.bench.paced import Paced
from runlake.bench.place import scratch
from runlake.bench.throughput import Flush, Throughput
from runlake.config import Config, from_environment


@dataclass(frozen=True)
class Plan:
    """How much is measured.

    Attributes:
        calls: Calls of each kind.
        paces: Rates in points a second, and for how many seconds.
        points: Most points that are logged for throughput, and `log_s` the longest time for that.
        kills: Processes that are killed.
    """

    calls: int
    paces: tuple[tuple[int, float], ...]
    points: int
    log_s: float
    kills: int


WHOLE: Final = Plan(200_000, ((1_000, 5.0), (100_000, 4.0)), 3 << 20, 2.0, 10)
QUICK: Final = Plan(20_000, ((1_000, 2.0), (100_000, 1.0)), 1 << 18, 1.0, 2)


@dataclass(frozen=True)
class Report:
    """What was measured, and where."""

    machine: Machine
    calls: Calls
    paced: tuple[Paced, ...]
    flush: Flush
    throughput: tuple[Throughput, ...]
    kills: Kills

    def to_dictionary(self) -> dict[str, Any]:
        """Return it as nested dictionaries and lists."""
        return asdict(self)


def measure(folder: Path, plan: Plan, tell: Callable[[str, float], object]) -> Report:
    """Measure everything in a temporary folder below `folder`.

    Args:
        tell: Called before each part with what comes next and the part of the work that is done.

    Raises:
        StoreError: the folder cannot hold a store, or points are missing.
    """
    config = from_environment()
    with scratch(folder) as place:
        machine = describe(place, config)
        tell("cost of a call", 0.0)
        costs = calls.measure(place, config, plan.calls)
        tell("time until a point is on the disk", 0.1)
        flush = throughput.measure_flush(place, config, plan.log_s)
        steady = []
        for number, (rate, seconds) in enumerate(plan.paces):
            tell(f"{rate:,} points a second", 0.2 + 0.5 * number / len(plan.paces))
            steady.append(paced.measure(place, config, rate, seconds))
        tell("points a second", 0.7)
        rates = throughput.measure(place, config, plan.points, plan.log_s)
        tell("kills", 0.8)
        killed = _killed(place, config, plan.kills, tell)
    return Report(machine, costs, tuple(steady), flush, rates, killed)


def _killed(place: Path, config: Config, number: int, tell: Callable[[str, float], object]) -> Kills:
    def count(done: int) -> None:
        tell(f"kills: {done} of {number}", 0.8 + 0.2 * done / number)

    return kills.measure(place, number, count)
