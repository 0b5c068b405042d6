"""Servers: runlake's and MLflow's, each in a process of its own with an empty store, and plain HTTP to talk to them."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlencode, urlsplit

_READY_S = 120.0
_JSON = {"Content-Type": "application/json"}


@dataclass(frozen=True)
class Server:
    """A server with one worker. `ready_s` is the time from its start to its first answer."""

    url: str
    pid: int
    ready_s: float

    def memory_mb(self, field: str = "VmRSS") -> float:
        """Resident memory of all its processes; `VmHWM` is the sum of their peaks."""
        return sum(_memory_mb(pid, field) for pid in _family(self.pid))

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Stop all its processes meanwhile: what a server does when nobody asks it is no load for another."""
        os.killpg(self.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.killpg(self.pid, signal.SIGCONT)

    def client(self) -> Client:
        """Return a connection that stays open."""
        return Client(self.url)


class Client:
    """One HTTP connection, kept alive."""

    def __init__(self, url: str) -> None:
        self._connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=120)
        self._connection.connect()
        self._connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._connection.close()

    def send(self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None) -> bytes:
        """Send a request and return the body of the answer; anything but success is an error."""
        self._connection.request(method, path, body, headers or {})
        answer = self._connection.getresponse()
        content = answer.read()
        assert answer.status == 200, f"{method} {path}: {answer.status} {content[:500]!r}"
        return content

    def receive(self, path: str, size: int) -> None:
        """Read an answer piece by piece and throw it away; one that is not `size` bytes long is an error."""
        self._connection.request("GET", path)
        answer = self._connection.getresponse()
        left = size
        while piece := answer.read(1 << 20):
            left -= len(piece)
        assert (answer.status, left) == (200, 0), f"{path}: {answer.status}, {left} bytes are missing"

    def post(self, endpoint: str, fields: Any) -> Any:
        """Call an endpoint of MLflow's with JSON, or with bytes that are JSON already."""
        body = fields if isinstance(fields, bytes) else json.dumps(fields).encode()
        return json.loads(self.send("POST", f"/api/2.0/mlflow/{endpoint}", body, _JSON))

    def get(self, endpoint: str, **fields: Any) -> Any:
        """Call an endpoint of MLflow's with a query."""
        return json.loads(self.send("GET", f"/api/2.0/mlflow/{endpoint}?{urlencode(fields)}"))

    def create_run(self, experiment_id: str = "0", **fields: Any) -> str:
        """Create a run and return its id."""
        created = self.post("runs/create", {"experiment_id": experiment_id, "start_time": _now_ms(), **fields})
        run_id: str = created["run"]["info"]["run_id"]
        return run_id


@contextmanager
def runlake_server(folder: Path, *options: str) -> Iterator[Server]:
    """Serve `folder/lake`."""
    command = [sys.executable, "-m", "runlake", "server", "--store", str(folder / "lake"), *options]
    with _running(command, folder) as server:
        yield server


@contextmanager
def mlflow_server(folder: Path) -> Iterator[Server]:
    """Serve `folder/mlflow.db` as MLflow does by default, with one worker."""
    command = [sys.executable, "-m", "mlflow", "server", "--workers", "1"]
    command += ["--backend-store-uri", f"sqlite:///{folder / 'mlflow.db'}"]
    command += ["--artifacts-destination", str(folder / "mlartifacts")]
    with _running(command, folder) as server:
        yield server


@contextmanager
def _running(command: list[str], folder: Path) -> Iterator[Server]:
    port = _free_port()
    log = (folder / f"server-{port}.log").open("wb")
    began = time.perf_counter()
    with (
        log,
        subprocess.Popen(
            [*command, "--port", str(port)], cwd=folder, stdout=log, stderr=log, start_new_session=True
        ) as process,
    ):
        try:
            _wait_until_ready(process, port)
            yield Server(f"http://127.0.0.1:{port}", process.pid, time.perf_counter() - began)
        finally:
            process.terminate()
            try:
                process.wait(60)
            finally:
                _kill_group(process.pid)


def _wait_until_ready(process: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + _READY_S
    while True:
        assert process.poll() is None, f"the server ended with {process.returncode}"
        assert time.monotonic() < deadline, "the server does not answer"
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        with closing(connection):
            try:
                connection.request("GET", "/health")
                if connection.getresponse().status == 200:
                    return
            except OSError:
                time.sleep(0.005)


def _kill_group(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _family(pid: int) -> list[int]:
    """Return a process and what it has started."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(member for child in children for member in _family(int(child)))]


def _memory_mb(pid: int, field: str) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(field)) / 1000


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
