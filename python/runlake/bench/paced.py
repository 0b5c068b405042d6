"""Paced: how long a call takes when points come at a steady rate, while syncer, preparer and sealer do their work.

A program that does something else between two calls meets them with cold caches, and meets what happens behind it: a
new chunk, a sync, a seal. What the machine itself does to a program is told apart by a control that is timed in the
same loop, before and after the logging call in turn: an append to a `deque` of 64 places. And a slow call in which the
kernel gave the processor to another program, which it counts for each thread, says little about either.
"""

from __future__ import annotations

import gc
import resource
import statistics
import time
from array import array
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from runlake.bench.latencies import Latencies
from runlake.bench.place import fresh_run
from runlake.bench.values import DISTINCT, losses
from runlake.config import Config
from runlake.errors import StoreError
from runlake.sealing import BYTES_PER_POINT

_SLEEP_NS: Final = 200_000
"""A longer wait is slept, as a loop that waits for its accelerator does; a shorter one spins."""
_SLOW_NS: Final = 20_000
"""From here on it is asked whether the thread was interrupted."""
_SETTLED: Final = 0.1
"""Part of the calls before the measured ones: the first chunks of a writer are small, and pages are found."""


@dataclass(frozen=True)
class Paced:
    """Calls of `handle.log` at one rate.

    Attributes:
        rate: Points a second.
        handle: The logging calls.
        control: What was timed beside them in the same loop.
        alone: The logging calls without those above 20 µs in which another program got the processor.
        interrupted: How many these are.
        sealed: Points that were brought into segments meanwhile.
    """

    rate: int
    seconds: float
    handle: Latencies
    control: Latencies
    alone: Latencies
    interrupted: int
    sealed: int


@dataclass
class Times:
    """Nanoseconds of each logging call and of each control, and the steps of calls that were interrupted."""

    handle: array[int]
    control: array[int]
    interrupted: set[int] = field(default_factory=set)


def measure(folder: Path, config: Config, rate: int, seconds: float) -> Paced:
    """Log `rate` points a second through a handle; a segment is written for each half second of them, or each sync.

    Raises:
        StoreError: a point is missing afterwards.
    """
    config = replace(config, seal_bytes=min(config.seal_bytes, rate * BYTES_PER_POINT // 2), close_seal_bytes=0)
    with fresh_run(folder, config) as run:
        log = run.metric("bench/paced").log
        settling = pace(log, rate, int(rate * seconds * _SETTLED))
        timer_ns = statistics.median(_nothing(10_000))
        gc.collect()
        calls = pace(log, rate, int(rate * seconds))
        logged = len(settling.handle) + len(calls.handle)
        if (stored := run.stats().stored) != logged:
            raise StoreError(f"{logged:,} points were logged and the journal counts {stored:,}")
        sealed = run.store.writer().stats().sealed
    alone = [taken for step, taken in enumerate(calls.handle) if step not in calls.interrupted]
    return Paced(
        rate,
        seconds,
        handle=Latencies.of(calls.handle, timer_ns),
        control=Latencies.of(calls.control, timer_ns),
        alone=Latencies.of(alone, timer_ns),
        interrupted=len(calls.interrupted),
        sealed=sealed,
    )


def pace(log: Callable[[float, int], Any], rate: int, count: int) -> Times:
    """Log `count` values at a rate.

    A call that comes late does not delay the schedule: the next ones follow without a pause until they have caught up.
    """
    values = losses()
    places: deque[float] = deque(maxlen=64)
    control, clock, sleep, usage = places.append, time.perf_counter_ns, time.sleep, resource.getrusage
    interval_ns = 1_000_000_000 // rate
    times = Times(array("q", bytes(8 * count)), array("q", bytes(8 * count)))
    taken, controls = times.handle, times.control
    due = clock()
    for step in range(count):
        value = values[step % DISTINCT]
        due += interval_ns
        if (ahead := due - clock()) > _SLEEP_NS:
            sleep(ahead / 1e9)
        before = usage(resource.RUSAGE_THREAD).ru_nivcsw
        while clock() < due:
            pass
        if step % 2:
            begin = clock()
            log(value, step)
            taken[step] = clock() - begin
            begin = clock()
            control(value)
            controls[step] = clock() - begin
        else:
            begin = clock()
            control(value)
            controls[step] = clock() - begin
            begin = clock()
            log(value, step)
            taken[step] = clock() - begin
        if taken[step] > _SLOW_NS and usage(resource.RUSAGE_THREAD).ru_nivcsw != before:
            times.interrupted.add(step)
    return times


def _nothing(count: int) -> list[int]:
    clock = time.perf_counter_ns
    taken = []
    for _ in range(count):
        begin = clock()
        taken.append(clock() - begin)
    return taken
