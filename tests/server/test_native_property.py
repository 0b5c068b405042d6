"""Whatever the fields of a native request hold, as long as they have the right types: the server answers or refuses."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Callable
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints
from urllib.parse import quote, urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runlake.exchange import to_json
from runlake.server.native_arguments import parameters
from runlake.server.native_calls import CALLS
from runlake.server.native_frames import FRAMES
from runlake.server.native_views import VIEWS
from tests.endurance.proofs import size
from tests.server.wire import Server

TEXTS = st.one_of(
    st.sampled_from(["", "0", "Default", "loss", "lo*", "^l", "^(", "params.lr > 0", "metrics.loss DESC", "step"]),
    st.sampled_from(["run_id", "String", "Int8", "RUNNING", "timestamp", "..", "a/../b", "/etc/passwd", "%", "\0"]),
    st.text(max_size=20),
)
TABLES = st.fixed_dictionaries(
    {
        "types": st.one_of(st.just({"run_id": "String"}), st.dictionaries(TEXTS, st.one_of(TEXTS, st.lists(TEXTS)))),
        "columns": st.one_of(
            st.fixed_dictionaries({"run_id": st.lists(st.one_of(TEXTS, st.integers()))}),
            st.dictionaries(TEXTS, st.one_of(TEXTS, st.lists(TEXTS, max_size=3)), max_size=3),
        ),
    }
)
KEYS = st.sampled_from(
    ["params.lr", "metrics.loss", "min(metrics.loss)", "status", "start_time", "tags.mlflow.user", "x"]
)
AXES = st.fixed_dictionaries(
    {"key": KEYS},
    optional={
        "scale": st.sampled_from(["auto", "linear", "log", "category", "?"]),
        "bins": st.integers(-1, 600),
        "reduce": st.sampled_from(["min", "last", "argmax", "?"]),
        "start": TEXTS,
        "width": TEXTS,
        "bucket": st.integers(),
    },
)
ROUTES: dict[tuple[str, str], Callable[..., Any]] = {("POST", f"call/{name}"): call for name, call in CALLS.items()}
ROUTES |= {("POST", f"frames/{name}"): frame for name, frame in FRAMES.items()}
ROUTES |= VIEWS


def values(hint: Any) -> st.SearchStrategy[Any]:
    """Values of a type, as they are before they are JSON."""
    origin, inner = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        return st.one_of(*map(values, inner))
    if origin is list:
        return st.lists(values(inner[0]), max_size=3)
    if origin is dict:
        return st.one_of(TABLES, AXES) if inner[1] is Any else st.dictionaries(TEXTS, values(inner[1]), max_size=3)
    if isinstance(hint, type) and dataclasses.is_dataclass(hint):
        hints = get_type_hints(hint)
        return st.builds(hint, **{entry.name: values(hints[entry.name]) for entry in dataclasses.fields(hint)})
    simple = {
        str: st.one_of(TEXTS, KEYS),
        bool: st.booleans(),
        int: st.one_of(st.integers(-2, 5), st.integers(-(2**63), 2**63 - 1)),
        float: st.floats(),
        type(None): st.none(),
    }
    return simple[hint]


@st.composite
def requests(draw: st.DrawFn) -> tuple[tuple[str, str], dict[str, Any], str]:
    route = draw(st.sampled_from(sorted(ROUTES)))
    required, hints = parameters(ROUTES[route])
    chosen = [name for name in hints if name in required or draw(st.booleans())]
    fields = {name: to_json(draw(values(hints[name]))) for name in chosen}
    return route, fields, draw(st.sampled_from(["application/json", "*/*"]))


@pytest.fixture(scope="module")
def filled(server: Server) -> Server:
    """A server on a store with two runs."""
    for number in range(2):
        run_id = send(server, "POST", "/api/2.0/mlflow/runs/create", {"experiment_id": "0"})["run"]["info"]["run_id"]
        points = [{"key": "loss", "value": step / 2, "timestamp": step, "step": step} for step in range(9)]
        batch = {"run_id": run_id, "params": [{"key": "lr", "value": f"0.{number}"}], "metrics": points}
        send(server, "POST", "/api/2.0/mlflow/runs/log-batch", batch)
    return server


def send(server: Server, method: str, path: str, fields: dict[str, Any], accept: str = "application/json") -> Any:
    headers = {"Content-Type": "application/json", "Accept": accept}
    if method in ("GET", "DELETE"):
        texts = {name: value for name, value in fields.items() if value is not None}
        answer = server.send(method, f"{path}?{urlencode(texts, doseq=True, errors='replace')}", headers=headers)
    else:
        answer = server.send(method, path, json.dumps(fields).encode(), headers)
    assert answer.status < 500, answer.body
    return answer.json if answer.headers["content-type"] == "application/json" else None


@settings(max_examples=size(150, 400), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(requests())
def test_no_request_meets_a_defect(filled: Server, request_: tuple[tuple[str, str], dict[str, Any], str]) -> None:
    (method, route), fields, accept = request_
    for name in re.findall(r"{(\w+)", route):
        route = re.sub(rf"{{{name}(:path)?}}", quote(str(fields.pop(name)), safe=""), route)
    send(filled, method, f"/api/runlake/v1/{route}", fields, accept)
