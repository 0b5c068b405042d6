"""Compaction: many small segments of an experiment become few large ones, while others read and write.

Who merges holds `compact.lock`, so that two do not do the same work. Nothing depends on that: the commit compares its
inputs with what is listed, and who comes second removes his own file. Replaced files stay until queries that were under
way are over.

In the background a segment is merged when there are enough of its size, so that each point is written again at most
once for every factor of `FACTOR` between the rows of the segment it was sealed in and those of the largest.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import logging
import math
import os
import secrets
import shutil
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import Final

from runlake import _engine
from runlake.catalog import MOST_INPUTS, Piece, Settled
from runlake.catalog.lock import FileLock
from runlake.catalog.part import clock_ms
from runlake.config import Config
from runlake.errors import RunlakeError
from runlake.filesystem import sync_folder
from runlake.sealing import Segments

_log = logging.getLogger("runlake")

FACTOR: Final = 8
"""Segments of one size that become one of the next."""

MOST_BYTES: Final = 256 << 20
"""Size up to which segments are merged; one of half of it stays as it is."""

MOST_RANGES: Final = 1 << 15
"""Ranges of journals that a segment stands for, at most: 70 bytes each, which every reader of its footer reads."""

_NO_LINKS: Final = frozenset((errno.EPERM, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EMLINK))
_QUICK_ROWS: Final = 2 << 20
_SETTLED_S: Final = 10.0
"""A process that is younger only begins merges that take less than a second: many short ones would finish no others."""

_EXIT_S: Final = 2.0
_NICE: Final = 10
_RETRY_S: Final = 5.0

Progress = Callable[[int, int], object]
"""Told how many rows of how many are written."""


@dataclass(frozen=True)
class Compacted:
    """What a compaction did to all segments together."""

    files_before: int
    files_after: int
    bytes_before: int
    bytes_after: int
    points: int
    rewritten: int


def tier(rows: int) -> int:
    """Return which size a segment has: each is `FACTOR` times the one before."""
    size = 0
    while rows >= FACTOR:
        rows //= FACTOR
        size += 1
    return size


def due(pieces: Iterable[Piece]) -> Iterator[list[Piece]]:
    """Yield what should be merged by now, for each experiment at most one list: small segments of which there are many.

    All of a list move up to a larger size, or become one that stays as it is.
    """
    for small in _by_experiment(pieces):
        for size in range(tier(small[-1].rows), -1, -1):
            group = [piece for piece in small if tier(piece.rows) <= size]
            if len(group) >= FACTOR and tier(sum(piece.rows for piece in group)) > size:
                if len(chosen := _moving_up(group)) > 1:
                    yield chosen
                break


def possible(pieces: Iterable[Piece]) -> Iterator[list[Piece]]:
    """Yield what could be merged at all, for each experiment at most one list."""
    for small in _by_experiment(pieces):
        if len(small) > 1 and len(chosen := that_fit(small)) > 1:
            yield chosen


def _by_experiment(pieces: Iterable[Piece]) -> Iterator[list[Piece]]:
    """Yield the segments of each experiment that are not large already, the smallest first."""
    of = attrgetter("experiment_id")
    for _, group in groupby(sorted(pieces, key=of), of):
        small = [piece for piece in group if piece.bytes < MOST_BYTES // 2 and piece.ranges < MOST_RANGES // 2]
        if small:
            yield sorted(small, key=attrgetter("rows"))


def that_fit(group: Sequence[Piece]) -> list[Piece]:
    """Return the first segments that may become one."""
    chosen: list[Piece] = []
    in_bytes = ranges = 0
    for piece in group[:MOST_INPUTS]:
        in_bytes, ranges = in_bytes + piece.bytes, ranges + piece.ranges
        if in_bytes > MOST_BYTES or ranges > MOST_RANGES:
            break
        chosen.append(piece)
    return chosen


def _moving_up(group: Sequence[Piece]) -> list[Piece]:
    """Return the first segments that may become one, without large ones that would be written again for a few rows."""
    chosen = that_fit(group)
    if len(chosen) == min(len(group), MOST_INPUTS):  # else the result is so large that it stays
        while len(chosen) > 1 and tier(chosen[-1].rows) == tier(sum(piece.rows for piece in chosen)):
            chosen.pop()
    return chosen


class Compactor:
    """Merges segments of one store: in the background when it is due, and for whoever asks."""

    def __init__(self, root: Path, segments: Segments, config: Config) -> None:
        self._lock_path = root / "compact.lock"
        self._segments = segments
        self._config = config
        self._refused: set[str] = set()
        self._thread: threading.Thread | None = None
        self.forget()

    def compact(self, *, timeout_s: float = 3600.0, progress: Progress = lambda done, total: None) -> Compacted:
        """Merge until no two segments of an experiment may become one any more.

        Args:
            timeout_s: Longest time to wait for others that do the same.

        Raises:
            CatalogLocked: others were at it for that long.
            Corrupt: a segment is not what was written.
        """
        with self.lease(timeout_s):
            before = self._pieces()
            total, rewritten = _planned_rows(before), 0
            while lists := list(possible(self._pieces())):
                for pieces in lists:

                    def move(rows: int, start: int = rewritten) -> None:
                        progress(start + rows, total)

                    rewritten += self._merged(pieces, move) or 0
            after = self._pieces()
        self.remove_replaced()
        return Compacted(
            *(len(before), len(after), sum(piece.bytes for piece in before), sum(piece.bytes for piece in after)),
            points=sum(piece.rows for piece in after),
            rewritten=rewritten,
        )

    def rewrite(self, pieces: Sequence[Piece], dropped: set[str], progress: Callable[[int], object]) -> bool:
        """Write a segment in the place of some, without the rows of some runs; the caller holds the lease.

        Returns:
            False when somebody else has replaced one of them meanwhile.
        """
        return self._merged(pieces, progress, dropped) is not None

    @contextlib.contextmanager
    def lease(self, timeout_s: float) -> Iterator[None]:
        """Keep others from merging meanwhile.

        Raises:
            CatalogLocked: others were at it for that long.
        """
        lock = FileLock(self._lock_path)
        try:
            lock.acquire(timeout_s)
            yield
        finally:
            lock.release()
            lock.forget()

    def remove_replaced(self, *, grace_ms: int | None = None) -> int:
        """Remove replaced files that nobody can be reading any more; return how many.

        What has their rows gets its usual name with that: programs that are given the pattern of all segments see these
        files or it. Between the two, for some microseconds, they see neither.

        Args:
            grace_ms: How long ago they were replaced, at least; None is what the configuration says.
        """
        catalog, removed = self._segments.catalog, 0
        until_ms = clock_ms() - (self._config.replaced_grace_ms if grace_ms is None else grace_ms)
        for settled in catalog.settled_segments(until_ms):
            self._swap_names(settled)
            removed += len(settled.replaced)
        return removed + self._remove_copies(until_ms)

    def _remove_copies(self, until_ms: int) -> int:
        """Remove merged files that were merged again: where that goes on for hours, nothing else is ever settled."""
        copies = self._segments.catalog.replaced_copies(until_ms)
        for path in copies:
            (self._segments.folder / path).unlink(missing_ok=True)
        if copies:
            self._segments.catalog.forget_copies(copies)
        return len(copies)

    def show_hidden(self) -> None:
        """Give segments their usual names that a repair has listed by hidden ones, once nothing else has their rows."""
        for hidden in self._segments.catalog.hidden_segments():
            self._swap_names(hidden)

    def _swap_names(self, settled: Settled) -> None:
        hidden = self._segments.folder / settled.path
        shown = hidden.with_name(f"{settled.segment_id}.parquet")
        second = _second_name(hidden, settled.segment_id)
        for old in settled.replaced:
            (self._segments.folder / old).unlink(missing_ok=True)
        second.replace(shown)
        second.unlink(missing_ok=True)  # somebody has done this before: of two names of one file both stay
        sync_folder(shown.parent)
        self._segments.catalog.forget_replaced(settled, str(shown.relative_to(self._segments.folder)))

    # -- in the background

    def work_when_due(self) -> None:
        """Begin to merge in the background when there are many small segments; costs a small query."""
        if not self._mutex.acquire(blocking=False):  # also by the code that a signal handler has interrupted
            return
        try:
            if self._stopped.is_set():
                return
            if self._thread is not None and self._thread.is_alive():
                self._asked = True
            elif self._something_is_due():
                self._thread = threading.Thread(target=self._run, name="runlake-compactor", daemon=True)
                self._thread.start()
        except (OSError, RunlakeError) as error:
            _log.debug("whether segments should be merged is not known: %s", error)
        finally:
            self._mutex.release()

    def wind_down(self) -> None:
        """Begin no more merges that take long: the store is about to be closed."""
        self._settled_s = math.inf

    def stop(self, timeout_s: float) -> None:
        """End the background work: a merge that is under way gets two seconds, and is given up then."""
        self._deadline_s = time.monotonic() + min(timeout_s, _EXIT_S)
        self._stopped.set()
        if self._thread is not None:
            self._thread.join(timeout_s)

    def forget(self) -> None:
        """Begin anew, after a stop or in a forked child."""
        self._mutex = threading.Lock()
        self._stopped = threading.Event()
        self._deadline_s = math.inf
        self._settled_s = time.monotonic() + _SETTLED_S
        self._thread = None
        self._asked = False

    def _something_is_due(self) -> bool:
        catalog = self._segments.catalog
        if catalog.has_many_pieces(FACTOR, below_bytes=MOST_BYTES // 2) and any(self._due()):
            return True
        return catalog.is_something_settled(clock_ms() - self._config.replaced_grace_ms)

    def _due(self) -> Iterator[list[Piece]]:
        if self._config.compact_in_background:
            usable = (piece for piece in self._pieces() if piece.segment_id not in self._refused)
            yield from due(usable)

    def _run(self) -> None:
        stopped = self._stopped
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICE)  # on Linux this is the thread's own
        while True:
            self._asked = False
            try:
                self._work(stopped)
            except (OSError, RunlakeError) as error:
                _log.warning("segments were not merged: %s: %s", type(error).__name__, error)
                stopped.wait(_RETRY_S)
            with self._mutex:
                if stopped.is_set() or not self._asked:
                    self._thread = None
                    return

    def _work(self, stopped: threading.Event) -> None:
        lock = FileLock(self._lock_path)
        try:
            if not lock.try_acquire():  # another process is at it
                return
            self.remove_replaced()
            while not stopped.is_set() and (pieces := next(self._due(), None)):
                young_s = self._settled_s - time.monotonic()
                if sum(piece.rows for piece in pieces) > _QUICK_ROWS and young_s > 0:
                    lock.release()
                    if stopped.wait(min(young_s, _SETTLED_S)) or not lock.try_acquire():
                        return
                    continue
                self._merge_or_refuse(pieces)
        finally:
            lock.release()
            lock.forget()

    def _merge_or_refuse(self, pieces: Sequence[Piece]) -> None:
        """Merge, and leave segments alone from now on that cannot be: they would be tried again for ever."""
        try:
            self._merged(pieces, lambda _rows: time.monotonic() < self._deadline_s)
        except (OSError, RunlakeError):
            listed = {piece.segment_id for piece in self._pieces()}
            self._refused.update(piece.segment_id for piece in pieces if piece.segment_id in listed)
            raise

    # -- one merge

    def _merged(
        self, pieces: Sequence[Piece], progress: Callable[[int], object], dropped: set[str] | None = None
    ) -> int | None:
        """Merge some segments, and return how many rows the new one has; None when it was not listed."""
        paths = [piece.path for piece in pieces]
        new = _engine.compact(
            str(self._segments.folder),
            paths,
            drop_runs=dropped or set(),
            progress=lambda rows: progress(rows) is not False,
            hook=self._segments.hook,
        )
        if new is None:
            return None
        ids = [piece.segment_id for piece in pieces]
        return new.rows if self._segments.replace(ids, new, dropped or ()) else None

    def _pieces(self) -> list[Piece]:
        return self._segments.catalog.pieces()


def _second_name(hidden: Path, segment_id: str) -> Path:
    """Give a file a second name, a temporary one; where there are no hard links, make a copy and sync it."""
    second = hidden.with_name(f".{segment_id}.parquet.{secrets.token_hex(16)}.tmp")
    try:
        os.link(hidden, second)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        _copy(hidden, second)
    return second


def _copy(source: Path, target: Path) -> None:
    try:
        with source.open("rb") as old, target.open("xb") as new:
            with contextlib.suppress(OSError):
                fcntl.flock(new, fcntl.LOCK_EX | fcntl.LOCK_NB)  # so that nobody takes it for a leftover
            shutil.copyfileobj(old, new, 1 << 20)
            new.flush()
            os.fsync(new.fileno())
    except BaseException:
        target.unlink(missing_ok=True)
        raise


def _planned_rows(pieces: Sequence[Piece]) -> int:
    """Return how many rows will be written until no two segments may become one, about."""
    rows, left = 0, list(pieces)
    while lists := list(possible(left)):
        for inputs in lists:
            merged = replace(
                inputs[0],
                segment_id=f"merged {rows}",
                rows=sum(piece.rows for piece in inputs),
                bytes=sum(piece.bytes for piece in inputs),
                ranges=sum(piece.ranges for piece in inputs),
            )
            gone = {piece.segment_id for piece in inputs}
            left = [piece for piece in left if piece.segment_id not in gone] + [merged]
            rows += merged.rows
    return rows
