"""Replicas: the streams of other stores' writers that this process keeps, opened on demand and sealed together.

A stream belongs to the process that holds its lock. Of several that serve one store, one that needs a stream which
another has leaves a note in the folder `handover`; the other looks there twice a second and lets go of it.

Order of locks: `_Stream.lock`, `Replicas._sealing`, `Replicas._mutex`; nothing waits while it holds the last one.
"""

from __future__ import annotations

import contextlib
import logging
import os
import resource
import threading
import time
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from runlake import _engine
from runlake.config import Config
from runlake.errors import Corrupt, NotFound, StoreError
from runlake.recovery import Recovery, boot_id, describe_writer
from runlake.sealing import BYTES_PER_POINT, Segments, pieces_of

_log = logging.getLogger("runlake")

_IDLE_S: Final = 300.0
_LOOK_S: Final = 0.5
_RETRY_S: Final = 5.0
_ADOPT_S: Final = 5.0
_TRIES: Final = 5
_FILES_PER_STREAM: Final = 8
_MOST_OPEN: Final = 512
_MOST_UNSEALED_BYTES: Final = 1 << 30
_WAIT_MS: Final = 1000
"""Longest time that a request waits for room, unless something else is set: no training waits for it."""
_QUIET_S: Final = 1.0
_MUCH_BYTES: Final = 64 << 20
_GAP: Final = "the store that it comes from has lost them"


class Busy(StoreError):
    """The stream cannot be had, or has no room, for the moment; after `wait_s` it is worth another try."""

    default_code = "TEMPORARILY_UNAVAILABLE"

    def __init__(self, message: str, *, wait_s: int = 1, overloaded: bool = False) -> None:
        super().__init__(message, error_code="REQUEST_LIMIT_EXCEEDED" if overloaded else None)
        self.wait_s = wait_s


@dataclass(frozen=True, slots=True)
class Have:
    """Up to where a stream is here: the number of its next point, and of the first that a power cut could take."""

    have: int
    durable: int


@dataclass(eq=False)
class _Stream:
    """A stream, and its replica while this process has it. `users` is guarded by the hub's mutex."""

    writer_id: str
    lock: threading.Lock = field(default_factory=threading.Lock)
    replica: _engine.Replica | None = None
    sealed: int = 0
    committed: int = 0
    attached: set[str] = field(default_factory=set)
    users: int = 0
    used_s: float = 0.0

    @property
    def unsealed_bytes(self) -> int:
        return (self.committed - self.sealed) * BYTES_PER_POINT


