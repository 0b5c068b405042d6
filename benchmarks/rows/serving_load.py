"""Serving under load: 200 clients at once, ten million points, and a file of a gigabyte in constant memory."""

from __future__ import annotations

import json
import multiprocessing
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.measure import Target, at_most, seconds
from benchmarks.servers import Client, Server, runlake_server

CLIENTS = 200
_CLIENT_PROCESSES = 4
_BATCHES_EACH = 20
_POINTS = 10_000_000
_FILE_BYTES = 1_000_000_000
_PIECE = 1 << 20


def load(ours: Server, theirs: Server, folder: Path) -> Iterator[Target]:
    """MLflow's server is told of the artifact only: the others take it minutes.

    Memory is that of a server that has done nothing else.
    """
    with theirs.paused():
        times = _crowd(ours.url)
    p99_ms = 1e3 * times[int(0.99 * len(times))]
    yield at_most(f"{CLIENTS} clients that log at once, no error: 99 of 100 log-batch(100) within", p99_ms, 500, " ms")
    with _fresh(folder / "artifact") as server:
        yield from _artifact(server, theirs, folder)
    with theirs.paused(), _fresh(folder / "ingest") as server:
        _ingest(server, _POINTS)
        yield at_most(f"memory after {_POINTS // 1_000_000} M points through log-batch", server.memory_mb(), 300, " MB")


@contextmanager
def _fresh(folder: Path) -> Iterator[Server]:
    folder.mkdir()
    with runlake_server(folder) as server:
        yield server


def _crowd(url: str) -> list[float]:
    """Return how long each request took, in order of length; an error in one of them is raised."""
    each = CLIENTS // _CLIENT_PROCESSES
    with multiprocessing.get_context("spawn").Pool(_CLIENT_PROCESSES) as pool:
        parts = pool.starmap(_crowd_part, [(url, each)] * _CLIENT_PROCESSES)
    return sorted(taken for part in parts for taken in part)


def _crowd_part(url: str, clients: int) -> list[float]:
    taken: list[float] = []
    failed: list[BaseException] = []

    def log() -> None:
        try:
            with Client(url) as client:
                run_id = client.create_run()
                for number in range(_BATCHES_EACH):
                    body = _batch(run_id, 100 * number, 100)
                    taken.append(seconds(lambda: client.post("runs/log-batch", body)))  # noqa: B023
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=log) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed:
        raise failed[0]
    return taken


def _batch(run_id: str, first: int, points: int) -> bytes:
    metrics = [{"key": "loss", "value": 0.5 * i, "timestamp": first + i, "step": first + i} for i in range(points)]
    return json.dumps({"run_id": run_id, "metrics": metrics}).encode()


def _ingest(server: Server, points: int) -> None:
    with server.client() as client:
        run_id = client.create_run()
        for first in range(0, points, 1000):
            client.post("runs/log-batch", _batch(run_id, first, 1000))


def _artifact(ours: Server, theirs: Server, folder: Path) -> Iterator[Target]:
    source = folder / "model.bin"
    with source.open("wb") as file:
        for _ in range(_FILE_BYTES // _PIECE):
            file.write(os.urandom(_PIECE))
    plain = _through_a_socket(source, folder / "copy.bin")
    before = ours.memory_mb()
    up, down = _up_and_down(ours, source)
    extra = ours.memory_mb("VmHWM") - before
    their_up, their_down = _up_and_down(theirs, source)
    detail = f" ({up:.2g} s against {plain:.2g} s; MLflow {their_up:.2g} s)"
    yield at_most("1 GB artifact up ÷ the file through a plain socket", up / plain, 3, " ×", detail)
    detail = f" ({down:.2g} s against {plain:.2g} s; MLflow {their_down:.2g} s)"
    yield at_most("1 GB artifact down ÷ the file through a plain socket", down / plain, 3, " ×", detail)
    yield at_most("more memory for it", extra, 50, " MB")


def _up_and_down(server: Server, source: Path) -> tuple[float, float]:
    with server.client() as client:
        run_id = client.create_run()
        path = f"/api/2.0/mlflow-artifacts/artifacts/0/{run_id}/artifacts/model.bin"
        size = str(source.stat().st_size)
        with source.open("rb") as file:
            up = seconds(lambda: client.send("PUT", path, file, {"Content-Length": size}))
        start = time.perf_counter()
        client.receive(path, int(size))
        return up, time.perf_counter() - start


def _through_a_socket(source: Path, target: Path) -> float:
    """Copy a file as any program would: read, send, receive, write."""
    listening = socket.create_server(("127.0.0.1", 0))

    def receive() -> None:
        connection, _ = listening.accept()
        with connection, target.open("wb") as file:
            while piece := connection.recv(_PIECE):
                file.write(piece)

    receiver = threading.Thread(target=receive)
    receiver.start()
    start = time.perf_counter()
    with socket.create_connection(listening.getsockname()) as sending, source.open("rb") as file:
        while piece := file.read(_PIECE):
            sending.sendall(piece)
    receiver.join()
    listening.close()
    target.unlink()
    return time.perf_counter() - start
