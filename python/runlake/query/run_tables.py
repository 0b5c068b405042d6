"""Run tables: what one process knows of the runs of a store, brought up to date by each query.

    journals -> one transaction of the catalog (`sealed`, and the runs that have changed) -> journals' summaries

That is the reader protocol of the module reader. For each experiment a process keeps the mapped snapshot and the runs
that have changed since; when these are many, it writes a new snapshot for whoever comes next.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from runlake.entities import ViewType
from runlake.errors import Corrupt
from runlake.query.changed_part import ChangedPart, RunRecord, records_of
from runlake.query.experiment_runs import ExperimentRuns
from runlake.query.live import LiveReader
from runlake.query.loaded_part import LoadedPart
from runlake.query.reader import Hook, Lake, ReadStep, no_hook, open_journals, writers_of
from runlake.query.run_frames import RunFrames, concatenated
from runlake.query.run_part import KeyNames, RunPart
from runlake.query.snapshot import Snapshot, SnapshotDamaged, Snapshots
from runlake.query.table import RunTable, Shape

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
    that two threads do to each other is to read something twice.
    """

    def __init__(self, catalog: Catalog) -> None:
        owner = weakref.proxy(catalog)
        self._catalog = owner
        self._snapshots = Snapshots(catalog.root / "cache" / "runs", catalog.store_id)
        self._live = LiveReader(lambda run_ids: owner.run_places(run_ids))  # a bound method would keep the catalog
        self._experiments: dict[str, ExperimentRuns] = {}
        self._names = KeyNames({}, {})
        self._shapes: list[Shape] = []

    def read(self, lake: Lake, experiments: Sequence[str] | None, view: int, hook: Hook) -> RunTable:
        """Return the runs of some experiments, or of all, as they are now."""
        journals = open_journals(lake, None, hook)
        opened: dict[str, Snapshot] = {}
        changed: dict[str, _Received] = {}

        def known_up_to(experiment_id: str, now_tx: int) -> int:
            known = self._experiments.get(experiment_id)
            if known is not None:
                return known.tx
            snapshot = self._snapshots.open(experiment_id)
            if snapshot is None or snapshot.tx > now_tx:  # the catalog was put back to what it was before
                return 0
            opened[experiment_id] = snapshot
            return snapshot.tx

        def receive(experiment_id: str, runs: ChangedRuns) -> None:
            anew = experiment_id not in opened and experiment_id not in self._experiments
            changed.setdefault(experiment_id, _Received(anew)).take(runs)

        state = self._catalog.changed_runs(experiments, known_up_to, receive, writers=writers_of(journals))
        hook(ReadStep.PLANNED)
        if changed:
            self._learn_names()
        for experiment_id in {*opened, *changed}:
            self._update(experiment_id, state.tx, opened.get(experiment_id), changed.pop(experiment_id, _Received()))
        live = self._live.read(journals, state.sealed)
        hook(ReadStep.TAIL)
        return RunTable(self._shape(state, view), live)

    def forget(self, experiment_id: str) -> None:
        """Read an experiment from the catalog the next time: its snapshot is damaged."""
        self._snapshots.forget(experiment_id)
        self._experiments.pop(experiment_id, None)

    def _update(self, experiment_id: str, tx: int, opened: Snapshot | None, received: _Received) -> None:
        known = self._experiments.get(experiment_id)
        base: RunPart | None = opened if known is None else known.snapshot
        records = {} if known is None else known.changed.records
        if received.frames:
            base = LoadedPart(concatenated(received.frames), self._names)
        later = {run: record.after(records.get(run)) for run, record in received.records.items()}
        changed = ChangedPart({**records, **later}, self._names)
        runs = ExperimentRuns(experiment_id, tx, base, changed)
        few = _SMALL if base is None else max(_MANY_CHANGES, base.height // 8)
        if received.frames or changed.height > few:
            runs = self._written(runs)
        self._experiments[experiment_id] = runs

    def _written(self, runs: ExperimentRuns) -> ExperimentRuns:
        """Write a snapshot and go on from it; without room for one, runs stay in memory."""
        self._snapshots.write(runs.experiment_id, runs.tx, runs)
        snapshot = self._snapshots.open(runs.experiment_id)
        nothing = ChangedPart({}, self._names)
        if snapshot is None:
            return runs
        return ExperimentRuns(runs.experiment_id, snapshot.tx, snapshot, nothing)

    def _learn_names(self) -> None:
        """Take up the names of keys that are new; names are never taken back."""
        new = self._catalog.key_names_after(max(self._names.texts, default=0))
        if new:
            texts = {**self._names.texts, **dict(new)}
            self._names = KeyNames(texts, {text: number for number, text in texts.items()})

    def _shape(self, state: TableState, view: int) -> Shape:
        found = (self._experiments.get(experiment_id) for experiment_id in state.artifacts)
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

    def __init__(self, anew: bool = False) -> None:
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
