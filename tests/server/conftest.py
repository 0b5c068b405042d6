"""One server for the tests of a module; those that stop it or look at its log start their own."""

import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from tests.server.wire import Server, served


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with a store of its own."""
    with served(tmp_path_factory.mktemp("server")) as running:
        yield running


@pytest.fixture(scope="session")
def judge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """MLflow's own server."""
    pytest.importorskip("mlflow")
    folder = tmp_path_factory.mktemp("judge")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "mlflow", "server", "--port", str(port), "--workers", "1"]
    command += [
        "--backend-store-uri",
        f"sqlite:///{folder}/mlflow.db",
        "--artifacts-destination",
        f"{folder}/artifacts",
    ]
    log = folder / "log"
    environment = {**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true"}
    with (
        log.open("wb") as out,
        subprocess.Popen(command, stdout=out, stderr=out, cwd=folder, env=environment) as process,
    ):
        try:
            server = Server(process, f"http://127.0.0.1:{port}", log, folder)
            _wait(server)
            yield server
        finally:
            process.terminate()
            process.wait(30)


def _wait(server: Server) -> None:
    while server.process.poll() is None:
        with contextlib.suppress(OSError):
            if server.send("GET", "/health").status == 200:
                return
        time.sleep(0.05)
    raise AssertionError(server.log.read_text())
