"""The model registry over MLflow's wire."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

from starlette.responses import Response

from runlake import model_sources
from runlake.access import Kind
from runlake.model_uris import parse_models_uri
from runlake.registry import operations as registry
from runlake.registry.operations import version_number
from runlake.server import mlflow_entities as wire
from runlake.server.calls import worker_of
from runlake.server.downloads import send
from runlake.server.endpoint import Endpoint, Transfer
from runlake.server.mlflow_errors import invalid
from runlake.server.mlflow_fields import Fields

if TYPE_CHECKING:
    from starlette.requests import Request

    from runlake.artifacts import Contents
    from runlake.entities import ModelVersion, RegisteredModel
    from runlake.store import Store

_MODELS_PAGE: Final = 100


def _model(entity: RegisteredModel) -> dict[str, Any]:
    return {"registered_model": wire.registered_model(entity)}


def _version(entity: ModelVersion) -> dict[str, Any]:
    return {"model_version": wire.model_version(entity)}


# -- registered models


def create_model(store: Store, fields: Fields) -> dict[str, Any]:
    """Create a registered model."""
    name, tags, description = fields.text("name"), dict(fields.pairs("tags")), fields.text_or("description", "")
    return _model(registry.create_registered_model(store, name, tags, description, user_id=fields.user_id))


def get_model(store: Store, fields: Fields) -> dict[str, Any]:
    """Return a registered model."""
    return _model(registry.get_registered_model(store, fields.text("name")))


def rename_model(store: Store, fields: Fields) -> dict[str, Any]:
    """Give a registered model another name."""
    name, new_name = fields.text("name"), fields.text("new_name")
    return _model(registry.rename_registered_model(store, name, new_name, user_id=fields.user_id))


def update_model(store: Store, fields: Fields) -> dict[str, Any]:
    """Give a registered model another description."""
    name, description = fields.text("name"), fields.text_or("description", "")
    return _model(registry.update_registered_model(store, name, description, user_id=fields.user_id))


def delete_model(store: Store, fields: Fields) -> dict[str, Any]:
    """Remove a registered model with all of its versions."""
    registry.delete_registered_model(store, fields.text("name"), user_id=fields.user_id)
    return {}


def search_models(store: Store, fields: Fields) -> dict[str, Any]:
    """Return one page of the registered models that a filter selects and the caller may read."""
    size = _page(fields, _MODELS_PAGE, registry.MOST_MODELS)
    page = registry.search_registered_models(
        *(store, fields.text_or("filter"), size, fields.texts("order_by"), fields.text_or("page_token")),
        may_read=partial(fields.caller.may_read, Kind.MODEL),
    )
    answer: dict[str, Any] = {"registered_models": [wire.registered_model(found) for found in page]}
    return answer if page.token is None else {**answer, "next_page_token": page.token}


def get_latest_versions(store: Store, fields: Fields) -> dict[str, Any]:
    """Return the highest version in each stage, or in those that are named."""
    found = registry.get_latest_versions(store, fields.text("name"), fields.texts("stages"))
    return {"model_versions": [wire.model_version(version) for version in found]}


def set_model_tag(store: Store, fields: Fields) -> dict[str, Any]:
    """Set a tag of a registered model."""
    name, key, value = fields.text("name"), fields.text("key"), fields.text_or("value", "")
    registry.set_registered_model_tag(store, name, key, value, user_id=fields.user_id)
    return {}


def delete_model_tag(store: Store, fields: Fields) -> dict[str, Any]:
    """Remove a tag of a registered model."""
    registry.delete_registered_model_tag(store, fields.text("name"), fields.text("key"), user_id=fields.user_id)
    return {}


# -- versions


def create_version(store: Store, fields: Fields) -> dict[str, Any]:
    """Add a version to a registered model. Its source is never a path of the server's machine."""
    made = registry.create_model_version(
        store,
        fields.text("name"),
        fields.text("source"),
        fields.text_or("run_id"),
        dict(fields.pairs("tags")),
        fields.text_or("run_link"),
        fields.text_or("description", ""),
        fields.text_or("model_id"),
        local_sources=False,
        user_id=fields.user_id,
    )
    return _version(made)


def get_version(store: Store, fields: Fields) -> dict[str, Any]:
    """Return a version."""
    return _version(registry.get_model_version(store, fields.text("name"), fields.text("version")))


def update_version(store: Store, fields: Fields) -> dict[str, Any]:
    """Give a version another description; without one it loses what it has."""
    name, version, description = fields.text("name"), fields.text("version"), fields.text_or("description")
    return _version(registry.update_model_version(store, name, version, description, user_id=fields.user_id))


def move_version(store: Store, fields: Fields) -> dict[str, Any]:
    """Move a version to a stage."""
    moved = registry.transition_model_version_stage(
        store,
        fields.text("name"),
        fields.text("version"),
        fields.text("stage"),
        fields.flag("archive_existing_versions"),
        user_id=fields.user_id,
    )
    return _version(moved)


def delete_version(store: Store, fields: Fields) -> dict[str, Any]:
    """Remove a version."""
    registry.delete_model_version(store, fields.text("name"), fields.text("version"), user_id=fields.user_id)
    return {}


