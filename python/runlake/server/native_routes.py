"""Routes of runlake's own client, below `/api/runlake/v1`: who the server is, calls, frames, and views."""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import orjson
from starlette.responses import Response
from starlette.routing import Route

from runlake import __version__
from runlake.access import Caller, Kind
from runlake.entities import Experiment, PagedList
from runlake.errors import InvalidInput, NotFound, PromotionRefused, RunlakeError
from runlake.exchange import from_json, to_json
from runlake.server.access import admission_of, admits_by_itself, caller_of
from runlake.server.calls import read_body, worker_of
from runlake.server.load import room_of
from runlake.server.mlflow_fields import Fields
from runlake.server.native_arguments import asking, bound, from_query
from runlake.server.native_artifacts import artifact_table, raw
from runlake.server.native_calls import CALLS
from runlake.server.native_events import answer_events
from runlake.server.native_frames import ARROW, FRAMES, JSON, Shipment, send
from runlake.server.native_views import VIEWS
from runlake.server.view import Accepted, View, respond
from runlake.server.watch import ROUTE

if TYPE_CHECKING:
    from starlette.requests import Request

    from runlake.server.access import Admission
    from runlake.store import Store

API: Final = "/api/runlake/v1/"
_log = logging.getLogger("runlake")

_WITH_BODY: Final = ("POST", "PUT", "PATCH")
_FRAME_BYTES: Final = 16 << 20  # one piece of a frame, as it is made and as it is sent
_HEAVY_VIEWS: Final = {artifact_table: 512 << 20}  # what a column of a packed file may take

RAW: Final = "runs/{run_id}/artifacts/raw"
PRODUCT: Final = "runlake"
PROTOCOL: Final = 1
"""What a client must speak; it grows when an older client would misunderstand."""


@dataclass(frozen=True)
class NativeRoute:
    """One thing that runlake's client can ask for; `path` is below `/api/runlake/v1/`."""

    method: str
    path: str
    answer: Callable[[Request, int], Awaitable[Response]]
    admits_by_itself: bool = False


def native_routes() -> Iterator[NativeRoute]:
    """Give everything that can be asked for."""
    yield NativeRoute("GET", "hello", _hello)
    for name, call in CALLS.items():
        yield NativeRoute("POST", f"call/{name}", _answers_call(call))
    for name, frame in FRAMES.items():
        yield NativeRoute("POST", f"frames/{name}", _answers_frame(frame), admits_by_itself=True)
    for (method, name), view in VIEWS.items():
        yield NativeRoute(method, name, _answers_view(view), admits_by_itself=True)
    yield NativeRoute("GET", RAW, raw)
    yield NativeRoute("GET", "events", answer_events, admits_by_itself=True)


def routes(max_body_bytes: int) -> list[Route]:
    """Return the routes as the application takes them."""
    return [
        Route(f"{API}{route.path}", _guarded(route, max_body_bytes), methods=[route.method])
        for route in native_routes()
    ]


def _guarded(route: NativeRoute, max_body_bytes: int) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        request.scope[ROUTE] = f"runlake/{route.path}"
        try:
            return await route.answer(request, max_body_bytes)
        except RunlakeError as error:
            return _refusal(request, error)

    return admits_by_itself(answer) if route.admits_by_itself else answer


def _refusal(request: Request, error: RunlakeError) -> Response:
    """Answer with an error of which the client can raise the same: its class and hint besides code and message.

    What is meant by a name that is not there, an experiment or a run, is a hint only for who may read all of them.
    """
    if (status := error.get_http_status_code()) >= 500:
        _log.error("a request failed: %s", error, exc_info=error)
    root = str(worker_of(request).store.root)
    hint = None if isinstance(error, NotFound) and not caller_of(request).is_admin else error.hint
    fields: dict[str, Any] = {
        "error_code": error.error_code,
        "message": error.message.replace(root, "<store>"),
        "error_class": type(error).__name__,
        "hint": None if hint is None else hint.replace(root, "<store>"),
    }
    if isinstance(error, InvalidInput) and error.span is not None:
        fields["span"] = error.span
    if isinstance(error, PromotionRefused) and error.report is not None:
        fields["report"] = to_json(error.report)
    return Response(orjson.dumps(fields), status, media_type=JSON)


async def _hello(request: Request, _max_body_bytes: int) -> Response:
    """Say who this is, and which store it has."""
    said = {
        "product": PRODUCT,
        "version": __version__,
        "protocol": PROTOCOL,
        "store_id": worker_of(request).store.catalog.store_id,
        "time_ms": time.time_ns() // 1_000_000,
    }
    return Response(orjson.dumps(said), media_type=JSON)


