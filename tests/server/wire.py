"""A server in a process of its own, and plain HTTP to talk to it."""

from __future__ import annotations

import contextlib
import http.client
import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

API = "/api/2.0/"


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def mistake(self) -> tuple[int, str]:
        """Status and error code."""
        return self.status, self.json["error_code"]


@dataclass
class Server:
    """A server under test. `log` is where its stderr goes."""

    process: subprocess.Popen[bytes]
    url: str
    log: Path
    store: Path
    address: str = field(init=False)

    def __post_init__(self) -> None:
        self.address = urlsplit(self.url).netloc

    def send(self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None) -> Answer:
        """Send a request as it is; nothing is added but the length of the body."""
        connection = http.client.HTTPConnection(self.address, timeout=30)
        with contextlib.closing(connection):
            connection.request(method, path, body, dict(headers or {}))
            response = connection.getresponse()
            names = {name.lower(): value for name, value in response.getheaders()}
            return Answer(response.status, names, response.read())

    def post(self, endpoint: str, /, **fields: Any) -> Answer:
        """Send fields as JSON."""
        body = json.dumps(fields)
        return self.send("POST", f"{API}mlflow/{endpoint}", body, {"Content-Type": "application/json"})

    def patch(self, endpoint: str, /, **fields: Any) -> Answer:
        """Send fields as JSON, to change something."""
        return self.send("PATCH", f"{API}mlflow/{endpoint}", json.dumps(fields), {"Content-Type": "application/json"})

    def delete(self, endpoint: str, /, **fields: Any) -> Answer:
        """Send fields as JSON, to remove something."""
        return self.send("DELETE", f"{API}mlflow/{endpoint}", json.dumps(fields), {"Content-Type": "application/json"})

    def get(self, endpoint: str, /, **fields: Any) -> Answer:
        """Send fields as a query."""
        return self.send("GET", f"{API}mlflow/{endpoint}?{urlencode(fields, doseq=True)}")

    def create_experiment(self, name: str) -> str:
        created: str = self.post("experiments/create", name=name).json["experiment_id"]
        return created

    def create_run(self, experiment_id: str = "0", **fields: Any) -> str:
        run: str = self.post("runs/create", experiment_id=experiment_id, **fields).json["run"]["info"]["run_id"]
        return run

    def run(self, run_id: str) -> Any:
        return self.get("runs/get", run_id=run_id).json["run"]

    def stop(self) -> int:
        """Ask it to stop, and return its exit status."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(30)

    def lines(self) -> list[dict[str, Any]]:
        """What it has logged, without the greeting."""
        return [json.loads(line) for line in self.log.read_text().split("\n") if line.startswith("{")]


_PROGRAM = """
import ast, sys
from runlake.server.launch import serve
from runlake.server.settings import ServerSettings
if __name__ == "__main__":
    announce = lambda url: print("serving at", url, file=sys.stderr, flush=True)
    serve(ServerSettings(**ast.literal_eval(sys.argv[1])), announce)
"""


@contextlib.contextmanager
def served(folder: Path, *options: str, settings: Mapping[str, object] | None = None) -> Iterator[Server]:
    """Serve the store `folder/lake` on a free port; `settings` are those that the command line does not have."""
    log = folder / f"server-{time.monotonic_ns()}.log"
    store = folder / "lake"
    command = [sys.executable, "-m", "runlake", "server", "--store", str(store), "--port", "0", *options]
    if settings is not None:
        command = [sys.executable, "-c", _PROGRAM, repr({"store": str(store), "port": 0, **settings})]
    with log.open("wb") as stderr, subprocess.Popen(command, stderr=stderr) as process:
        try:
            server = Server(process, _announced(process, log), log, store)
            assert server.send("GET", "/health").body == b"OK"
            yield server
        finally:
            process.terminate()
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()


def _announced(process: subprocess.Popen[bytes], log: Path) -> str:
    """Wait until the server says where it is; from then on it takes connections."""
    while "http://" not in (said := log.read_text()):
        assert process.poll() is None, said
        time.sleep(0.01)
    return said[said.index("http://") :].split()[0]


def values(pairs: list[dict[str, str]]) -> dict[str, str]:
    """Tags or parameters by key."""
    return {pair["key"]: pair["value"] for pair in pairs}
