"""Replication while processes come and go: servers that are killed, sealing, several workers."""

from __future__ import annotations

import contextlib
import http.client
import threading
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tests.server.sender import Sender, assert_once, batch, new_id, sending, stored
from tests.server.wire import served

BATCH = 500


class Stream:
    """A client that sends one writer's points and goes on after whatever happens to the server."""

    def __init__(self, run_id: str) -> None:
        self.run_id = run_id
        self.writer = new_id()
        self.acknowledged = 0

    def go_on(self, sender: Sender, batches: int) -> None:
        """Ask how far the stream is there and send from there, as long as somebody answers."""
        with contextlib.suppress(OSError, http.client.HTTPException):
            first = sender.have(self.writer)[self.writer]["have"]
            assert first >= self.acknowledged
            for _ in range(batches):
                answer = sender.points(batch(self.writer, first, first + BATCH, self.run_id))
                assert answer.status == 200, answer.body
                first = self.acknowledged = answer.json["have"]


def test_a_server_that_is_killed_again_and_again_has_every_acknowledged_point_once(tmp_path: Path) -> None:
    stream = Stream(new_id())
    for _ in range(5):
        with served(tmp_path) as server, sending(server.address) as sender:
            sender.runs(sender.run(stream.run_id))
            before = stream.acknowledged
            client = threading.Thread(target=stream.go_on, args=(sender, 10_000))
            client.start()
            while stream.acknowledged < before + 20 * BATCH and client.is_alive():
                client.join(0.01)
            server.process.kill()
            client.join(30)
            assert stream.acknowledged > before
    with served(tmp_path) as server, sending(server.address) as sender:
        stream.go_on(sender, 1)
        upto = stream.acknowledged
        assert server.stop() == 0
    assert_once(stored(tmp_path / "lake"), stream.writer, upto)


def test_what_is_acknowledged_twice_in_flight_is_stored_once(tmp_path: Path) -> None:
    """Eight connections send the same stream at the same time, some of it again."""
    stream = Stream(new_id())
    with served(tmp_path) as server, sending(server.address) as first:
        first.runs(first.run(stream.run_id))

        def send(sender: Sender) -> None:
            with contextlib.closing(sender):
                at = 0
                while at < 40 * BATCH:
                    answer = sender.points(batch(stream.writer, at, at + BATCH, stream.run_id))
                    assert answer.status in (200, 409)
                    at = answer.json["have"]

        clients = [threading.Thread(target=send, args=(Sender(server.address),)) for _ in range(8)]
        for client in clients:
            client.start()
        for client in clients:
            client.join(60)
        upto = first.have(stream.writer)[stream.writer]["have"]
        assert 40 * BATCH <= upto < 41 * BATCH
        assert server.stop() == 0
    assert_once(stored(tmp_path / "lake"), stream.writer, upto)


def test_streams_are_sealed_together_and_go_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNLAKE_SEAL_BYTES", "200000")
    streams = [Stream(new_id()) for _ in range(5)]
    with served(tmp_path) as server, sending(server.address) as sender:
        sender.runs(*(sender.run(stream.run_id) for stream in streams))
        segments = server.store / "segments"
        while not any(segments.rglob("*.parquet")):
            for stream in streams:
                stream.go_on(sender, 1)
        for stream in streams:
            stream.go_on(sender, 3)
        found = server.get("metrics/get-history", run_id=streams[0].run_id, metric_key="loss").json["metrics"]
        assert [point["step"] for point in found] == list(range(streams[0].acknowledged))
        assert server.stop() == 0
    points = stored(tmp_path / "lake")
    for stream in streams:
        assert_once(points, stream.writer, stream.acknowledged)
    writers = [pl.scan_parquet(file).select("writer").collect().n_unique() for file in segments.rglob("*.parquet")]
    assert max(writers) > 1


def test_a_stream_moves_between_workers_and_is_whole(tmp_path: Path) -> None:
    stream = Stream(new_id())
    with served(tmp_path, "--workers", "2") as server:
        with sending(server.address) as sender:
            sender.runs(sender.run(stream.run_id))
        busy = 0
        workers = set[str]()
        while len(workers) < 2 or not busy:  # connections go to whichever worker is first
            with sending(server.address) as sender:
                metrics = worker_of(sender)
                at = stream.acknowledged
                answer = sender.points(batch(stream.writer, at, at + BATCH, stream.run_id))
                if answer.status == 503:
                    assert answer.headers["retry-after"] == "1"
                    busy += 1
                    answer = until_taken(sender, stream)
                stream.acknowledged = answer.json["have"]
                workers.add(metrics)
        assert server.stop() == 0
    assert_once(stored(tmp_path / "lake"), stream.writer, stream.acknowledged)


def worker_of(sender: Sender) -> str:
    """Process that a connection leads to."""
    connection = sender.connection = http.client.HTTPConnection(sender.address, timeout=30)
    connection.request("GET", "/metrics")
    text = connection.getresponse().read().decode()
    return text[text.index('worker="') :].split('"')[1]


def until_taken(sender: Sender, stream: Stream) -> Any:
    """Send a batch again until the other worker has let go of the stream; how far it is both can tell."""
    while True:
        at = sender.have(stream.writer)[stream.writer]["have"]
        assert at == stream.acknowledged
        answer = sender.points(batch(stream.writer, at, at + BATCH, stream.run_id))
        if answer.status != 503:
            assert answer.status == 200
            return answer
