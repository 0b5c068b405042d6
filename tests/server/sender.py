"""A store's side of replication, as plain as can be: HTTP requests, and batches that the engine packs."""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from runlake import _engine, query
from runlake.store import Store
from tests.server.wire import Answer

API = "/api/runlake/v1/replication/"
ARROW = "application/vnd.apache.arrow.stream"


def new_id() -> str:
    """An id of a store, a writer or a run."""
    return os.urandom(16).hex()


def batch(writer: str, first: int, upto: int, run_id: str, key: str = "loss") -> bytes:
    """Points `first..upto`, each with its number as step and half of it as value."""
    steps = pl.arange(first, upto, eager=True)
    table = pl.DataFrame({"seq": steps, "step": steps, "value": steps / 2}).with_columns(
        run_id=pl.lit(run_id), key=pl.lit(key), timestamp=pl.lit(5, pl.Int64)
    )
    return _engine.pack_points(table, writer, first)[0]


def stored(root: Path) -> pl.DataFrame:
    """Every point of a store."""
    store = Store.open(root)
    try:
        return query.points(store).collect().sort("writer", "seq")
    finally:
        store.close()


def assert_once(points: pl.DataFrame, writer: str, upto: int) -> None:
    """Points `0..upto` of a writer, and no others of it, are there, each once and as it was."""
    own = points.filter(pl.col("writer") == writer)
    assert own["seq"].to_list() == list(range(upto))
    assert own["step"].to_list() == list(range(upto))
    assert own["value"].to_list() == [step / 2 for step in range(upto)]


@dataclass
class Sender:
    """One store and one connection to a server, kept alive."""

    address: str
    source: str = field(default_factory=new_id)
    connection: http.client.HTTPConnection | None = None

    def send(self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None) -> Answer:
        """Send a request; the connection is opened anew when it is gone."""
        if self.connection is None:
            self.connection = http.client.HTTPConnection(self.address, timeout=30)
        try:
            self.connection.request(method, API + path, body, dict(headers or {}))
            response = self.connection.getresponse()
            answer = Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())
        except BaseException:
            self.close()
            raise
        return answer

    def post(self, path: str, **fields: Any) -> Answer:
        """Send fields as JSON."""
        return self.send("POST", path, json.dumps(fields).encode(), {"Content-Type": "application/json"})

    def runs(self, *runs: Mapping[str, Any], experiments: Sequence[Mapping[str, Any]] = ()) -> Answer:
        """Send runs of an experiment "shared", or of those that are given."""
        given = list(experiments) or [{"experiment_id": "7", "name": "shared"}]
        return self.post("runs", source=self.source, experiments=given, runs=runs)

    def run(self, run_id: str, version: int = 1, **more: Any) -> dict[str, Any]:
        """What is sent of a run."""
        known = {"run_id": run_id, "experiment_id": "7", "version": version, "name": "far", "user_id": "me"}
        return {**known, "start_time": 1000, **more}

    def points(self, data: bytes, **query: Any) -> Answer:
        """Send a batch."""
        asked = "&".join(f"{name}={value}" for name, value in query.items())
        return self.send("POST", f"points?{asked}", data, {"Content-Type": ARROW})

    def have(self, *writers: str, query: str = "") -> dict[str, Any]:
        """Ask how far streams are there."""
        answer = self.send("POST", f"have{query}", json.dumps({"writers": writers}).encode(), _JSON)
        found: dict[str, Any] = answer.json["writers"]
        return found

    def put_file(self, run_id: str, path: str, content: bytes, sha256: str | None = None) -> Answer:
        """Send an artifact."""
        headers = {"X-Runlake-Sha256": sha256 or hashlib.sha256(content).hexdigest()}
        return self.send("PUT", f"runs/{run_id}/artifacts/{path}", content, headers)

    def close(self) -> None:
        """Let go of the connection."""
        if self.connection is not None:
            self.connection.close()
            self.connection = None


_JSON = {"Content-Type": "application/json"}


@contextlib.contextmanager
def sending(address: str) -> Iterator[Sender]:
    """A sender of a store of its own."""
    sender = Sender(address)
    try:
        yield sender
    finally:
        sender.close()
