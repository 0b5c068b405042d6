"""Serving MLflow's wire with one worker on loopback: logging, searching, histories, and MLflow's server beside it."""

from __future__ import annotations

import json
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

from benchmarks.instant import instant_server
from benchmarks.measure import ROUNDS, Target, at_least, at_most
from benchmarks.rows.serving_load import load
from benchmarks.servers import Client, Server, mlflow_server, runlake_server
from benchmarks.workload import scratch

RUNS = 10_000
HISTORY = 100_000
_BATCHES = 100
_CALLS = 2000
_THEIR_CALLS = 100
_SEARCHES = 200

_CLIENT = """
import sys, time, mlflow
mlflow.set_tracking_uri(sys.argv[1])
calls = int(sys.argv[2])
with mlflow.start_run():
    mlflow.log_metric("warm-up", 0.0)
    start = time.perf_counter()
    for step in range(calls):
        mlflow.log_metric("loss", 0.5, step=step)
    print(calls / (time.perf_counter() - start))
"""


def targets() -> Iterator[Target]:
    """Both servers are there at once, and each is stopped while the other is measured."""
    with scratch() as folder:
        (folder / "ours").mkdir()
        (folder / "theirs").mkdir()
        with runlake_server(folder / "ours") as ours, mlflow_server(folder / "theirs") as theirs:
            yield from _started(ours, theirs)
            yield from _logging(ours, theirs)
            yield from _reading(ours, theirs)
            yield from load(ours, theirs, folder)


def _started(ours: Server, theirs: Server) -> Iterator[Target]:
    detail = f" (MLflow {theirs.ready_s:.2g} s)"
    yield at_most("runlake server: ready after", ours.ready_s, 1, " s", detail)
    yield at_most("idle memory, one worker", ours.memory_mb(), 120, " MB", f" (MLflow {theirs.memory_mb():.0f} MB)")


def _logging(ours: Server, theirs: Server) -> Iterator[Target]:
    with theirs.paused():
        reached = _median(lambda: _batched(ours, _BATCHES))
    with ours.paused():
        beside = _batched(theirs, 10)
    yield at_least("log-batch of 1,000 metrics, raw HTTP", reached, 200_000, " points/s", f" (MLflow {beside:,.0f})")
    with theirs.paused():
        reached = _median(lambda: _single(ours, _CALLS))
    with ours.paused():
        beside = _single(theirs, _THEIR_CALLS)
    yield at_least("log-metric, raw HTTP, keep-alive", reached, 2500, " requests/s", f" (MLflow {beside:,.0f})")
    pairs = [_pair(ours, theirs) for _ in range(3)]
    with theirs.paused(), instant_server() as url:
        floor = _official(url, _CALLS)
    ratio = statistics.median(our / their for our, their in pairs)
    detail = f" ({pairs[0][0]:,.0f} against {pairs[0][1]:,.0f} calls/s; {floor:,.0f} where answers cost nothing)"
    yield at_least("the official client's log_metric in a loop: runlake ÷ MLflow", ratio, 5, " ×", detail)


def _pair(ours: Server, theirs: Server) -> tuple[float, float]:
    with theirs.paused():
        our = _official(ours.url, _CALLS)
    with ours.paused():
        return our, _official(theirs.url, _THEIR_CALLS)


def _batched(server: Server, batches: int) -> float:
    """Return points a second of batches of 1,000 metrics of ten keys."""
    with server.client() as client:
        run_id = client.create_run()
        bodies = [_batch(run_id, number) for number in range(batches)]
        start = time.perf_counter()
        for body in bodies:
            client.post("runs/log-batch", body)
        taken = time.perf_counter() - start
        found = client.get("metrics/get-history", run_id=run_id, metric_key="m0", max_results=25_000)["metrics"]
        assert len(found) == min(100 * batches, 25_000), f"{len(found)} points of one metric"
    return 1000 * batches / taken


