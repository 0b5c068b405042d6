"""Notices: what of a catalog has changed since a mark, as far as a page has to know to ask again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from runlake.catalog.part import Part

MOST_RUNS: Final = 1000
"""How many changed runs are told by name; of more it is said that there are many."""


@dataclass(frozen=True, order=True)
class Mark:
    """Up to where somebody has seen a catalog: its last transaction, and the last event of the registry."""

    tx: int
    event: int


@dataclass(frozen=True)
class Noticed:
    """What has changed between a mark and `mark`.

    Attributes:
        runs: Ids of the runs, each with its experiment's; None when there are more than 1,000.
        sealed: Those of them whose points in segments, or whose account of points that were not stored, have changed.
        experiments: Experiments that changed themselves, or of which a run changed or was removed for good.
        models: Names, then, of the registered models that something was done with.
    """

    mark: Mark
    runs: dict[str, str] | None
    sealed: frozenset[str]
    experiments: frozenset[str]
    models: frozenset[str]


class Notices(Part):
    """Reading what has changed, from the marks that changes leave on what they change."""

    def mark(self) -> Mark:
        """Return up to where the catalog has come."""
        with self._database.reading() as session:
            return Mark(*session.all(_MARK)[0])

    def noticed(self, since: Mark) -> Noticed | None:
        """Return what has changed since a mark; None when that is ahead of the catalog, which was put back then."""
        with self._database.reading() as session:
            mark = Mark(*session.all(_MARK)[0])
            if since.tx > mark.tx or since.event > mark.event:
                return None
            if since == mark:
                return Noticed(mark, {}, frozenset(), frozenset(), frozenset())
            rows = session.all(_RUNS, (since.tx, MOST_RUNS + 1))
            experiments = session.all(_EXPERIMENTS, (since.tx,))
            models = session.all(_MODELS, (since.event,)) if since.event else session.all(_ALL_MODELS)
        return Noticed(
            mark,
            {run_id: experiment_id for run_id, experiment_id, _ in rows} if len(rows) <= MOST_RUNS else None,
            frozenset(run_id for run_id, _, sealed in rows if sealed),
            frozenset(experiment_id for (experiment_id,) in experiments),
            frozenset(name for (name,) in models),
        )

    def runs_in_journals(self) -> dict[str, str]:
        """Return the ids of the runs that may have points outside segments, each with its experiment's."""
        with self._database.reading() as session:
            return dict(session.all(_IN_JOURNALS))


_MARK: Final = "SELECT tx, (SELECT ifnull(max(event), 0) FROM registry_event) FROM counter"
_RUNS: Final = """
    SELECT r.run_id, e.experiment_id, r.summary_tx > ?1
    FROM experiment e CROSS JOIN run r ON r.experiment = e.experiment AND r.tx > ?1 LIMIT ?2"""
_EXPERIMENTS: Final = """
    SELECT e.experiment_id FROM experiment e WHERE max(e.tx, e.removed_tx) > ?1
    OR EXISTS (SELECT 1 FROM run r WHERE r.experiment = e.experiment AND r.tx > ?1)"""
_MODELS: Final = "SELECT DISTINCT name FROM registry_event WHERE event > ?"
_ALL_MODELS: Final = "SELECT name FROM registered_model"  # for whoever knows of no event, of however many there are
_IN_JOURNALS: Final = """
    SELECT DISTINCT r.run_id, e.experiment_id FROM writer w JOIN writer_run USING (writer) JOIN run r USING (run)
    JOIN experiment e USING (experiment) WHERE w.state != 'sealed'"""