def _answers_call(call: Callable[..., Any]) -> Callable[[Request, int], Awaitable[Response]]:
    def work(store: Store, caller: Caller, body: bytes) -> bytes:
        from runlake import query

        with query.overheard() as warnings:
            value = to_json(_readable(call(store, **bound(call, _fields(body))), caller))
        warnings = _for(caller, warnings)
        return orjson.dumps({"value": value, "warnings": warnings} if warnings else {"value": value})

    async def answer(request: Request, max_body_bytes: int) -> Response:
        body = await _json_body(request, max_body_bytes)
        worker = worker_of(request)
        return Response(await worker.run(work, worker.store, caller_of(request), body), media_type=JSON)

    return answer


def _answers_frame(frame: Callable[..., Shipment]) -> Callable[[Request, int], Awaitable[Response]]:
    def work(store: Store, admission: Admission, body: bytes) -> Shipment:
        from runlake import query

        fields = admission.admit(store, Fields(_fields(body)))
        with query.overheard() as warnings:
            shipment = frame(store, **bound(frame, fields.values))
        warnings = _for(admission.caller, warnings)
        return replace(shipment, notes={**shipment.notes, "warnings": warnings}) if warnings else shipment

    async def answer(request: Request, max_body_bytes: int) -> Response:
        body = await _json_body(request, max_body_bytes)
        worker = worker_of(request)
        await room_of(request).answer(_FRAME_BYTES)
        kind = JSON if _prefers_json(request.headers.get("accept", "")) else ARROW
        return await send(worker, await worker.run(work, worker.store, admission_of(request), body), kind)

    return answer


def _answers_view(view: Callable[..., View]) -> Callable[[Request, int], Awaitable[Response]]:
    """Answer with a view. Its fields are in the path, which comes before all else, and in the body or the query."""

    async def answer(request: Request, max_body_bytes: int) -> Response:
        if request.method in _WITH_BODY:
            given = _fields(await _json_body(request, max_body_bytes))
        else:
            given = from_query(view, {name: request.query_params.getlist(name) for name in request.query_params})
        given = {**given, **from_query(view, {name: [text] for name, text in request.path_params.items()})}
        accepted = Accepted.of(request.headers, wants_json=_prefers_json(request.headers.get("accept", "")))
        worker, admission = worker_of(request), admission_of(request)

        def work() -> Response:
            from runlake import query

            fields = admission.admit(worker.store, Fields(given))
            with query.overheard() as warnings:
                made = view(worker.store, **bound(view, fields.values), **asking(view, admission.caller))
            admission.conclude(worker.store, fields, made.value)
            return respond(made, _for(admission.caller, warnings), accepted)

        await room_of(request).answer(_HEAVY_VIEWS.get(view, _FRAME_BYTES))
        return await worker.run(work)

    return answer


def _for(caller: Caller, warnings: list[str]) -> list[str]:
    """Leave out of warnings what may have been meant, for those who may not read all that there is."""
    return warnings if caller.is_admin else [warning.partition("\nhint:")[0] for warning in warnings]


def _readable(value: Any, caller: Caller) -> Any:
    """Leave out of a list of experiments those that the caller may not read."""
    if not isinstance(value, list) or not value or not isinstance(value[0], Experiment) or caller.is_admin:
        return value
    left = [found for found in value if caller.may_read(Kind.EXPERIMENT, found.experiment_id)]
    return PagedList(left, value.token) if isinstance(value, PagedList) else left


async def _json_body(request: Request, max_body_bytes: int) -> bytes:
    """Read a body that says it is JSON: a page of another site cannot say so without asking first."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != JSON:
        raise InvalidInput(f"the content type is {kind[:100] or 'missing'}; it must be {JSON}")
    return await read_body(request, max_body_bytes)


def _fields(body: bytes) -> Mapping[str, Any]:
    try:
        given = orjson.loads(body or b"{}")
    except orjson.JSONDecodeError as error:
        raise InvalidInput(f"the body is no JSON: {error}") from None
    fields = from_json(given)
    if not isinstance(fields, dict):
        raise InvalidInput("the body must be an object of fields")
    return fields


def _prefers_json(accept: str) -> bool:
    """Tell whether rows are wanted as JSON; without a wish they are sent as Arrow."""
    wanted = [part.partition(";")[0].strip().lower() for part in accept.split(",")]
    return JSON in wanted and ARROW not in wanted
