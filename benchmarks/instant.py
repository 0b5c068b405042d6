"""Instant: a server that answers MLflow's client at once and keeps nothing, to see what the client costs by itself."""

from __future__ import annotations

import json
import multiprocessing
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

_RUN: Final = {
    "info": {
        "run_id": "a" * 32,
        "experiment_id": "0",
        "run_name": "instant",
        "status": "RUNNING",
        "start_time": 1,
        "artifact_uri": "mlflow-artifacts:/0/run/artifacts",
        "lifecycle_stage": "active",
    },
    "data": {},
}
_EXPERIMENT: Final = {"experiment_id": "0", "name": "Default", "artifact_location": "", "lifecycle_stage": "active"}
_ANSWER: Final = json.dumps({"run": _RUN, "experiment": _EXPERIMENT}).encode()


@contextmanager
def instant_server() -> Iterator[str]:
    """Serve in a process of its own; gives the URL."""
    listening = socket.create_server(("127.0.0.1", 0))
    process = multiprocessing.get_context("fork").Process(target=_serve, args=(listening,), daemon=True)
    process.start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        process.kill()
        process.join()
        listening.close()


def _serve(listening: socket.socket) -> None:
    while True:
        connection, _ = listening.accept()
        threading.Thread(target=_answer, args=(connection,), daemon=True).start()


def _answer(connection: socket.socket) -> None:
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    file: Any = connection.makefile("rb")
    while first := file.readline():
        length = 0
        while (line := file.readline()) not in (b"\r\n", b""):
            name, _, value = line.partition(b":")
            length = int(value) if name.lower() == b"content-length" else length
        file.read(length)
        content = b"{}" if b"log-metric" in first else _ANSWER
        head = f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(content)}\r\n\r\n"
        connection.sendall(head.encode() + content)
