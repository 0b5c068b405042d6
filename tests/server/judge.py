"""MLflow's own server, to be asked the same."""

import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from tests.server.wire import Server


@contextlib.contextmanager
def mlflow_served(folder: Path, interpreter: str = sys.executable) -> Iterator[Server]:
    """Run the server of the MLflow that an interpreter has, with a database and artifacts of its own in a folder."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [interpreter, "-m", "mlflow", "server", "--port", str(port), "--workers", "1"]
    command += [
        "--backend-store-uri",
        f"sqlite:///{folder}/mlflow.db",
        "--artifacts-destination",
        f"{folder}/artifacts",
    ]
    log = folder / "log"
    without = {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    environment = {**os.environ, **without}
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
