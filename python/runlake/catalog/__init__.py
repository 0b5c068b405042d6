"""Catalog: names, states and summaries of experiments, runs, journals and segments; the only place with SQL."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from runlake.catalog.access import Access, AccessRows, TokenRow, UserRow
from runlake.catalog.bulk import Bulk, BulkChange
from runlake.catalog.changed import Changed, ChangedRuns, TableState
from runlake.catalog.changes import Change, Changes, Conflict
from runlake.catalog.compaction import MOST_INPUTS, Compaction, Piece, ReplacedSegment, Settled
from runlake.catalog.database import Database
from runlake.catalog.events import Events, Stamp
from runlake.catalog.experiments import Experiments
from runlake.catalog.garbage import DeletedExperiment, DeletedRun, Garbage, UnlistedFile
from runlake.catalog.gates import Gates
from runlake.catalog.health import Health
from runlake.catalog.inputs import Inputs
from runlake.catalog.lake import Lake, make_folder, make_lake, no_store, read_lake
from runlake.catalog.ledger import (
    NOTHING_KNOWN,
    KnownUnstored,
    Ledger,
    RunAccount,
    Unstored,
    UnstoredPoints,
    difference,
    unstored_points,
)
from runlake.catalog.logged_models import LoggedModels, NewModel, RunModels
from runlake.catalog.losses import Losses
from runlake.catalog.members import Living, Members
from runlake.catalog.model_versions import Narrowed, NewVersion, Versions
from runlake.catalog.notices import Mark, Noticed, Notices
from runlake.catalog.owner import Owner
from runlake.catalog.promotions import Promotions
from runlake.catalog.rebuilding import Rebuild
from runlake.catalog.receiving import Receipt, ReceivedExperiment, ReceivedFile, ReceivedRun, Receiving
from runlake.catalog.registry import PROMPT_TAG, Registry
from runlake.catalog.replicas import Replicas
from runlake.catalog.rows import Rows, RunRows
from runlake.catalog.runs import Runs
from runlake.catalog.saved_views import SavedViews
from runlake.catalog.segments import Range, ReadPlan, SealedSegment, SegmentRef, Segments
from runlake.catalog.sending import Sending
from runlake.catalog.spooling import Spooling
from runlake.catalog.states import Acknowledged, ExperimentState, RunState, UnsentCounts
from runlake.catalog.summaries import LOST, KnownSummary
from runlake.catalog.typed import Kind, read_typed
from runlake.catalog.writers import FoundGap, GapInfo, WriterInfo, Writers, WriterState
from runlake.config import journal
from runlake.filesystem import Keeping, keeping_of, require_locks

__all__ = [
    "LOST",
    "MOST_INPUTS",
    "NOTHING_KNOWN",
    "PROMPT_TAG",
    "AccessRows",
    "Acknowledged",
    "BulkChange",
    "Catalog",
    "Change",
    "ChangedRuns",
    "Conflict",
    "DeletedExperiment",
    "DeletedRun",
    "ExperimentState",
    "FoundGap",
    "GapInfo",
    "Kind",
    "KnownSummary",
    "KnownUnstored",
    "Living",
    "Mark",
    "Narrowed",
    "NewModel",
    "NewVersion",
    "Noticed",
    "Piece",
    "Range",
    "ReadPlan",
    "Receipt",
    "ReceivedExperiment",
    "ReceivedFile",
    "ReceivedRun",
    "ReplacedSegment",
    "RunAccount",
    "RunModels",
    "RunRows",
    "RunState",
    "SealedSegment",
    "SegmentRef",
    "Settled",
    "Stamp",
    "TableState",
    "TokenRow",
    "UnlistedFile",
    "UnsentCounts",
    "Unstored",
    "UnstoredPoints",
    "UserRow",
    "WriterInfo",
    "WriterState",
    "difference",
    "read_typed",
    "unstored_points",
]


class Catalog(
    Experiments,
    Runs,
    Changes,
    Members,
    Inputs,
    Writers,
    Replicas,
    Receiving,
    Segments,
    Compaction,
    Garbage,
    Ledger,
    Rows,
    Changed,
    Notices,
    LoggedModels,
    Registry,
    Versions,
    Promotions,
    Gates,
    Events,
    Health,
    Losses,
    Rebuild,
    Access,
    Sending,
    Spooling,
    SavedViews,
    Bulk,
):
    """The catalog of one store, for all threads of this process and, after a fork, of the child.

    Whatever waits for other processes raises `CatalogLocked` when it takes too long. What was written survives the
    death of the process at once, and a power cut after the next `sync`.
    """

    def __init__(self, root: Path, lake: Lake, database: Database, keeping: Keeping) -> None:
        super().__init__(root, database)
        self.store_id = lake.store_id
        self.keeping = keeping
        self._file = database.file_identity()

    @classmethod
    def open(
        cls, root: Path, *, lock_timeout_s: float = 20.0, create: bool = True, keeping: Keeping | None = None
    ) -> Catalog:
        """Open the catalog of the store in the folder `root`; make store and catalog when they are missing.

        Args:
            lock_timeout_s: Longest wait for other processes, in this and every later call.
            create: Whether a missing store is made.
            keeping: How the store is kept; None is what the file system and RUNLAKE_JOURNAL say.

        Raises:
            NewerFormat: a later version wrote the store; nothing was touched.
            StoreUnavailable: `root` is a file, cannot be written to, has locks that are none, or is another host's.
            NotFound: there is no store and none is to be made.
        """
        root = root.absolute()
        lake = read_lake(root)
        if lake is None and not create:
            raise no_store(root)
        make_folder(root)
        keeping = keeping or keeping_of(root, journal())
        require_locks(root, keeping)
        owner = Owner(root, keeping.file_system) if keeping.shared else None
        database = Database(root, lock_timeout_s, keeping, owner)
        if lake is None:
            with database.exclusive():
                lake = read_lake(root) or make_lake(root)
        database.open()
        return cls(root, lake, database, keeping)

    def tx(self) -> int:
        """Return the number of the last transaction."""
        with self._database.reading() as session:
            return session.last_tx()

    def on_commit(self, callback: Callable[[], object]) -> None:
        """Call `callback`, which must not wait, after each commit that a power cut could still take."""
        self._database.on_commit = callback

    def is_there(self) -> bool:
        """Tell whether the folder still holds the catalog that was opened; False after it was removed or replaced.

        Where numbers of files change while they stay what they are, any catalog will do.
        """
        found = self._database.file_identity()
        return found == self._file or (found is not None and self.keeping.shared)

    @property
    def unsynced(self) -> bool:
        """Whether this process has written something that a power cut could still take."""
        return self._database.unsynced

    def sync(self) -> None:
        """Make everything that this process has written survive a power cut."""
        self._database.sync()

    def close(self, *, wait_s: float | None = None) -> None:
        """Sync and close the files, within `wait_s` seconds; the next call of any method opens them again."""
        self._database.close(wait_s)
