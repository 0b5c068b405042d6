"""Routes of MLflow's wire: one table of what is there; all else is answered with why it is not."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Route, compile_path

from runlake.errors import MlflowException
from runlake.server import (
    mlflow_artifacts,
    mlflow_experiments,
    mlflow_metrics,
    mlflow_models,
    mlflow_registry,
    mlflow_runs,
    mlflow_users,
)
from runlake.server.access import Admission, admission_of, admits_by_itself
from runlake.server.calls import read_body, to_json, worker_of
from runlake.server.endpoint import Answer, Endpoint, Handler, Transfer
from runlake.server.load import room_of
from runlake.server.mlflow_absent import absence
from runlake.server.mlflow_errors import not_implemented
from runlake.server.mlflow_fields import Fields
from runlake.server.watch import ROUTE

if TYPE_CHECKING:
    from starlette.requests import Request

    from runlake.store import Store

MLFLOW_VERSION: Final = "3.18.0"
"""The version whose protocol this is; clients choose by it what they may ask for."""

_LONG: Final = 32 << 20
_EVERY_METHOD: Final = ("GET", "POST", "PUT", "PATCH", "DELETE")


def _server_info(_store: Store, _fields: Fields) -> Mapping[str, Any]:
    """Say what this server can do."""
    return {
        "store_type": "runlake",
        "workspaces_enabled": False,
        "trace_archival_enabled": False,
        "multipart_uploads_enabled": False,
        "multipart_downloads_enabled": False,
        "presigned_upload_run_id_supported": False,
        "presigned_upload_model_id_supported": False,
        "features_enabled": {"gateway": False},
    }


ENDPOINTS: Final[tuple[Endpoint, ...]] = (
    Endpoint("POST", "mlflow/runs/log-metric", mlflow_metrics.log_metric),
    Endpoint("POST", "mlflow/runs/log-batch", mlflow_metrics.log_batch),
    Endpoint("GET", "mlflow/runs/get", mlflow_runs.get),
    Endpoint("POST", "mlflow/runs/log-parameter", mlflow_runs.log_parameter),
    Endpoint("POST", "mlflow/runs/set-tag", mlflow_runs.set_tag),
    Endpoint("POST", "mlflow/runs/search", mlflow_runs.search, answer_bytes=_LONG),
    Endpoint("GET", "mlflow/metrics/get-history", mlflow_metrics.get_history, answer_bytes=_LONG),
    Endpoint("GET", "mlflow/metrics/get-history-bulk", mlflow_metrics.get_history_bulk, answer_bytes=_LONG),
    Endpoint(
        "GET", "mlflow/metrics/get-history-bulk-interval", mlflow_metrics.get_history_bulk_interval, answer_bytes=_LONG
    ),
    Endpoint("POST", "mlflow/runs/create", mlflow_runs.create),
    Endpoint("POST", "mlflow/runs/update", mlflow_runs.update),
    Endpoint("POST", "mlflow/runs/delete", mlflow_runs.delete),
    Endpoint("POST", "mlflow/runs/restore", mlflow_runs.restore),
    Endpoint("POST", "mlflow/runs/delete-tag", mlflow_runs.delete_tag),
    Endpoint("POST", "mlflow/runs/log-inputs", mlflow_runs.log_inputs),
    Endpoint("POST", "mlflow/experiments/create", mlflow_experiments.create),
    Endpoint("GET", "mlflow/experiments/get", mlflow_experiments.get),
    Endpoint("GET", "mlflow/experiments/get-by-name", mlflow_experiments.get_by_name),
    Endpoint("GET", "mlflow/experiments/search", mlflow_experiments.search),
    Endpoint("POST", "mlflow/experiments/search", mlflow_experiments.search),
    Endpoint("POST", "mlflow/experiments/delete", mlflow_experiments.delete),
    Endpoint("POST", "mlflow/experiments/restore", mlflow_experiments.restore),
    Endpoint("POST", "mlflow/experiments/update", mlflow_experiments.update),
    Endpoint("POST", "mlflow/experiments/set-experiment-tag", mlflow_experiments.set_tag),
    Endpoint("POST", "mlflow/experiments/delete-experiment-tag", mlflow_experiments.delete_tag),
    Endpoint("POST", "mlflow/experiments/search-datasets", mlflow_experiments.search_datasets),
    # MLflow's own description of its protocol lacks a slash here, and so do clients that were made from it
    Endpoint("POST", "experiments/search-datasets", mlflow_experiments.search_datasets, versions=("2.0mlflow",)),
    Endpoint("GET", "mlflow/artifacts/list", mlflow_artifacts.list_of_run),
    Endpoint("GET", "mlflow-artifacts/artifacts", mlflow_artifacts.list_proxied),
    *mlflow_registry.ENDPOINTS,
    *mlflow_models.ENDPOINTS,
    Endpoint("GET", "mlflow/server-info", _server_info, versions=("3.0",)),
    *mlflow_users.ENDPOINTS,
)

TRANSFERS: Final = (
    Transfer("GET", "get-artifact", mlflow_artifacts.download_of_run, at_root=True),
    Transfer("GET", "mlflow-artifacts/artifacts/{path:path}", mlflow_artifacts.download),
    Transfer("PUT", "mlflow-artifacts/artifacts/{path:path}", mlflow_artifacts.upload),
    Transfer("DELETE", "mlflow-artifacts/artifacts/{path:path}", mlflow_artifacts.remove),
    *mlflow_registry.TRANSFERS,
    *mlflow_models.TRANSFERS,
)


def routes(max_body_bytes: int, page_of_nothing: Answer | None = None) -> list[Route]:
    """Return every route, each at `/api` and at `/ajax-api`; the last one takes what no other has taken.

    Args:
        page_of_nothing: Answers who looks for a page where there is none.
    """
    found = [
        Route(path, answers(endpoint, max_body_bytes), methods=[endpoint.method])
        for endpoint in ENDPOINTS
        for path in _paths(endpoint.path, endpoint.versions)
    ]
    found += [
        Route(path, counted(transfer), methods=[transfer.method])
        for transfer in TRANSFERS
        for path in ([f"/{transfer.path}"] if transfer.at_root else _paths(transfer.path, ("2.0",)))
    ]
    return [*found, Route("/{path:path}", _nothing(page_of_nothing), methods=_EVERY_METHOD)]


def _paths(path: str, versions: tuple[str, ...]) -> Iterator[str]:
    for version in versions:
        yield f"/api/{version}/{path}"
        yield f"/ajax-api/{version}/{path}"


def answers(endpoint: Endpoint, max_body_bytes: int) -> Answer:
    """Make the function that answers the requests of an endpoint: read here, worked on in a thread."""

    @admits_by_itself
    async def answer(request: Request) -> Response:
        request.scope[ROUTE] = endpoint.path
        worker, admission = worker_of(request), admission_of(request)
        read: Callable[[Any], Fields]
        given: Any
        if endpoint.method == "GET":
            read, given = Fields.of_query, request.query_params
        else:
            read, given = Fields.of_body, await read_body(request, max_body_bytes)
            _require_json(request, given)
        await room_of(request).answer(endpoint.answer_bytes)
        content = await worker.run(_work, endpoint.handle, worker.store, admission, read, given, request.path_params)
        return Response(content, media_type="application/json")

    return answer


def _work(
    handle: Handler,
    store: Store,
    admission: Admission,
    read: Callable[[Any], Fields],
    given: object,
    path: Mapping[str, str],
) -> bytes:
    fields = admission.admit(store, read(given).with_path(path))
    answer = handle(store, fields)
    admission.conclude(store, fields, answer)
    return to_json(answer)


def counted(transfer: Transfer) -> Answer:
    """Make the function that answers the requests for a file."""

    async def answer(request: Request) -> Response:
        request.scope[ROUTE] = transfer.path
        if transfer.method != "DELETE":
            await room_of(request).transfer()
        return await transfer.answer(request)

    return answer


def _require_json(request: Request, body: bytes) -> None:
    """Refuse what a page of another site could send without being asked whether it may; DELETE it never may."""
    kind = request.headers.get("content-type")
    if request.method == "DELETE" and not body:
        return
    if kind is None:
        raise MlflowException("Bad Request. Content-Type header is missing.", "INVALID_PARAMETER_VALUE")
    if kind.partition(";")[0].strip().lower() != "application/json":
        raise MlflowException(
            "Bad Request. Content-Type must be one of ['application/json'].", "INVALID_PARAMETER_VALUE"
        )


def _nothing(page: Answer | None) -> Answer:
    async def answer(request: Request) -> Response:
        """Say why there is nothing: not there yet, another method, or no such thing."""
        path = request.url.path
        if allowed := _methods(path):
            raise HTTPException(405, f"{request.method} is not allowed here", {"Allow": ", ".join(allowed)})
        if (sentence := absence(path)) is not None:
            raise not_implemented(sentence)
        if page is not None and request.method == "GET" and "text/html" in request.headers.get("accept", ""):
            return await page(request)
        raise HTTPException(404, f"there is nothing at {path[:200]!r}")

    return answer


def _methods(path: str) -> list[str]:
    """Return the methods by which something can be asked for at a path."""
    return sorted({method for method, pattern in _patterns() if pattern.match(path)})


@cache
def _patterns() -> list[tuple[str, re.Pattern[str]]]:
    """Return the method and the pattern of every path."""
    entries: tuple[Endpoint | Transfer, ...] = (*ENDPOINTS, *TRANSFERS)
    return [
        (entry.method, compile_path(known)[0])
        for entry in entries
        for known in _paths(entry.path, getattr(entry, "versions", ("2.0",)))
    ]
