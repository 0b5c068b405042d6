"""Wire: runs and experiments as the JSON in which they are sent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from runlake.catalog import Acknowledged, ExperimentState, RunState
from runlake.entities import DatasetInput, LifecycleStage
from runlake.lifecycle import NAME_TAG


def unknown_name(experiment_id: str) -> str:
    """Return the name that an experiment has here while only the server, which is away, knows it."""
    return f"experiment {experiment_id}"


def experiment_to_json(state: ExperimentState) -> dict[str, Any]:
    """Return an experiment as it is sent."""
    return {"experiment_id": state.experiment_id, "name": state.name, "tags": dict(state.tags)}


def run_to_json(state: RunState, *, lifecycle: bool) -> dict[str, Any]:
    """Return what is new of a run as it is sent; what has not changed is left out.

    Args:
        lifecycle: Whether to say that it was deleted or restored.
    """
    sent: dict[str, Any] = {
        "run_id": state.run_id,
        "experiment_id": state.experiment_id,
        "version": state.version,
        "user_id": state.user_id,
        "start_time": state.start_time,
    }
    if state.known_version > 0:
        sent["after"] = state.known_version
    if state.known_version == 0 or NAME_TAG in state.tags:  # the tag says what the name says
        sent["name"] = state.name
    if state.status is not None:
        sent |= {"status": state.status, "end_time": state.end_time}
    if lifecycle and state.deleted is not None:
        sent["lifecycle_stage"] = LifecycleStage.DELETED if state.deleted else LifecycleStage.ACTIVE
    optional = {
        "tags": dict(state.tags),
        "deleted_tags": list(state.deleted_tags),
        "params": dict(state.params),
        "inputs": [_input_to_json(entry) for entry in state.inputs],
        "writers": [asdict(writer) for writer in state.writers],
    }
    return sent | {name: value for name, value in optional.items() if value}


def _input_to_json(entry: DatasetInput) -> dict[str, Any]:
    dataset = entry.dataset
    names = ("name", "digest", "source_type", "source", "schema", "profile")
    return {
        "dataset": {name: getattr(dataset, name) for name in names},
        "tags": {tag.key: tag.value for tag in entry.tags},
    }


def experiment_of(said: Mapping[str, Any]) -> ExperimentState:
    """Read an experiment that a server has sent."""
    return ExperimentState(str(said["experiment_id"]), str(said["name"]), dict(said.get("tags") or {}))


def run_of(said: Mapping[str, Any]) -> RunState:
    """Read a whole run that a server has sent."""
    inputs: Sequence[DatasetInput] = ()
    return RunState(
        *(str(said["run_id"]), str(said["experiment_id"]), 0),
        name=str(said["name"]),
        user_id=str(said.get("user_id") or ""),
        start_time=int(said["start_time"]),
        status=said.get("status") or "RUNNING",
        end_time=said.get("end_time"),
        deleted=said.get("lifecycle_stage") == LifecycleStage.DELETED,
        tags=dict(said.get("tags") or {}),
        deleted_tags=(),
        params=dict(said.get("params") or {}),
        inputs=inputs,
        writers=(),
        acknowledged=Acknowledged(),
    )
