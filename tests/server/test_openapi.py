"""The OpenAPI document says what the routes are and what their handlers read."""

import ast
import inspect
import re
import textwrap
from typing import Any

import pytest

from runlake.server.app import create_app
from runlake.server.mlflow_openapi import FIELDS, PATH, document, read_fields
from runlake.server.mlflow_routes import ENDPOINTS
from runlake.server.settings import ServerSettings
from tests.server.wire import Server

READERS = ("flag", "text", "text_or", "whole", "texts", "ids", "objects", "pairs", "view")


def test_every_endpoint_has_a_line_of_fields_and_every_line_an_endpoint() -> None:
    assert set(FIELDS) == {endpoint.path for endpoint in ENDPOINTS}


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda endpoint: f"{endpoint.method} {endpoint.path}")
def test_a_line_has_every_field_that_the_handler_reads(endpoint: Any) -> None:
    declared = read_fields(FIELDS[endpoint.path])["properties"]
    tree = ast.parse(textwrap.dedent(inspect.getsource(endpoint.handle)))
    read = {
        node.args[0].value
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in READERS
        and ast.unparse(node.func.value) == "fields"
        and node.args
        and isinstance(node.args[0], ast.Constant)
    }
    assert read <= {*declared, *re.findall(r"{(\w+)", endpoint.path)}


def test_the_document_is_served_and_has_every_route_once(server: Server) -> None:
    answer = server.send("GET", PATH)
    assert answer.json == document(auth=False)
    described = {(method.upper(), path) for path, methods in answer.json["paths"].items() for method in methods}
    routed = {
        (method, re.sub(r":path}", "}", route.path))
        for route in create_app(ServerSettings("lake", ui=None)).routes
        for method in getattr(route, "methods", ()) - {"HEAD"}
        if not route.path.startswith("/ajax-api/") and route.path not in (PATH, "/{path:path}")
    }
    assert described == routed
    ids = [operation["operationId"] for path in answer.json["paths"].values() for operation in path.values()]
    assert len(set(ids)) == len(ids)


def test_who_has_to_sign_in_is_said() -> None:
    found = document(auth=True)
    assert found["security"] == [{"password": []}, {"token": []}]
    assert found["paths"]["/health"]["get"]["security"] == []
    assert "security" not in found["paths"]["/metrics"]["get"]


def test_fields_of_native_calls_are_the_parameters_of_their_functions() -> None:
    body = document(auth=False)["paths"]["/api/runlake/v1/call/create_run"]["post"]["requestBody"]
    schema = body["content"]["application/json"]["schema"]
    assert schema["required"] == ["run_id", "experiment_id", "name", "user_id", "start_time", "tags"]
    assert schema["properties"]["tags"] == {"type": "object", "additionalProperties": {"type": "string"}}


def test_fields_are_read_from_a_line() -> None:
    found = read_fields("name! size:int tags:pair[]")
    assert found["required"] == ["name"]
    assert found["properties"]["name"] == {"type": "string", "minLength": 1}
    assert found["properties"]["size"]["type"] == "integer"
    assert found["properties"]["tags"]["items"]["required"] == ["key"]
