"""Rounds: what a spool sends to its server, in the order in which a reader there may see it.

Runs first, without their ends; then points; then artifacts; then the ends. What the server has on disk is let go of.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from runlake import config, guard
from runlake.catalog.lock import FileLock
from runlake.entities import RunStatus
from runlake.errors import CatalogLocked, RunlakeError, StoreError
from runlake.replication.files import stored_artifacts
from runlake.replication.peer import DISK
from runlake.replication.shipper import BATCH_POINTS, Shipper

if TYPE_CHECKING:
    from collections.abc import Collection

    from runlake.entities import Run
    from runlake.replication.peer import Peer
    from runlake.replication.progress import Progress
    from runlake.replication.spool import Spool

_RELEASED_POINTS: Final = 1 << 19
"""Points, 15 MB, that are let go of at a time: it costs a sync of the catalog."""

_LEAST_FILES_S: Final = 1.0
_MOST_FILES_S: Final = 10.0
"""Bounds of the pause before folders of artifacts are walked again that nobody waits for: as long as it took."""

_REFUSED_S: Final = 30.0

_FORGOTTEN_AFTER_MS: Final = 24 * 3600 * 1000
_FORGET_EVERY_S: Final = 3600.0


class Rounds:
    """Sends from one spool to one server, always in the same thread."""

    def __init__(self, spool: Spool, peer: Peer, server_id: str, progress: Progress) -> None:
        self._spool = spool
        self.shipper = Shipper(spool, peer, server_id, progress, lifecycle=False)
        self._lock = FileLock(spool.root / "replicate.lock")
        self._durability = config.durability()
        self._released: dict[str, int] = {}
        self._forget_at = self._files_at = self._leftovers_at = 0.0
        self._has_sent: tuple[str | None, int] = (None, 0)

    def has_news(self) -> bool:
        """Tell whether this process has recorded anything that no round has sent."""
        news = self._spool.news
        has_files = news.has_files and time.monotonic() >= self._files_at
        return news.has_runs or has_files or self._spool.committed() != self._has_sent

    def acknowledged(self, writer: str) -> int:
        """Return the first seq of this process that no round has sent."""
        return self._has_sent[1] if writer == self._has_sent[0] else 0

    def has_backlog(self) -> bool:
        """Tell whether there are points for a whole request."""
        writer, committed = self._spool.committed()
        return committed - (self._has_sent[1] if writer == self._has_sent[0] else 0) >= BATCH_POINTS

    def forget_lock(self) -> None:
        """Let go of the lock in a forked child, which shares it with its parent."""
        self._lock.forget()

    def forget(self) -> None:
        """Forget what the server was known to have: it was away."""
        self.shipper.forget()

    def send(self, *, leftovers: bool) -> None:
        """Send what this process has recorded.

        Args:
            leftovers: Whether to send what dead processes left as well, unless another process does so now.
        """
        if leftovers:
            self.shipper.forget()  # a server that was away may have lost what was not on its disk, and nobody noticed
        spool = self._spool
        committed = spool.committed()
        runs, files = spool.take_news(files=leftovers or time.monotonic() >= self._files_at)
        try:
            self._send(runs, {committed[0]: committed[1]} if committed[0] is not None else {}, files)
        except BaseException:
            spool.news.give_back(runs, files)
            raise
        self._has_sent = committed
        if committed[0] is not None:
            self._let_go(committed[0], committed[1])
        if leftovers:
            self._try_leftovers()
            if committed[0] is not None:
                self.shipper.note_points([committed[0]])

    def send_leftovers(self, *, wait_s: float = 0.0) -> bool:
        """Send what dead processes left; return False, at once or after `wait_s`, if another process does so now."""
        try:
            self._lock.acquire(wait_s)
        except CatalogLocked:
            return False
        try:
            self._send_leftovers()
        finally:
            self._lock.release()
        return True

    def finish(self) -> None:
        """Let go of all points of this process that the server has, once it has them on disk."""
        writer, upto = self._spool.committed()
        if writer is not None and upto > self._released.get(writer, 0):
            durable = self.shipper.ask([writer], durability=DISK)[writer].durable
            self._release(writer, min(upto, durable))

    # -- within

    def _send(self, runs: Collection[str], writers: dict[str, int], files: Collection[str]) -> None:
        every = {*runs, *files}
        self.shipper.send_runs(every, hold_ends=True)
        self.shipper.send_journals(writers)
        self.shipper.send_ledger(self._spool.ledgers(writers))
        if self._durability == DISK and writers:
            self.shipper.ask(writers, durability=DISK)
        began = time.monotonic()
        for run_id in files:
            self._send_files(self._spool.catalog.get_run(run_id))
        if files:
            self._files_at = time.monotonic() + min(_MOST_FILES_S, max(_LEAST_FILES_S, time.monotonic() - began))
        self.shipper.send_runs(every)

    def _send_files(self, run: Run) -> None:
        self.shipper.files.send(run)
        if not RunStatus.is_terminated(RunStatus.from_string(run.info.status)):
            return
        if (artifacts := stored_artifacts(self._spool, run)) is not None:
            sent = self._spool.catalog.sent_files(self.shipper.number, run.info.run_id)
            self._spool.drop_files(run, artifacts, sent)

    def _let_go(self, writer: str, upto: int) -> None:
        """Release points that the server has on disk, many at a time."""
        released = self._released.get(writer, 0)
        known = self.shipper.have([writer])[writer]
        if min(upto, known.have) - released < _RELEASED_POINTS:
            return
        if known.durable - released < _RELEASED_POINTS:
            known = self.shipper.ask([writer])[writer]
        if known.durable - released >= _RELEASED_POINTS:
            self._release(writer, min(upto, known.durable))

    def _release(self, writer: str, upto: int) -> None:
        self._spool.release(writer, upto)
        self._released[writer] = upto

    def _try_leftovers(self) -> None:
        """Send what ended processes left; where the server refuses it, this process is not held up by it."""
        if time.monotonic() < self._leftovers_at:
            return
        try:
            self.send_leftovers()
        except RunlakeError as error:
            if isinstance(error, StoreError):
                raise
            self._leftovers_at = time.monotonic() + _REFUSED_S
            guard.note(error, "sending what ended processes left")

    def _send_leftovers(self) -> None:
        spool = self._spool
        spool.mend()
        closed = spool.closed_journals()
        idle = spool.catalog.unsent_idle_runs(self.shipper.number, spool.committed()[0])
        folders = spool.idle_runs_with_files()
        if spool.catalog.plan().segments:  # of a journal with holes, which recovery has sealed
            self.shipper.send_runs(idle, hold_ends=True)
            self.shipper.send_segments()
        if closed or idle or folders:
            self._send(idle, {writer: upto for writer, (_, upto) in closed.items()}, folders)
        if closed:
            self._settle(closed)
        self._forget_runs()

    def _forget_runs(self) -> None:
        """Remove runs from the spool that the server has had for a day; looked at once an hour."""
        if time.monotonic() >= self._forget_at:
            self._forget_at = time.monotonic() + _FORGET_EVERY_S
            before_ms = time.time_ns() // 1_000_000 - _FORGOTTEN_AFTER_MS
            while self._spool.forget_runs(self.shipper.number, before_ms):
                pass

    def _settle(self, closed: dict[str, tuple[int, int]]) -> None:
        """Remove the journals of ended processes that the server has on disk."""
        known = self.shipper.ask(closed, durability=DISK)
        for writer, (first, upto) in closed.items():
            if first == upto or known[writer].durable >= upto:
                self._spool.settle(writer)
