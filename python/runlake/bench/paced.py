"""Paced: how long a call takes when points come at a steady rate, while syncer, preparer and sealer do their work.

A program that does something else between two calls meets them with cold caches, and meets what happens behind it: a
new chunk, a sync, a seal. What the machine itself does to a program is told apart by a control that is timed in the
same loop, before and after the logging call in turn: an append to a `deque` of 64 places.
"""

from __future__ import annotations

import gc
import statistics
import time
from array import array
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
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
_SETTLED: Final = 0.1
"""Part of the calls before the measured ones: the first chunks of a writer are small, and pages are found."""


@dataclass(frozen=True)
class Paced:
    """Calls of `handle.log` at one rate.

    Attributes:
        rate: Points a second.
        handle: The logging calls.
        control: What was timed beside them in the same loop.
        seals: Segments that were written meanwhile.
    """

    rate: int
    seconds: float
    handle: Latencies
    control: Latencies
    seals: int


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
        logged = len(settling[0]) + len(calls[0])
        if (stored := run.stats().stored) != logged:
            raise StoreError(f"{logged:,} points were logged and the journal counts {stored:,}")
        seals = len(run.store.catalog.plan().segments)
    logging, control = (Latencies.of(taken, timer_ns) for taken in calls)
    return Paced(rate, seconds, logging, control, seals)


def pace(log: Callable[[float, int], Any], rate: int, count: int) -> tuple[array[int], array[int]]:
    """Log `count` values at a rate; return the nanoseconds of each call and of each control.

    A call that comes late does not delay the schedule: the next ones follow without a pause until they have caught up.
    """
    values = losses()
    places: deque[float] = deque(maxlen=64)
    control, clock, sleep = places.append, time.perf_counter_ns, time.sleep
    interval_ns = 1_000_000_000 // rate
    taken, controls = array("q", bytes(8 * count)), array("q", bytes(8 * count))
    due = clock()
    for step in range(count):
        value = values[step % DISTINCT]
        due += interval_ns
        if (ahead := due - clock()) > _SLEEP_NS:
            sleep(ahead / 1e9)
        else:
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
    return taken, controls


def _nothing(count: int) -> list[int]:
    clock = time.perf_counter_ns
    taken = []
    for _ in range(count):
        begin = clock()
        taken.append(clock() - begin)
    return taken
