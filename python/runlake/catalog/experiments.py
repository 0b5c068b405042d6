"""Experiments of a catalog: names, tags, deleting and restoring.

Ids are 18 random decimal digits. They are made without asking anybody, so that stores can be merged; they are decimal,
and fit 64 bits, because programs written for MLflow take that for granted.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import TYPE_CHECKING

from runlake.catalog.part import Part, clock_ms
from runlake.entities import Experiment, LifecycleStage, ViewType
from runlake.errors import AlreadyExists, InvalidInput, NotFound

if TYPE_CHECKING:
    from runlake.catalog.session import Row, Session

_COLUMNS = "experiment, experiment_id, name, artifact_location, deleted, created_ms, updated_ms"


class Experiments(Part):
    """What a catalog knows of experiments."""

    def create_experiment(
        self, name: str, *, artifact_location: str | None = None, tags: Mapping[str, str] | None = None, now_ms: int
    ) -> str:
        """Create an experiment and return its id.

        Args:
            artifact_location: Folder for the artifacts of its runs; None is inside the store.

        Raises:
            AlreadyExists: an active experiment has that name.
        """
        experiment_id = str(10**17 + secrets.randbelow(9 * 10**17))
        with self._database.writing() as session:
            _require_free_name(session, name)
            experiment = session.insert(
                "INSERT INTO experiment (experiment_id, name, artifact_location, created_ms, updated_ms, tx)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                (experiment_id, name, artifact_location, now_ms, now_ms, session.tx),
            )
            put_experiment_tags(session, experiment, tags or {})
        return experiment_id

    def get_experiment(self, experiment_id: str) -> Experiment:
        """Return an experiment, deleted or not.

        Raises:
            NotFound: there is none with that id.
        """
        with self._database.reading() as session:
            return self._experiment(session, find_experiment_row(session, experiment_id))

    def find_experiment(self, name: str) -> Experiment | None:
        """Return the experiment of that name, an active one first, else the one deleted last; None if there is none."""
        with self._database.reading() as session:
            row = session.one(
                f"SELECT {_COLUMNS} FROM experiment WHERE name = ? ORDER BY deleted, updated_ms DESC LIMIT 1", (name,)
            )
            return None if row is None else self._experiment(session, row)

    def experiments(self, view: int = ViewType.ACTIVE_ONLY) -> list[Experiment]:
        """Return the experiments of a view, the newest first."""
        with self._database.reading() as session:
            rows = session.all(f"SELECT {_COLUMNS} FROM experiment ORDER BY created_ms DESC, experiment_id")
            tags: dict[int, dict[str, str]] = {}
            for experiment, key, value in session.all("SELECT experiment, key, value FROM experiment_tag"):
                tags.setdefault(experiment, {})[key] = value
        return [
            self._entity(row, tags.get(row[0], {}))
            for row in rows
            if LifecycleStage.matches_view_type(view, _stage(row[4]))
        ]

    def rename_experiment(self, experiment_id: str, name: str, *, now_ms: int | None = None) -> None:
        """Give an active experiment another name.

        Raises:
            AlreadyExists: another active experiment has that name.
        """
        with self._database.writing() as session:
            row = _require_active(session, experiment_id)
            if row[2] != name:
                _require_free_name(session, name)
            _touch(session, row[0], now_ms, "name = ?", name)

    def delete_experiment(self, experiment_id: str, *, now_ms: int | None = None) -> None:
        """Mark an active experiment and its active runs deleted; its name may be used again."""
        with self._database.writing() as session:
            row = _require_active(session, experiment_id)
            _touch(session, row[0], now_ms, "deleted = ?", 1)
            session.run(
                "UPDATE run SET deleted = 2, deleted_ms = ?, tx = ? WHERE experiment = ? AND deleted = 0",
                (clock_ms() if now_ms is None else now_ms, session.tx, row[0]),
            )

    def restore_experiment(self, experiment_id: str, *, now_ms: int | None = None) -> None:
        """Bring back a deleted experiment with the runs that were deleted with it.

        Raises:
            AlreadyExists: an active experiment has taken its name.
        """
        with self._database.writing() as session:
            row = find_experiment_row(session, experiment_id)
            if not row[4]:
                raise InvalidInput(f"experiment {experiment_id} ({row[2]!r}) is not deleted")
            _require_free_name(session, row[2])
            _touch(session, row[0], now_ms, "deleted = ?", 0)
            session.run(
                "UPDATE run SET deleted = 0, deleted_ms = NULL, tx = ? WHERE experiment = ? AND deleted = 2",
                (session.tx, row[0]),
            )

    def set_experiment_tags(self, experiment_id: str, tags: Mapping[str, str], *, now_ms: int | None = None) -> None:
        """Set tags of an active experiment."""
        with self._database.writing() as session:
            row = _require_active(session, experiment_id)
            put_experiment_tags(session, row[0], tags)
            _touch(session, row[0], now_ms)

    def delete_experiment_tag(self, experiment_id: str, key: str, *, now_ms: int | None = None) -> None:
        """Remove a tag of an active experiment.

        Raises:
            NotFound: it has no such tag.
        """
        with self._database.writing() as session:
            row = _require_active(session, experiment_id)
            if not session.run("DELETE FROM experiment_tag WHERE experiment = ? AND key = ?", (row[0], key)):
                raise NotFound(f"experiment {experiment_id} has no tag {key!r}")
            _touch(session, row[0], now_ms)

    def _experiment(self, session: Session, row: Row) -> Experiment:
        tags = session.all("SELECT key, value FROM experiment_tag WHERE experiment = ?", (row[0],))
        return self._entity(row, dict(tags))

    def _entity(self, row: Row, tags: dict[str, str]) -> Experiment:
        _, experiment_id, name, location, deleted, created_ms, updated_ms = row
        return Experiment(
            experiment_id,
            name,
            location or str(self.artifacts_root / experiment_id),
            _stage(deleted),
            tags,
            created_ms,
            updated_ms,
        )


def find_experiment_row(session: Session, experiment_id: str) -> Row:
    """Return number, id, name, artifact location, deleted, created and updated time of an experiment.

    Raises:
        NotFound: there is none with that id.
    """
    row = session.one(f"SELECT {_COLUMNS} FROM experiment WHERE experiment_id = ?", (experiment_id,))
    if row is None:
        raise NotFound(f"there is no experiment {experiment_id!r}")
    return row


def _require_active(session: Session, experiment_id: str) -> Row:
    row = find_experiment_row(session, experiment_id)
    if row[4]:
        raise InvalidInput(
            f"experiment {experiment_id} ({row[2]!r}) is deleted", hint="bring it back with restore_experiment()"
        )
    return row


def _require_free_name(session: Session, name: str) -> None:
    row = session.one("SELECT experiment_id FROM experiment WHERE name = ? AND deleted = 0", (name,))
    if row is not None:
        raise AlreadyExists(f"experiment {row[0]} already has the name {name!r}")


def put_experiment_tags(session: Session, experiment: int, tags: Mapping[str, str]) -> None:
    """Set tags of an experiment."""
    session.run_many(
        "INSERT INTO experiment_tag (experiment, key, value) VALUES (?, ?, ?)"
        " ON CONFLICT (experiment, key) DO UPDATE SET value = excluded.value",
        [(experiment, key, value) for key, value in tags.items()],
    )


def _touch(session: Session, experiment: int, now_ms: int | None, assignment: str = "", *values: object) -> None:
    """Note that an experiment changed, and how; `now_ms` None is now."""
    assignments = ", ".join(filter(None, (assignment, "updated_ms = ?", "tx = ?")))
    session.run(
        f"UPDATE experiment SET {assignments} WHERE experiment = ?",
        (*values, clock_ms() if now_ms is None else now_ms, session.tx, experiment),
    )


def _stage(deleted: int) -> str:
    return LifecycleStage.DELETED if deleted else LifecycleStage.ACTIVE
