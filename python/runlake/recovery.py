"""Recovery: what opening a store does about processes that are gone.

Mending is quick and happens at once: of every journal whose process is dead, undelivered changes are delivered, losses
are noted, and runs that nobody can log to any more are FAILED. Adopting moves the points of closed journals into
segments, many journals at a time, once there are enough of them.
"""

from __future__ import annotations

import contextlib
import logging
import os
import platform
import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from runlake import _engine
from runlake.catalog import Catalog, Change, GapInfo, Range, WriterInfo, WriterState
from runlake.catalog.lock import FileLock
from runlake.config import Config
from runlake.errors import NotFound, StoreError
from runlake.losses import note_gaps, report, without_gaps
from runlake.sealing import Segments, pieces_of

_log = logging.getLogger("runlake")

_BATCH_WRITERS: Final = 256  # each keeps a file or two open

UNREADABLE: Final = "nothing of it can be read, and how many points it held is not known"

JOURNAL_GONE: Final = "its journal is gone, and how many points it held is not known"

LOOK_S: Final = 5.0
"""How often a process that reads looks whether others have died; 64 that live cost it 0.7 ms."""


def describe_writer(writer_id: str, *, pid: int, now_ms: int, rank: int | None = None) -> WriterInfo:
    """Return what the catalog is told of a writer of this machine."""
    return WriterInfo(writer_id, platform.node(), boot_id(), pid, now_ms, rank)


def boot_id() -> str:
    """Return the id that the kernel has given itself at its start."""
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()


def is_local(writer: WriterInfo) -> bool:
    """Tell whether a writer's lock says here whether its process lives.

    It does under the same kernel, whatever its containers are called, and when this machine was started anew since.
    """
    return writer.boot_id == boot_id() or writer.host == platform.node()


@dataclass
class Present:
    """Writers that have files in the folder of journals.

    Attributes:
        sizes: Disk space of the files of each, by id; those that were kept aside do not count.
        beside_lock: Ids of those that have more than a lock.
    """

    sizes: dict[str, int] = field(default_factory=dict)
    beside_lock: set[str] = field(default_factory=set)


