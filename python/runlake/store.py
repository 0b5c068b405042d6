"""Store: one folder with its catalog, journals, segments and artifacts, and what this process does in it."""

from __future__ import annotations

import atexit
import contextlib
import logging
import os
import threading
import time
import weakref
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Self, TypeVar

from runlake import _engine
from runlake.artifacts.shared import SharedFiles
from runlake.catalog import Catalog, Change, WriterInfo
from runlake.compaction import Compactor
from runlake.config import Config, from_environment, process_rank
from runlake.delivery import DELIVERY_WAIT_S, Delivery
from runlake.entities import LifecycleStage, Metric, Run, RunLedger, Waits
from runlake.errors import CatalogLocked, InvalidInput, StoreError, StoreUnavailable
from runlake.filesystem import keeping_of, warn_of
from runlake.names import MAX_STEP
from runlake.reads import Reads
from runlake.recovery import Recovery, describe_writer
from runlake.replicas import Replicas
from runlake.sealing import Hook, Sealer, Segments
from runlake.sending_hooks import SendingHooks
from runlake.throttling import Policy, Rules, for_engine, rules_of_process

_log = logging.getLogger("runlake")

AnyStore = TypeVar("AnyStore", bound="Store")


class Store(SendingHooks):
    """A folder that holds runs. All threads of a process share one; a forked child goes on with a writer of its own.

    Attributes:
        root: The folder, absolute.
        catalog: Names, states, parameters, tags and the list of segments.
        journals_dir: Points that are in no segment yet.
        segments_dir: Points, as Parquet.
        shared_files: What many runs have alike: their packages and uncommitted changes.
        replicas: Points that come from other stores.
        compactor: Merges small segments.
    """

    def __init__(self, root: Path, catalog: Catalog, config: Config, hook: Hook | None) -> None:
        self.root = root
        self.catalog = catalog
        self.config = config
        self.journals_dir = root / "journals"
        self.segments_dir = root / "segments"
        self.shared_files = SharedFiles(root / "provenance")
        self._segments = Segments(self.journals_dir, self.segments_dir, catalog, hook)
        self._recovery = Recovery(root, self._segments, self._deliver, config, alone=not catalog.keeping.shared)
        self.replicas = Replicas(root, self._segments, self._recovery, config)
        self.compactor = Compactor(root, self._segments, config)
        self._segments.after_seal = self.compactor.work_when_due
        self._delivery = Delivery(catalog, self._deliver_own, config.sync_interval_ms)
        catalog.on_commit(self._delivery.wake)
        self._loggers: dict[str, _engine.RunLogger] = {}
        self._throttles: dict[str, Rules] = {}
        self._writer: _engine.Writer | None = None
        self._sealer: Sealer | None = None
        self._info: WriterInfo | None = None
        self._forget_writer()
        _open_stores.add(self)

    @classmethod
    def open(
        cls, root: str | Path, *, create: bool = True, config: Config | None = None, hook: Hook | None = None
    ) -> Self:
        """Open the store in the folder `root`, and do what is to be done about processes that died in it.

        Args:
            create: Whether a missing store is made.
            config: None takes what the environment says.
            hook: Called after each step of sealing; for tests.

        Raises:
            NewerFormat: a later version wrote the store; nothing was touched.
            StoreUnavailable: `root` is a file, cannot be written to, has locks that are none, or is another host's.
            NotFound: there is no store and none is to be made.
        """
        root = Path(root).absolute()
        config = config or from_environment()
        keeping = keeping_of(root, config.journal)
        catalog = Catalog.open(root, lock_timeout_s=config.lock_timeout_ms / 1000, create=create, keeping=keeping)
        warn_of(root, keeping)
        try:
            for name in ("journals", "segments"):
                (root / name).mkdir(exist_ok=True)
        except OSError as error:
            raise StoreUnavailable(f"the store {root} cannot be written to: {error.strerror}") from error
        store = cls(root, catalog, config, hook)
        try:
            store._recovery.mend()
            store._recovery.adopt_when_due()
            store.compactor.work_when_due()
        except OSError as error:  # StoreError, too: what others left must not keep this process from working
            _log.warning("what dead processes left in %s was not put in order: %s", root, error)
        return store

    @property
    def hook(self) -> Hook | None:
        """What tests have called after each step of sealing, merging and removing."""
        return self._segments.hook

    @property
    def place(self) -> str:
        """Where its runs are, for people."""
        return str(self.root)

    # -- logging

    def writer(self) -> _engine.Writer:
        """Return the journal of this process; it is made by the first call, and anew in a forked child."""
        with self._mutex:
            return self._writer_here()

    def run_logger(self, run_id: str) -> _engine.RunLogger:
        """Return the logger of a run, one a run for all threads; a closed one is replaced.

        Its own step counter goes on from the largest step that the run has.

        Raises:
            NotFound: there is no such run.
            InvalidInput: the run is deleted.
        """
        logger = self._loggers.get(run_id)
        if logger is not None and not logger.closed:
            return logger
        with self._mutex:
            logger = self._loggers.get(run_id)
            if logger is None or logger.closed:
                # Before the run is in this journal: of a new one none is read then.
                next_step = min(self._next_step(run_id), MAX_STEP)
                if run_id not in self._attached:
                    self._require_active(run_id)  # reading is not locked; what waits in the journal cannot be refused
                    self._join_journal(run_id)
                logger = self._writer_here().run(run_id, next_step=next_step)
                if run_id in self._throttles:
                    logger.set_throttle(for_engine(self._throttles[run_id]))
                self._loggers[run_id] = logger
        return logger

    def logs_to(self, run_id: str) -> bool:
        """Tell whether this process has a logger of a run and has not left it."""
        return run_id in self._loggers

    def record(
        self,
        run_id: str,
        *,
        params: Mapping[str, str] | None = None,
        tags: Mapping[str, str] | None = None,
        deleted_tags: Sequence[str] = (),
        status: str | None = None,
        end_time: int | None = None,
        name: str | None = None,
    ) -> None:
        """Record a change of a run in the catalog; while that stays locked, in the journal, from where it is delivered.

        Raises:
            ParameterChanged: a parameter has another value. Found out later, it is kept as a conflict and a tag.
            NotFound: there is no such run, or no such tag.
            InvalidInput: the run is deleted.
        """
        change = Change(run_id, params or {}, tags or {}, deleted_tags, status, end_time, name)
        self._record(change, lambda wait_s: self.catalog.apply(change, wait_s=wait_s))

    def log_batch(
        self,
        run_id: str,
        points: Sequence[tuple[str, float, int, int]],
        *,
        params: Mapping[str, str],
        tags: Mapping[str, str],
    ) -> None:
        """Record parameters and tags, which may be refused, and then append points: key, value, step and timestamp."""
        logger = self.run_logger(run_id)
        if params or tags:
            self.record(run_id, params=params, tags=tags)
        for key, value, step, timestamp in points:
            logger.log_metric(key, value, step, timestamp)

    def throttle_process(self) -> None:
        """Let the rules of the process hold for what it logs into this store from now on.

        Raises:
            InvalidInput: RUNLAKE_THROTTLE cannot be read.
        """
        if self._writer is not None:
            self._writer.set_throttle(for_engine(rules_of_process()))

    def throttle_run(self, run_id: str, patterns: Sequence[str], policy: Policy | None) -> None:
        """Set a policy for some keys of one run, as far as this process logs it."""
        rules = self._throttles.setdefault(run_id, Rules())
        rules.add(patterns, policy)
        self.run_logger(run_id).set_throttle(for_engine(rules))

    def stats(self) -> _engine.WriterStats | None:
        """Return the counters of this process's journal; None before anything was logged."""
        return None if self._writer is None else self._writer.stats()

    @property
    def writer_id(self) -> str | None:
        """The id of this process's journal; None before anything was logged."""
        return None if self._writer is None else self._writer.id

    def waiting(self) -> list[tuple[Waits, int, int]]:
        """Return what points of this process wait for: how many there are of them all, and how many have arrived."""
        if self._writer is None:
            return []
        stats = self._writer.stats()
        there, due = stats.committed, stats.unsealed_bytes >= self.config.seal_bytes
        return [("sync", there, stats.durable), ("seal", there, stats.sealed if due else there)]

    def flush(self) -> None:
        """Return when everything that was logged and recorded so far survives a power cut."""
        self._delivery.drain(self.config.record_timeout_ms / 1000)
        if self._writer is not None:
            self._writer.flush()
        self.catalog.sync()

    # -- runs

    def create_run(
        self,
        run_id: str,
        experiment_id: str,
        *,
        name: str,
        user_id: str,
        start_time: int,
        artifact_uri: str | None = None,
        tags: Mapping[str, str] | None = None,
        owned: bool,
    ) -> Run:
        """Create a run; see `Catalog.create_run`. An owned one belongs to this process, which is its first member."""
        with self._mutex:
            info = None
            if owned:
                self._writer_here()
                info = self._info
            run = self.catalog.create_run(
                *(run_id, experiment_id),
                name=name,
                user_id=user_id,
                start_time=start_time,
                artifact_uri=artifact_uri,
                tags=tags,
                owned=owned,
                writer=info,
            )
            if owned:
                self._attached.add(run_id)
                self._new_runs.add(run_id)
        return run

    def join_run(self, run_id: str, *, tags: Mapping[str, str] | None = None, name: str | None = None) -> None:
        """Make a run RUNNING and this process one of its members; see `Catalog.join_run`."""
        with self._mutex:
            writer = self._writer_here()
            self._attach(run_id)
        self.catalog.join_run(run_id, writer.id, self._recovery.living, tags=tags or {}, name=name)

    def leave_run(self, run_id: str, status: str, *, end_time: int | None = None) -> None:
        """Take this process out of a run, and end the run with the last member; see `Catalog.leave_run`.

        Args:
            end_time: Milliseconds since 1970; None is now.
        """
        self._finish(run_id)
        end_ms = time.time_ns() // 1_000_000 if end_time is None else end_time
        change = Change(run_id, status=status, end_ms=end_ms, leaver=self.writer().id)
        self._record(change, lambda wait_s: self._leave(change, wait_s))
        self._loggers.pop(run_id, None)
        self._throttles.pop(run_id, None)

    def let_go(self, run_id: str) -> None:
        """Forget what logging to a run that has ended needs in this process; logging to it again starts afresh."""
        self._finish(run_id)
        with self._mutex:
            if not self._delivery.pending:  # what waits is delivered as the process's own
                self._loggers.pop(run_id, None)
                self._throttles.pop(run_id, None)
                self._attached.discard(run_id)

    def get_run(self, run_id: str) -> Run:
        """Return a run with its latest metrics, those of live processes included.

        Raises:
            NotFound: there is none with that id.
        """
        self.mend_when_due()
        run = self.catalog.get_run(run_id)
        if not self.catalog.writers_of([run_id]):
            return run
        latest = self._latest(run_id)
        return replace(run, data=replace(run.data, metrics={key: metric.value for key, metric in latest.items()}))

    def ledger(self, run_id: str) -> RunLedger:
        """Return what became of every point that a run accepted; see `runlake.ledger`."""
        return self.reads.ledger(run_id)

    # -- reading, sealing, closing

    @property
    def reads(self) -> Reads:
        """What can be asked of its runs and points."""
        return Reads(self)

    def mend_when_due(self) -> None:
        """Notice that other processes have died, at most every few seconds; reading begins with it.

        So a process that lives long and only reads, a server say, does not show the runs of dead ones as RUNNING.
        """
        self._recovery.mend_when_due()

    def journals(self, writers: Sequence[str] | None = None) -> _engine.Journals:
        """Open the journals of some writers, or of all; do so before the catalog is asked what is sealed."""
        self.mend_when_due()
        return _engine.Journals(str(self.journals_dir), writers, self._journal_cache)

    def seal(self, min_bytes: int = 0, *, timeout_s: float = 3600.0) -> None:
        """Move points from journals into segments: those of this process, and of all that have ended.

        Args:
            min_bytes: Leave this process's journal alone while it holds less.
            timeout_s: Longest time to wait for other processes that do the same.

        Raises:
            CatalogLocked: others were at it for that long.
        """
        if self._sealer is not None:
            self._sealer.seal(min_bytes=min_bytes)
        self.replicas.seal(min_bytes)
        self._recovery.settle(timeout_s)

    def close(self, *, timeout_s: float | None = None) -> None:
        """Seal what is worth it, sync, and let go of journal and catalog; the object can be used again all the same.

        Args:
            timeout_s: Longest time to wait for a segment that is being written; None is what the configuration says.
        """
        deadline = time.monotonic() + (self.config.exit_timeout_ms / 1000 if timeout_s is None else timeout_s)
        self._recovery.stop(max(0.0, deadline - time.monotonic()))
        self._recovery.forget()
        self.compactor.wind_down()
        self.replicas.close(max(0.0, deadline - time.monotonic()))
        self._delivery.stop(max(0.0, min(2.0, deadline - time.monotonic())))
        with self._mutex:
            self._close_writer(deadline)
        self.compactor.stop(max(0.0, deadline - time.monotonic()))
        self.compactor.forget()
        self.catalog.close(wait_s=2.0)
        self._delivery.forget()

    # -- within

    def _writer_here(self) -> _engine.Writer:
        if self._writer is None:
            writer = _engine.Writer(
                str(self.journals_dir),
                self.catalog.store_id,
                sync_interval_ms=self.config.sync_interval_ms,
                max_block_ms=self.config.max_block_ms,
                max_unsealed_bytes=self.config.max_unsealed_bytes,
                written=self.catalog.keeping.written,
                min_free_bytes=self.config.min_free_bytes,
                merge_without_room=True,
                after_fork=self._writer_in_child,
            )
            self._info = describe_writer(
                writer.id, pid=os.getpid(), now_ms=time.time_ns() // 1_000_000, rank=process_rank()
            )
            if rules := rules_of_process():
                writer.set_throttle(for_engine(rules))
            self._sealer = Sealer(writer, self._segments, self.config)
            self._writer = writer
        return self._writer

    def _writer_in_child(self, run_id: str) -> _engine.Writer:
        """Give a run that the parent process began the writer of this one; called from within logging calls."""
        with self._mutex:
            writer = self._writer_here()
        if run_id in self._throttles:
            writer.run(run_id).set_throttle(for_engine(self._throttles[run_id]))
        self._join_journal(run_id)
        return writer

    def _join_journal(self, run_id: str) -> None:
        """Note in the catalog that a run logs to the writer of this process; while it stays locked, in the journal."""
        self.writer()
        if run_id not in self._attached:
            self._record(Change(run_id), lambda wait_s: self._attach(run_id, wait_s=wait_s))

    def _require_active(self, run_id: str) -> None:
        if self.catalog.get_run(run_id).info.lifecycle_stage == LifecycleStage.DELETED:
            raise InvalidInput(f"run {run_id} is deleted", hint="bring it back with restore_run()")

    def _attach(self, run_id: str, *, wait_s: float | None = None) -> None:
        if run_id not in self._attached and self._info is not None:
            self.catalog.attach(self._info, run_id, wait_s=wait_s)
            self._attached.add(run_id)

    def _next_step(self, run_id: str) -> int:
        if run_id in self._new_runs:
            self._new_runs.discard(run_id)
            return 0
        steps = [-1]
        if (closed := self._loggers.get(run_id)) is not None:
            steps.append(closed.next_step - 1)
        if self.catalog.writers_of([run_id]):
            steps += [metric.step for metric in self._latest(run_id).values()]
        elif (largest := self.catalog.largest_step(run_id)) is not None:
            steps.append(largest)
        return max(steps) + 1

    def _latest(self, run_id: str) -> Mapping[str, Metric]:
        from runlake import query  # brings Polars, which logging does without

        return query.latest_metrics(self, [run_id]).get(run_id, {})

    def _finish(self, run_id: str) -> None:
        """Store the last points of a run that a policy holds back. Those that find no room stay where they survive."""
        if self._writer is not None:
            try:
                self._writer.finish_run(run_id)
            except StoreError as error:
                _log.warning("the last points of run %s are stored later: %s", run_id, error)

    def _record(self, change: Change, apply: Callable[[float], object]) -> None:
        if not self._delivery.pending:
            try:
                apply(self.config.record_timeout_ms / 1000)
            except StoreError as error:
                _log.warning("a change of run %s waits in the journal: %s", change.run_id, error)
            else:
                return
        self._delivery.put(self.writer(), change)

    def _leave(self, change: Change, wait_s: float | None = None) -> None:
        self.catalog.leave_run(
            *(change.run_id, str(change.leaver), self._recovery.living),
            status=change.status or "FINISHED",
            end_ms=change.end_ms or 0,
            wait_s=wait_s,
        )

    def _deliver_own(self, change: Change) -> None:
        self._attach(change.run_id, wait_s=DELIVERY_WAIT_S)
        self._deliver(change)

    def _deliver(self, change: Change) -> None:
        """Hand a change that waited in an outbox to the catalog."""
        if change.leaver is not None:
            self._leave(change, DELIVERY_WAIT_S)
            return
        for conflict in self.catalog.apply_late(change, wait_s=DELIVERY_WAIT_S):
            _log.warning("%s; it is kept as a tag", conflict)

    def _close_writer(self, deadline: float) -> None:
        writer, sealer = self._writer, self._sealer
        if writer is None or sealer is None:
            return
        try:
            sealer.seal(min_bytes=self.config.close_seal_bytes, timeout_s=max(0.0, deadline - time.monotonic()))
        except StoreError as error:
            _log.warning("points stay in the journal, from where they are read and sealed later: %s", error)
        writer.close()
        sealer.stop(max(0.0, deadline - time.monotonic()))
        if not self._delivery.pending:  # else the next opener delivers, and then closes it
            with contextlib.suppress(StoreError):
                self._settle(writer.id, sealed_all=self._first_kept(sealer) >= writer.stats().committed)
        self._loggers.clear()
        self._forget_writer()

    def _first_kept(self, sealer: Sealer) -> int:
        """Return the first seq of this process that is nowhere but in its journal."""
        return sealer.sealed

    def _settle(self, writer_id: str, *, sealed_all: bool) -> None:
        self._recovery.let_go(writer_id, sealed_all=sealed_all, wait_s=self.config.record_timeout_ms / 1000)

    def _forget_writer(self) -> None:
        self._mutex = threading.RLock()  # a signal handler that ends a run must get in while the same thread starts one
        self._writer = self._sealer = self._info = None
        self._attached: set[str] = set()
        self._new_runs: set[str] = set()
        self._journal_cache = _engine.JournalCache()

    def begin_in_child(self) -> None:
        """Forget what belongs to the parent process; the runs' loggers ask for the child's writer when used."""
        if self._writer is not None:
            _of_parents.append(self._writer)
        self._forget_writer()
        self._delivery.forget()
        self._recovery.forget()
        self.compactor.forget()
        self.replicas.forget()


