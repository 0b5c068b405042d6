"""Logged models of a catalog: models that runs of an experiment have made, with parameters, tags and latest metrics."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from runlake.catalog.changes import Change, find_active_run, put_rest
from runlake.catalog.experiments import find_experiment_row
from runlake.catalog.in_use import require_unused_logged_model
from runlake.catalog.inputs import read_models_of_runs
from runlake.catalog.part import Part
from runlake.catalog.rows import Columns, columns_of
from runlake.catalog.session import placeholders
from runlake.entities import LoggedModel, LoggedModelInput, LoggedModelOutput, LoggedModelStatus, ModelMetric
from runlake.errors import InvalidInput, NotFound

if TYPE_CHECKING:
    from runlake.catalog.session import Session

VERSIONS_TAG: Final = "mlflow.modelVersions"
"""The tag of a logged model that lists the registered versions made of it."""

HISTORY_TAG: Final = "mlflow.log-model.history"
"""The tag of a run that lists the models that clients of MLflow 2 have logged."""

LOGGED_MODEL_ATTRIBUTES: Final = {
    "model_id": "l.model_id",
    "name": "l.name",
    "model_type": "l.model_type",
    "source_run_id": "l.source_run_id",
    "status": "l.status",
    "status_message": "l.status_message",
    "experiment_id": "e.experiment_id",
    "creation_timestamp": "l.created_ms",
    "last_updated_timestamp": "l.updated_ms",
}
"""What can be asked of logged models, and the columns it is in."""

_LOCATION = "coalesce(e.artifact_location, ? || '/' || e.experiment_id) || '/models/' || l.model_id"  # as those of runs
_COLUMNS = (
    f"l.logged, e.experiment_id, l.model_id, l.name, {_LOCATION}, l.created_ms, l.updated_ms, l.model_type,"
    " l.source_run_id, l.status, l.status_message"
)
_FROM = "FROM logged_model l JOIN experiment e USING (experiment)"
_MOST_VALUES = 500


@dataclass(frozen=True)
class NewModel:
    """What is known of a logged model before it is made."""

    model_id: str
    experiment_id: str
    name: str
    model_type: str | None = None
    source_run_id: str | None = None
    params: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class RunModels:
    """The logged models that a run read and wrote."""

    inputs: list[LoggedModelInput] = field(default_factory=list)
    outputs: list[LoggedModelOutput] = field(default_factory=list)


class LoggedModels(Part):
    """What a catalog knows of logged models."""

    def create_logged_model(self, new: NewModel, now_ms: int) -> LoggedModel:
        """Create a PENDING model in an active experiment.

        Raises:
            NotFound: there is no such experiment.
            InvalidInput: the experiment is deleted.
        """
        with self._database.writing() as session:
            experiment = find_experiment_row(session, new.experiment_id)
            if experiment[4]:
                raise InvalidInput(
                    f"experiment {new.experiment_id} ({experiment[2]!r}) is deleted and takes no new models",
                    hint="bring it back with restore_experiment()",
                )
            logged = session.insert(
                "INSERT INTO logged_model (model_id, experiment, name, model_type, source_run_id, status, created_ms,"
                " updated_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    *(new.model_id, experiment[0], new.name, new.model_type, new.source_run_id),
                    *(LoggedModelStatus.PENDING, now_ms, now_ms),
                ),
            )
            _put_params(session, logged, new.model_id, new.params)
            _put_tags(session, logged, new.tags)
            return self._read_logged(session, [logged])[0]

    def get_logged_model(self, model_id: str, *, deleted: bool = False) -> LoggedModel:
        """Return a logged model.

        Args:
            deleted: Whether it may be deleted.

        Raises:
            NotFound: there is none with that id.
        """
        with self._database.reading() as session:
            return self._read_logged(session, [_find(session, model_id, deleted=deleted)])[0]

    def get_logged_models(self, numbers: Sequence[int]) -> list[LoggedModel]:
        """Return the logged models of some numbers, in that order."""
        with self._database.reading() as session:
            return self._read_logged(session, numbers)

    def logged_models_of(self, run_id: str) -> list[LoggedModel]:
        """Return the logged models that a run has made, oldest first; those that were deleted are left out."""
        with self._database.reading() as session:
            rows = session.all(
                "SELECT l.logged FROM run r JOIN logged_model l USING (experiment)"
                " WHERE r.run_id = ?1 AND l.source_run_id = ?1 AND l.deleted = 0"
                " UNION SELECT l.logged FROM run r JOIN model_output o USING (run) JOIN logged_model l USING (model_id)"
                " WHERE r.run_id = ?1 AND l.deleted = 0 ORDER BY 1",
                (run_id,),
            )
            return self._read_logged(session, [number for (number,) in rows])

    def finalize_logged_model(self, model_id: str, status: str, now_ms: int) -> LoggedModel:
        """Give a logged model another status."""
        with self._database.writing() as session:
            logged = _find(session, model_id)
            session.run("UPDATE logged_model SET status = ?, updated_ms = ? WHERE logged = ?", (status, now_ms, logged))
            return self._read_logged(session, [logged])[0]

    def delete_logged_model(self, model_id: str, now_ms: int) -> None:
        """Mark a logged model deleted; its files stay.

        Raises:
            VersionInUse: a version of it is what a target with a gate means; its files would be found no more.
        """
        with self._database.writing() as session:
            logged = _find(session, model_id, deleted=True)
            require_unused_logged_model(session, model_id)
            session.run("UPDATE logged_model SET deleted = 1, updated_ms = ? WHERE logged = ?", (now_ms, logged))

    def log_model_params(self, model_id: str, params: Mapping[str, str]) -> None:
        """Set parameters of a logged model, all or none.

        Raises:
            InvalidInput: one of them has another value.
        """
        with self._database.writing() as session:
            _put_params(session, _find(session, model_id), model_id, params)

    def set_logged_model_tags(self, model_id: str, tags: Mapping[str, str]) -> LoggedModel:
        """Set tags of a logged model."""
        with self._database.writing() as session:
            logged = _find(session, model_id)
            _put_tags(session, logged, tags)
            return self._read_logged(session, [logged])[0]

    def delete_logged_model_tag(self, model_id: str, key: str) -> None:
        """Remove a tag of a logged model.

        Raises:
            NotFound: it has no such tag.
        """
        with self._database.writing() as session:
            logged = _find(session, model_id)
            if not session.run("DELETE FROM logged_model_tag WHERE logged = ? AND key = ?", (logged, key)):
                raise NotFound(f"No tag with key {key!r} found for model with ID {model_id!r}.")

    def require_logged_models(self, model_ids: Iterable[str]) -> None:
        """Check that there are logged models, deleted or not.

        Raises:
            NotFound: there is none with one of the ids.
        """
        with self._database.reading() as session:
            for model_id in model_ids:
                _find(session, model_id, deleted=True)

    def log_model_metrics(self, run_id: str, metrics: Iterable[ModelMetric]) -> None:
        """Note the values that a run has logged for logged models: of each key and data set the latest is kept.

        Raises:
            NotFound: there is no such run, or no such model.
            InvalidInput: the run is deleted.
        """
        with self._database.writing() as session:
            find_active_run(session, run_id)
            session.run_many(
                "INSERT INTO logged_model_metric (logged, key, dataset_name, dataset_digest, run_id, value, timestamp,"
                " step) VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET run_id = excluded.run_id,"
                " value = excluded.value, timestamp = excluded.timestamp, step = excluded.step"
                " WHERE (excluded.timestamp, excluded.step) >= (timestamp, step)",
                [
                    (
                        *(_find(session, str(metric.model_id), deleted=True), metric.key),
                        *(metric.dataset_name or "", metric.dataset_digest or "", run_id),
                        *(metric.value, metric.timestamp, metric.step),
                    )
                    for metric in metrics
                ],
            )

    # -- runs and models

    def log_model_inputs(self, run_id: str, models: Sequence[LoggedModelInput]) -> None:
        """Record logged models that an active run read."""
        self._link(
            run_id, "INSERT OR IGNORE INTO model_input (run, model_id) VALUES (?, ?)", [(m.model_id,) for m in models]
        )

    def log_model_outputs(self, run_id: str, models: Sequence[LoggedModelOutput]) -> None:
        """Record logged models that an active run wrote."""
        self._link(
            run_id,
            "INSERT OR IGNORE INTO model_output (run, model_id, step) VALUES (?, ?, ?)",
            [(model.model_id, model.step) for model in models],
        )

    def models_of_runs(self, run_ids: Sequence[str]) -> dict[str, RunModels]:
        """Return the logged models of the runs that have any, by run id."""
        found: dict[str, RunModels] = {}
        with self._database.reading() as session:
            if session.one("SELECT 1 FROM model_output UNION ALL SELECT 1 FROM model_input LIMIT 1") is None:
                return found
            for start in range(0, len(run_ids), _MOST_VALUES):
                part = run_ids[start : start + _MOST_VALUES]
                ids: dict[int, str] = dict(
                    session.all(f"SELECT run, run_id FROM run WHERE run_id IN ({placeholders(len(part))})", part)
                )
                models = read_models_of_runs(session, list(ids))
                found.update((ids[run], RunModels(*of_run)) for run, of_run in models.items())
        return found

    def add_to_model_history(self, run_id: str, entry: Mapping[str, Any]) -> None:
        """Append to the list of models that an active run has as a tag."""

        def appended(text: str | None) -> str:
            return json.dumps([*_entries(text), entry])

        self._change_tag(run_id, HISTORY_TAG, appended)

    # -- searching

    def logged_model_columns(self, experiment_ids: Sequence[str], attributes: Sequence[str]) -> Columns:
        """Return attributes of the models of some experiments, deleted ones left out, column by column.

        Returns:
            `logged`, the number of each, and one column an attribute, by its name in `LOGGED_MODEL_ATTRIBUTES`.
        """
        chosen = ["l.logged", *(LOGGED_MODEL_ATTRIBUTES[name] for name in attributes)]
        with self._database.reading() as session:
            rows = session.all(
                f"SELECT {', '.join(chosen)} {_FROM} WHERE l.deleted = 0"
                f" AND e.experiment_id IN ({placeholders(len(experiment_ids))})",
                experiment_ids,
            )
        return columns_of(["logged", *attributes], rows)

    def logged_model_texts(self, table: str, key: str) -> dict[int, str]:
        """Return the value of one parameter ("param") or tag ("tag") of all models, by number."""
        assert table in ("param", "tag")
        with self._database.reading() as session:
            return dict(session.all(f"SELECT logged, value FROM logged_model_{table} WHERE key = ?", (key,)))

    def logged_model_values(self, key: str | None = None) -> list[tuple[int, str, str, float, int, int]]:
        """Return the latest values of one metric, or all, of all models.

        Returns:
            Number of the model, name and digest of the data set, value, timestamp and step.
        """
        condition, values = ("WHERE key = ?", [key]) if key is not None else ("", [])
        with self._database.reading() as session:
            rows = session.all(
                "SELECT logged, dataset_name, dataset_digest, value, timestamp, step FROM logged_model_metric"
                f" {condition} ORDER BY logged, timestamp, step, run_id DESC",
                values,
            )
        return [(*row[:3], _number(row[3]), *row[4:]) for row in rows]

    # -- within

    def _link(self, run_id: str, statement: str, rows: Sequence[tuple[Any, ...]]) -> None:
        with self._database.writing() as session:
            run = find_active_run(session, run_id)
            session.run_many(statement, [(run, *row) for row in rows])
            session.run("UPDATE run SET tx = ? WHERE run = ?", (session.tx, run))

    def _change_tag(self, run_id: str, key: str, changed: Callable[[str | None], str]) -> None:
        with self._database.writing() as session:
            run = find_active_run(session, run_id)
            row = session.one("SELECT value FROM tag WHERE run = ? AND key = ?", (run, session.name(key)))
            put_rest(session, run, Change(run_id, tags={key: changed(None if row is None else row[0])}))

    def _read_logged(self, session: Session, numbers: Sequence[int]) -> list[LoggedModel]:
        found: dict[int, LoggedModel] = {}
        for start in range(0, len(numbers), _MOST_VALUES):
            part = numbers[start : start + _MOST_VALUES]
            chosen = f"WHERE logged IN ({placeholders(len(part))})"
            tags = _texts(session, "tag", part)
            params = _texts(session, "param", part)
            metrics = _metrics(session, part)
            for logged, *fields in session.all(
                f"SELECT {_COLUMNS} {_FROM} {chosen}", [str(self.artifacts_root), *part]
            ):
                rest = tags.get(logged, {}), params.get(logged, {}), metrics.get(logged, [])
                found[logged] = LoggedModel(*(*fields, *rest))
        return [found[number] for number in numbers if number in found]


def note_version(session: Session, model_id: str, name: str, version: int) -> None:
    """Note in the tags of a logged model, if it is there, that a version was registered of it."""
    row = session.one("SELECT logged FROM logged_model WHERE model_id = ?", (model_id,))
    if row is None:
        return
    tag = session.one("SELECT value FROM logged_model_tag WHERE logged = ? AND key = ?", (row[0], VERSIONS_TAG))
    entry, entries = {"name": name, "version": version}, _entries(None if tag is None else tag[0])
    if entry not in entries:
        _put_tags(session, row[0], {VERSIONS_TAG: json.dumps([*entries, entry])})


def _find(session: Session, model_id: str, *, deleted: bool = False) -> int:
    row = session.one("SELECT logged, deleted FROM logged_model WHERE model_id = ?", (model_id,))
    if row is None or (row[1] and not deleted):
        raise NotFound(f"Logged model with ID '{model_id}' not found.")
    return int(row[0])


def _put_params(session: Session, logged: int, model_id: str, params: Mapping[str, str]) -> None:
    session.run_many(
        "INSERT INTO logged_model_param (logged, key, value) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
        [(logged, key, value) for key, value in params.items()],
    )
    kept: dict[str, str] = dict(session.all("SELECT key, value FROM logged_model_param WHERE logged = ?", (logged,)))
    for key, value in params.items():
        if kept[key] != value:
            raise InvalidInput(
                f"parameter {key!r} of model {model_id} is already {kept[key]!r} and cannot become {value!r}",
                hint="parameters are written once; use a tag for a value that changes",
            )


def _put_tags(session: Session, logged: int, tags: Mapping[str, str]) -> None:
    session.run_many(
        "INSERT INTO logged_model_tag (logged, key, value) VALUES (?, ?, ?)"
        " ON CONFLICT (logged, key) DO UPDATE SET value = excluded.value",
        [(logged, key, value) for key, value in tags.items()],
    )


def _texts(session: Session, table: str, numbers: Sequence[int]) -> dict[int, dict[str, str]]:
    found: dict[int, dict[str, str]] = {}
    for logged, key, value in session.all(
        f"SELECT logged, key, value FROM logged_model_{table} WHERE logged IN ({placeholders(len(numbers))})", numbers
    ):
        found.setdefault(logged, {})[key] = value
    return found


def _metrics(session: Session, numbers: Sequence[int]) -> dict[int, list[ModelMetric]]:
    found: dict[int, list[ModelMetric]] = {}
    for logged, model_id, key, value, timestamp, step, dataset, digest, run_id in session.all(
        "SELECT logged, model_id, key, value, timestamp, step, dataset_name, dataset_digest, run_id"
        f" FROM logged_model_metric JOIN logged_model USING (logged) WHERE logged IN ({placeholders(len(numbers))})"
        " ORDER BY logged, key, dataset_name, dataset_digest",
        numbers,
    ):
        metric = ModelMetric(
            *(key, _number(value), timestamp, step),
            model_id=model_id,
            dataset_name=dataset or None,
            dataset_digest=digest or None,
            run_id=run_id,
        )
        found.setdefault(logged, []).append(metric)
    return found


def _number(value: float | None) -> float:
    """Read a value; SQLite keeps NaN as NULL."""
    return float("nan") if value is None else value


def _entries(text: str | None) -> list[Any]:
    """Read a tag that lists things; what is no list counts as none."""
    try:
        listed = json.loads(text or "[]")
    except ValueError:
        return []
    return listed if isinstance(listed, list) else []