def search_versions(store: Store, fields: Fields) -> dict[str, Any]:
    """Return one page of the versions that a filter selects and whose models the caller may read."""
    size = _page(fields, registry.MOST_VERSIONS, registry.MOST_VERSIONS)
    page = registry.search_model_versions(
        *(store, fields.text_or("filter"), size, fields.texts("order_by"), fields.text_or("page_token")),
        may_read=partial(fields.caller.may_read, Kind.MODEL),
    )
    answer: dict[str, Any] = {"model_versions": [wire.model_version(found) for found in page]}
    return answer if page.token is None else {**answer, "next_page_token": page.token}


def get_download_uri(store: Store, fields: Fields) -> dict[str, Any]:
    """Return where the files of a version are, as clients find them."""
    name, version = fields.text("name"), version_number(fields.text("version"))
    storage = store.catalog.version_storage(name, version)
    if storage.startswith("models:"):
        model = store.catalog.get_logged_model(str(parse_models_uri(storage).model_id))
        storage = wire.artifacts_of_model(model.experiment_id, model.model_id)
    return {"artifact_uri": storage}


def set_version_tag(store: Store, fields: Fields) -> dict[str, Any]:
    """Set a tag of a version."""
    name, version, key = fields.text("name"), fields.text("version"), fields.text("key")
    registry.set_model_version_tag(store, name, version, key, fields.text_or("value", ""), user_id=fields.user_id)
    return {}


def delete_version_tag(store: Store, fields: Fields) -> dict[str, Any]:
    """Remove a tag of a version."""
    name, version, key = fields.text("name"), fields.text("version"), fields.text("key")
    registry.delete_model_version_tag(store, name, version, key, user_id=fields.user_id)
    return {}


def _page(fields: Fields, default: int, limit: int) -> int:
    size = fields.whole("max_results")
    if size is not None and size > limit:
        raise invalid("max_results", str(size))
    return default if size is None else size


# -- aliases


def set_alias(store: Store, fields: Fields) -> dict[str, Any]:
    """Let an alias mean a version."""
    name, alias, version = fields.text("name"), fields.text("alias"), fields.text("version")
    registry.set_registered_model_alias(store, name, alias, version, user_id=fields.user_id)
    return {}


def get_by_alias(store: Store, fields: Fields) -> dict[str, Any]:
    """Return the version that an alias means."""
    return _version(registry.get_model_version_by_alias(store, fields.text("name"), fields.text("alias")))


def delete_alias(store: Store, fields: Fields) -> dict[str, Any]:
    """Remove an alias."""
    registry.delete_registered_model_alias(store, fields.text("name"), fields.text("alias"), user_id=fields.user_id)
    return {}


# -- files


async def download(request: Request) -> Response:
    """Send a file of a version."""
    worker = worker_of(request)
    found = await worker.run(_located, worker.store, Fields.of_query(request.query_params))
    return await send(request, *found)


def _located(store: Store, fields: Fields) -> tuple[Contents, str]:
    name, version, path = fields.text("name"), version_number(fields.text("version")), fields.text("path")
    artifacts, folder = model_sources.version_files(store, name, version)
    return artifacts, f"{folder}/{path}" if folder else path


ENDPOINTS: Final = (
    Endpoint("GET", "mlflow/registered-models/alias", get_by_alias),
    Endpoint("GET", "mlflow/model-versions/get", get_version),
    Endpoint("GET", "mlflow/model-versions/get-download-uri", get_download_uri),
    Endpoint("GET", "mlflow/registered-models/get", get_model),
    Endpoint("POST", "mlflow/registered-models/create", create_model),
    Endpoint("POST", "mlflow/registered-models/rename", rename_model),
    Endpoint("PATCH", "mlflow/registered-models/update", update_model),
    Endpoint("DELETE", "mlflow/registered-models/delete", delete_model),
    Endpoint("GET", "mlflow/registered-models/search", search_models),
    Endpoint("GET", "mlflow/registered-models/get-latest-versions", get_latest_versions),
    Endpoint("POST", "mlflow/registered-models/get-latest-versions", get_latest_versions),
    Endpoint("POST", "mlflow/registered-models/set-tag", set_model_tag),
    Endpoint("DELETE", "mlflow/registered-models/delete-tag", delete_model_tag),
    Endpoint("POST", "mlflow/registered-models/alias", set_alias),
    Endpoint("DELETE", "mlflow/registered-models/alias", delete_alias),
    Endpoint("POST", "mlflow/model-versions/create", create_version),
    Endpoint("PATCH", "mlflow/model-versions/update", update_version),
    Endpoint("POST", "mlflow/model-versions/transition-stage", move_version),
    Endpoint("DELETE", "mlflow/model-versions/delete", delete_version),
    Endpoint("GET", "mlflow/model-versions/search", search_versions),
    Endpoint("POST", "mlflow/model-versions/set-tag", set_version_tag),
    Endpoint("DELETE", "mlflow/model-versions/delete-tag", delete_version_tag),
)

TRANSFERS: Final = (Transfer("GET", "model-versions/get-artifact", download, at_root=True),)
