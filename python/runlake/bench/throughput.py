"""Throughput: points a second until they are in the journal, on the disk, and in a segment; and the space they take."""

from __future__ import annotations

import statistics
import time
from array import array
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from runlake.bench.place import disk_bytes, fresh_run
from runlake.bench.values import DISTINCT, losses
from runlake.config import Config
from runlake.errors import StoreError
from runlake.fluent.run import ActiveRun

_FLUSHES: Final = 20


@dataclass(frozen=True)
class Throughput:
    """One way of logging many points.

    Attributes:
        logged_per_s: Until the calls had returned: from then on points survive `kill -9`.
        durable_per_s: Until `flush` had returned: from then on they survive a power cut.
        sealed_per_s: Until all were in Parquet files that the catalog lists.
        bytes_per_point: Space of those files.
    """

    way: str
    points: int
    logged_per_s: float
    durable_per_s: float
    sealed_per_s: float
    bytes_per_point: float


@dataclass(frozen=True)
class Flush:
    """How long a single point takes to be on the disk: a call and a `flush`."""

    median_ms: float
    worst_ms: float


def measure(folder: Path, config: Config, points: int, seconds: float) -> tuple[Throughput, ...]:
    """Log up to `points` points, for up to `seconds`, through a handle and then in arrays.

    Raises:
        StoreError: a point is missing afterwards.
    """
    return tuple(_measure(folder, config, way, log, points, seconds) for way, log in _WAYS.items())


def measure_flush(folder: Path, config: Config, seconds: float) -> Flush:
    """Log a point and flush, twenty times or for `seconds`."""
    taken: list[float] = []
    with fresh_run(folder, config) as run:
        log = run.metric("bench/flush").log
        deadline = time.perf_counter() + seconds
        for step in range(_FLUSHES):
            begin = time.perf_counter()
            log(0.5, step)
            run.store.writer().flush()
            taken.append((time.perf_counter() - begin) * 1e3)
            if begin > deadline:
                break
    return Flush(statistics.median(taken), max(taken))


def _measure(folder: Path, config: Config, way: str, log: Log, points: int, seconds: float) -> Throughput:
    losses()
    with fresh_run(folder, config) as run:
        begin = time.perf_counter()
        count = log(run, points, begin + seconds)
        logged = time.perf_counter()
        run.store.writer().flush()
        durable = time.perf_counter()
        run.store.seal()
        sealed = time.perf_counter()
        segments = run.store.catalog.plan().segments
        rows, stats = sum(segment.rows for segment in segments), run.stats()
        if (rows, stats.dropped) != (count, 0):
            raise StoreError(f"{count:,} points were logged, {stats.dropped:,} dropped, {rows:,} are in segments")
        taken = disk_bytes(run.store.segments_dir)
    logged_per_s, durable_per_s, sealed_per_s = (count / (end - begin) for end in (logged, durable, sealed))
    return Throughput(way, count, logged_per_s, durable_per_s, sealed_per_s, taken / count)


def _one_by_one(run: ActiveRun, points: int, deadline: float) -> int:
    log, values = run.metric("bench/one").log, losses()
    block = DISTINCT // 8
    for first in range(0, points, block):
        part = first % DISTINCT
        for step, value in enumerate(values[part : part + block], first):
            log(value, step)
        if time.perf_counter() > deadline:
            break
    return first + block


def _in_arrays(run: ActiveRun, points: int, deadline: float) -> int:
    values = array("d", losses())
    for first in range(0, points, DISTINCT):
        run.logger.log_arrays("bench/many", array("q", range(first, first + DISTINCT)), values)
        if time.perf_counter() > deadline:
            break
    return first + DISTINCT


Log = Callable[[ActiveRun, int, float], int]
"""Logs about so many points, or until so late, and returns how many; the first block in any case."""

_WAYS: Final[dict[str, Log]] = {"handle.log": _one_by_one, f"log_arrays of {DISTINCT:,}": _in_arrays}