class Recovery:
    """Mends and adopts journals; one process of a store at a time."""

    def __init__(
        self, root: Path, segments: Segments, deliver: Callable[[Change], None], config: Config, *, alone: bool
    ) -> None:
        """Prepare.

        Args:
            deliver: Hands one change of an outbox to the catalog, however late it is.
            alone: Whether no other host can reach the folder. Every writer's lock says here then whether it lives, also
                of a container that had another name, on a machine that was started anew since.
        """
        self._alone = alone
        self._lock_path = root / "recover.lock"
        self._segments = segments
        self._deliver = deliver
        self._config = config
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None
        self._looked_s = time.monotonic()

    @property
    def _catalog(self) -> Catalog:
        return self._segments.catalog

    @property
    def _journals(self) -> str:
        return str(self._segments.journals)

    def mend(self) -> None:
        """Do what is to be done about dead processes, unless another process does so now."""
        lock = FileLock(self._lock_path)
        if not lock.try_acquire():
            return
        try:
            self._mend()
        finally:
            lock.forget()

    def mend_when_due(self) -> None:
        """Mend if a process has died since the store was opened or this was called last, at most every `LOOK_S`.

        It is called where reading begins and costs nothing to speak of; what goes wrong is said and tried again.
        """
        now_s = time.monotonic()
        if now_s - self._looked_s < LOOK_S:
            return
        self._looked_s = now_s
        try:
            if self._somebody_died():
                self.mend()
        except OSError as error:  # StoreError, too: whoever reads gets what is there
            _log.warning("what dead processes left in %s was not put in order: %s", self._lock_path.parent, error)

    def _somebody_died(self) -> bool:
        opened = self._catalog.unsealed_writers("open")
        return bool(_engine.dead(self._journals, [state.info.id for state in opened if self._is_here(state)]))

    def settle(self, timeout_s: float) -> None:
        """Mend, and move the points of all closed journals into segments; of other processes, wait for their turn.

        Raises:
            CatalogLocked: others were at it for `timeout_s`.
        """
        lock = FileLock(self._lock_path)
        lock.acquire(timeout_s)
        try:
            self._mend()
            self._adopt()
        finally:
            lock.forget()

    def _mend(self) -> None:
        # NOTE: the catalog first. A writer makes its files before it is registered, so one that the catalog knows
        # and the folder does not hold is gone for good.
        known = {state.info.id: state for state in self._catalog.unsealed_writers()}
        _engine.remove_leftovers(self._journals)
        present = self._present()
        lost = self._without_chunks(present, [state for state in known.values() if self._is_here(state)])
        for writer_id, state in known.items():
            # Unless somebody has sealed it, or a server has opened it, meanwhile.
            if writer_id in lost:
                self._forget_lost_journal(state)
            elif writer_id not in present.sizes and self._is_here(state):
                self._catalog.forget_journal(state)
        dead = self._dead(id_ for id_ in present.sizes if self._may_need_mending(known.get(id_)))
        for batch in _batches(dead):
            self._mend_quietly(batch, {writer_id: known[writer_id].info for writer_id in batch if writer_id in known})
        for run_id in self._catalog.fail_orphans():
            _log.warning("run %s is marked FAILED: the process that ran it is gone", run_id)

    def _forget_lost_journal(self, state: WriterState) -> None:
        lost = GapInfo(state.sealed, state.sealed, JOURNAL_GONE, self._journals)
        if self._catalog.forget_journal(state, lost):
            _log.warning("writer %s: %s", state.info.id, JOURNAL_GONE)

    def living(self, writers: Collection[str]) -> Collection[str]:
        """Return those of some writers whose process may be alive: it holds the lock, or is on another host."""
        if not writers:
            return []
        gone = {*_engine.dead(self._journals, list(writers))}
        foreign = {
            s.info.id for s in self._catalog.writer_states(writers) if s.state == "open" and not self._is_here(s)
        }
        return [writer for writer in writers if writer not in gone or writer in foreign]

    def let_go(self, writer_id: str, *, sealed_all: bool, wait_s: float) -> None:
        """Note that a journal of this process is closed; one of which all is sealed goes.

        Raises:
            CatalogLocked: others kept the catalog for `wait_s`.
        """
        journal = _engine.adopt(self._journals, writer_id) if sealed_all else None
        try:
            ledger = () if journal is None else journal.ledger
            self._catalog.close_writer(writer_id, sealed_all=sealed_all, ledger=ledger, wait_s=wait_s)
        except StoreError:
            if journal is not None:
                journal.finish(False)
            raise
        if journal is not None:
            journal.finish(True)

    def adopt_now(self, writer_id: str) -> None:
        """Move what can be believed of a dead writer's journal into segments, unless others are at it."""
        if (adopted := _engine.adopt(self._journals, writer_id)) is not None:
            self._mend_writer(adopted, None)
        self._adopt_batch([writer_id])

    def adopt_when_due(self) -> None:
        """Start adopting in the background when closed journals are many or big."""
        if self._thread is None and self._is_due():
            self._thread = threading.Thread(target=self._adopt_quietly, name="runlake-adopter", daemon=True)
            self._thread.start()

    def adopt_here_when_due(self) -> None:
        """Adopt in the calling thread when closed journals are many or big, unless others are at it."""
        if self._is_due():
            self._adopt_quietly()

    def _is_due(self) -> bool:
        closed = self._closed()
        return len(closed) >= self._config.adopt_journals or sum(closed.values()) >= self._config.seal_bytes

    def stop(self, timeout_s: float) -> None:
        """End the background work, within `timeout_s`: it stops between two segments, but not before the first.

        Else many short processes, each of which finds closed journals and leaves, would never seal any.
        """
        self._stopped.set()
        if self._thread is not None:
            self._thread.join(timeout_s)

    def forget(self) -> None:
        """Begin anew, in a forked child: the thread is the parent's."""
        self._stopped = threading.Event()
        self._thread = None

    # -- which writers

    def _is_here(self, state: WriterState) -> bool:
        """Tell whether a writer's lock says here whether its process lives."""
        return self._alone or is_local(state.info)

    def _may_need_mending(self, state: WriterState | None) -> bool:
        """Tell whether a writer may have died with something left to mend; of one that is not listed nobody knows."""
        return state is None or (state.state == "open" and self._is_here(state))

    def _present(self) -> Present:
        """Look which writers have files; much cheaper than to survey them."""
        found = Present()
        with os.scandir(self._journals) as entries:
            for entry in entries:
                writer_id, _, kind = entry.name.partition(".")
                if len(writer_id) != 32:
                    continue
                if kind != "lock":
                    found.beside_lock.add(writer_id)
                if not kind.endswith("damaged"):
                    with contextlib.suppress(FileNotFoundError):
                        size = entry.stat().st_blocks * 512
                        found.sizes[writer_id] = found.sizes.get(writer_id, 0) + size
        return found

    def _without_chunks(self, present: Present, states: Sequence[WriterState]) -> set[str]:
        """Return those of some writers that are closed, so that they had points, and have no file with points left.

        Of one that is open a process may have died before it had logged; what is left of a replica may all be sealed.
        """
        closed = {state.info.id for state in states if state.state == "closed"} - present.beside_lock
        return closed - self._catalog.replicas(closed) if closed else closed

    def _closed(self) -> dict[str, int]:
        """Return the writers that are closed and whose files are there, and the disk space of these."""
        states = {state.info.id: state.state for state in self._catalog.unsealed_writers()}
        return {
            writer_id: size for writer_id, size in self._present().sizes.items() if states.get(writer_id) == "closed"
        }

    def _dead(self, writer_ids: Iterable[str]) -> list[str]:
        """Return those of some writers whose lock is free."""
        return _engine.dead(self._journals, list(writer_ids))

    # -- one writer

    def _mend_quietly(self, writer_ids: Sequence[str], known: Mapping[str, WriterInfo]) -> None:
        """Mend some writers; a journal that cannot be read, and is said, must not hide the others."""
        try:
            adopted = deque(_engine.adopt_all(self._journals, writer_ids))
        except OSError as error:
            for writer_id in writer_ids if len(writer_ids) > 1 else ():
                self._mend_quietly([writer_id], known)
            if len(writer_ids) == 1:
                _log.warning("the journal of writer %s is left as it is: %s", writer_ids[0], error)
            return
        while adopted:
            writer_id = adopted[0].writer
            try:
                self._mend_writer(adopted.popleft(), known.get(writer_id))
            except OSError as error:  # StoreError, too
                _log.warning("the journal of writer %s is left as it is: %s", writer_id, error)

    def _mend_writer(self, adopted: _engine.Adopted, info: WriterInfo | None) -> None:
        writer_id = adopted.writer
        sealed_all = False
        try:
            for number, payload in adopted.outbox:
                self._deliver_late(writer_id, number, payload)
            gaps = self._lost(writer_id, adopted)
            has_lost = bool(adopted.gaps or adopted.faults)  # more than `gaps` where another store sends the stream
            runs = [(run_id, last_ms) for run_id, _, last_ms in adopted.runs]
            writer = info or describe_writer(writer_id, pid=0, now_ms=adopted.last_verified_ms or 0)
            nothing_left = not gaps and not has_lost and self._is_sealed(adopted)
            self._catalog.mend_writer(
                *(writer, runs, gaps, adopted.last_verified_ms),
                ledger=adopted.ledger,
                sealed_all=nothing_left,
            )
            sealed_all = nothing_left
            if adopted.unrecorded:
                _log.warning("writer %s dropped %d points without noting whose", writer_id, adopted.unrecorded)
            if gaps:
                report(adopted, gaps)
        finally:
            adopted.finish(sealed_all)
        if has_lost:
            # Readers trust what a journal of this boot counts; what can be believed leaves it for a segment at once.
            self._adopt_batch([writer_id])

    def _is_sealed(self, adopted: _engine.Adopted) -> bool:
        """Tell whether no point of a journal is outside segments; a replica's may come yet."""
        sealed = self._catalog.plan([], writers=[adopted.writer]).sealed.get(adopted.writer, 0)
        return adopted.upto <= sealed and not self._catalog.replicas([adopted.writer])

    def _note_losses(self, adopted: _engine.Adopted) -> None:
        """Note what a journal has lost since it was closed; of what was noted before nothing is said again."""
        note_gaps(self._catalog, adopted, self._lost(adopted.writer, adopted))

    def _lost(self, writer_id: str, adopted: _engine.Adopted) -> list[GapInfo]:
        """Return what a journal lost before it was sealed."""
        sealed = self._catalog.plan([], writers=[writer_id]).sealed.get(writer_id, 0)
        end = self._ends([adopted])[writer_id]
        known = [
            GapInfo(max(gap.first, sealed), gap.upto, gap.reason, gap.file)
            for gap in adopted.gaps
            if gap.upto > sealed and gap.first < end
        ]
        counted = {gap.file for gap in adopted.gaps}
        at = max(end, sealed)
        return known + [GapInfo(at, at, UNREADABLE, file) for file in adopted.unreadable if file not in counted]

    def _ends(self, journals: Collection[_engine.Adopted]) -> dict[str, int]:
        """Return up to where each writer's stream is settled.

        What a replica has lost at its end is not: it was not there long enough, and the store it comes from has it.
        """
        replicas = self._catalog.replicas([journal.writer for journal in journals])
        return {
            journal.writer: _end_without_loss(journal) if journal.writer in replicas else journal.upto
            for journal in journals
        }

    def _deliver_late(self, writer_id: str, number: int, payload: bytes) -> None:
        try:
            self._deliver(Change.from_bytes(payload))
        except (NotFound, ValueError) as error:
            _log.error("change %d in the outbox of writer %s cannot be delivered: %s", number, writer_id, error)

    # -- many writers

    def _adopt_quietly(self) -> None:
        lock = FileLock(self._lock_path)
        try:
            if lock.try_acquire():  # else another process is at it
                self._adopt()
        except (OSError, NotFound) as error:  # StoreError, too: the points stay where readers find them
            _log.warning("closed journals were not moved into segments: %s", error)
        finally:
            lock.forget()

    def _adopt(self) -> None:
        """Move the points of all closed journals into segments.

        Journals of the dead that are not mended stay: what waits in their outbox would go with them.
        """
        for number, batch in enumerate(_batches(list(self._closed()))):
            if number and self._stopped.is_set():
                return
            self._adopt_batch(batch)

    def _adopt_batch(self, writer_ids: Sequence[str]) -> None:
        adopted = {journal.writer: journal for journal in _engine.adopt_all(self._journals, writer_ids)}
        try:
            for journal in adopted.values():
                self._note_losses(journal)
            for number, pieces in enumerate(self._pieces(adopted)):
                if (number and self._stopped.is_set()) or not self._seal(adopted, pieces):
                    return
            for writer_id in list(adopted):
                self._catalog.close_writer(writer_id, sealed_all=True, ledger=adopted[writer_id].ledger)
                adopted.pop(writer_id).finish(True)
        finally:
            for left in adopted.values():
                left.finish(False)

    def _seal(self, adopted: dict[str, _engine.Adopted], claimed: Sequence[Range]) -> bool:
        held = [piece for claim in claimed for piece in _held(claim, adopted[claim[0]])]
        return self._segments.seal(held, claimed, {writer: adopted[writer].ledger for writer, _, _ in claimed})

    def _pieces(self, adopted: dict[str, _engine.Adopted]) -> Iterator[list[Range]]:
        """Divide what is not sealed into lists of ranges, each small enough for one segment and with a writer once."""
        known = self._catalog.plan([], writers=list(adopted)).sealed
        ends = self._ends(adopted.values())
        ranges = ((writer_id, known.get(writer_id, 0), end) for writer_id, end in ends.items())
        return pieces_of(ranges, self._config.seal_bytes)


def _batches(writer_ids: Sequence[str]) -> Iterator[Sequence[str]]:
    return (writer_ids[start : start + _BATCH_WRITERS] for start in range(0, len(writer_ids), _BATCH_WRITERS))


def _end_without_loss(journal: _engine.Adopted) -> int:
    end = journal.upto
    for gap in sorted(journal.gaps, key=lambda gap: gap.first, reverse=True):
        end = gap.first if gap.upto >= end else end
    return end


def _held(claim: Range, adopted: _engine.Adopted) -> Iterator[Range]:
    """Return what a journal gives back of a range."""
    writer_id, first, upto = claim
    return without_gaps((writer_id, max(first, adopted.first), upto), adopted.gaps)
