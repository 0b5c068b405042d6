"""Entities of MLflow, made of ours and the other way round; they have more fields in MLflow 3 than in 2.22."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import mlflow.entities as theirs
from mlflow.store.entities import PagedList

from runlake import entities as ours
from runlake.location import uri_of_folder


def experiment(found: ours.Experiment) -> theirs.Experiment:
    """Return an experiment; its artifacts have a URI that leads to this plugin's repository."""
    return theirs.Experiment(
        experiment_id=found.experiment_id,
        name=found.name,
        artifact_location=uri_of_folder(found.artifact_location),
        lifecycle_stage=found.lifecycle_stage,
        tags=[theirs.ExperimentTag(key, value) for key, value in found.tags.items()],
        creation_time=found.creation_time,
        last_update_time=found.last_update_time,
    )


def run_info(info: ours.RunInfo) -> theirs.RunInfo:
    """Return the attributes of a run."""
    old: dict[str, Any] = {} if _MLFLOW_3 else {"run_uuid": info.run_id}
    return theirs.RunInfo(
        run_id=info.run_id,
        experiment_id=info.experiment_id,
        user_id=info.user_id,
        status=info.status,
        start_time=info.start_time or 0,
        end_time=info.end_time,
        lifecycle_stage=info.lifecycle_stage,
        artifact_uri=None if info.artifact_uri is None else uri_of_folder(info.artifact_uri),
        run_name=info.run_name,
        **old,
    )


def run(found: ours.Run, latest: Mapping[str, ours.Metric]) -> theirs.Run:
    """Return a run.

    Args:
        latest: The latest point of each of its metrics.
    """
    data = theirs.RunData(
        metrics=metrics(latest.values()),
        params=[theirs.Param(key, value) for key, value in found.data.params.items()],
        tags=[theirs.RunTag(key, value) for key, value in found.data.tags.items()],
    )
    inputs = theirs.RunInputs([_dataset_input(entry) for entry in found.inputs.dataset_inputs])
    return theirs.Run(run_info(found.info), data, inputs)


def metrics(points: Iterable[ours.Metric]) -> list[theirs.Metric]:
    """Return points of metrics."""
    return [theirs.Metric(point.key, point.value, point.timestamp, point.step) for point in points]


def page(items: Iterable[Any], token: str | None) -> PagedList[Any]:
    """Return a page of a listing."""
    return PagedList(list(items), token)


def dataset_inputs(given: Iterable[theirs.DatasetInput]) -> list[ours.DatasetInput]:
    """Return as ours which data sets a run read."""
    return [
        ours.DatasetInput(
            ours.Dataset(
                name=entry.dataset.name,
                digest=entry.dataset.digest,
                source_type=entry.dataset.source_type,
                source=entry.dataset.source,
                schema=entry.dataset.schema,
                profile=entry.dataset.profile,
            ),
            [ours.InputTag(tag.key, tag.value) for tag in entry.tags],
        )
        for entry in given
    ]


def _dataset_input(entry: ours.DatasetInput) -> theirs.DatasetInput:
    dataset = theirs.Dataset(**entry.dataset.to_dictionary())
    return theirs.DatasetInput(dataset, [theirs.InputTag(tag.key, tag.value) for tag in entry.tags])


_MLFLOW_3 = hasattr(theirs, "LoggedModel")
