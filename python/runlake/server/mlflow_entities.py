"""Entities as MLflow's wire has them: objects with lists of keys and values; doubles that JSON has not are texts."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from runlake.entities import DatasetInput, Experiment, FileInfo, Metric, Run, RunInfo

ARTIFACTS: Final = "mlflow-artifacts:/"
"""The scheme that makes a client fetch artifacts from the server that it talks to."""


def artifacts_of_run(experiment_id: str, run_id: str) -> str:
    """Return where clients find the artifacts of a run, wherever the store keeps them."""
    return f"{ARTIFACTS}{experiment_id}/{run_id}/artifacts"


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
        "artifact_location": f"{ARTIFACTS}{entity.experiment_id}",
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
    return {
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


def _dataset_input(entity: DatasetInput) -> dict[str, Any]:
    fields = entity.dataset.to_dictionary()
    return {
        "tags": [{"key": tag.key, "value": tag.value} for tag in entity.tags],
        "dataset": {name: value for name, value in fields.items() if value is not None},
    }


def file_info(entity: FileInfo, path: str) -> dict[str, Any]:
    """Return a file or folder under the name `path`; folders have no size."""
    fields = {"path": path, "is_dir": entity.is_dir}
    return fields if entity.file_size is None else {**fields, "file_size": entity.file_size}
