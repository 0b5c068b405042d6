"""Starts: what a short run costs, start_run + 30 parameters + 10 metrics + end_run, against MLflow on SQLite."""

from __future__ import annotations

import contextlib
import io
import logging
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import mlflow

import runlake
from benchmarks.measure import ROUNDS, interleaved
from benchmarks.workload import scratch

PARAMS = {f"param_{index}": index * 0.5 for index in range(30)}
METRICS = {f"metric_{index}": index * 0.25 for index in range(10)}

TRACKERS: dict[str, Any] = {"runlake": runlake, "MLflow, SQLite": mlflow}
_RUNS = {"runlake": 200, "MLflow, SQLite": 10}


def one_run(tracker: Any) -> None:
    """The same lines for both: one of them is imported `as mlflow` by its users."""
    with tracker.start_run(run_name="short"):
        tracker.log_params(PARAMS)
        tracker.log_metrics(METRICS, step=1)


def measured(rounds: int = ROUNDS) -> dict[str, float]:
    """Return the seconds that a run takes with each, the median of interleaved rounds."""
    with scratch() as folder, stores(folder):
        competitors = {name: partial(_mean_s, tracker, name) for name, tracker in TRACKERS.items()}
        for warm_up in competitors.values():
            warm_up()
        taken = interleaved(competitors, rounds)
        _check(rounds + 1)
    return taken


def table(rounds: int = ROUNDS) -> str:
    """Lay the result out in Markdown."""
    taken = measured(rounds)
    lines = ["| start_run + 30 parameters + 10 metrics + end_run | a run | against runlake |", "|---|---:|---:|"]
    lines += [f"| {name} | {s * 1e3:.3g} ms | {s / taken['runlake']:.3g} × |" for name, s in taken.items()]
    return "\n".join(lines)


@contextlib.contextmanager
def stores(folder: Path) -> Iterator[None]:
    """Give both trackers an empty store with an experiment in it."""
    for name in ("mlflow", "alembic"):
        logging.getLogger(name).setLevel(logging.ERROR)
    mlflow.set_tracking_uri(f"sqlite:///{folder / 'mlflow.db'}")
    mlflow.set_experiment("starts")
    runlake.set_tracking_uri(str(folder / "lake"))
    runlake.set_experiment("starts")
    with contextlib.redirect_stderr(io.StringIO()):
        yield


def _mean_s(tracker: Any, name: str) -> float:
    """Mean of many runs in a row, so that work put off from one run to the next is counted."""
    start = time.perf_counter()
    for _ in range(_RUNS[name]):
        one_run(tracker)
    return (time.perf_counter() - start) / _RUNS[name]


def _check(turns: int) -> None:
    """Fail unless both hold every run with all its parameters and metrics."""
    for name, tracker in TRACKERS.items():
        found: Any = tracker.search_runs(experiment_names=["starts"], output_format="list")
        assert len(found) == _RUNS[name] * turns, f"{name} holds {len(found)} runs"
        for run in found:
            assert run.data.metrics == METRICS, f"{name} lost metrics"
            assert run.data.params == {key: str(value) for key, value in PARAMS.items()}, f"{name} lost parameters"
