"""Tidings: what has changed in a store since somebody looked, so that who shows it asks again for that alone.

The catalog tells of runs, experiments and models, by its transactions; journals tell of points, by how far they have
grown. Points that were logged and sealed between two looks have left no journal behind, but a mark on their run.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from runlake.catalog import Mark
from runlake.catalog.notices import MOST_RUNS
from runlake.query.reader import arrow_frame

if TYPE_CHECKING:
    from runlake._engine import Journals
    from runlake.catalog import Noticed
    from runlake.query.reader import Lake

MOST_KEYS: Final = 100
_MOST_PLACES: Final = 10_000

Keys = frozenset[str] | None
"""Metrics with new points; None when it may be any."""


@dataclass(frozen=True)
class Tidings:
    """What has changed up to `mark`.

    Attributes:
        runs: Changed runs, each with its experiment; None when they are many, all of them in `experiments`.
        experiments: Experiments that have changed, or that a changed run is of.
        points: Runs with new points, each with its experiment.
        keys: Which metrics these are of.
        models: Registered models that something was done with.
    """

    mark: Mark
    runs: Mapping[str, str] | None
    experiments: frozenset[str]
    points: Mapping[str, str]
    keys: Mapping[str, Keys]
    models: frozenset[str]

    @classmethod
    def none(cls, mark: Mark) -> Tidings:
        """Nothing has changed."""
        return cls(mark, {}, frozenset(), {}, {}, frozenset())

    @property
    def is_empty(self) -> bool:
        """Whether nothing has changed."""
        return not (self.runs is None or self.experiments or self.points or self.models)

    def then(self, later: Tidings) -> Tidings:
        """Return both, as if they had come at once."""
        runs = None if self.runs is None or later.runs is None else {**self.runs, **later.runs}
        return Tidings(
            max(self.mark, later.mark),
            None if runs is not None and len(runs) > MOST_RUNS else runs,
            self.experiments | later.experiments,
            {**self.points, **later.points},
            _together(self.keys, later.keys),
            self.models | later.models,
        )


@dataclass
class Lookout:
    """What one process has seen of a store. It belongs to one thread at a time."""

    lake: Lake
    mark: Mark | None = None
    _upto: dict[str, int] = field(default_factory=dict)
    _unstored: dict[tuple[str, str, str], int] = field(default_factory=dict)
    _places: dict[str, str] = field(default_factory=dict)

    def look(self) -> Tidings | None:
        """Return what has changed since the last look that succeeded; the first one begins.

        Returns:
            None when the catalog is an earlier one than was seen: what is known of it counts for nothing.
        """
        journals = self.lake.journals()  # before the catalog: what is sealed between the two is told twice, not never
        if self.mark is None:
            self.mark = self.lake.catalog.mark()
            self._take(journals)
            return Tidings.none(self.mark)
        noticed = self.lake.catalog.noticed(self.mark)
        if noticed is None:
            self.mark = None
            return None
        keys = _together(self._grown(journals), dict.fromkeys(noticed.sealed))
        tidings = _tidings(noticed, self._placed(keys, noticed.runs or {}), keys)
        self.mark = noticed.mark
        self._take(journals)
        return tidings

    def _take(self, journals: Journals) -> None:
        self._upto = {writer: upto for writer, _, upto in journals.writers()}
        self._unstored = _counts(journals)

    def _grown(self, journals: Journals) -> dict[str, Keys]:
        """Return the metrics that have new points in journals, by run."""
        held = journals.writers()
        # A writer that was not seen before has begun after the last look, so that all it has is new.
        starts = {writer: max(first, self._upto.get(writer, first)) for writer, first, _ in held}
        found: dict[str, set[str]] = {}
        if any(starts[writer] < upto for writer, _, upto in held):
            rows = arrow_frame(journals.summaries(starts))
            for run_id, key in zip(rows["run_id"].to_list(), rows["key"].to_list(), strict=True):
                found.setdefault(run_id, set()).add(key)
        for (writer, run_id, key), count in _counts(journals).items():
            if self._unstored.get((writer, run_id, key)) != count:
                found.setdefault(run_id, set()).add(key)
        return {run_id: frozenset(keys) if len(keys) <= MOST_KEYS else None for run_id, keys in found.items()}

    def _placed(self, run_ids: Iterable[str], changed: Mapping[str, str]) -> dict[str, str]:
        """Return the experiments of runs; those that the catalog does not know yet are left out."""
        if len(self._places) > _MOST_PLACES:
            self._places = {}
        self._places.update(changed)
        if unknown := [run_id for run_id in run_ids if run_id not in self._places]:
            places = self.lake.catalog.run_places(unknown)
            self._places.update((run_id, experiment_id) for run_id, (_, experiment_id) in places.items())
        return {run_id: self._places[run_id] for run_id in run_ids if run_id in self._places}


def missed(lake: Lake, since: Mark) -> Tidings | None:
    """Return what somebody has missed who has seen a store up to `since`; None when it is not that store's.

    Nobody knows which points were there then: all runs with points in journals may have new ones.
    """
    live = lake.catalog.runs_in_journals()
    noticed = lake.catalog.noticed(since)
    if noticed is None:
        return None
    points = {run_id: experiment for run_id, experiment in (noticed.runs or {}).items() if run_id in noticed.sealed}
    points = {**points, **live}
    return _tidings(noticed, points, dict.fromkeys(points))


def _counts(journals: Journals) -> dict[tuple[str, str, str], int]:
    """How many points are not stored, by writer, run and key; the latest of them may count for a metric's value."""
    return {
        (writer, entry.run_id, entry.key): entry.accepted_unstored + entry.pending_count
        for writer, entries in journals.ledger().items()
        for entry in entries
    }


def _tidings(noticed: Noticed, points: Mapping[str, str], keys: Mapping[str, Keys]) -> Tidings:
    return Tidings(noticed.mark, noticed.runs, noticed.experiments, points, keys, noticed.models)


def _together(earlier: Mapping[str, Keys], later: Mapping[str, Keys]) -> dict[str, Keys]:
    found = dict(earlier)
    for run_id, keys in later.items():
        before = found.get(run_id, frozenset())
        both = None if keys is None or before is None else before | keys
        found[run_id] = None if both is None or len(both) > MOST_KEYS else both
    return found
