"""Run tables: what one process knows of the runs of a store, brought up to date by each query.

    journals -> one transaction of the catalog (`sealed`, and the runs that have changed) -> journals' summaries

That is the reader protocol of the module reader. For each experiment a process keeps the mapped snapshot and the runs
that have changed since; when these are many, it writes a new snapshot for whoever comes next.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from runlake.entities import ViewType
from runlake.errors import Corrupt
from runlake.query.changed_part import ChangedPart, RunRecord, records_of
from runlake.query.experiment_runs import ExperimentRuns
from runlake.query.forks import require_threads
from runlake.query.live import LiveMetrics, LiveReader
from runlake.query.loaded_part import LoadedPart
from runlake.query.reader import Hook, Lake, ReadStep, no_hook, open_journals, writers_of
from runlake.query.run_frames import RunFrames, concatenated
from runlake.query.run_part import KeyNames
from runlake.query.snapshot import Snapshot, SnapshotDamaged, Snapshots
from runlake.query.table import RunTable, Shape
from runlake.query.unstored import unstored_summaries

if TYPE_CHECKING:
    from runlake.catalog import Catalog, ChangedRuns, TableState

T = TypeVar("T")

# An experiment with fewer runs is read from the catalog in less than 20 ms; more than that is worth a file.
_SMALL = 256
# With so many changed runs, or an eighth of all, a new process would read the catalog for longer than a write takes.
_MANY_CHANGES = 2000
_SHAPES = 8
_ATTEMPTS = 3


class RunTables:
    """The experiments of one store as far as this process has read them.

    There are no locks, which a fork could leave locked: what is kept is never changed, only replaced, and the worst
    that two threads do to each other is to read something twice. A reading goes on from what was kept before its
    transaction began, and answers from nothing else.
    """

    def __init__(self, catalog: Catalog) -> None:
        owner = weakref.proxy(catalog)
        self._catalog = owner
        self._snapshots = Snapshots(catalog.root / "cache" / "runs", catalog.store_id)
        self._live = LiveReader(lambda run_ids: owner.run_places(run_ids))  # a bound method would keep the catalog
        self._experiments: dict[str, ExperimentRuns] = {}
        self._names = KeyNames({}, {})
        self._shapes: list[Shape] = []
        self._last: RunTable | None = None

    def read(self, lake: Lake, experiments: Sequence[str] | None, view: int, hook: Hook) -> RunTable:
        """Return the runs of some experiments, or of all, as they are now."""
        journals = open_journals(lake, None, hook)
        entries = journals.ledger()
        known = dict(self._experiments)  # what other threads put there from now on may be newer than the transaction
        received: dict[str, _Received] = {}

        def known_up_to(experiment_id: str, tx: int, removed_tx: int) -> int:
            if experiment_id in known and known[experiment_id].tx < removed_tx:
                stale = known.pop(experiment_id)
                if self._experiments.get(experiment_id) is stale:
                    del self._experiments[experiment_id]
            if experiment_id not in known:
                snapshot = self._snapshots.open(experiment_id)
                if snapshot is None or not removed_tx <= snapshot.tx <= tx:  # the catalog was put back, or it is new
                    return 0
                known[experiment_id] = self._only(snapshot)
                self._keep(known[experiment_id])
            return known[experiment_id].tx

        def receive(experiment_id: str, runs: ChangedRuns) -> None:
            received.setdefault(experiment_id, _Received(anew=experiment_id not in known)).take(runs)

        writers = writers_of(journals)
        state = self._catalog.changed_runs(experiments, known_up_to, receive, writers=writers, counting=list(entries))
        hook(ReadStep.PLANNED)
        names = self._learned_names() if received else self._names
        for experiment_id in list(received):
            before = known.get(experiment_id)
            known[experiment_id] = self._updated(experiment_id, state.tx, before, received.pop(experiment_id), names)
        live = self._live.read(journals, state.sealed, unstored_summaries(entries, state.unstored))
        hook(ReadStep.TAIL)
        return self._table(self._shape(state, known, view), live)

    def forget(self, experiment_id: str) -> None:
        """Read an experiment from the catalog the next time: its snapshot is damaged."""
        self._snapshots.forget(experiment_id)
        self._experiments.pop(experiment_id, None)

    def _updated(
        self, experiment_id: str, tx: int, before: ExperimentRuns | None, received: _Received, names: KeyNames
    ) -> ExperimentRuns:
        """The runs of an experiment with those that have changed; kept for the next query."""
        base = None if before is None else before.snapshot
        records = {} if before is None else before.changed.records
        if received.frames:
            base = LoadedPart(concatenated(received.frames), names)
        later = {run: record.after(records.get(run)) for run, record in received.records.items()}
        runs = ExperimentRuns(experiment_id, tx, base, ChangedPart({**records, **later}, names))
        few = _SMALL if base is None else max(_MANY_CHANGES, base.height // 8)
        if received.frames or runs.changed.height > few:
            return self._written(runs)
        return self._keep(runs)

    def _written(self, runs: ExperimentRuns) -> ExperimentRuns:
        """Write a snapshot, from which the next query goes on; without room for one, runs stay in memory."""
        self._snapshots.write(runs.experiment_id, runs.tx, runs)
        snapshot = self._snapshots.open(runs.experiment_id)
        if snapshot is None:
            return self._keep(runs)
        kept = self._keep(self._only(snapshot))
        return kept if snapshot.tx == runs.tx else runs  # another process has put one in its place

    def _only(self, snapshot: Snapshot) -> ExperimentRuns:
        return ExperimentRuns(snapshot.experiment_id, snapshot.tx, snapshot, ChangedPart({}, self._names))

    def _keep(self, runs: ExperimentRuns) -> ExperimentRuns:
        """Keep runs for the next query, unless another thread has read more."""
        kept = self._experiments.get(runs.experiment_id)
        if kept is None or kept.tx <= runs.tx:
            self._experiments[runs.experiment_id] = runs
        return runs

    def _learned_names(self) -> KeyNames:
        """Take up the names of keys that are new; names are never taken back."""
        names = self._names
        new = self._catalog.key_names_after(max(names.texts, default=0))
        if new:
            texts = {**names.texts, **dict(new)}
            names = self._names = KeyNames(texts, {text: number for number, text in texts.items()})
        return names

    def _table(self, shape: Shape, live: LiveMetrics) -> RunTable:
        """The table of runs and what is live of them: the last one, with all that it has made, if it is the same."""
        last = self._last
        if last is None or last.shape is not shape or last.live is not live:
            last = self._last = RunTable(shape, live)
        return last

    def _shape(self, state: TableState, known: Mapping[str, ExperimentRuns], view: int) -> Shape:
        found = (known.get(experiment_id) for experiment_id in state.artifacts)
        parts = tuple(runs for runs in found if runs is not None and runs.height)
        for shape in self._shapes:
            if shape.view == view and shape.artifacts == state.artifacts and _same(shape.parts, parts):
                return shape
        shape = Shape(parts, state.artifacts, view)
        alike = next((earlier for earlier in self._shapes if shape.like(earlier)), None)
        if alike is not None:
            shape = replace(shape, schemas=alike.schemas)
        self._shapes = [shape, *self._shapes][:_SHAPES]
        return shape


class _Received:
    """Runs that the catalog has handed over: as records, or as frames where there are many of which none is known.

    Args:
        anew: Whether none is known.
    """

    def __init__(self, anew: bool) -> None:
        self._anew = anew
        self.records: dict[int, RunRecord] = {}
        self.frames: list[RunFrames] = []

    def take(self, runs: ChangedRuns) -> None:
        """Take over the next piece; the first one tells whether there are many."""
        if self.frames or (self._anew and len(runs.runs["run"]) > _SMALL):
            self.frames.append(RunFrames.of(runs))
        else:
            self.records.update(records_of(runs))


def load_table(
    lake: Lake, experiments: Sequence[str] | None = None, view: int = ViewType.ACTIVE_ONLY, *, hook: Hook = no_hook
) -> RunTable:
    """Return the runs of some experiments, or of all, as they are now."""
    require_threads()
    return answer(lake, lambda: _tables_of(lake.catalog).read(lake, experiments, view, hook), lambda table: table)


def answer(lake: Lake, load: Callable[[], RunTable], question: Callable[[RunTable], T]) -> T:
    """Ask a table something; when a snapshot turns out to be damaged, ask one that was read from the catalog.

    Raises:
        Corrupt: snapshots are damaged as often as they are made anew.
    """
    for _ in range(_ATTEMPTS):
        try:
            return question(load())
        except SnapshotDamaged as damaged:
            _tables_of(lake.catalog).forget(damaged.args[0])
    raise Corrupt(
        f"the cache of {lake.catalog.root} cannot be read", hint="check the disk, and remove the folder cache"
    )


def _tables_of(catalog: Catalog) -> RunTables:
    tables = _all_tables.get(catalog)
    if tables is None:
        tables = _all_tables[catalog] = RunTables(catalog)
    return tables


def _same(left: Sequence[ExperimentRuns], right: Sequence[ExperimentRuns]) -> bool:
    return len(left) == len(right) and all(mine is other for mine, other in zip(left, right, strict=True))


_all_tables: weakref.WeakKeyDictionary[Catalog, RunTables] = weakref.WeakKeyDictionary()
