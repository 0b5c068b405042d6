"""Logged models over MLflow's wire."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from starlette.responses import Response

from runlake import logged_models, run_files
from runlake.entities import LoggedModelOutput
from runlake.errors import InvalidInput
from runlake.server import mlflow_entities as wire
from runlake.server.calls import worker_of
from runlake.server.downloads import send
from runlake.server.endpoint import Endpoint, Transfer
from runlake.server.mlflow_errors import invalid, missing
from runlake.server.mlflow_fields import Fields

if TYPE_CHECKING:
    from starlette.requests import Request

    from runlake.artifacts import Contents
    from runlake.query.logged_models import DatasetChoice, ModelOrder
    from runlake.store import Store

_PAGE: Final = 50


def create(store: Store, fields: Fields) -> dict[str, Any]:
    """Create a logged model that is PENDING."""
    made = logged_models.create_logged_model(
        store,
        fields.text("experiment_id"),
        fields.text_or("name") or None,
        fields.text_or("source_run_id"),
        dict(fields.pairs("tags")),
        dict(fields.pairs("params")),
        fields.text_or("model_type") or None,
    )
    return {"model": wire.logged_model(made)}


def get(store: Store, fields: Fields) -> dict[str, Any]:
    """Return a logged model."""
    allow_deleted = fields.flag("allow_deleted")
    found = logged_models.get_logged_model(store, fields.text("model_id"), allow_deleted=allow_deleted)
    return {"model": wire.logged_model(found)}


def finalize(store: Store, fields: Fields) -> dict[str, Any]:
    """Say how making a model has ended."""
    return {
        "model": wire.logged_model(logged_models.finalize_logged_model(store, fields.text("model_id"), _status(fields)))
    }


def _status(fields: Fields) -> str:
    """Return the name of the status that a request gives by name or number."""
    given = fields.values.get("status")
    if given is None:
        raise missing("status")
    for number, (status, name) in enumerate(wire.MODEL_STATUSES.items()):
        if given in (name, number, str(number)):
            return status
    raise invalid("status", given)


def delete(store: Store, fields: Fields) -> dict[str, Any]:
    """Mark a logged model deleted."""
    logged_models.delete_logged_model(store, fields.text("model_id"))
    return {}


def log_params(store: Store, fields: Fields) -> dict[str, Any]:
    """Set parameters of a logged model."""
    logged_models.log_model_params(store, fields.text("model_id"), dict(fields.pairs("params")))
    return {}


def set_tags(store: Store, fields: Fields) -> dict[str, Any]:
    """Set tags of a logged model."""
    logged_models.set_logged_model_tags(store, fields.text("model_id"), dict(fields.pairs("tags")))
    return {}


def delete_tag(store: Store, fields: Fields) -> dict[str, Any]:
    """Remove a tag of a logged model."""
    logged_models.delete_logged_model_tag(store, fields.text("model_id"), fields.text("tag_key"))
    return {}


def search(store: Store, fields: Fields) -> dict[str, Any]:
    """Return one page of the logged models that a filter selects; in no experiments there are none."""
    page = logged_models.search_logged_models(
        store,
        fields.ids("experiment_ids"),
        fields.text_or("filter"),
        [_dataset(Fields(item)) for item in fields.objects("datasets")],
        fields.whole("max_results") or _PAGE,
        [_order(item, f"order_by[{index}].") for index, item in enumerate(fields.objects("order_by"))],
        fields.text_or("page_token"),
    )
    answer: dict[str, Any] = {"models": [wire.logged_model(found) for found in page]}
    return answer if page.token is None else {**answer, "next_page_token": page.token}


def _dataset(item: Fields) -> DatasetChoice:
    name = item.text_or("dataset_name")
    if not name:
        raise InvalidInput("`dataset_name` in the `datasets` clause must be specified.")
    return name, item.text_or("dataset_digest") or None


def _order(item: Mapping[str, Any], path: str) -> ModelOrder:
    from runlake.query.logged_models import ModelOrder

    fields = Fields(item)
    if not (name := fields.text_or("field_name")):
        raise missing(f"{path}field_name")
    dataset = _dataset(fields) if item.get("dataset_name") else None
    return ModelOrder(name, item.get("ascending") is None or fields.flag("ascending"), dataset)


# -- runs and models


def log_model(store: Store, fields: Fields) -> dict[str, Any]:
    """Add a model to the list that a run has in a tag, as clients of MLflow 2 do."""
    logged_models.record_model(store, fields.run_id(), fields.text("model_json"))
    return {}


def log_outputs(store: Store, fields: Fields) -> dict[str, Any]:
    """Record logged models that a run wrote."""
    run_id = fields.run_id()
    if not (items := fields.objects("models")):
        raise missing("models")
    models = [Fields(item) for item in items]
    written = [LoggedModelOutput(model.text("model_id"), model.whole("step") or 0) for model in models]
    logged_models.log_outputs(store, run_id, written)
    return {}


# -- files


def list_artifacts(store: Store, fields: Fields) -> dict[str, Any]:
    """List what is directly in a folder of a logged model."""
    model = logged_models.get_logged_model(store, fields.text("model_id"))
    found = run_files.of_model(model).list(fields.text_or("artifact_directory_path"))
    return {
        "root_uri": wire.artifacts_of_model(model.experiment_id, model.model_id),
        "files": [wire.file_info(info, info.path) for info in found],
    }


async def download(request: Request) -> Response:
    """Send a file of a logged model."""
    worker = worker_of(request)
    fields = Fields.of_query(request.query_params).with_path(request.path_params)
    return await send(request, *await worker.run(_located, worker.store, fields))


def _located(store: Store, fields: Fields) -> tuple[Contents, str]:
    path = fields.text("artifact_file_path")
    return run_files.of_model(logged_models.get_logged_model(store, fields.text("model_id"))), path


ENDPOINTS: Final = (
    Endpoint("POST", "mlflow/logged-models", create),
    Endpoint("POST", "mlflow/logged-models/search", search),
    Endpoint("GET", "mlflow/logged-models/{model_id}", get),
    Endpoint("PATCH", "mlflow/logged-models/{model_id}", finalize),
    Endpoint("DELETE", "mlflow/logged-models/{model_id}", delete),
    Endpoint("POST", "mlflow/logged-models/{model_id}/params", log_params),
    Endpoint("PATCH", "mlflow/logged-models/{model_id}/tags", set_tags),
    Endpoint("DELETE", "mlflow/logged-models/{model_id}/tags/{tag_key:path}", delete_tag),
    Endpoint("GET", "mlflow/logged-models/{model_id}/artifacts/directories", list_artifacts),
    Endpoint("POST", "mlflow/runs/log-model", log_model),
    Endpoint("POST", "mlflow/runs/outputs", log_outputs),
)

TRANSFERS: Final = (Transfer("GET", "mlflow/logged-models/{model_id}/artifacts/files", download),)
