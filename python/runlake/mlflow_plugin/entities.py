"""Entities of MLflow, made of ours and the other way round; they have more fields in MLflow 3 than in 2.22."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import mlflow.entities as theirs
from mlflow.entities import model_registry
from mlflow.store.entities import PagedList

from runlake import entities as ours
from runlake.catalog import RunModels
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


def run(found: ours.Run, latest: Iterable[ours.Metric], models: RunModels | None = None) -> theirs.Run:
    """Return a run.

    Args:
        latest: The latest point of each of its metrics.
        models: The logged models that it read and wrote, which only MLflow 3 hands out.
    """
    data = theirs.RunData(
        metrics=metrics(latest),
        params=[theirs.Param(key, value) for key, value in found.data.params.items()],
        tags=[theirs.RunTag(key, value) for key, value in found.data.tags.items()],
    )
    datasets = [_dataset_input(entry) for entry in found.inputs.dataset_inputs]
    if models is None or not _MLFLOW_3:
        return theirs.Run(run_info(found.info), data, theirs.RunInputs(datasets))
    read = [theirs.LoggedModelInput(model.model_id) for model in models.inputs]
    written = [theirs.LoggedModelOutput(model.model_id, model.step) for model in models.outputs]
    return theirs.Run(run_info(found.info), data, theirs.RunInputs(datasets, read), theirs.RunOutputs(written))


def metrics(points: Iterable[ours.Metric]) -> list[theirs.Metric]:
    """Return points of metrics."""
    return [theirs.Metric(point.key, point.value, point.timestamp, point.step) for point in points]


def logged_model(found: ours.LoggedModel) -> theirs.LoggedModel:
    """Return a logged model."""
    return theirs.LoggedModel(
        **{
            **dict(found),
            "artifact_location": uri_of_folder(found.artifact_location),
            "status": theirs.LoggedModelStatus(found.status),
            "metrics": [theirs.Metric(**dict(metric)) for metric in found.metrics],
        }
    )


def registered_model(
    found: ours.RegisteredModel, version: Callable[[ours.ModelVersion], model_registry.ModelVersion]
) -> model_registry.RegisteredModel:
    """Return a registered model.

    Args:
        version: Makes its versions.
    """
    return model_registry.RegisteredModel(
        name=found.name,
        creation_timestamp=found.creation_timestamp,
        last_updated_timestamp=found.last_updated_timestamp,
        description=found.description,
        latest_versions=[version(one) for one in found.latest_versions],
        tags=[model_registry.RegisteredModelTag(key, value) for key, value in found.tags.items()],
        aliases=[model_registry.RegisteredModelAlias(name, str(number)) for name, number in found.aliases.items()],
    )


def model_version(found: ours.ModelVersion, source: str | None) -> model_registry.ModelVersion:
    """Return a version, with a source that can be opened."""
    fields = {**dict(found), "version": str(found.version), "source": source}
    fields["tags"] = [model_registry.ModelVersionTag(key, value) for key, value in found.tags.items()]
    if not _MLFLOW_3:
        del fields["model_id"]
    return model_registry.ModelVersion(**fields)


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
