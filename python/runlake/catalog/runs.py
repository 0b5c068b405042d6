"""Runs of a catalog: creating, finding, reading, deleting and restoring."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from runlake.catalog.changes import RUN_NAME_TAG, find_run, put_tags
from runlake.catalog.experiments import find_experiment_row
from runlake.catalog.inputs import read_inputs, read_models_of_runs
from runlake.catalog.part import Part, clock_ms
from runlake.catalog.session import placeholders
from runlake.catalog.writers import WriterInfo, attach_writer, put_writer
from runlake.entities import LifecycleStage, Run, RunData, RunInfo, RunInputs, RunOutputs
from runlake.errors import AlreadyExists, InvalidInput, NotFound

if TYPE_CHECKING:
    from runlake.catalog.session import Row, Session

ARTIFACT_URI: Final = (
    "coalesce(r.artifact_uri, coalesce(e.artifact_location, ? || '/' || e.experiment_id) || '/' || r.run_id)"
)
"""Where a run's artifacts are; the one value it takes is the folder of the store's artifacts."""

REMOVED: Final = 3
"""Mark of a deleted run that nothing brings back; see catalog/garbage.py."""

_MOST_VALUES = 500  # in one statement; old versions of SQLite allow 999


class Runs(Part):
    """What a catalog knows of runs."""

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
        writer: WriterInfo | None = None,
    ) -> Run:
        """Create a RUNNING run in an active experiment, and return it as `get_run` would.

        Args:
            start_time: Milliseconds since 1970.
            artifact_uri: Folder of its artifacts; None is its own below the experiment's.
            owned: Whether recovery ends it once all its writers are dead.
            writer: The journal that its points go to; registered and attached in the same transaction.

        Raises:
            NotFound: there is no such experiment.
            InvalidInput: the experiment is deleted.
            AlreadyExists: there is a run with that id.
        """
        tags = {**(tags or {}), RUN_NAME_TAG: name}
        with self._database.writing() as session:
            experiment, location = _require_experiment(session, experiment_id)
            try:
                run = session.insert(
                    "INSERT INTO run (run_id, experiment, name, user_id, status, start_ms, artifact_uri, owned,"
                    " tx, tag_tx) VALUES (?, ?, ?, ?, 'RUNNING', ?, ?, ?, ?, ?)",
                    (run_id, experiment, name, user_id, start_time, artifact_uri, owned, session.tx, session.tx),
                )
            except sqlite3.IntegrityError:
                raise AlreadyExists(f"there is a run {run_id!r} already") from None
            put_tags(session, run, tags)
            if writer is not None:
                attach_writer(session, put_writer(session, writer), run, member=owned)
        uri = artifact_uri or f"{location or f'{self.artifacts_root}/{experiment_id}'}/{run_id}"
        info = RunInfo(*(run_id, experiment_id, user_id, "RUNNING", start_time, None, LifecycleStage.ACTIVE, uri, name))
        return Run(info, RunData({}, {}, dict(sorted(tags.items()))), RunInputs())

    def get_run(self, run_id: str) -> Run:
        """Return a run, deleted or not; its metrics are those of segments alone.

        Raises:
            NotFound: there is none with that id.
        """
        runs = self.get_runs([run_id])
        if not runs:
            raise NotFound(f"there is no run {run_id!r}")
        return runs[0]

    def get_runs(self, run_ids: Sequence[str]) -> list[Run]:
        """Return the runs among `run_ids` that there are, in that order; their metrics are those of segments alone."""
        found: dict[str, Run] = {}
        with self._database.reading() as session:
            for start in range(0, len(run_ids), _MOST_VALUES):
                found.update(self._read(session, run_ids[start : start + _MOST_VALUES]))
        return [found[run_id] for run_id in run_ids if run_id in found]

    def run_ids(self, named: str) -> list[str]:
        """Return the ids of the runs that `named` means: that id, else ids that begin with it, else runs of that name.

        An abbreviated id has at least 4 characters; a name means active runs only. The latest run comes first.
        """
        with self._database.reading() as session:
            for condition, values in (
                ("run_id = ?", (named,)),
                ("run_id >= ? AND run_id < ? AND length(?) > 3", (named, named + "\U0010ffff", named)),
                ("name = ? AND deleted = 0", (named,)),
            ):
                if rows := session.all(f"SELECT run_id FROM run WHERE {condition} ORDER BY start_ms DESC", values):
                    return [run_id for (run_id,) in rows]
        return []

    def active_names(self) -> list[str]:
        """Return the names of all active runs, each once, in no order."""
        with self._database.reading() as session:
            return [name for (name,) in session.all("SELECT DISTINCT name FROM run WHERE deleted = 0")]

    def run_experiment(self, run_ids: Sequence[str]) -> dict[str, str]:
        """Return the experiment of each run; runs that the catalog does not know are left out."""
        found: dict[str, str] = {}
        with self._database.reading() as session:
            for start in range(0, len(run_ids), _MOST_VALUES):
                part = run_ids[start : start + _MOST_VALUES]
                found.update(
                    session.all(
                        "SELECT r.run_id, e.experiment_id FROM run r JOIN experiment e USING (experiment)"
                        f" WHERE r.run_id IN ({placeholders(len(part))})",
                        part,
                    )
                )
        return found

    def run_names(self, run_ids: Sequence[str]) -> dict[str, str]:
        """Return the name of each run; runs that the catalog does not know are left out."""
        found: dict[str, str] = {}
        with self._database.reading() as session:
            for start in range(0, len(run_ids), _MOST_VALUES):
                part = run_ids[start : start + _MOST_VALUES]
                found.update(
                    session.all(f"SELECT run_id, name FROM run WHERE run_id IN ({placeholders(len(part))})", part)
                )
        return found

    def start_times(self, run_ids: Sequence[str] | None = None) -> dict[str, int]:
        """Return when each run started, in ms since 1970; of all runs, or those of some that the catalog knows."""
        with self._database.reading() as session:
            if run_ids is None:
                return dict(session.all("SELECT run_id, start_ms FROM run"))
            found: dict[str, int] = {}
            for start in range(0, len(run_ids), _MOST_VALUES):
                part = run_ids[start : start + _MOST_VALUES]
                found.update(
                    session.all(f"SELECT run_id, start_ms FROM run WHERE run_id IN ({placeholders(len(part))})", part)
                )
        return found

    def delete_run(self, run_id: str) -> None:
        """Mark a run deleted, unless it is."""
        self._mark(run_id, deleted=True)

    def restore_run(self, run_id: str) -> None:
        """Bring back a run, if it is deleted.

        Raises:
            NotFound: it is being removed for good.
        """
        self._mark(run_id, deleted=False)

    def _mark(self, run_id: str, *, deleted: bool) -> None:
        with self._database.writing() as session:
            run, _, was_deleted = find_run(session, run_id)
            if bool(was_deleted) == deleted:  # no mistake for MLflow: scripts that clean up do it again
                session.cancel()
                return
            if was_deleted == REMOVED:
                raise NotFound(f"run {run_id} is being removed for good and cannot be restored")
            session.run(
                "UPDATE run SET deleted = ?, deleted_ms = ?, tx = ? WHERE run = ?",
                (deleted, clock_ms() if deleted else None, session.tx, run),
            )

    def _read(self, session: Session, run_ids: Sequence[str]) -> dict[str, Run]:
        rows = session.all(
            f"SELECT r.run, r.run_id, e.experiment_id, r.user_id, r.status, r.start_ms, r.end_ms, r.deleted,"
            f" {ARTIFACT_URI}, r.name FROM run r JOIN experiment e USING (experiment)"
            f" WHERE r.run_id IN ({placeholders(len(run_ids))})",
            (str(self.artifacts_root), *run_ids),
        )
        numbers = [row[0] for row in rows]
        metrics = _by_run(session, "metric_summary", "last_value", numbers)
        params = _by_run(session, "param", "value", numbers)
        tags = _by_run(session, "tag", "value", numbers)
        inputs = read_inputs(session, numbers)
        models = read_models_of_runs(session, numbers)
        runs = {}
        for row in rows:
            number = row[0]
            values = {key: float("nan") if value is None else value for key, value in metrics.get(number, {}).items()}
            data = RunData(values, params.get(number, {}), tags.get(number, {}))
            read, written = models.get(number, ([], []))
            outputs = RunOutputs(written) if written else None
            runs[row[1]] = Run(_info(row), data, RunInputs(inputs.get(number, []), read), outputs)
        return runs


def _info(row: Row) -> RunInfo:
    _, run_id, experiment_id, user_id, status, start_ms, end_ms, deleted, artifact_uri, name = row
    stage = LifecycleStage.DELETED if deleted else LifecycleStage.ACTIVE
    return RunInfo(run_id, experiment_id, user_id, status, start_ms, end_ms, stage, artifact_uri, name)


def _by_run(session: Session, table: str, column: str, runs: Sequence[int]) -> dict[int, dict[str, Any]]:
    found: dict[int, dict[str, Any]] = {}
    for run, key, value in session.all(
        f"SELECT t.run, n.text, t.{column} FROM {table} t JOIN name n ON n.name = t.key"
        f" WHERE t.run IN ({placeholders(len(runs))}) ORDER BY t.run, n.text",
        runs,
    ):
        found.setdefault(run, {})[key] = value
    return found


def _require_experiment(session: Session, experiment_id: str) -> tuple[int, str | None]:
    """Return number and place of the artifacts of an active experiment."""
    row = find_experiment_row(session, experiment_id)
    if row[4]:
        raise InvalidInput(
            f"experiment {experiment_id} ({row[2]!r}) is deleted and takes no new runs",
            hint="bring it back with restore_experiment()",
        )
    return int(row[0]), row[3]
