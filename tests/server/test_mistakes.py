"""Mistakes, judged: the official server gets the same requests and has to answer with the same status and code."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.server.wire import API, Server

JSON = {"Content-Type": "application/json"}
POINT = {"key": "m", "value": 1.0, "timestamp": 1}

MISTAKES: dict[str, tuple[str, str, Any]] = {
    "experiment without a name": ("POST", "experiments/create", {}),
    "experiment with an empty name": ("POST", "experiments/create", {"name": ""}),
    "experiment whose name is a number": ("POST", "experiments/create", {"name": 3}),
    "experiment that exists": ("POST", "experiments/create", {"name": "Default"}),
    "no experiment named": ("GET", "experiments/get", {}),
    "unknown experiment": ("GET", "experiments/get", {"experiment_id": "99"}),
    "unknown name": ("GET", "experiments/get-by-name", {"experiment_name": "nobody"}),
    "no name": ("GET", "experiments/get-by-name", {}),
    "rename of nothing": ("POST", "experiments/update", {"experiment_id": "99", "new_name": "x"}),
    "rename to nothing": ("POST", "experiments/update", {"experiment_id": "0"}),
    "delete of nothing": ("POST", "experiments/delete", {"experiment_id": "99"}),
    "restore of nothing": ("POST", "experiments/restore", {"experiment_id": "99"}),
    "tag without a key": ("POST", "experiments/set-experiment-tag", {"experiment_id": "0", "value": "x"}),
    "tag of nothing": ("POST", "experiments/set-experiment-tag", {"experiment_id": "99", "key": "k", "value": "x"}),
    "bad order of experiments": ("POST", "experiments/search", {"max_results": 5, "order_by": ["nothing"]}),
    "bad filter of experiments": ("POST", "experiments/search", {"max_results": 5, "filter": "name ="}),
    "negative page of experiments": ("POST", "experiments/search", {"max_results": -5}),
    "run in no experiment": ("POST", "runs/create", {"experiment_id": "99"}),
    "run with two names": (
        *("POST", "runs/create"),
        {"experiment_id": "0", "run_name": "a", "tags": [{"key": "mlflow.runName", "value": "b"}]},
    ),
    "no run named": ("GET", "runs/get", {}),
    "unknown run": ("GET", "runs/get", {"run_id": "0" * 32}),
    "update of no run": ("POST", "runs/update", {"run_id": "0" * 32, "status": "FINISHED"}),
    "update without a run": ("POST", "runs/update", {"status": "FINISHED"}),
    "delete of no run": ("POST", "runs/delete", {"run_id": "0" * 32}),
    "metric of no run": ("POST", "runs/log-metric", {"run_id": "0" * 32, **POINT}),
    "metric without a run": ("POST", "runs/log-metric", POINT),
    "metric without a key": ("POST", "runs/log-metric", {"run_id": "RUN", "value": 1.0, "timestamp": 1}),
    "metric without a value": ("POST", "runs/log-metric", {"run_id": "RUN", "key": "m", "timestamp": 1}),
    "metric without a time": ("POST", "runs/log-metric", {"run_id": "RUN", "key": "m", "value": 1.0}),
    "metric that is a word": ("POST", "runs/log-metric", {"run_id": "RUN", **POINT, "value": "high"}),
    "metric before 1970": ("POST", "runs/log-metric", {"run_id": "RUN", **POINT, "timestamp": -1}),
    "metric at a word": ("POST", "runs/log-metric", {"run_id": "RUN", **POINT, "step": "first"}),
    "metric with a bad key": ("POST", "runs/log-metric", {"run_id": "RUN", **POINT, "key": "a?b"}),
    "metric that climbs": ("POST", "runs/log-metric", {"run_id": "RUN", **POINT, "key": "../m"}),
    "metric with a long key": ("POST", "runs/log-metric", {"run_id": "RUN", **POINT, "key": "k" * 251}),
    "parameter without a key": ("POST", "runs/log-parameter", {"run_id": "RUN", "value": "x"}),
    "parameter that changes": ("POST", "runs/log-parameter", {"run_id": "RUN", "key": "lr", "value": "2"}),
    "parameter that is a number": ("POST", "runs/log-parameter", {"run_id": "RUN", "key": "n", "value": 2}),
    "tag without its key": ("POST", "runs/set-tag", {"run_id": "RUN", "value": "x"}),
    "tag of no run": ("POST", "runs/set-tag", {"run_id": "0" * 32, "key": "k", "value": "x"}),
    "tag that is not there": ("POST", "runs/delete-tag", {"run_id": "RUN", "key": "nothing"}),
    "batch of no run": ("POST", "runs/log-batch", {"run_id": "0" * 32, "metrics": [POINT]}),
    "batch without a run": ("POST", "runs/log-batch", {"metrics": [POINT]}),
    "batch that is an object": ("POST", "runs/log-batch", {"run_id": "RUN", "metrics": POINT}),
    "batch with a nameless metric": ("POST", "runs/log-batch", {"run_id": "RUN", "metrics": [{"value": 1}]}),
    "batch with a bad key": ("POST", "runs/log-batch", {"run_id": "RUN", "metrics": [{**POINT, "key": "a?"}]}),
    "batch that is too long": ("POST", "runs/log-batch", {"run_id": "RUN", "metrics": [POINT] * 1001}),
    "batch with a parameter twice": (
        *("POST", "runs/log-batch"),
        {"run_id": "RUN", "params": [{"key": "p", "value": "1"}, {"key": "p", "value": "2"}]},
    ),
    "bad filter": ("POST", "runs/search", {"experiment_ids": ["0"], "filter": "metrics.m >"}),
    "bad order": ("POST", "runs/search", {"experiment_ids": ["0"], "order_by": ["metrics.m SIDEWAYS"]}),
    "page that is too long": ("POST", "runs/search", {"experiment_ids": ["0"], "max_results": 50_001}),
    "bad token": ("POST", "runs/search", {"experiment_ids": ["0"], "page_token": "x"}),
    "history of no metric": ("GET", "metrics/get-history", {"run_id": "RUN"}),
    "history of no run": ("GET", "metrics/get-history", {"metric_key": "m"}),
    "empty page of a history": ("GET", "metrics/get-history", {"run_id": "RUN", "metric_key": "m", "max_results": 0}),
    "artifacts of no run": ("GET", "artifacts/list", {}),
    "artifacts of an unknown run": ("GET", "artifacts/list", {"run_id": "0" * 32}),
    "artifacts above the run": ("GET", "artifacts/list", {"run_id": "RUN", "path": "../.."}),
    "bulk history of no run": ("GET", "metrics/get-history-bulk-interval", {"metric_key": "m"}),
    "half an interval": (
        *("GET", "metrics/get-history-bulk-interval"),
        {"run_ids": ["RUN"], "metric_key": "m", "start_step": 1},
    ),
    "inputs of no run": ("POST", "runs/log-inputs", {"run_id": "0" * 32, "datasets": []}),
}

SAME_TEXT = [name for name in MISTAKES if name.startswith(("metric without", "batch without", "no ", "tag without"))]


@pytest.fixture(scope="module")
def runs(server: Server, judge: Server) -> dict[str, str]:
    """A run with a parameter in each of the two, by the server's URL."""
    found = {}
    for each in (server, judge):
        run_id = found[each.url] = each.create_run(start_time=1)
        assert each.post("runs/log-parameter", run_id=run_id, key="lr", value="1").status == 200
    return found


