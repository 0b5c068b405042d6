"""Metrics over the wire: values, batches, histories."""

import math
from typing import Any

import pytest

from tests.server.wire import API, Server, values

SPECIAL = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


def point(key: str, value: Any, step: int = 0, timestamp: int = 1) -> dict[str, Any]:
    return {"key": key, "value": value, "step": step, "timestamp": timestamp}


def history(server: Server, run_id: str, key: str, **fields: Any) -> Any:
    return server.get("metrics/get-history", run_id=run_id, metric_key=key, **fields).json


@pytest.mark.parametrize("value", [0.1, -0.0, 5e-324, 1.7976931348623157e308, 3, "0.25", *SPECIAL])
def test_a_value_comes_back_as_it_was(server: Server, value: Any) -> None:
    run_id = server.create_run()
    assert server.post("runs/log-metric", run_id=run_id, key="m", value=value, timestamp=7, step=-2).json == {}
    expected = value if value in SPECIAL else float(value)
    assert history(server, run_id, "m")["metrics"] == [point("m", expected, -2, 7)]
    shown = server.run(run_id)["data"]["metrics"][0]["value"]
    assert shown == expected
    assert value in SPECIAL or math.copysign(1, shown) == math.copysign(1, expected)


def test_nan_as_python_writes_it_is_taken(server: Server) -> None:
    run_id = server.create_run()
    body = f'{{"run_id": "{run_id}", "key": "m", "value": NaN, "timestamp": 1}}'
    answer = server.send("POST", f"{API}mlflow/runs/log-metric", body, {"Content-Type": "application/json"})
    assert answer.status == 200
    assert history(server, run_id, "m")["metrics"] == [point("m", "NaN")]


def test_integers_may_be_texts_as_protobuf_writes_them(server: Server) -> None:
    run_id = server.create_run()
    server.post("runs/log-metric", run_id=run_id, key="m", value=1, timestamp="12", step="9007199254740993")
    assert history(server, run_id, "m")["metrics"] == [point("m", 1.0, 9007199254740993, 12)]


def test_the_latest_metric_is_the_largest_by_step_timestamp_and_value(server: Server) -> None:
    run_id = server.create_run()
    for value, step, timestamp in ((9, 1, 5), (1, 2, 1), (2, 2, 3), (3, 2, 3), (8, 2, 2)):
        server.post("runs/log-metric", run_id=run_id, **point("m", value, step, timestamp))
    assert server.run(run_id)["data"]["metrics"] == [point("m", 3.0, 2, 3)]


def test_a_batch_writes_metrics_parameters_and_tags(server: Server) -> None:
    run_id = server.create_run()
    answer = server.post(
        "runs/log-batch",
        run_id=run_id,
        metrics=[point("a", 1.0, step) for step in range(3)] + [point("b", "NaN")],
        params=[{"key": "lr", "value": "0.1"}],
        tags=[{"key": "k", "value": "v"}],
    )
    assert answer.json == {}
    data = server.run(run_id)["data"]
    assert data["metrics"] == [point("a", 1.0, 2), point("b", "NaN")]
    assert (values(data["params"]), values(data["tags"])["k"]) == ({"lr": "0.1"}, "v")


@pytest.mark.parametrize(
    "wrong",
    [
        {"metrics": [point("a", 1.0), point("b", "high")]},
        {"metrics": [point("a", 1.0), point("../b", 1.0)]},
        {"metrics": [point("a", 1.0), {"key": "b", "value": 1.0}]},
        {"metrics": [point("a", 1.0), point("b", 1.0, timestamp=-1)]},
        {"metrics": [point("a", 1.0), point("b", True)]},
        {"metrics": [point("a", 1.0)], "params": [{"key": "lr", "value": "0.2"}]},
        {"metrics": [point("a", 1.0)], "params": [{"key": "x", "value": "1"}, {"key": "x", "value": "2"}]},
        {"metrics": [point("a", 1.0)], "tags": [{"value": "no key"}]},
        {"metrics": [point("a", 1.0)] * 1001},
        {"metrics": [point("a", 1.0)] * 999, "params": [{"key": "p", "value": ""}], "tags": [{"key": "t"}]},
        {"metrics": [point("a", 1.0)], "params": [{"key": f"p{n}", "value": ""} for n in range(101)]},
        {"metrics": {"a": 1.0}},
        {"metrics": [1.0]},
    ],
)
def test_a_batch_with_one_mistake_writes_nothing(server: Server, wrong: dict[str, Any]) -> None:
    run_id = server.create_run()
    server.post("runs/log-parameter", run_id=run_id, key="lr", value="0.1")
    before = server.run(run_id)
    answer = server.post("runs/log-batch", run_id=run_id, **{"tags": [{"key": "t", "value": ""}], **wrong})
    assert answer.mistake == (400, "INVALID_PARAMETER_VALUE")
    assert server.run(run_id) == before


def test_history_is_by_time_and_in_pages(server: Server) -> None:
    run_id = server.create_run()
    points = [point("m", float(number), number % 3, number // 2) for number in range(10)]
    server.post("runs/log-batch", run_id=run_id, metrics=points[::-1])
    expected = sorted(points, key=lambda entry: (entry["timestamp"], entry["step"], entry["value"]))
    assert history(server, run_id, "m") == {"metrics": expected}
    found, token = [], None
    while True:
        page = history(server, run_id, "m", max_results=4, **({"page_token": token} if token else {}))
        found.append(page["metrics"])
        if not (token := page.get("next_page_token")):
            break
    assert [len(part) for part in found] == [4, 4, 2]
    assert [entry for part in found for entry in part] == expected


def test_history_of_a_key_that_was_never_logged_is_empty_and_so_is_that_of_no_run(server: Server) -> None:
    assert history(server, server.create_run(), "m") == {"metrics": []}
    assert history(server, "nobody", "m") == {"metrics": []}


def test_bulk_history_has_the_runs_one_after_another(server: Server) -> None:
    runs = sorted(server.create_run() for _ in range(2))
    for run_id in runs:
        server.post("runs/log-batch", run_id=run_id, metrics=[point("m", 1.0, step) for step in range(3)])
    found = server.get("metrics/get-history-bulk", run_id=runs, metric_key="m").json["metrics"]
    assert [(entry["run_id"], entry["step"]) for entry in found] == [(run, step) for run in runs for step in range(3)]
    assert len(server.get("metrics/get-history-bulk", run_id=runs, metric_key="m", max_results=4).json["metrics"]) == 4


def test_an_interval_is_sampled_evenly_with_both_ends(server: Server) -> None:
    run_id = server.create_run()
    server.post("runs/log-batch", run_id=run_id, metrics=[point("m", 1.0, step) for step in range(101)])

    def steps(**fields: Any) -> list[int]:
        asked = {"run_ids": [run_id], "metric_key": "m", **fields}
        return [entry["step"] for entry in server.get("metrics/get-history-bulk-interval", **asked).json["metrics"]]

    assert steps(max_results=5) == [0, 25, 50, 75, 100]
    assert steps(max_results=1) == [100]
    assert steps(start_step=10, end_step=12) == [10, 11, 12]
    assert steps() == list(range(101))
    for wrong in ({"start_step": 3}, {"start_step": 3, "end_step": 1}, {"max_results": 2501}, {"run_ids": ["x"] * 101}):
        asked = {"run_ids": [run_id], "metric_key": "m", **wrong}
        answer = server.get("metrics/get-history-bulk-interval", **asked)
        assert answer.mistake == (400, "INVALID_PARAMETER_VALUE"), wrong
