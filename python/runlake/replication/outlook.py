"""Outlook: what of a store is still on its way to servers."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from runlake.catalog.changes import Conflict
from runlake.errors import RunlakeError
from runlake.remote.connection import Connection
from runlake.replication.files import own_files, stored_artifacts
from runlake.replication.folder import is_spool, url_of
from runlake.replication.peer import Peer
from runlake.replication.spool import Spool
from runlake.store import Store

if TYPE_CHECKING:
    from runlake.catalog import UnsentCounts

_ASK_S: Final = 1.0


@dataclass(frozen=True)
class Outlook:
    """What one server has not acknowledged yet.

    Attributes:
        url: Where it was found last.
        answers: Whether it answers now. If so, `points` are those that it lacks; else those that it had not
            acknowledged when that was written down last.
        acknowledged_ms: When it acknowledged a run last, in ms since 1970; None if it never did.
        conflicts: Values that were refused because a parameter had another one.
    """

    url: str
    answers: bool
    runs: int
    points: int
    files: int
    file_bytes: int
    acknowledged_ms: int | None
    conflicts: list[Conflict]


def outlook(root: Path) -> list[Outlook]:
    """Return what of a store, or of a spool, is on its way, one entry a server that it was sent to or is for.

    Raises:
        NotFound: there is no store.
    """
    kind: type[Store] = Spool if is_spool(root) else Store
    store = kind.open(root, create=False)
    with contextlib.closing(store):
        counts = list(store.catalog.unsent_counts())
        if is_spool(root) and not counts:
            counts = [store.catalog.nothing_sent(url_of(root))]
        return [_outlook(store, each) for each in counts]


def _outlook(store: Store, counts: UnsentCounts) -> Outlook:
    held = {writer: (first, upto) for writer, first, upto in store.journals().writers()}
    asked = _ask(counts.url, list(held))
    have = counts.sent if asked is None else asked
    points = sum(max(0, upto - max(first, have.get(writer, 0))) for writer, (first, upto) in held.items())
    if not isinstance(store, Spool):
        points += store.catalog.sealed_points_beyond(counts.sent)
    files, size = _unsent_files(store, counts)
    conflicts = store.catalog.all_conflicts()
    return Outlook(counts.url, asked is not None, counts.runs, points, files, size, counts.acknowledged_ms, conflicts)


def _ask(url: str, writers: list[str]) -> Mapping[str, int] | None:
    """Ask a server what it has; None when it does not answer, or not this user."""
    peer = Peer(Connection(url))
    with contextlib.closing(peer), contextlib.suppress(RunlakeError):
        peer.hello(_ASK_S)
        return {writer: known.have for writer, known in peer.have(writers).items()}
    return None


def _unsent_files(store: Store, counts: UnsentCounts) -> tuple[int, int]:
    files = size = 0
    folders = store.catalog.artifacts_root.glob("*/*") if store.catalog.artifacts_root.is_dir() else ()
    for run in store.catalog.get_runs([folder.name for folder in folders]):
        artifacts = stored_artifacts(store, run)
        known = store.catalog.sent_files(counts.server, run.info.run_id)
        for path, facts in own_files(artifacts, run).items() if artifacts is not None else ():
            if known.get(path) != facts:
                files, size = files + 1, size + facts[0]
    return files, size
