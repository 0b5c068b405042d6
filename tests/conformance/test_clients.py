"""MLflow's own clients, unmodified, against the server and against the plugin.

The client of this environment is always judged, those that CONFORMANCE_CLIENTS names, interpreters separated by colons,
as well: `make conformance` makes an environment for each of them.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conformance import calls
from tests.mlflow_plugin.conftest import uri
from tests.server.wire import Server, served

pytest.importorskip("mlflow.sklearn")

WORKFLOW = Path(__file__).with_name("workflow")
CLIENTS = [sys.executable, *filter(None, os.environ.get("CONFORMANCE_CLIENTS", "").split(":"))]
pytestmark = [
    pytest.mark.timeout(600),
    pytest.mark.parametrize("client", CLIENTS, ids=lambda path: Path(path).parts[-3]),
]


def test_through_the_server_a_client_reads_back_all_that_it_wrote(client: str, tmp_path: Path) -> None:
    with served(tmp_path) as server:
        run_workflow(client, server.url, tmp_path)
        called = calls_of(server)
        server.stop()
        assert failures(server) == []
    of_the_version = calls.MLFLOW_2 if "2.22" in client else calls.MLFLOW_3
    assert sorted((calls.BOTH | of_the_version) - called) == [], "the workflow lacks calls"


def test_through_the_plugin_a_client_reads_back_all_that_it_wrote(client: str, tmp_path: Path) -> None:
    run_workflow(client, uri(tmp_path / "a lake"), tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"a lake"}, "the script has written to another store"


def run_workflow(client: str, where: str, folder: Path) -> None:
    done = subprocess.run([client, WORKFLOW, where], capture_output=True, text=True, cwd=folder, timeout=500)
    assert done.returncode == 0, done.stdout + done.stderr


def calls_of(server: Server) -> set[str]:
    """What the server has answered with success, as `calls` has it."""
    counters = server.send("GET", "/metrics").body.decode()
    counted = re.findall(r'method="(\w+)",route="([^"]+)",status="2\d\d"', counters)
    return {f"{method} {path}" for method, path in counted}


def failures(server: Server) -> list[object]:
    """Requests that the server could not answer, and whatever it complained about."""
    return [line for line in server.lines() if line.get("status", 0) >= 500 or line["level"] == "error"]