class Replicas:
    """The streams that come to one store through this process. Any thread may call."""

    def __init__(self, root: Path, segments: Segments, recovery: Recovery, config: Config) -> None:
        self._handover = root / "handover"
        self._segments = segments
        self._catalog = segments.catalog
        self._recovery = recovery
        self._config = config
        self._wait_ms = config.max_block_ms or _WAIT_MS
        self._most_unsealed_bytes = config.max_unsealed_bytes or _MOST_UNSEALED_BYTES
        self.forget()

    def forget(self) -> None:
        """Begin anew, in a forked child: the streams are the parent's."""
        self._mutex = threading.Lock()
        self._sealing = threading.Lock()
        self._wake = threading.Event()
        self._stopped = threading.Event()
        self._streams: dict[str, _Stream] = {}
        self._thread: threading.Thread | None = None
        self._taken_bytes = 0
        self._taken_s = 0.0
        self._adopt_at_s = 0.0

    # -- what clients ask for

    def have(self, writer_ids: Collection[str], *, durable: bool = False) -> dict[str, Have]:
        """Return up to where streams are here; of a writer that nobody knows nothing is.

        Args:
            durable: Whether to sync first what this process has.
        """
        states = {state.info.id: state for state in self._catalog.writer_states(writer_ids)}
        replicas = self._catalog.replicas(writer_ids)
        found = dict.fromkeys(writer_ids, Have(0, 0))
        for writer_id, state in states.items():
            if writer_id not in replicas:
                found[writer_id] = self._look(writer_id)
            elif state.state == "sealed" and writer_id not in self._streams:
                found[writer_id] = Have(state.sealed, state.sealed)
            elif state.state == "closed" and state.info.boot_id == boot_id() and not durable:
                found[writer_id] = self._look(writer_id)  # all that it counts is there: it need not be opened
            else:
                with self._in_use(writer_id) as stream, contextlib.suppress(Busy):
                    found[writer_id] = self._look(writer_id)  # when another process has it
                    found[writer_id] = self._have(self._opened(stream), durable=durable)
        return found

    def append(
        self, points: _engine.PackedPoints, *, gap_from: int | None = None, durable: bool = False
    ) -> Have | None:
        """Store the points of a batch that are not here yet, as far as there is room.

        Args:
            gap_from: The sender has no points from here to the batch; if no others are missing, it is taken all the
                same.
            durable: Whether to wait until they survive a power cut.

        Returns:
            None, and nothing stored, when points before the batch are missing.

        Raises:
            NotFound: a run of a point is not here.
            InvalidInput: the writer is one of this store.
            Busy: another process has the stream, or there is no room at all.
        """
        with self._in_use(points.writer) as stream:
            self._require_runs(stream, points.runs)  # or who may do nothing could have journals made without end
            for _ in range(_TRIES):
                replica = self._opened(stream)
                self._attach(stream, points.runs)
                self._wait_for_room()
                upto = replica.append(points)
                if upto is not None:
                    self._note(stream, upto)
                    if upto < points.upto and upto <= points.first:
                        raise Busy("the journal has no room for more points now", overloaded=True)
                    return self._have(replica, durable=durable)
                have = replica.stats().committed
                if gap_from is None or gap_from > have:
                    return None
                self._skip(stream, have, points.first)
        raise Busy(f"the stream of writer {points.writer} changes too often")

    # -- opening and closing

    @contextlib.contextmanager
    def _in_use(self, writer_id: str) -> Iterator[_Stream]:
        """Give the stream of a writer, which stays open within the block once it is."""
        with self._mutex:
            stream = self._streams.setdefault(writer_id, _Stream(writer_id))
            stream.users += 1
        try:
            yield stream
        finally:
            with self._mutex:
                stream.users -= 1
                stream.used_s = time.monotonic()
                if stream.users == 0 and stream.replica is None:
                    self._streams.pop(writer_id, None)

    def _opened(self, stream: _Stream) -> _engine.Replica:
        with stream.lock:
            if stream.replica is None:
                self._close_some()
                stream.replica = self._open(stream)
                self._start()
            return stream.replica

    def _open(self, stream: _Stream) -> _engine.Replica:
        for _ in range(_TRIES):
            stream.sealed = self._catalog.replica_sealed(stream.writer_id)
            try:
                replica = self._take(stream.writer_id, stream.sealed)
            except Corrupt as error:
                _log.warning("%s; it is sealed first", error)
                self._recovery.adopt_now(stream.writer_id)
                continue
            # Whoever had the journal before may have sealed more of it after the catalog was asked.
            if self._catalog.replica_sealed(stream.writer_id) == stream.sealed:
                self._catalog.open_replica(
                    describe_writer(stream.writer_id, pid=os.getpid(), now_ms=time.time_ns() // 1_000_000)
                )
                stream.committed = replica.stats().committed
                stream.attached.clear()
                return replica
            replica.close()
        raise Busy(f"the journal of writer {stream.writer_id} is being put in order")

    def _take(self, writer_id: str, sealed: int) -> _engine.Replica:
        replica = _engine.Replica.open(
            str(self._segments.journals),
            self._catalog.store_id,
            writer_id,
            sealed,
            sync_interval_ms=self._config.sync_interval_ms,
            max_block_ms=self._wait_ms,
            max_unsealed_bytes=self._config.max_unsealed_bytes,
            written=self._catalog.keeping.written,
        )
        note = self._handover / writer_id
        if replica is None:
            with contextlib.suppress(OSError):
                self._handover.mkdir(exist_ok=True)
                note.touch()
            raise Busy(f"another process has the stream of writer {writer_id}")
        with contextlib.suppress(OSError):
            note.unlink(missing_ok=True)
        return replica

    def _close(self, stream: _Stream) -> None:
        """Let go of a stream that the caller uses, unless others do as well; who comes later waits for the lock."""
        with stream.lock:
            if stream.replica is None or not self._is_only_user(stream):
                return
            # NOTE: the catalog first, while the lock is held: who opens it next says so in the catalog afterwards.
            self._catalog.close_writer(stream.writer_id)
            replica, stream.replica = stream.replica, None
            replica.close()

    def _is_only_user(self, stream: _Stream) -> bool:
        with self._mutex:
            return stream.users == 1

    def _close_where(self, wanted: Collection[_Stream]) -> None:
        for stream in wanted:
            with self._mutex:
                if stream.users:
                    continue
                stream.users += 1
            try:
                self._close(stream)
            except StoreError as error:
                _log.warning("the journal of writer %s: %s", stream.writer_id, error)
            finally:
                with self._mutex:
                    stream.users -= 1
                    if stream.users == 0 and stream.replica is None:
                        self._streams.pop(stream.writer_id, None)

    def _close_some(self) -> None:
        """Close what was not used for the longest time when too many streams are open."""
        with self._mutex:
            unused = [stream for stream in self._streams.values() if stream.replica is not None and not stream.users]
            surplus = len(self._streams) - _most_open()
        if surplus > 0:
            self._close_where(sorted(unused, key=lambda stream: stream.used_s)[:surplus])

    def close(self, timeout_s: float) -> None:
        """Let go of all streams; their points stay in journals. It can be used again all the same."""
        self._stopped.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join(timeout_s)
        self._close_where(list(self._streams.values()))
        self._thread = None
        self._stopped = threading.Event()

    # -- within

    def _look(self, writer_id: str) -> Have:
        """Say how far a stream is that this process does not have."""
        journals = _engine.Journals(str(self._segments.journals), [writer_id])
        sealed = self._catalog.plan([], writers=[writer_id]).sealed.get(writer_id, 0)
        return Have(max([sealed, *(upto for _, _, upto in journals.writers())]), sealed)

    def _have(self, replica: _engine.Replica, *, durable: bool) -> Have:
        if durable:
            replica.flush(self._config.lock_timeout_ms)
        stats = replica.stats()
        return Have(stats.committed, stats.durable)

    def _require_runs(self, stream: _Stream, run_ids: Sequence[str]) -> None:
        new = [run_id for run_id in run_ids if run_id not in stream.attached]
        known = self._catalog.run_names(new) if new else {}
        if unknown := [run_id for run_id in new if run_id not in known]:
            raise NotFound(f"there is no run {unknown[0]!r}")

    def _attach(self, stream: _Stream, run_ids: Sequence[str]) -> None:
        new = [run_id for run_id in run_ids if run_id not in stream.attached]
        if new:
            if unknown := self._catalog.attach_replica(stream.writer_id, new):
                raise NotFound(f"there is no run {unknown[0]!r}")
            stream.attached.update(new)

    def _note(self, stream: _Stream, committed: int) -> None:
        with self._mutex:
            self._taken_bytes += max(0, committed - stream.committed) * BYTES_PER_POINT
            self._taken_s = time.monotonic()
            stream.committed = max(stream.committed, committed)
        if self._unsealed_bytes() >= self._config.seal_bytes:
            self._wake.set()

    def _unsealed_bytes(self) -> int:
        with self._mutex:
            return sum(stream.unsealed_bytes for stream in self._streams.values() if stream.replica is not None)

    def _wait_for_room(self) -> None:
        """Wait for the sealer while there is too much for it, and refuse when that takes long."""
        deadline = time.monotonic() + self._wait_ms / 1000
        while self._unsealed_bytes() >= self._most_unsealed_bytes:
            self._wake.set()
            if time.monotonic() >= deadline:
                raise Busy("more points wait to be sealed than the server takes", overloaded=True)
            self._stopped.wait(0.01)

    def _skip(self, stream: _Stream, have: int, first: int) -> None:
        """Let a stream go on at `first` though its points end at `have`."""
        self._seal_streams([stream])
        with stream.lock:
            if stream.replica is None or stream.replica.stats().committed != have or stream.sealed != have:
                return
            if not self._is_only_user(stream):
                raise Busy(f"other requests use the stream of writer {stream.writer_id}")
            self._catalog.skip_in_replica(stream.writer_id, have, first, _GAP)
            replica, stream.replica = stream.replica, None
            replica.close()
            _log.warning("points %d to %d of writer %s: %s", have, first - 1, stream.writer_id, _GAP)

    # -- sealing

    def seal(self, min_bytes: int = 0) -> None:
        """Move the points of all streams of this process into segments, unless they are less than `min_bytes`."""
        if self._unsealed_bytes() >= max(1, min_bytes):
            with self._mutex:
                streams = [stream for stream in self._streams.values() if stream.replica is not None]
            self._seal_streams(streams)

    def _seal_streams(self, streams: Sequence[_Stream]) -> None:
        with contextlib.ExitStack() as used:
            for stream in streams:
                used.enter_context(self._in_use(stream.writer_id))
            used.enter_context(self._sealing)
            open_now = {stream.writer_id: stream for stream in streams if stream.replica is not None}
            ranges = ((writer_id, stream.sealed, stream.committed) for writer_id, stream in open_now.items())
            for piece in pieces_of(ranges, self._config.seal_bytes):
                won = self._segments.seal(piece, piece)
                for writer_id, _, upto in piece:
                    self._trim(open_now[writer_id], upto if won else self._catalog.replica_sealed(writer_id))

    def _trim(self, stream: _Stream, sealed: int) -> None:
        with self._mutex:
            stream.sealed = sealed
        if (replica := stream.replica) is not None:
            replica.trim(sealed)

    # -- the thread

    def _start(self) -> None:
        with self._mutex:
            if self._thread is None and not self._stopped.is_set():
                self._thread = threading.Thread(target=self._run, name="runlake-replicas", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        stopped = self._stopped
        while not stopped.is_set():
            self._wake.wait(_LOOK_S)
            self._wake.clear()
            try:
                self.seal(self._config.seal_bytes)
                self._let_go()
                self._release_memory()
            except Exception as error:  # NOTE: without this thread journals grow until nothing is taken any more
                _log.warning("points stay in the journals for now: %s: %s", type(error).__name__, error)
                stopped.wait(_RETRY_S)

    def _let_go(self) -> None:
        """Close what nobody has used for a while, and what another process waits for."""
        try:
            awaited = set(os.listdir(self._handover))
        except FileNotFoundError:
            awaited = set()
        long_ago = time.monotonic() - _IDLE_S
        with self._mutex:
            unused = [
                stream
                for stream in self._streams.values()
                if stream.replica is not None
                and not stream.users
                and (stream.used_s < long_ago or stream.writer_id in awaited)
            ]
        if unused or time.monotonic() >= self._adopt_at_s:  # streams may have been closed to make room for others
            self._close_where(unused)
            self._adopt_at_s = time.monotonic() + _ADOPT_S
            self._recovery.adopt_here_when_due()

    def _release_memory(self) -> None:
        """Give back what many points have taken, once no more come: the allocator would keep it."""
        with self._mutex:
            if self._taken_bytes < _MUCH_BYTES or time.monotonic() < self._taken_s + _QUIET_S:
                return
            self._taken_bytes = 0
        _engine.release_memory()


def _most_open() -> int:
    """Return how many streams may be open: each has some files."""
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return max(8, min(_MOST_OPEN, limit // _FILES_PER_STREAM))
