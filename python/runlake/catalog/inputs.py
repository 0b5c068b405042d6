"""Inputs of a catalog: which data sets a run read; one data set of an experiment is kept once, by name and digest."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from runlake.catalog.changes import find_run
from runlake.catalog.part import Part
from runlake.catalog.session import placeholders
from runlake.entities import Dataset, DatasetInput, InputTag, LoggedModelInput, LoggedModelOutput
from runlake.errors import InvalidInput

if TYPE_CHECKING:
    from runlake.catalog.session import Session


class Inputs(Part):
    """Data sets of runs."""

    def log_inputs(self, run_id: str, inputs: Sequence[DatasetInput], *, wait_s: float | None = None) -> None:
        """Record data sets that an active run read; the same one twice is one, with the tags of both.

        Raises:
            NotFound: there is no such run.
            InvalidInput: the run is deleted.
            CatalogLocked: others kept the catalog for `wait_s`, or the catalog's own limit.
        """
        with self._database.writing(wait_s) as session:
            run, experiment, deleted = find_run(session, run_id)
            if deleted:
                raise InvalidInput(f"run {run_id} is deleted", hint="bring it back with restore_run()")
            put_inputs(session, run, experiment, inputs)
            session.run("UPDATE run SET tx = ? WHERE run = ?", (session.tx, run))

    def datasets_of(self, experiment_ids: Sequence[str], limit: int) -> list[tuple[str, str, str, str | None]]:
        """Return which data sets the runs of some experiments read, and as what.

        Returns:
            Experiment, name, digest and context, each combination once, at most `limit`; context is None where none
            was given.
        """
        with self._database.reading() as session:
            found = session.all(
                "SELECT DISTINCT e.experiment_id, d.name, d.digest, t.value FROM experiment e"
                " JOIN run r USING (experiment) JOIN input i USING (run) JOIN dataset d USING (dataset)"
                " LEFT JOIN input_tag t ON t.run = i.run AND t.dataset = i.dataset"
                " AND t.key = 'mlflow.data.context'"
                f" WHERE e.experiment_id IN ({placeholders(len(experiment_ids))}) LIMIT ?",
                (*experiment_ids, limit),
            )
        return [(experiment, name, digest, context) for experiment, name, digest, context in found]


def put_inputs(session: Session, run: int, experiment: int, inputs: Sequence[DatasetInput]) -> None:
    """Note what a run of an experiment read."""
    for entry in inputs:
        dataset = _put_dataset(session, experiment, entry.dataset)
        session.run("INSERT OR IGNORE INTO input (run, dataset) VALUES (?, ?)", (run, dataset))
        session.run_many(
            "INSERT INTO input_tag (run, dataset, key, value) VALUES (?, ?, ?, ?)"
            " ON CONFLICT (run, dataset, key) DO UPDATE SET value = excluded.value",
            [(run, dataset, tag.key, tag.value) for tag in entry.tags],
        )


def read_inputs(session: Session, runs: Sequence[int]) -> dict[int, list[DatasetInput]]:
    """Return the data sets of each run, by the run's number."""
    listed = placeholders(len(runs))
    tags: dict[tuple[int, int], list[InputTag]] = {}
    for run, dataset, key, value in session.all(
        f"SELECT run, dataset, key, value FROM input_tag WHERE run IN ({listed})", runs
    ):
        tags.setdefault((run, dataset), []).append(InputTag(key, value))
    found: dict[int, list[DatasetInput]] = {}
    for run, dataset, *fields in session.all(
        "SELECT i.run, i.dataset, d.name, d.digest, d.source_type, d.source, d.schema, d.profile"
        f" FROM input i JOIN dataset d USING (dataset) WHERE i.run IN ({listed}) ORDER BY i.run, i.dataset",
        runs,
    ):
        found.setdefault(run, []).append(DatasetInput(Dataset(*fields), tags.get((run, dataset), [])))
    return found


def read_models_of_runs(
    session: Session, runs: Sequence[int]
) -> dict[int, tuple[list[LoggedModelInput], list[LoggedModelOutput]]]:
    """Return the logged models that each run read and wrote, by the run's number; most have none."""
    found: dict[int, tuple[list[LoggedModelInput], list[LoggedModelOutput]]] = {}
    listed = placeholders(len(runs))
    for run, model_id in session.all(f"SELECT run, model_id FROM model_input WHERE run IN ({listed})", runs):
        found.setdefault(run, ([], []))[0].append(LoggedModelInput(model_id))
    for run, model_id, step in session.all(
        f"SELECT run, model_id, step FROM model_output WHERE run IN ({listed}) ORDER BY run, step, model_id", runs
    ):
        found.setdefault(run, ([], []))[1].append(LoggedModelOutput(model_id, step))
    return found


def _put_dataset(session: Session, experiment: int, dataset: Dataset) -> int:
    row = session.one(
        "SELECT dataset FROM dataset WHERE experiment = ? AND name = ? AND digest = ?",
        (experiment, dataset.name, dataset.digest),
    )
    if row is not None:
        return int(row[0])
    return session.insert(
        "INSERT INTO dataset (experiment, name, digest, source_type, source, schema, profile)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            experiment,
            dataset.name,
            dataset.digest,
            dataset.source_type,
            dataset.source,
            dataset.schema,
            dataset.profile,
        ),
    )
