"""The OpenAPI document: what every route takes, from the tables of routes and one line of fields for each endpoint.

A line lists names, `name!` where something has to be said, and `name:kind` where it is no text. A kind with brackets is
a list. What a field means is MLflow's; this says what may be in it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

import orjson
from starlette.responses import Response

from runlake import __version__
from runlake.server import mlflow_access, mlflow_routes, native_openapi
from runlake.server.endpoint import Endpoint, Transfer
from runlake.server.watch import ROUTE

if TYPE_CHECKING:
    from starlette.requests import Request

PATH: Final = "/api/runlake/v1/openapi.json"

_PAGED: Final = "filter max_results:int order_by:text[] page_token"
_RUN: Final = "run_id! run_uuid"
_STEPS: Final = "start_step:int end_step:int"
_PERMISSION: Final = "username! permission!:permission"

FIELDS: Final = {
    "mlflow/runs/log-metric": f"{_RUN} key! value!:number timestamp!:int step:int model_id dataset_name dataset_digest",
    "mlflow/runs/log-batch": f"{_RUN} metrics:metric[] params:pair[] tags:pair[]",
    "mlflow/runs/get": _RUN,
    "mlflow/runs/log-parameter": f"{_RUN} key! value",
    "mlflow/runs/set-tag": f"{_RUN} key! value",
    "mlflow/runs/search": f"experiment_ids:text[] run_view_type:view {_PAGED}",
    "mlflow/metrics/get-history": f"{_RUN} metric_key! max_results:int page_token",
    "mlflow/metrics/get-history-bulk": "run_id!:text[] metric_key! max_results:int",
    "mlflow/metrics/get-history-bulk-interval": f"run_ids!:text[] metric_key! max_results:int {_STEPS}",
    "mlflow/runs/create": "experiment_id! user_id run_name start_time:int tags:pair[]",
    "mlflow/runs/update": f"{_RUN} status:status end_time:int run_name",
    "mlflow/runs/delete": _RUN,
    "mlflow/runs/restore": _RUN,
    "mlflow/runs/delete-tag": f"{_RUN} key!",
    "mlflow/runs/log-inputs": f"{_RUN} datasets:dataset[] models:object[]",
    "mlflow/experiments/create": "name! artifact_location tags:pair[]",
    "mlflow/experiments/get": "experiment_id!",
    "mlflow/experiments/get-by-name": "experiment_name!",
    "mlflow/experiments/search": f"view_type:view {_PAGED}",
    "mlflow/experiments/delete": "experiment_id!",
    "mlflow/experiments/restore": "experiment_id!",
    "mlflow/experiments/update": "experiment_id! new_name!",
    "mlflow/experiments/set-experiment-tag": "experiment_id! key! value",
    "mlflow/experiments/delete-experiment-tag": "experiment_id! key!",
    "mlflow/experiments/search-datasets": "experiment_ids!:text[]",
    "experiments/search-datasets": "experiment_ids!:text[]",
    "mlflow/runs/log-model": f"{_RUN} model_json!",
    "mlflow/runs/outputs": f"{_RUN} models!:output[]",
    "mlflow/artifacts/list": f"{_RUN} path",
    "mlflow-artifacts/artifacts": "path!",
    "mlflow/logged-models": "experiment_id! name source_run_id tags:pair[] params:pair[] model_type",
    "mlflow/logged-models/search": (
        "experiment_ids:text[] filter datasets:choice[] max_results:int order_by:model_order[] page_token"
    ),
    "mlflow/logged-models/{model_id}": "status:model_status allow_deleted:bool",
    "mlflow/logged-models/{model_id}/params": "params:pair[]",
    "mlflow/logged-models/{model_id}/tags": "tags:pair[]",
    "mlflow/logged-models/{model_id}/tags/{tag_key:path}": "",
    "mlflow/logged-models/{model_id}/artifacts/directories": "artifact_directory_path",
    "mlflow/registered-models/create": "name! tags:pair[] description",
    "mlflow/registered-models/get": "name!",
    "mlflow/registered-models/rename": "name! new_name!",
    "mlflow/registered-models/update": "name! description",
    "mlflow/registered-models/delete": "name!",
    "mlflow/registered-models/search": _PAGED,
    "mlflow/registered-models/get-latest-versions": "name! stages:text[]",
    "mlflow/registered-models/set-tag": "name! key! value",
    "mlflow/registered-models/delete-tag": "name! key!",
    "mlflow/registered-models/alias": "name! alias! version",
    "mlflow/model-versions/create": "name! source! run_id tags:pair[] run_link description model_id",
    "mlflow/model-versions/get": "name! version!",
    "mlflow/model-versions/get-download-uri": "name! version!",
    "mlflow/model-versions/update": "name! version! description",
    "mlflow/model-versions/transition-stage": "name! version! stage!:stage archive_existing_versions:bool",
    "mlflow/model-versions/delete": "name! version!",
    "mlflow/model-versions/search": _PAGED,
    "mlflow/model-versions/set-tag": "name! version! key! value",
    "mlflow/model-versions/delete-tag": "name! version! key!",
    "mlflow/server-info": "",
    "mlflow/users/create": "username! password!",
    "mlflow/users/get": "username!",
    "mlflow/users/list": "",
    "mlflow/users/current": "",
    "mlflow/users/update-password": "username! password! current_password",
    "mlflow/users/update-admin": "username! is_admin!:bool",
    "mlflow/users/delete": "username!",
    "mlflow/users/current/permissions": "",
    "mlflow/users/permissions/list": "username!",
    "mlflow/users/permissions/get": "username! resource_type! resource_id!",
    "mlflow/users/permissions/grant": f"resource_type! resource_id! {_PERMISSION}",
    "mlflow/users/permissions/revoke": "username! resource_type! resource_id!",
    "mlflow/experiments/permissions/create": f"experiment_id! {_PERMISSION}",
    "mlflow/experiments/permissions/get": "experiment_id! username!",
    "mlflow/experiments/permissions/update": f"experiment_id! {_PERMISSION}",
    "mlflow/experiments/permissions/delete": "experiment_id! username!",
    "mlflow/registered-models/permissions/create": f"name! {_PERMISSION}",
    "mlflow/registered-models/permissions/get": "name! username!",
    "mlflow/registered-models/permissions/update": f"name! {_PERMISSION}",
    "mlflow/registered-models/permissions/delete": "name! username!",
}
"""Fields by path, in the query of a GET and in the JSON body of all others."""

_INT: Final = {"type": "integer", "format": "int64", "minimum": -(1 << 63), "maximum": (1 << 63) - 1}
_KINDS: Final[dict[str, dict[str, Any]]] = {
    "text": {"type": "string"},
    "int": _INT,
    "bool": {"type": "boolean"},
    "number": {"oneOf": [{"type": "number"}, {"enum": ["NaN", "Infinity", "-Infinity"]}]},
    "view": {"enum": ["ACTIVE_ONLY", "DELETED_ONLY", "ALL"]},
    "status": {"enum": ["RUNNING", "SCHEDULED", "FINISHED", "FAILED", "KILLED"]},
    "model_status": {"enum": ["LOGGED_MODEL_READY", "LOGGED_MODEL_UPLOAD_FAILED"]},
    "stage": {"enum": ["None", "Staging", "Production", "Archived"]},
    "permission": {"enum": ["READ", "EDIT", "MANAGE", "NO_PERMISSIONS"]},
    "object": {"type": "object"},
}
_ITEMS: Final = {
    "pair": "key! value",
    "metric": "key! value!:number timestamp!:int step:int model_id dataset_name dataset_digest",
    "output": "model_id! step:int",
    "choice": "dataset_name! dataset_digest",
    "model_order": "field_name! ascending:bool dataset_name dataset_digest",
    "dataset": "tags:pair[] dataset!:dataset_entity",
    "dataset_entity": "name! digest! source_type! source! schema profile",
}
_FIELD: Final = re.compile(r"(\w+)(!?)(?::(\w+)(\[\])?)?")
_PARAMETER: Final = re.compile(r"\{(\w+)(?::path)?\}")
_IN_QUERY: Final = {
    "get-artifact": f"{_RUN} path!",
    "model-versions/get-artifact": "name! version! path!",
    "mlflow/logged-models/{model_id}/artifacts/files": "artifact_file_path!",
}
"""Fields of files that go out, by path."""

_LOOSE_BODY: Final = {"application/json": {"schema": {"type": "object"}}}
_TEXT: Final = {"text/plain": {"schema": {"type": "string"}}}
_FILE: Final = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}
_PLAIN: Final = {"/health": "Whether the server answers", "/version": "MLflow's version", "/metrics": "Counters"}


def read_fields(line: str) -> dict[str, Any]:
    """Return the JSON schema of an object with the fields of a line."""
    properties, required = {}, []
    for name, must, kind, several in _FIELD.findall(line):
        schema = _kind(kind or "text")
        properties[name] = {"type": "array", "items": schema} if several else schema
        if must:
            required.append(name)
            if schema == _KINDS["text"] and not several:
                properties[name] = {**schema, "minLength": 1}
    found: dict[str, Any] = {"type": "object", "properties": properties}
    return {**found, "required": required} if required else found


def _kind(name: str) -> dict[str, Any]:
    return read_fields(_ITEMS[name]) if name in _ITEMS else _KINDS[name]


def document(*, auth: bool) -> dict[str, Any]:
    """Return the document; `auth` is whether callers are asked who they are."""
    paths: dict[str, dict[str, Any]] = {}
    for endpoint in mlflow_routes.ENDPOINTS:
        path = _PARAMETER.sub(r"{\1}", f"/api/{endpoint.versions[0]}/{endpoint.path}")
        paths.setdefault(path, {})[endpoint.method.lower()] = _operation(endpoint)
    for transfer in mlflow_routes.TRANSFERS:
        path = _PARAMETER.sub(r"{\1}", f"/{transfer.path}" if transfer.at_root else f"/api/2.0/{transfer.path}")
        paths.setdefault(path, {})[transfer.method.lower()] = _transfer(transfer)
    paths |= native_openapi.paths(_described)
    for path, about in _PLAIN.items():
        paths[path] = {"get": _described("GET", path, about, _TEXT)}
    found: dict[str, Any] = {
        "openapi": "3.1.0",
        "info": {
            "title": "runlake",
            "version": __version__,
            "description": "MLflow's REST protocol over a runlake store. Everything at /api is at /ajax-api as well.",
        },
        "paths": paths,
        "components": {
            "schemas": {"Error": read_fields("error_code! message!")},
            "securitySchemes": {
                "password": {"type": "http", "scheme": "basic"},
                "token": {"type": "http", "scheme": "bearer"},
            },
        },
    }
    return {**found, "security": [{"password": []}, {"token": []}]} if auth else found


def _operation(endpoint: Endpoint) -> dict[str, Any]:
    about = (endpoint.handle.__doc__ or endpoint.path).partition("\n")[0]
    operation = _described(endpoint.method, endpoint.path, about, _LOOSE_BODY)
    schema = read_fields(FIELDS[endpoint.path])
    if endpoint.method == "GET":
        operation["parameters"] += _query(schema)
    else:
        must = bool(schema.get("required"))
        operation["requestBody"] = {"required": must, "content": {"application/json": {"schema": schema}}}
    return operation


def _query(schema: Mapping[str, Any]) -> Iterable[dict[str, Any]]:
    required = schema.get("required", ())
    for name, kind in schema["properties"].items():
        yield {"name": name, "in": "query", "required": name in required, "schema": kind}


def _transfer(transfer: Transfer) -> dict[str, Any]:
    about = (transfer.answer.__doc__ or transfer.path).partition("\n")[0]
    answer = _FILE if transfer.method == "GET" else _LOOSE_BODY
    operation = _described(transfer.method, transfer.path, about, answer)
    operation["parameters"] += _query(read_fields(_IN_QUERY.get(transfer.path, "")))
    if transfer.method == "PUT":
        operation["requestBody"] = {"required": True, "content": _FILE}
    return operation


def _described(method: str, path: str, about: str, answer: Mapping[str, Any]) -> dict[str, Any]:
    error = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
    need = mlflow_access.need_of(method, path)
    operation: dict[str, Any] = {
        "operationId": re.sub(r"\W+", "_", f"{method} {path}").strip("_").lower(),
        "summary": about.removesuffix("."),
        "parameters": [
            {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
            for name in _PARAMETER.findall(path)
        ],
        "responses": {
            "200": {"description": "done", "content": dict(answer)},
            "default": {"description": "not done", "content": error},
        },
    }
    return {**operation, "security": []} if need is not None and need.open_to_all else operation


def answer(*, auth: bool) -> Any:
    """Make the function that answers with the document."""
    content: list[bytes] = []

    async def answered(request: Request) -> Response:
        request.scope[ROUTE] = "openapi"
        if not content:
            content.append(orjson.dumps(document(auth=auth)))
        return Response(content[0], media_type="application/json")

    return answered
