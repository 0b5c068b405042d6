"""Calls: what one logging call costs, in a loop and by itself."""

from __future__ import annotations

import statistics
import time
from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from runlake.bench.latencies import Latencies
from runlake.bench.place import fresh_run
from runlake.bench.values import losses
from runlake.config import Config
from runlake.errors import StoreError
from runlake.fluent.run import ActiveRun
from runlake.fluent.values import log_metric

HANDLE: Final = "handle.log"
FLUENT: Final = "runlake.log_metric"
ROW: Final = "run.log of 10 keys"
KEYS: Final = tuple(f"layer{number}/grad_norm" for number in range(10))
_ROUNDS: Final = 10
_BLOCK: Final = 1000


@dataclass(frozen=True)
class CallCost:
    """One kind of call.

    Attributes:
        loop_ns: Time of one in a loop of nothing else, the `for` included; the median of blocks of 1,000.
        single: Each call between two readings of the clock.
    """

    call: str
    loop_ns: float
    single: Latencies


@dataclass(frozen=True)
class Calls:
    """Costs of calls, and of what measures them.

    Attributes:
        timer_ns: What two readings of the clock around nothing say, their median; it is subtracted from `single`.
        nothing: The same as latencies: what the machine does to a program that logs nothing.
    """

    timer_ns: float
    nothing: Latencies
    costs: tuple[CallCost, ...]


Loop = Callable[[Sequence[float]], None]
"""Logs values one after the other."""
Pairs = Callable[[Sequence[float], "array[int]"], None]
"""The same, and appends how many nanoseconds each took."""


def measure(folder: Path, config: Config, calls: int) -> Calls:
    """Measure each kind of call `calls` times, in rounds that take turns, while journal and syncer do their work.

    Raises:
        StoreError: a point is missing afterwards.
    """
    values = losses()[: max(_BLOCK, calls // _ROUNDS)]
    with fresh_run(folder, config) as run:
        kinds = {HANDLE: handle(run), FLUENT: fluent(), ROW: row(run)}
        blocks: dict[str, list[float]] = {name: [] for name in kinds}
        taken: dict[str, array[int]] = {name: array("q") for name in kinds}
        nothing: array[int] = array("q")
        for _ in range(_ROUNDS):
            time_nothing(values, nothing)
            for name, (loop, pairs) in kinds.items():
                pairs(values, taken[name])
                blocks[name].extend(_blocks(loop, values))
        logged = sum(len(times) for times in taken.values()) + sum(map(len, blocks.values())) * _BLOCK
        _check(run, logged + (len(KEYS) - 1) * (len(taken[ROW]) + len(blocks[ROW]) * _BLOCK))
    timer_ns = statistics.median(nothing)
    costs = (
        CallCost(name, statistics.median(blocks[name]), Latencies.of(times, timer_ns)) for name, times in taken.items()
    )
    return Calls(timer_ns, Latencies.of(nothing, timer_ns), tuple(costs))


def _blocks(loop: Loop, values: Sequence[float]) -> list[float]:
    """Return nanoseconds a call of each block."""
    taken = []
    for start in range(0, len(values) - _BLOCK + 1, _BLOCK):
        block = values[start : start + _BLOCK]
        begin = time.perf_counter_ns()
        loop(block)
        taken.append((time.perf_counter_ns() - begin) / _BLOCK)
    return taken


def _check(run: ActiveRun, logged: int) -> None:
    stats = run.stats()
    if stats.stored != logged:
        raise StoreError(f"{logged:,} points were logged and the journal counts {stats.stored:,}: {stats.last_error}")


def time_nothing(values: Sequence[float], taken: array[int]) -> None:
    """Read the clock twice for each value."""
    clock = time.perf_counter_ns
    for _ in values:
        begin = clock()
        taken.append(clock() - begin)


def handle(run: ActiveRun) -> tuple[Loop, Pairs]:
    """Log through a bound handle."""
    log = run.metric("bench/handle").log
    clock = time.perf_counter_ns

    def loop(values: Sequence[float]) -> None:
        for step, value in enumerate(values):
            log(value, step)

    def pairs(values: Sequence[float], taken: array[int]) -> None:
        for step, value in enumerate(values):
            begin = clock()
            log(value, step)
            taken.append(clock() - begin)

    return loop, pairs


def fluent() -> tuple[Loop, Pairs]:
    """Log with MLflow's function to the run of this thread."""
    clock = time.perf_counter_ns

    def loop(values: Sequence[float]) -> None:
        for step, value in enumerate(values):
            log_metric("bench/fluent", value, step=step)

    def pairs(values: Sequence[float], taken: array[int]) -> None:
        for step, value in enumerate(values):
            begin = clock()
            log_metric("bench/fluent", value, step=step)
            taken.append(clock() - begin)

    return loop, pairs


def row(run: ActiveRun) -> tuple[Loop, Pairs]:
    """Log a dict of ten keys, which is made before."""
    log = run.log
    clock = time.perf_counter_ns
    metrics = dict.fromkeys(KEYS, 0.5)

    def loop(values: Sequence[float]) -> None:
        for step, _ in enumerate(values):
            log(metrics, step)

    def pairs(values: Sequence[float], taken: array[int]) -> None:
        for step, _ in enumerate(values):
            begin = clock()
            log(metrics, step)
            taken.append(clock() - begin)

    return loop, pairs
