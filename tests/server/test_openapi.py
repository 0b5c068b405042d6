"""The OpenAPI document says what the routes are and what their handlers read."""

import ast
import inspect
import re
import textwrap
from typing import Any

import pytest

from runlake.server.mlflow_openapi import FIELDS, PATH, document, read_fields
from runlake.server.mlflow_routes import ENDPOINTS, TRANSFERS
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
    operations = [method for path in answer.json["paths"].values() for method in path]
    assert len(operations) == len(ENDPOINTS) + len(TRANSFERS) + 3
    ids = [operation["operationId"] for path in answer.json["paths"].values() for operation in path.values()]
    assert len(set(ids)) == len(ids)


def test_who_has_to_sign_in_is_said() -> None:
    found = document(auth=True)
    assert found["security"] == [{"password": []}, {"token": []}]
    assert found["paths"]["/health"]["get"]["security"] == []
    assert "security" not in found["paths"]["/metrics"]["get"]


def test_fields_are_read_from_a_line() -> None:
    found = read_fields("name! size:int tags:pair[]")
    assert found["required"] == ["name"]
    assert found["properties"]["name"] == {"type": "string", "minLength": 1}
    assert found["properties"]["size"]["type"] == "integer"
    assert found["properties"]["tags"]["items"]["required"] == ["key"]
