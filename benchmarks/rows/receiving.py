"""Receiving what another store sends: batches that are packed already, over one connection on loopback."""

from __future__ import annotations

import json
import os
import statistics
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa

from benchmarks.measure import ROUNDS, Target, at_least, at_most
from benchmarks.servers import Client, Server, runlake_server
from benchmarks.workload import scratch
from runlake import _engine

BATCH_POINTS = 1 << 18
_POINTS = 10_000_000
_KEYS = 10
_API = "/api/runlake/v1/replication/"
_ARROW = {"Content-Type": "application/vnd.apache.arrow.stream"}


def targets() -> Iterator[Target]:
    """The batches are made before the clock starts: this is what the server can take."""
    run_id = os.urandom(16).hex()
    writers = [os.urandom(16).hex() for _ in range(ROUNDS)]
    batches = {writer: list(_batches(writer, run_id, _POINTS // ROUNDS)) for writer in writers}
    with scratch() as folder, runlake_server(folder) as server, server.client() as client:
        _send_run(client, run_id)
        reached = statistics.median(_sent(client, writer, batches[writer]) for writer in writers)
        yield at_least("points of another store, packed, until acknowledged", reached, 1_000_000, " points/s")
        yield _memory(server)


def _memory(server: Server) -> Target:
    detail = f" ({server.memory_mb('VmHWM'):.0f} MB at most)"
    return at_most(
        f"memory after {_POINTS // 1_000_000} M points of another store", server.memory_mb(), 300, " MB", detail
    )


def _sent(client: Client, writer: str, batches: list[bytes]) -> float:
    """Return points a second, from the first request to the last acknowledgement."""
    have = 0
    start = time.perf_counter()
    for batch in batches:
        have = int(json.loads(client.send("POST", f"{_API}points", batch, _ARROW))["have"])
    taken = time.perf_counter() - start
    assert have == _POINTS // ROUNDS, f"{have:,} points of writer {writer} are there"
    return have / taken


def _send_run(client: Client, run_id: str) -> None:
    run: dict[str, Any] = {"run_id": run_id, "experiment_id": "1", "version": 1, "name": "far", "start_time": 1}
    body = {"source": "0" * 32, "experiments": [{"experiment_id": "1", "name": "sent"}], "runs": [run]}
    client.send("POST", f"{_API}runs", json.dumps(body), {"Content-Type": "application/json"})


def _batches(writer: str, run_id: str, points: int) -> Iterator[bytes]:
    """Make points of ten keys in turn, fifty a millisecond, with losses of single precision."""
    losses = np.random.default_rng(0).random(points).astype(np.float32).astype(np.float64)
    keys = pa.array([f"m{number}" for number in range(_KEYS)])
    for first in range(0, points, BATCH_POINTS):
        seq = np.arange(first, min(points, first + BATCH_POINTS))
        table = pa.table(
            {
                "run_id": pa.DictionaryArray.from_arrays(np.zeros(len(seq), np.int32), pa.array([run_id])),
                "key": pa.DictionaryArray.from_arrays((seq % _KEYS).astype(np.int32), keys),
                "step": seq // _KEYS,
                "timestamp": 1_700_000_000_000 + seq // 50,
                "value": losses[seq],
                "seq": seq,
            }
        )
        yield _engine.pack_points(table, writer, first)[0]
