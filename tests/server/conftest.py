"""One server for the tests of a module; those that stop it or look at its log start their own."""

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.server.judge import mlflow_served
from tests.server.people import Called, Headers, people
from tests.server.wire import API, Answer, Server, served


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with a store of its own."""
    with served(tmp_path_factory.mktemp("server")) as running:
        yield running


@pytest.fixture(scope="session")
def judge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """MLflow's own server."""
    pytest.importorskip("mlflow")
    with mlflow_served(tmp_path_factory.mktemp("judge")) as running:
        yield running


@pytest.fixture(scope="module")
def tokens(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, dict[str, Headers]]]:
    """A server that asks who calls, and a token of each of its users."""
    folder = tmp_path_factory.mktemp("access")
    headers = people(folder)
    with served(folder, "--auth", "--ui", "mlflow") as server:
        yield server, headers


@pytest.fixture
def call(tokens: tuple[Server, dict[str, Headers]]) -> Called:
    """Call an endpoint as somebody."""
    server, headers = tokens

    def called(who: str | Headers, method: str, path: str, /, **fields: Any) -> Answer:
        given = who if isinstance(who, dict) else headers.get(who, {})
        full = path if path.startswith("/") else f"{API}{path}"
        if method == "GET":
            return server.send("GET", f"{full}?{urlencode(fields, doseq=True)}", headers=given)
        return server.send(method, full, json.dumps(fields), {**given, "Content-Type": "application/json"})

    return called
