"""Sync: sends a store that was written offline, or what a spool still has, to a server, once."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from runlake import _engine
from runlake.catalog import UnstoredPoints
from runlake.catalog.changes import Conflict
from runlake.errors import CatalogLocked
from runlake.remote.connection import CONNECT_S, Connection
from runlake.replication.folder import is_spool
from runlake.replication.peer import DISK, Peer
from runlake.replication.progress import Progress
from runlake.replication.rounds import Rounds
from runlake.replication.shipper import Shipper
from runlake.replication.spool import Spool
from runlake.store import Store

if TYPE_CHECKING:
    from runlake.entities import Run

_MOST_RUNS = 200


@dataclass(frozen=True)
class Synced:
    """What was sent, and the parameters that the server has another value for."""

    progress: Progress
    conflicts: list[Conflict]


def sync(root: Path, uri: str, progress: Progress) -> Synced:
    """Send what a store has, and the server has not, to it; to do so again sends what is new.

    Processes that are logging into the store go on; what they log meanwhile may be left for the next time. Those that
    log to a spool send what they have themselves.

    Args:
        root: Folder of a store or of a spool.
        uri: The server.
        progress: Counts while it works.

    Raises:
        NotFound: there is no store.
        ServerUnavailable: the server does not answer, or no more.
        RunlakeError: it is none of runlake, or refuses this user.
    """
    peer = Peer(Connection(uri))
    with contextlib.closing(peer):
        server_id = peer.hello(CONNECT_S).store_id
        if is_spool(root):
            return _sync_spool(root, peer, server_id, progress)
        store = Store.open(root, create=False)
        with contextlib.closing(store):
            before = set(store.catalog.all_conflicts())
            if store.catalog.store_id != server_id:  # else it is the very store that is served
                _send_all(store, Shipper(store, peer, server_id, progress))
            return Synced(progress, [c for c in store.catalog.all_conflicts() if c not in before])


def _sync_spool(root: Path, peer: Peer, server_id: str, progress: Progress) -> Synced:
    spool = Spool.open(root, create=False)
    with contextlib.closing(spool):
        before = set(spool.catalog.all_conflicts())
        rounds = Rounds(spool, peer, server_id, progress)
        if not rounds.send_leftovers(wait_s=spool.config.drain_timeout_ms / 1000):
            raise CatalogLocked(
                f"another process has been sending what is in {root} for {spool.config.drain_timeout_ms / 1000:g} s",
                hint="it may be enough to let it; `runlake status` shows what is left",
            )
        return Synced(progress, [c for c in spool.catalog.all_conflicts() if c not in before])


def _send_all(store: Store, shipper: Shipper) -> None:
    journals = store.journals()  # before segments are listed: what is sealed meanwhile is in both
    ranges = journals.writers()
    shipper.send_runs(hold_ends=True)
    shipper.send_segments()
    shipper.send_journals({writer: upto for writer, _, upto in ranges}, journals)
    shipper.send_ledger(_ledgers(store, journals))
    shipper.files.send_shared([path.name for path in _entries(store.root / "provenance") if len(path.name) == 64])
    for run in _runs_with_files(store):
        shipper.files.send(run)
    shipper.send_runs()
    writers = [writer for writer, _, _ in ranges]
    shipper.ask(writers, durability=DISK)
    shipper.note_points(writers)


def _ledgers(store: Store, journals: _engine.Journals) -> dict[str, Sequence[UnstoredPoints]]:
    """Return what the writers of a store have not stored, those of other stores included that it has points of."""
    live = journals.ledger()
    known = store.catalog.whole_ledger()
    return {writer: [*known.get(writer, ()), *live.get(writer, ())] for writer in {*known, *live}}


def _runs_with_files(store: Store) -> Iterator[Run]:
    """Give the runs that have a folder of artifacts in the store."""
    for experiment in _entries(store.catalog.artifacts_root):
        run_ids = [folder.name for folder in _entries(experiment)]
        for start in range(0, len(run_ids), _MOST_RUNS):
            yield from store.catalog.get_runs(run_ids[start : start + _MOST_RUNS])


def _entries(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if folder.is_dir() else []
