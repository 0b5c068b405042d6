"""Small calls of a client, right ones and wrong ones, come to the same here as with MLflow's own database and server.

It takes a client of `make conformance`: stores and servers in processes of their own are too long for every test run.
"""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.test_clients import CLIENTS
from tests.mlflow_plugin.conftest import uri
from tests.server.judge import mlflow_served
from tests.server.wire import served

PROGRAM = Path(__file__).with_name("outcomes.py")

DELIBERATE = {
    "exp dup deleted": "the name of a deleted experiment can be used again",
    "exp search": "and then there are two of that name",
    "exp get weird": "an id is a text; what is no number is not there",
    "exp rename deleted": "INVALID_PARAMETER_VALUE",
    "exp rename dup": "a code of its own instead of a database's error",
    "exp rename none": "likewise",
    "exp delete twice": "it is there, and deleted",
    "exp restore active": "it is there, and not deleted",
    "exp tag long": "cut, as those of runs",
    "search order": "INVALID_PARAMETER_VALUE",
    "rm search zero": "a page of none is a mistake",
    "mv stage archive none": "INVALID_PARAMETER_VALUE",
    "mv search src": "sources are kept as the server's clients see them",
    "artifact text dots": "INVALID_PARAMETER_VALUE",
    "lm finalize pending": "that is no end",
    "lm params change": "a code of its own instead of a database's error",
    "lm search bad": "INVALID_PARAMETER_VALUE",
}
"""Calls that come to something else on purpose, and what or why."""

LATER = {
    *("rm slash", "rm colon", "rm blank", "rm search or"),
    *("alias get missing model", "alias get latest", "alias dies with version"),
    *("artifact list dots", "artifact missing"),
}
"""Calls that come to what they do in MLflow 3, which decides otherwise than 2.22."""

pytestmark = [
    pytest.mark.timeout(600),
    pytest.mark.parametrize("client", CLIENTS[1:], ids=lambda path: Path(path).parts[-3]),
]


def test_through_the_plugin_calls_come_to_what_they_do_in_mlflows_own_database(client: str, tmp_path: Path) -> None:
    expected = outcomes(client, f"sqlite:///{tmp_path}/mlflow.db", tmp_path)
    assert differing(expected, outcomes(client, uri(tmp_path / "lake"), tmp_path), known_of(client)) == {}


def test_through_the_server_calls_come_to_what_they_do_with_mlflows_own_server(client: str, tmp_path: Path) -> None:
    (tmp_path / "judge").mkdir()
    with mlflow_served(tmp_path / "judge", client) as judge:
        expected = outcomes(client, judge.url, tmp_path)
    with served(tmp_path) as server:
        assert differing(expected, outcomes(client, server.url, tmp_path), known_of(client)) == {}


def known_of(client: str) -> set[str]:
    return {*DELIBERATE, *(LATER if "2.22" in client else ())}


def outcomes(client: str, where: str, folder: Path) -> dict[str, Any]:
    done = subprocess.run([client, PROGRAM, where], capture_output=True, text=True, cwd=folder, timeout=300)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    assert len(found) > 100
    return found


def differing(expected: dict[str, Any], found: dict[str, Any], known: set[str]) -> dict[str, Any]:
    return {
        name: (expected[name], found[name]) for name in expected if expected[name] != found[name] and name not in known
    }
