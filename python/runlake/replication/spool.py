"""Spool: the local store that a process logs to when its tracking URI is a server.

It is an ordinary store, one a server, in which points stay in journals until the server has them on disk, and are then
let go of; so are the artifacts of runs that have ended. All processes that log to one server share it, and what a dead
one left is sent by the others, by the next one, or by `runlake sync`.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

from runlake import _engine, run_files
from runlake.config import Config, from_environment
from runlake.entities import LifecycleStage, RunLedger, Waits
from runlake.errors import NotFound, ServerUnavailable
from runlake.provenance import FILE_TAGS
from runlake.remote.address import Address
from runlake.remote.connection import Connection
from runlake.replication.files import own_files, stored_artifacts
from runlake.replication.folder import folder_for, mark, url_of
from runlake.replication.news import News
from runlake.replication.peer import Peer
from runlake.replication.replicator import Replicator
from runlake.store import Store, get_store_as

if TYPE_CHECKING:
    from runlake.artifacts import Artifacts
    from runlake.catalog import Catalog, Change, UnstoredPoints
    from runlake.entities import Run
    from runlake.sealing import Hook
    from runlake.stores import AnyStore

_NEVER: Final = 1 << 62
_LEAST_BYTES: Final = 64 << 20
_LAST_S: Final = 5.0


class Spool(Store):
    """What this process logs to one server.

    Attributes:
        url: The server, without a password.
        news: What this process has recorded since it was sent.
        peer: The server.
        replicator: What sends to it.
        next_steps: For runs that were taken up again, the step after the largest that the server has.
        waited_in_vain_s: How long ends of runs have waited for it since it answered last.
        told: Whether the user knows that not everything is there.
        untold: Whether runs have ended since that are not there either.
    """

    def __init__(self, root: Path, catalog: Catalog, config: Config, hook: Hook | None) -> None:
        super().__init__(root, catalog, config, hook)
        self.url = url_of(root)
        self.waited_in_vain_s = 0.0
        self.told = self.untold = False
        self.peer = Peer(Connection(_connections.get(root, self.url)))
        self.replicator = Replicator(self, self.peer)
        self.next_steps: dict[str, int] = {}
        catalog.on_commit(self._note_commit)

    @classmethod
    def open(
        cls, root: str | Path, *, create: bool = True, config: Config | None = None, hook: Hook | None = None
    ) -> Self:
        """Open the spool in the folder `root`, which has its `remote.json`; see `Store.open`."""
        root = Path(root).absolute()
        config = config or from_environment()
        left = _bytes_in(root / "journals")
        kept = replace(
            config,
            seal_bytes=_NEVER,
            close_seal_bytes=_NEVER,
            adopt_journals=_NEVER,
            max_unsealed_bytes=max(_LEAST_BYTES, config.spool_max_bytes - left),
        )
        return super().open(root, create=create, config=kept, hook=hook)

    @property
    def place(self) -> str:
        """The server."""
        return self.url

    def has_run(self, run_id: str) -> bool:
        """Tell whether a run is in the spool."""
        return bool(self.catalog.run_names([run_id]))

    def is_member(self, run_id: str) -> bool:
        """Tell whether this process logs to a run."""
        return run_id in self._attached

    def has_experiment(self, *, experiment_id: str | None = None, name: str | None = None) -> bool:
        """Tell whether an experiment is in the spool, an active one if it is asked for by name."""
        if name is not None:
            found = self.catalog.find_experiment(name)
            return found is not None and found.lifecycle_stage == LifecycleStage.ACTIVE
        with contextlib.suppress(NotFound):
            self.catalog.get_experiment(str(experiment_id))
            return True
        return False

    # -- what is new, for the rounds

    def committed(self) -> tuple[str | None, int]:
        """Return this process's writer and the first seq that it has not logged yet; None before anything was."""
        writer = self._writer
        return (None, 0) if writer is None else (writer.id, writer.stats().committed)

    def waiting(self) -> list[tuple[Waits, int, int]]:
        """Return what points of this process wait for; see `Store.waiting`."""
        writer, there = self.committed()
        if writer is None:
            return []
        rounds = self.replicator.rounds
        arrived = 0 if rounds is None else rounds.acknowledged(writer)
        return [*(one for one in super().waiting() if one[0] == "sync"), ("server", there, arrived)]

    def ledgers(self, writers: Collection[str]) -> dict[str, Sequence[UnstoredPoints]]:
        """Return what some writers have not stored: this process's own, and others that have ended."""
        own, others = self._writer, [writer for writer in writers if writer != self.writer_id]
        found: dict[str, Sequence[UnstoredPoints]] = {}
        if own is not None and own.id in writers:
            found[own.id] = own.ledger()
        if others:
            live = self.journals(others).ledger()
            known = self.catalog.ledger_of(others)
            found |= {writer: [*known.get(writer, ()), *live.get(writer, ())] for writer in {*known, *live}}
        return found

    def take_news(self, *, files: bool) -> tuple[set[str], set[str]]:
        """Return the runs that may have changed, and those whose artifacts may have; see `News.take`."""
        return self.news.take(list(self._loggers), files=files)

    def artifact_uri(self, run: Run) -> str:
        """Return where the server has or will have them: the files here go when they have been sent.

        An experiment may have another id there; who reads goes by the run.
        """
        return f"mlflow-artifacts:/{run.info.experiment_id}/{run.info.run_id}/artifacts"

    def note_files(self, run_id: str) -> None:
        """Take note that an artifact of a run was written."""
        self.news.note_files(run_id)
        self.replicator.begin()

    # -- what the server has, and what dead processes left

    def release(self, writer_id: str, upto: int) -> None:
        """Let go of the points of this process before `upto`."""
        self.catalog.release(writer_id, upto)
        self._released = upto
        writer = self._writer
        if writer is not None and writer.id == writer_id:
            writer.trim(upto)

    def mend(self) -> None:
        """Put in order what dead processes left."""
        self._recovery.mend()

    def closed_journals(self) -> dict[str, tuple[int, int]]:
        """Return the range of points in the journal of each process that has ended."""
        closed = [state.info.id for state in self.catalog.unsealed_writers() if state.state == "closed"]
        held = {writer: (first, upto) for writer, first, upto in self.journals(closed).writers()} if closed else {}
        return {writer: held.get(writer, (0, 0)) for writer in closed}

    def settle(self, writer_id: str) -> None:
        """Remove the journal of a process that has ended."""
        self._settle(writer_id, sealed_all=True)

    def forget_runs(self, server: int, before_ms: int) -> int:
        """Remove runs that ended before a time and that the server has; see `Catalog.forget_ended_runs`."""
        return self.catalog.forget_ended_runs(server, before_ms, keep=self._attached)

    def idle_runs_with_files(self) -> list[str]:
        """Return the runs that have a folder of artifacts here and that no process may log to."""
        with contextlib.suppress(FileNotFoundError):
            folders = [folder for folder in self.catalog.artifacts_root.iterdir() if folder.is_dir()]
            run_ids = [run.name for folder in folders for run in folder.iterdir() if run.is_dir()]
            return self.catalog.idle_runs(run_ids, None)
        return []

    def drop_files(self, run: Run, artifacts: Artifacts, sent: dict[str, tuple[int, int]]) -> None:
        """Remove the artifacts of a run that has ended, as far as the server has them as they are."""
        present = own_files(artifacts, run)
        gone = [path for path, facts in present.items() if sent.get(path) == facts]
        for path in [*gone, *(shared for shared, tag in FILE_TAGS.items() if tag in run.data.tags)]:
            with contextlib.suppress(OSError):
                os.unlink(artifacts.uri(path))
        for folder, _, _ in os.walk(artifacts.root, topdown=False):
            with contextlib.suppress(OSError):  # something is left in it
                os.rmdir(folder)

    # -- the store's own

    def seal(self, min_bytes: int = 0, *, timeout_s: float = 3600.0) -> None:
        """Do nothing but mend: points wait in journals for the server."""
        del min_bytes, timeout_s
        self.mend()

    def after_end(self, run_id: str) -> None:
        """Wait until the server has what this process has logged, as long as `drain_timeout_ms` says."""
        from runlake.replication.drain import drain

        self.note_files(run_id)
        drain(self)

    def close(self, *, timeout_s: float | None = None) -> None:
        """Send what is left, as long as `drain_timeout_ms` allows, and close; see `Store.close`."""
        from runlake.replication.drain import drain

        if self._writer is not None:
            drain(self, last=True)
        self.replicator.stop(_LAST_S)
        super().close(timeout_s=timeout_s)

    def server(self) -> AnyStore:
        """Return the server's store, for what is asked of it or done there by id."""
        from runlake.stores import opened

        return opened(_connections.get(self.root, self.url))

    def server_number(self) -> int:
        """Return the number of the server in the catalog, which is known once it has said who it is."""
        rounds = self.replicator.rounds
        if rounds is None:
            raise ServerUnavailable(f"the server {self.url} has not said who it is")
        return rounds.shipper.number

    def get_run(self, run_id: str) -> Run:
        """Return a run as the server has it, or, while that does not answer, as far as it is here."""
        try:
            return self.server().get_run(run_id)
        except ServerUnavailable:
            return super().get_run(run_id)

    def ledger(self, run_id: str) -> RunLedger:
        """Return the ledger of a run as the server has it, with the points that are still on hold here.

        While the server does not answer, it is of what is here.
        """
        try:
            found: RunLedger = self.server().reads.ledger(run_id)
        except ServerUnavailable:
            return super().ledger(run_id)
        held = () if self._writer is None else self._writer.ledger()
        pending = {entry.key for entry in held if entry.run_id == run_id and entry.pending is not None}
        return RunLedger(run_id, [of_key.with_pending() if of_key.key in pending else of_key for of_key in found.keys])

    def create_run(self, run_id: str, experiment_id: str, **attributes: Any) -> Run:
        """Create a run, which is sent at once; see `Store.create_run`."""
        run = super().create_run(run_id, experiment_id, **attributes)
        self.news.note_run(run_id)
        return run

    def join_run(self, run_id: str, **attributes: Any) -> None:
        """Take up a run; see `Store.join_run`."""
        super().join_run(run_id, **attributes)
        self._taken_up.add(run_id)
        self.news.note_run(run_id)

    def bring_file(self, run: Run, artifact_file: str) -> None:
        """Fetch an artifact of a run that was taken up, if only the server has it, before something is added to it.

        Raises:
            ServerUnavailable: it cannot be asked; what would be written here would take the place of what it has.
        """
        here = stored_artifacts(self, run)
        if run.info.run_id not in self._taken_up or here is None or here.exists(artifact_file):
            return
        there = run_files.of_run(self.server(), run)
        if there.kind(artifact_file) == "file":
            here.write_bytes(there.read_bytes(artifact_file), artifact_file)

    def begin_in_child(self) -> None:
        """Forget what belongs to the parent process; see `Store.begin_in_child`."""
        super().begin_in_child()
        self.replicator.forget()

    def _writer_here(self) -> _engine.Writer:
        writer = super()._writer_here()
        self.replicator.begin()
        return writer

    def _next_step(self, run_id: str) -> int:
        return max(super()._next_step(run_id), self.next_steps.get(run_id, 0))

    def _forget_writer(self) -> None:
        super()._forget_writer()
        self.news = News()
        self._released = 0
        self._taken_up: set[str] = set()

    def _first_kept(self, sealer: object) -> int:
        return self._released

    def _record(self, change: Change, apply: Callable[[float], object]) -> None:
        super()._record(change, apply)
        self.news.note_run(change.run_id)

    def _note_commit(self) -> None:
        self._delivery.wake()
        if not self.replicator.is_this_thread():
            self.news.note_something()


def spool_for(uri: str) -> Spool:
    """Return this process's spool for a server, made when it is missing."""
    address = Address.of(uri)
    root = folder_for(address)
    _connections[root] = uri  # with what authorises, which is not written down
    mark(root, address)
    return get_store_as(Spool, root, renew=True)


def _bytes_in(folder: Path) -> int:
    total = 0
    with contextlib.suppress(FileNotFoundError), os.scandir(folder) as entries:
        for entry in entries:
            with contextlib.suppress(FileNotFoundError):
                total += entry.stat().st_blocks * 512
    return total


_connections: dict[Path, str] = {}
"""URI of the server of each spool, as it was given."""