def answer(server: Server, run_id: str, mistake: tuple[str, str, Any]) -> Any:
    method, path, fields = mistake
    fields = json.loads(json.dumps(fields).replace('"RUN"', f'"{run_id}"'))
    sent = server.get(path, **fields) if method == "GET" else server.post(path, **fields)
    return sent.status, sent.json.get("error_code"), sent.json.get("message")


@pytest.mark.timeout(120)
@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_gets_the_status_and_the_code_of_the_official_server(
    server: Server, judge: Server, runs: dict[str, str], name: str
) -> None:
    mine = answer(server, runs[server.url], MISTAKES[name])
    theirs = answer(judge, runs[judge.url], MISTAKES[name])
    assert mine[:2] == theirs[:2], (mine, theirs)
    if name in SAME_TEXT:
        assert mine[2] == theirs[2]


def test_half_a_step_is_refused_and_not_cut_off(server: Server) -> None:
    sent = server.post("runs/log-metric", run_id=server.create_run(), **POINT, step=0.5)
    assert sent.mistake == (400, "INVALID_PARAMETER_VALUE")


@pytest.mark.parametrize(
    "body",
    [b"[]", b"{", b"\xff", b'"text"', b"[" * 100_000, b'{"name": "\\ud800"}'],
    ids=["list", "half", "bytes", "text", "deep", "surrogate"],
)
def test_a_body_that_is_no_object_is_a_mistake(server: Server, body: bytes) -> None:
    sent = server.send("POST", f"{API}mlflow/experiments/create", body, JSON)
    assert sent.mistake == (400, "BAD_REQUEST")


def test_paths_of_the_machine_are_not_told(server: Server, tmp_path: Path) -> None:
    run_id = server.create_run()
    sent = server.send("GET", f"{API}mlflow-artifacts/artifacts/0/{run_id}/artifacts/nothing")
    assert str(server.store) not in sent.body.decode()