def get_store(root: str | Path, *, renew: bool = False) -> Store:
    """Return this process's store in the folder `root`, opened by the first call; see `get_store_as`."""
    return get_store_as(Store, root, renew=renew)


def get_store_as(kind: type[AnyStore], root: str | Path, *, renew: bool = False) -> AnyStore:
    """Return this process's store in the folder `root`, opened as what `kind` says by the first call.

    Args:
        renew: Whether to open it anew when the folder was removed or replaced since; for calls that begin something.
            Others go on with what they have: to log into a store that is gone is no mistake of theirs.
    """
    given = os.fspath(root)
    store, folder = _stores_by_name.get(given, (None, None))
    if store is not None and folder == _folder_identity(given) and not (renew and not store.catalog.is_there()):
        return _as(kind, store)  # no link on the way leads elsewhere by now
    path = os.path.realpath(given)
    store = _stores.get(path)
    if store is None or (renew and not store.catalog.is_there()):
        with _opening:
            store = _stores.get(path)
            if store is not None and not store.catalog.is_there():
                _log.warning(
                    "the store %s was removed while it was in use: what was in it is lost; it is made anew", path
                )
                _removed.append(store)
                store = None
            if store is None:
                store = _stores[path] = _opened(path, kind)
    _stores_by_name[given] = store, _folder_identity(given)
    return _as(kind, store)


