"""Repeats: a client that did not hear the answer sends its points again, and they are kept once.

A point is a repeat when its run has one with the same key, step, timestamp and value. Of each run a worker remembers
the latest points that it has written, and for each key a floor: whatever else is stored of the key is not above it. A
point above the floor is a repeat only if it is remembered; for one that is not above, the store is asked. Points that
come in order, however many, are never looked for.

What a worker knows holds while no other process writes to the run. While one does, floors are read anew for each
request. Of two workers that get the same points in the same millisecond, both may write them.
"""

from __future__ import annotations

import struct
import threading
import weakref
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import TYPE_CHECKING, Final, TypeAlias

from runlake.errors import StoreError

if TYPE_CHECKING:
    from runlake._engine import Writer
    from runlake.store import Store

Point: TypeAlias = tuple[str, float, int, int]
"""Key, value, step and timestamp."""

_Place: TypeAlias = tuple[int, int]
_Identity: TypeAlias = tuple[str, bytes, int, int]

_MOST_POINTS: Final = 256
_MOST_RUNS: Final = 1000
_bits: Final = struct.Struct("=d").pack


class WireLog:
    """Writes the points of requests into the journal of this process, each point of a run once."""

    def __init__(self) -> None:
        self._runs: OrderedDict[str, _Memory] = OrderedDict()
        self._lock = threading.Lock()

    def append(self, store: Store, run_id: str, points: Sequence[Point]) -> None:
        """Write points, in order, but for repeats.

        Raises:
            NotFound: there is no such run.
            InvalidInput: the run is deleted.
            StoreError: the journal had no room for some; those that were written are repeats the next time. The first
                that met no room is on hold, and none of those behind it is taken: they would be merged, and counted
                once more when they are sent again. Until it has been written, the run takes no more: a point that is
                sent again must neither be written twice nor take the place of a later one.
        """
        store.catalog.require_active(run_id)
        if not points:
            return
        writer = store.writer()
        with self._remembered(run_id) as memory:
            if memory.refused and _is_on_hold(writer, run_id):
                raise _no_room()
            memory.refused = False
            memory.refresh(store, run_id, writer.id)
            logger = store.run_logger(run_id)  # from here on the catalog has this process among the run's writers
            new = memory.new_of(store, run_id, points)
            without_room = writer.stats().met_no_room
            for key, value, step, timestamp in new.values():
                logger.log_metric(key, value, step, timestamp)
                if writer.stats().met_no_room != without_room:
                    memory.forget()
                    memory.refused = True
                    raise _no_room()
            memory.learn(new)

    @contextmanager
    def _remembered(self, run_id: str) -> Iterator[_Memory]:
        """Hold what is known of a run, so that no other thread writes to it meanwhile."""
        with self._lock:
            memory = self._runs.setdefault(run_id, _Memory())
            self._runs.move_to_end(run_id)
            memory.users += 1
        try:
            with memory.lock:
                yield memory
        finally:
            with self._lock:
                memory.users -= 1
                self._forget_oldest()

    def _forget_oldest(self) -> None:
        while len(self._runs) > _MOST_RUNS:
            idle = next((run_id for run_id, memory in self._runs.items() if not memory.users), None)
            if idle is None:
                return
            del self._runs[idle]


def _is_on_hold(writer: Writer, run_id: str) -> bool:
    """Write what the journal keeps pending of a run; tell whether some of it still finds no room."""
    writer.finish_run(run_id)
    return any(entry.pending is not None for entry in writer.ledger() if entry.run_id == run_id)


def _no_room() -> StoreError:
    return StoreError(
        "the journal had no room for some points of the request",
        hint="send them again",
        error_code="TEMPORARILY_UNAVAILABLE",
    )


class _Memory:
    """What is known of the points of one run; `lock` is held by whoever uses it.

    `refused` says that some points of the latest request met no room.
    """

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.users = 0
        self.refused = False
        self._writers: dict[str, str] | None = None
        self._floors: dict[str, _Place] = {}
        self._recent: dict[_Identity, None] = {}

    def forget(self) -> None:
        """Know nothing, so that the next request asks the store."""
        self._writers = None
        self._recent.clear()

    def refresh(self, store: Store, run_id: str, own: str) -> None:
        """Read the floors anew, unless nobody but this process can have written since."""
        from runlake import query

        writers = store.catalog.writer_states_of(run_id)
        others = any(state == "open" for writer, state in writers.items() if writer != own)
        if writers == self._writers and not others:
            return
        latest = query.latest_metrics(store, [run_id]).get(run_id, {}) if writers else {}
        self._floors = {key: (metric.step, metric.timestamp) for key, metric in latest.items()}
        self._writers = writers or {own: "open"}

    def new_of(self, store: Store, run_id: str, points: Sequence[Point]) -> dict[_Identity, Point]:
        """Return the points that the run does not have, each once, by what makes them the same."""
        from runlake import query

        named = {identity_of(point): point for point in points}
        floors, recent = self._floors, self._recent
        doubtful = [
            point
            for identity, point in named.items()
            if identity not in recent and (floor := floors.get(point[0])) is not None and point[2:] <= floor
        ]
        stored = {identity_of(point) for point in query.stored_points(store, run_id, doubtful)} if doubtful else set()
        return {
            identity: point for identity, point in named.items() if identity not in recent and identity not in stored
        }

    def learn(self, points: Iterable[_Identity]) -> None:
        """Remember points that were written; what is forgotten for them lifts the floor of its key."""
        floors, recent = self._floors, self._recent
        recent.update(dict.fromkeys(points))
        for identity in list(islice(recent, max(0, len(recent) - _MOST_POINTS))):
            del recent[identity]
            key, place = identity[0], identity[2:]
            if (floor := floors.get(key)) is None or place > floor:
                floors[key] = place


_logs: weakref.WeakKeyDictionary[Store, WireLog] = weakref.WeakKeyDictionary()
_making = threading.Lock()


def append(store: Store, run_id: str, points: Sequence[Point]) -> None:
    """Write points of a request into a run; see `WireLog.append`. All threads of the process share one log a store."""
    log = _logs.get(store)
    if log is None:
        with _making:
            log = _logs.setdefault(store, WireLog())
    log.append(store, run_id, points)


def identity_of(point: Point) -> _Identity:
    """Return what makes two points the same: the bits of the value, and all else."""
    key, value, step, timestamp = point
    return key, _bits(value), step, timestamp
