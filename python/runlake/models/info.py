"""ModelInfo: what callers of `log_model` learn of the model that they have logged."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from runlake.entities import Entity, LoggedModel
from runlake.errors import NotFound
from runlake.models.manifest import Model


@dataclass(frozen=True)
class ModelInfo(Entity):
    """A model that was logged; `model_uri` loads it.

    Attributes:
        registered_model_version: Number of the version that was registered with it.
    """

    artifact_path: str | None
    flavors: dict[str, Any]
    model_uri: str
    model_uuid: str | None
    run_id: str | None
    saved_input_example_info: dict[str, Any] | None
    signature: Any
    utc_time_created: str
    mlflow_version: str | None
    metadata: dict[str, Any] | None = None
    registered_model_version: int | None = None
    env_vars: list[str] | None = None
    prompts: list[str] | None = None
    model_id: str | None = None
    name: str | None = None
    creation_timestamp: int | None = None
    params: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    metrics: list[Any] = field(default_factory=list)


def model_info(model: Model, logged: LoggedModel | None = None) -> ModelInfo:
    """Return what a manifest, and the logged model that it is of, say."""
    named = model.model_id or (None if logged is None else logged.model_id)
    info = ModelInfo(
        artifact_path=model.artifact_path,
        flavors=model.flavors,
        model_uri=f"models:/{named}" if named else f"runs:/{model.run_id}/{model.artifact_path}",
        model_uuid=model.model_uuid,
        run_id=model.run_id,
        saved_input_example_info=model.saved_input_example_info,
        signature=model.signature,
        utc_time_created=model.utc_time_created,
        mlflow_version=model.mlflow_version,
        metadata=model.metadata,
        env_vars=model.env_vars,
        prompts=model.prompts,
        model_id=named,
    )
    if logged is None:
        return info
    return replace(
        info,
        name=logged.name,
        creation_timestamp=logged.creation_timestamp,
        params=logged.params,
        tags=logged.tags,
        metrics=logged.metrics,
    )


def get_model_info(model_uri: str) -> ModelInfo:
    """Return what is known of a model that was logged, registered or saved.

    Raises:
        NotFound: there is no such model.
        Corrupt: its manifest is cut off or garbled.
    """
    from runlake import logged_models
    from runlake.models import locating
    from runlake.stores import store_at

    with tempfile.TemporaryDirectory() as place:
        model = Model.load(locating.describe(model_uri, Path(place)))
    if model.model_id is None:
        return model_info(model)
    try:
        logged = logged_models.get_logged_model(store_at(), model.model_id)
    except NotFound:  # a copy of another store's
        logged = None
    return model_info(model, logged)