def _as(kind: type[AnyStore], store: Store) -> AnyStore:
    if not isinstance(store, kind):
        raise InvalidInput(f"the store {store.root} is in use as a plain folder", hint="name it in one way only")
    return store


def _opened(path: str, kind: type[Store]) -> Store:
    """Open a store, unless a signal handler asks for it while its own thread does so: it would wait in vain."""
    if path in _being_opened:
        raise CatalogLocked(f"the store {path} is being opened by the code that a signal handler has interrupted")
    _being_opened.add(path)
    try:
        return kind.open(path)
    finally:
        _being_opened.discard(path)


def _folder_identity(path: str) -> tuple[int, int] | None:
    """Return what tells a folder from all others; None when it is not there."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_dev, status.st_ino


def opened_stores() -> list[Store]:
    """Return the stores that `get_store` has opened in this process."""
    return list(_stores.values())


_stores: dict[str, Store] = {}
_stores_by_name: dict[str, tuple[Store, tuple[int, int] | None]] = {}
"""Stores by the path that was given, and the folder that was there: following its links costs 20 µs a call."""
_removed: list[Store] = []  # runs that are under way may still hold them
_opening = threading.RLock()
_being_opened: set[str] = set()
_open_stores: weakref.WeakSet[Store] = weakref.WeakSet()
_of_parents: list[_engine.Writer] = []  # kept, so that no child ends what its parent uses


def _begin_in_child() -> None:
    global _opening
    _opening = threading.RLock()
    _being_opened.clear()
    for store in list(_open_stores):
        store.begin_in_child()


def _close_all() -> None:
    """Close every store at the end of the interpreter; what is registered after this module's import comes before."""
    for store in list(_open_stores):
        with contextlib.suppress(StoreError):
            store.close()


os.register_at_fork(after_in_child=_begin_in_child)
atexit.register(_close_all)
