"""Garbage of a catalog: deleted runs and experiments on their way out for good, and files that it does not list.

A run goes in three steps, each of which a crash may follow: it is marked (3), from when on nothing brings it back; its
rows leave the segments, and its artifacts the disk; its own rows leave the catalog.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from runlake.catalog.compaction import Piece
from runlake.catalog.part import Part
from runlake.catalog.session import placeholders

if TYPE_CHECKING:
    from runlake.catalog.session import Session

_MOST_RUNS: Final = 500


@dataclass(frozen=True)
class DeletedRun:
    """A run that is deleted; `points` are those in segments, `artifacts` is where its artifacts are."""

    run_id: str
    experiment_id: str
    name: str
    deleted_ms: int
    points: int
    artifacts: str
    is_needed: bool
    """Whether a registered model version is of it."""
    is_logged_to: bool
    """Whether it is RUNNING and a process may be logging to it."""


@dataclass(frozen=True)
class DeletedExperiment:
    """An experiment that is deleted, how many runs it has, and whether a registered model version is of it."""

    experiment_id: str
    name: str
    deleted_ms: int
    runs: int
    artifacts: str
    is_needed: bool


@dataclass(frozen=True)
class UnlistedFile:
    """A segment in the folder, by its path there, that was not listed a moment ago."""

    path: str


class Garbage(Part):
    """What is to be removed for good."""

    def deleted_runs(self, until_ms: int) -> list[DeletedRun]:
        """Return the runs that were deleted up to a time, in milliseconds since 1970, and those half removed."""
        with self._database.reading() as session:
            rows = session.all(_DELETED_RUNS, (str(self.artifacts_root), until_ms))
        return [DeletedRun(*row) for row in rows]

    def deleted_experiments(self, until_ms: int) -> list[DeletedExperiment]:
        """Return the experiments that were deleted up to a time; `0` is never among them."""
        with self._database.reading() as session:
            rows = session.all(_DELETED_EXPERIMENTS, (str(self.artifacts_root), until_ms))
        return [DeletedExperiment(*row) for row in rows]

    def begin_removal(self, run_ids: Sequence[str], until_ms: int) -> list[str]:
        """Mark runs so that nothing brings them back, and return those of all times that are marked.

        One that was restored, or is being logged to again, is left alone.
        """
        with self._database.writing(durable=True) as session:
            for start in range(0, len(run_ids), _MOST_RUNS):
                part = run_ids[start : start + _MOST_RUNS]
                session.run(
                    f"UPDATE run SET deleted = 3, tx = ? WHERE run_id IN ({placeholders(len(part))})"
                    f" AND deleted IN (1, 2) AND deleted_ms <= ? AND NOT {_LOGGED_TO.format(run='run')}",
                    (session.tx, *part, until_ms),
                )
            return [run_id for (run_id,) in session.all("SELECT run_id FROM run WHERE deleted = 3")]

    def pieces_of_removed_runs(self) -> list[Piece]:
        """Return the segments that have rows of marked runs, by experiment."""
        with self._database.reading() as session:
            return [Piece(*row) for row in session.all(_PIECES_OF_REMOVED)]

    def finish_removal(self, run_ids: Sequence[str]) -> int:
        """Remove what the catalog has of marked runs that are in no segment; return how many runs these are."""
        removed = 0
        for start in range(0, len(run_ids), _MOST_RUNS):
            with self._database.writing() as session:
                part = run_ids[start : start + _MOST_RUNS]
                rows = session.all(
                    f"SELECT run, experiment FROM run r WHERE run_id IN ({placeholders(len(part))}) AND deleted = 3"
                    " AND NOT EXISTS (SELECT 1 FROM segment_run g WHERE g.run = r.run)",
                    part,
                )
                session.run("PRAGMA defer_foreign_keys = ON")
                session.run_many(
                    "UPDATE experiment SET removed_tx = ? WHERE experiment = ?",
                    [(session.tx, experiment) for experiment in {experiment for _, experiment in rows}],
                )
                _delete_where(session, "run", [run for run, _ in rows])
                removed += len(rows)
        return removed

    def remove_experiments(self, experiment_ids: Iterable[str], until_ms: int) -> list[str]:
        """Remove deleted experiments that have no runs, with their logged models; return those that went."""
        gone = []
        with self._database.writing() as session:
            session.run("PRAGMA defer_foreign_keys = ON")
            for experiment_id in experiment_ids:
                row = session.one(
                    "SELECT experiment FROM experiment e WHERE experiment_id = ? AND deleted != 0 AND updated_ms <= ?"
                    " AND NOT EXISTS (SELECT 1 FROM run r WHERE r.experiment = e.experiment)",
                    (experiment_id, until_ms),
                )
                if row is None:
                    continue
                models = session.all("SELECT logged FROM logged_model WHERE experiment = ?", row)
                _delete_where(session, "logged", [number for (number,) in models])
                _delete_where(session, "experiment", list(row))
                gone.append(experiment_id)
        return gone

    def remove_unlisted(self, files: Sequence[UnlistedFile]) -> list[UnlistedFile]:
        """Remove files that the catalog still does not list, nor keeps for readers; return those that went.

        Whoever lists a file that he has written makes sure under the same lock that it is there.
        """
        gone = []
        with self._database.writing() as session:
            for file in files:
                known = session.one(
                    "SELECT 1 FROM segment WHERE path = ? UNION SELECT 1 FROM replaced_segment WHERE path = ?",
                    (file.path, file.path),
                )
                if known is None:
                    (self.root / "segments" / file.path).unlink(missing_ok=True)
                    gone.append(file)
            session.cancel()  # nothing of the catalog has changed
        return gone

    def has_lost_segments(self) -> bool:
        """Tell whether a listed segment was found to be lost or damaged: what is not listed may replace it."""
        with self._database.reading() as session:
            return session.one("SELECT 1 FROM segment WHERE lost IS NOT NULL") is not None


_LOGGED_TO: Final = (
    "({run}.status = 'RUNNING' AND EXISTS (SELECT 1 FROM writer_run m JOIN writer w USING (writer)"
    " WHERE m.run = {run}.run AND w.state = 'open'))"
)
_DELETED_RUNS: Final = f"""
    SELECT r.run_id, e.experiment_id, r.name, r.deleted_ms,
        (SELECT coalesce(sum(g.rows), 0) FROM segment_run g WHERE g.run = r.run),
        coalesce(r.artifact_uri, coalesce(e.artifact_location, ? || '/' || e.experiment_id) || '/' || r.run_id),
        r.deleted != 3 AND EXISTS (SELECT 1 FROM model_version v WHERE v.run_id = r.run_id OR v.model_id IN
            (SELECT l.model_id FROM logged_model l WHERE l.source_run_id = r.run_id)),
        r.deleted != 3 AND {_LOGGED_TO.format(run="r")}
    FROM run r JOIN experiment e USING (experiment)
    WHERE r.deleted != 0 AND (r.deleted_ms <= ? OR r.deleted = 3) ORDER BY r.deleted_ms, r.run"""
_DELETED_EXPERIMENTS: Final = """
    SELECT e.experiment_id, e.name, e.updated_ms, (SELECT count(*) FROM run r WHERE r.experiment = e.experiment),
        coalesce(e.artifact_location, ? || '/' || e.experiment_id),
        EXISTS (SELECT 1 FROM logged_model l JOIN model_version v USING (model_id) WHERE l.experiment = e.experiment)
    FROM experiment e WHERE e.deleted != 0 AND e.experiment != 0 AND e.updated_ms <= ? ORDER BY e.updated_ms"""
_PIECES_OF_REMOVED: Final = """
    SELECT s.segment_id, s.path, s.experiment_id, s.rows, s.bytes,
        (SELECT count(*) FROM segment_range r WHERE r.segment = s.segment)
    FROM segment s WHERE s.lost IS NULL AND s.segment IN
        (SELECT g.segment FROM segment_run g WHERE g.run IN (SELECT run FROM run WHERE deleted = 3))
    ORDER BY s.experiment_id, s.rows"""
_TABLES_WITH: Final = """
    SELECT m.name FROM sqlite_master m
    WHERE m.type = 'table' AND EXISTS (SELECT 1 FROM pragma_table_info(m.name) c WHERE c.name = ?)"""


def _delete_where(session: Session, column: str, numbers: Sequence[int]) -> None:
    """Delete all rows of all tables that have one of some numbers in a column of that name."""
    if not numbers:
        return
    for (table,) in session.all(_TABLES_WITH, (column,)):
        session.run(f"DELETE FROM {table} WHERE {column} IN ({placeholders(len(numbers))})", numbers)
