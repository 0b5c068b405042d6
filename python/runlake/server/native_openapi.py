"""The native routes in the OpenAPI document: their fields are the parameters of the functions that answer."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import is_dataclass
from types import NoneType, UnionType
from typing import Any, Final, Union, get_args, get_origin

from runlake.server.native_arguments import parameters
from runlake.server.native_artifacts import raw
from runlake.server.native_calls import CALLS
from runlake.server.native_events import MEDIA_TYPE, events
from runlake.server.native_frames import ARROW, FRAMES, JSON
from runlake.server.native_replication import API as REPLICATION
from runlake.server.native_replication import ROUTES
from runlake.server.native_routes import API, RAW
from runlake.server.native_views import AS_TABLES, VIEWS

Described = Callable[[str, str, str, Mapping[str, Any]], dict[str, Any]]
"""Makes an operation of a method, a path, what it is about and what it answers."""

_INT: Final = {"type": "integer", "format": "int64", "minimum": -(1 << 63), "maximum": (1 << 63) - 1}
_PLAIN: Final[dict[Any, dict[str, Any]]] = {
    str: {"type": "string"},
    int: _INT,
    float: {"type": "number"},
    bool: {"type": "boolean"},
    NoneType: {"type": "null"},
    Any: {},
}
_OBJECT: Final = {JSON: {"schema": {"type": "object"}}}
_BYTES: Final = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}
_PARAMETER: Final = re.compile(r"\{(\w+)(?::path)?\}")


def paths(described: Described) -> dict[str, dict[str, Any]]:
    """Return the operations of all native routes, by path and method."""
    found: dict[str, dict[str, Any]] = {}
    for method, path, operation in (
        ("GET", f"{API}hello", described("GET", f"{API}hello", "Say who this is.", _OBJECT)),
        *_of(CALLS, "call", _OBJECT, described),
        *_of(FRAMES, "frames", {ARROW: {"schema": {}}, **_OBJECT}, described),
        *_views(described),
        ("GET", f"{API}{RAW}", _raw(described)),
        _events(described),
        *_replication(described),
    ):
        found.setdefault(_PARAMETER.sub(r"{\1}", path), {})[method.lower()] = operation
    return found


def _of(
    functions: Mapping[str, Callable[..., Any]], kind: str, answer: Mapping[str, Any], described: Described
) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for name, function in functions.items():
        path = f"{API}{kind}/{name}"
        operation = described("POST", path, (function.__doc__ or name).partition("\n")[0], answer)
        operation["requestBody"] = {"required": True, "content": {JSON: {"schema": _fields(function)}}}
        yield "POST", path, operation


def _views(described: Described) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for (method, name), view in VIEWS.items():
        path = f"{API}{name}"
        answer = {ARROW: {"schema": {}}, **_OBJECT} if (method, name) in AS_TABLES else _OBJECT
        operation = described(method, path, (view.__doc__ or name).partition("\n")[0], answer)
        schema = _fields(view, apart=_PARAMETER.findall(name))
        if method in ("POST", "PUT", "PATCH"):
            operation["requestBody"] = {"required": True, "content": {JSON: {"schema": schema}}}
        else:
            operation["parameters"] = [*operation.get("parameters", ()), *_in_query(schema)]
        yield method, path, operation


def _in_query(schema: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for field, kind in schema["properties"].items():
        yield {"name": field, "in": "query", "required": field in schema.get("required", ()), "schema": kind}


def _raw(described: Described) -> dict[str, Any]:
    operation = described("GET", f"{API}{RAW}", (raw.__doc__ or RAW).partition("\n")[0], _BYTES)
    schema = {"properties": {"path": _PLAIN[str], "download": _PLAIN[bool]}, "required": ["path"]}
    return {**operation, "parameters": [*operation.get("parameters", ()), *_in_query(schema)]}


def _events(described: Described) -> tuple[str, str, dict[str, Any]]:
    path = f"{API}events"
    operation = described("GET", path, (events.__doc__ or path).partition("\n")[0], {MEDIA_TYPE: {"schema": {}}})
    operation["parameters"] = list(_in_query(_fields(events)))
    return "GET", path, operation


def _replication(described: Described) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for route in ROUTES:
        path = f"{REPLICATION}{route.path}"
        operation = described(route.method, path, (route.answer.__doc__ or path).partition("\n")[0], _OBJECT)
        if route.method != "GET":
            content = _BYTES if route.method == "PUT" else {ARROW: {}} if route.path == "points" else _OBJECT
            operation["requestBody"] = {"required": True, "content": content}
        yield route.method, path, operation


def _fields(function: Callable[..., Any], apart: Collection[str] = ()) -> dict[str, Any]:
    """Describe the fields of a function; `apart` are those that stand in the path."""
    required, hints = parameters(function)
    properties = {name: _schema(hint) for name, hint in hints.items() if name not in apart}
    found = {"type": "object", "properties": properties, "additionalProperties": False}
    needed = [name for name in required if name not in apart]
    return {**found, "required": needed} if needed else found


def _schema(hint: Any) -> dict[str, Any]:
    origin, inner = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        return {"anyOf": [_schema(one) for one in inner]}
    if origin is list:
        return {"type": "array", "items": _schema(inner[0])}
    if origin is dict:
        return {"type": "object", "additionalProperties": _schema(inner[1])}
    if isinstance(hint, type) and is_dataclass(hint):  # with the name of its class, as `exchange` has entities
        return {"type": "object", "properties": {"$": {"const": hint.__name__}}, "required": ["$"]}
    return _PLAIN[hint]