def _batch(run_id: str, number: int) -> bytes:
    draw = random.Random(number)
    metrics = [
        {"key": f"m{i % 10}", "value": draw.random(), "timestamp": 1_760_000_000_000, "step": 100 * number + i // 10}
        for i in range(1000)
    ]
    return json.dumps({"run_id": run_id, "metrics": metrics}).encode()


def _single(server: Server, calls: int) -> float:
    with server.client() as client:
        run_id = client.create_run()
        fields = {"run_id": run_id, "key": "loss", "value": 0.5, "timestamp": 1_760_000_000_000}
        bodies = [json.dumps({**fields, "step": step}).encode() for step in range(calls)]
        start = time.perf_counter()
        for body in bodies:
            client.post("runs/log-metric", body)
        return calls / (time.perf_counter() - start)


def _official(url: str, calls: int) -> float:
    command = [sys.executable, "-c", _CLIENT, url, str(calls)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return float(next(line for line in done.stdout.splitlines() if line.replace(".", "").isdigit()))


def _reading(ours: Server, theirs: Server) -> Iterator[Target]:
    with theirs.paused(), ours.client() as client:
        experiment = _sweep(client, RUNS)
        taken = sorted(_search(client, experiment, number) for number in range(_SEARCHES))
        what = f"runs/search with a filter over {RUNS:,} runs, 100 results: "
        yield at_most(what + "median", 1e3 * taken[len(taken) // 2], 15, " ms")
        yield at_most("the same, 95 of 100 within", 1e3 * taken[int(0.95 * len(taken))], 30, " ms")
        taken_ms = 1e3 * _history(ours, ROUNDS)
    with ours.paused():
        detail = f" (MLflow {1e3 * _history(theirs, ROUNDS):.0f} ms)"
    yield at_most(f"get-history of {HISTORY:,} points", taken_ms, 250, " ms", detail)


def _sweep(client: Client, runs: int) -> str:
    """Make an experiment of runs with ten parameters and ten metrics, all through the wire; they stay live."""
    experiment: str = client.post("experiments/create", {"name": "sweep"})["experiment_id"]
    draw = random.Random(20)
    for _ in range(runs):
        run_id = client.create_run(experiment)
        params = [{"key": f"p{i}", "value": str(draw.random())} for i in range(10)]
        metrics = [{"key": f"m{i}", "value": draw.random(), "timestamp": 1, "step": 0} for i in range(10)]
        client.post("runs/log-batch", {"run_id": run_id, "params": params, "metrics": metrics})
    return experiment


def _search(client: Client, experiment: str, number: int) -> float:
    low = 0.1 + 0.6 * (number % 50) / 50
    fields = {
        "experiment_ids": [experiment],
        "filter": f"metrics.m0 > {low} AND metrics.m1 < 0.9",
        "max_results": 100,
        "order_by": ["metrics.m2 DESC"],
    }
    start = time.perf_counter()
    found = client.post("runs/search", fields)["runs"]
    taken = time.perf_counter() - start
    assert len(found) == 100, f"{len(found)} runs"
    return taken


def _history(server: Server, rounds: int) -> float:
    """Return the median time of reading a long history whole, in pages of 25,000 where the server has them."""
    with server.client() as client:
        run_id = client.create_run()
        for number in range(HISTORY // 1000):
            metrics = [
                {"key": "loss", "value": 0.1 * i, "timestamp": 1000 * number + i, "step": 1000 * number + i}
                for i in range(1000)
            ]
            client.post("runs/log-batch", {"run_id": run_id, "metrics": metrics})

        def read() -> float:
            start = time.perf_counter()
            found = client.get("metrics/get-history", run_id=run_id, metric_key="loss")["metrics"]
            taken = time.perf_counter() - start
            assert len(found) == HISTORY, f"{len(found)} points"
            return taken

        return statistics.median(read() for _ in range(rounds))


def _median(measure: Callable[[], float]) -> float:
    return statistics.median(measure() for _ in range(ROUNDS))
