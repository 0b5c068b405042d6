"""Entities as MLflow's wire has them: objects with lists of keys and values; doubles that JSON has not are texts."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

from runlake.entities import LoggedModelStatus

if TYPE_CHECKING:
    from runlake.entities import (
        DatasetInput,
        Experiment,
        FileInfo,
        LoggedModel,
        Metric,
        ModelMetric,
        ModelVersion,
        RegisteredModel,
        Run,
        RunInfo,
    )

ARTIFACTS: Final = "mlflow-artifacts:/"
"""The scheme that makes a client fetch artifacts from the server that it talks to."""


MODEL_STATUSES: Final = {
    LoggedModelStatus.UNSPECIFIED: "LOGGED_MODEL_STATUS_UNSPECIFIED",
    LoggedModelStatus.PENDING: "LOGGED_MODEL_PENDING",
    LoggedModelStatus.READY: "LOGGED_MODEL_READY",
    LoggedModelStatus.FAILED: "LOGGED_MODEL_UPLOAD_FAILED",
}
"""What states of logged models are called here, in the order of their numbers."""


def artifacts_of_experiment(experiment_id: str) -> str:
    """Return where clients find the artifacts of an experiment's runs."""
    return f"{ARTIFACTS}{experiment_id}"


def artifacts_of_run(experiment_id: str, run_id: str) -> str:
    """Return where clients find the artifacts of a run, wherever the store keeps them."""
    return f"{ARTIFACTS}{experiment_id}/{run_id}/artifacts"


def artifacts_of_model(experiment_id: str, model_id: str) -> str:
    """Return where clients find the artifacts of a logged model."""
    return f"{ARTIFACTS}{experiment_id}/models/{model_id}/artifacts"


def number(value: float) -> float | str:
    """Return a double as JSON can hold it."""
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def pairs(values: Mapping[str, str]) -> list[dict[str, str]]:
    """Return tags or parameters."""
    return [{"key": key, "value": value} for key, value in values.items()]


def experiment(entity: Experiment) -> dict[str, Any]:
    """Return an experiment."""
    return {
        "experiment_id": entity.experiment_id,
        "name": entity.name,
        "artifact_location": artifacts_of_experiment(entity.experiment_id),
        "lifecycle_stage": entity.lifecycle_stage,
        "creation_time": entity.creation_time,
        "last_update_time": entity.last_update_time,
        "tags": pairs(entity.tags),
    }


def run_info(info: RunInfo) -> dict[str, Any]:
    """Return the attributes of a run; one that has not ended has no `end_time`."""
    fields = {
        "run_id": info.run_id,
        "run_uuid": info.run_id,
        "run_name": info.run_name,
        "experiment_id": info.experiment_id,
        "user_id": info.user_id,
        "status": info.status,
        "start_time": info.start_time,
        "artifact_uri": artifacts_of_run(info.experiment_id, info.run_id),
        "lifecycle_stage": info.lifecycle_stage,
    }
    return fields if info.end_time is None else {**fields, "end_time": info.end_time}


def run(entity: Run, metrics: Iterable[Metric]) -> dict[str, Any]:
    """Return a run with the latest points of its metrics."""
    fields: dict[str, Any] = {
        "info": run_info(entity.info),
        "data": {
            "metrics": [
                {"key": point.key, "value": number(point.value), "timestamp": point.timestamp, "step": point.step}
                for point in metrics
            ],
            "params": pairs(entity.data.params),
            "tags": pairs(entity.data.tags),
        },
        "inputs": {"dataset_inputs": [_dataset_input(entry) for entry in entity.inputs.dataset_inputs]},
    }
    if entity.inputs.model_inputs:
        fields["inputs"]["model_inputs"] = [{"model_id": model.model_id} for model in entity.inputs.model_inputs]
    if entity.outputs is not None:
        written = [{"model_id": model.model_id, "step": model.step} for model in entity.outputs.model_outputs]
        fields["outputs"] = {"model_outputs": written}
    return fields


def _dataset_input(entity: DatasetInput) -> dict[str, Any]:
    fields = entity.dataset.to_dictionary()
    return {
        "tags": [{"key": tag.key, "value": tag.value} for tag in entity.tags],
        "dataset": {name: value for name, value in fields.items() if value is not None},
    }


def dataset_summary(experiment_id: str, name: str, digest: str, context: str | None) -> dict[str, str]:
    """Return a data set of an experiment, with the context in which runs read it."""
    fields = {"experiment_id": experiment_id, "name": name, "digest": digest}
    return fields if context is None else {**fields, "context": context}


def file_info(entity: FileInfo, path: str) -> dict[str, Any]:
    """Return a file or folder under the name `path`; folders have no size."""
    fields = {"path": path, "is_dir": entity.is_dir}
    return fields if entity.file_size is None else {**fields, "file_size": entity.file_size}


def model_version(entity: ModelVersion) -> dict[str, Any]:
    """Return a version of a registered model; what is not known of it is left out."""
    fields = {
        "name": entity.name,
        "version": str(entity.version),
        "creation_timestamp": entity.creation_timestamp,
        "last_updated_timestamp": entity.last_updated_timestamp,
        "user_id": entity.user_id,
        "current_stage": entity.current_stage,
        "description": entity.description,
        "source": entity.source,
        "run_id": entity.run_id or "",
        "status": entity.status,
        "status_message": entity.status_message,
        "run_link": entity.run_link or "",
        "model_id": entity.model_id,
    }
    known: dict[str, Any] = {name: value for name, value in fields.items() if value is not None}
    return {**known, "tags": pairs(entity.tags), "aliases": entity.aliases}


def registered_model(entity: RegisteredModel) -> dict[str, Any]:
    """Return a registered model with the latest versions of each stage."""
    fields = {
        "name": entity.name,
        "creation_timestamp": entity.creation_timestamp,
        "last_updated_timestamp": entity.last_updated_timestamp,
        "latest_versions": [model_version(version) for version in entity.latest_versions],
        "tags": pairs(entity.tags),
        "aliases": [{"alias": alias, "version": str(version)} for alias, version in entity.aliases.items()],
    }
    return {**fields, "description": entity.description} if entity.description else fields


def logged_model(entity: LoggedModel) -> dict[str, Any]:
    """Return a logged model with its parameters and latest metrics."""
    info = {
        "model_id": entity.model_id,
        "experiment_id": entity.experiment_id,
        "name": entity.name,
        "creation_timestamp_ms": entity.creation_timestamp,
        "last_updated_timestamp_ms": entity.last_updated_timestamp,
        "artifact_uri": artifacts_of_model(entity.experiment_id, entity.model_id),
        "status": MODEL_STATUSES[entity.status],
        "model_type": entity.model_type or "",
        "source_run_id": entity.source_run_id or "",
        "status_message": entity.status_message,
    }
    known: dict[str, Any] = {name: value for name, value in info.items() if value is not None}
    data = {"params": pairs(entity.params), "metrics": [_model_metric(metric) for metric in entity.metrics]}
    return {"info": {**known, "tags": pairs(entity.tags)}, "data": data}


def _model_metric(metric: ModelMetric) -> dict[str, Any]:
    """Return a metric of a logged model; one on no data set names none."""
    fields = metric.to_dictionary()
    return {name: value for name, value in {**fields, "value": number(metric.value)}.items() if value is not None}
