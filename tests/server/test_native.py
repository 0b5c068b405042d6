"""The native routes, asked without runlake's client: what curl gets, what is refused, and that nobody waits in vain."""

from __future__ import annotations

import json
import math
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import polars as pl
import pytest

from tests.server.wire import Answer, Server, served

API = "/api/runlake/v1/"
ARROW = "application/vnd.apache.arrow.stream"
POINTS = 400_000

BAD_TABLE: dict[str, Any] = {"types": {"run_id": []}, "columns": {"run_id": []}}
INPUT: dict[str, Any] = {"$": "DatasetInput", "dataset": None, "tags": []}

PROGRAM = f"""
import sys, array, runlake
runlake.set_tracking_uri(sys.argv[1])
with runlake.start_run(run_name="first") as run:
    runlake.log_params({{"lr": 0.5}})
    runlake.log_metric("odd", float("nan"), step=1)
    runlake.log_metric("odd", float("-inf"), step=2)
    runlake.log_text("hello", "notes/a.txt")
    steps = array.array("q", range({POINTS}))
    run.log_arrays("loss", steps, array.array("d", map(float, steps)))
    print(run.id)
"""


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, str]]:
    """A server on a store with one run, and the run's id."""
    folder = tmp_path_factory.mktemp("native")
    program = [sys.executable, "-c", PROGRAM, str(folder / "lake")]
    made = subprocess.run(program, check=True, capture_output=True, text=True, cwd=folder).stdout.strip()
    with served(folder) as server:
        yield server, made


def ask(server: Server, path: str, accept: str = "application/json", /, **fields: Any) -> Answer:
    headers = {"Content-Type": "application/json", "Accept": accept}
    return server.send("POST", API + path, json.dumps(fields), headers)


def test_a_server_says_who_it_is(lake: tuple[Server, str]) -> None:
    server, _ = lake
    said = server.send("GET", API + "hello").json
    assert (said["product"], said["protocol"]) == ("runlake", 1)
    assert said["store_id"] == json.loads((server.store / "lake.json").read_text())["store_id"]
    assert abs(said["time_ms"] / 1000 - time.time()) < 60


def test_runs_are_rows_of_json_with_the_types_of_their_columns(lake: tuple[Server, str]) -> None:
    server, run_id = lake
    answer = ask(server, "frames/runs", where="params.lr < 1", columns=["run_id", "params.lr", "artifact_uri"]).json
    assert answer["types"] == {"run_id": "String", "params.lr": "Float64", "artifact_uri": "String"}
    assert answer["rows"] == [
        {"run_id": run_id, "params.lr": 0.5, "artifact_uri": f"mlflow-artifacts:/0/{run_id}/artifacts"}
    ]
    assert ask(server, "frames/runs", where="params.lr > 1").json["rows"] == []


def test_points_are_an_arrow_stream_unless_json_is_asked_for(lake: tuple[Server, str]) -> None:
    server, run_id = lake
    answer = ask(server, "frames/points", "*/*", runs=run_id, keys=["loss"], step=[10, 19])
    assert answer.headers["content-type"] == ARROW
    frame = pl.read_ipc_stream(answer.body)
    assert frame["step"].sort().to_list() == list(range(10, 20))
    rows = ask(server, "frames/points", runs=[run_id], keys="odd", columns=["step", "value"]).json["rows"]
    assert sorted(rows, key=lambda row: row["step"]) == [
        {"step": 1, "value": "NaN"},
        {"step": 2, "value": "-Infinity"},
    ]


def test_a_limit_is_kept_and_none_of_a_column_is_sent_that_was_not_asked_for(lake: tuple[Server, str]) -> None:
    server, run_id = lake
    answer = ask(server, "frames/points", runs=run_id, keys="loss", columns=["value"], limit=3).json
    assert len(answer["rows"]) == 3
    assert answer["types"] == {"value": "Float64"}
    assert ask(server, "frames/points", limit=0).json["rows"] == []


def test_series_band_compare_listing_and_history(lake: tuple[Server, str]) -> None:
    server, run_id = lake
    curve = ask(server, "frames/series", runs=run_id, keys="loss", points=4).json["rows"]
    assert [row["count"] for row in curve] == [POINTS // 4] * 4
    band = ask(server, "frames/band", runs=[run_id], key="loss", by="params.lr", points=1).json["rows"]
    assert (band[0]["params.lr"], band[0]["count"], band[0]["max"]) == (0.5, POINTS, POINTS - 1.0)
    things = ask(server, "frames/compare", runs=[run_id], only_different=False).json["rows"]
    assert {"kind": "param", "key": "lr", "field": "value", "differs": False, "first": "0.5"} in things
    listed = ask(server, "frames/listing", where="params.lr < 1", limit=1)
    assert json.loads(listed.headers["x-runlake-notes"]) == {"total": 1, "named": ["params.lr"]}
    history = ask(server, "frames/history", run_id=run_id, key="odd").json["rows"]
    assert [(row["value"], row["step"]) for row in history] == [("NaN", 1), ("-Infinity", 2)]


@pytest.mark.parametrize(
    ("path", "fields", "kind", "message"),
    [
        ("call/get_run", {"run_id": "nope"}, "NotFound", "there is no run 'nope'"),
        ("call/get_run", {}, "InvalidInput", "the field 'run_id' is missing"),
        ("call/get_run", {"run_id": [1]}, "InvalidType", "the field 'run_id' is [1]; it must be text"),
        ("call/get_run", {"run_id": "x", "y": 1}, "InvalidInput", "there is no field 'y'"),
        ("call/experiments", {"view": True}, "InvalidType", "the field 'view' is True; it must be a whole number"),
        ("call/experiments", {"view": {"$": "os"}}, "InvalidInput", "there is no kind of value 'os'"),
        ("call/record", {"run_id": "x", "status": "DONE"}, "InvalidInput", "'DONE' is not a run status"),
        ("call/create_experiment", {"name": "a", "tags": {}, "artifact_location": "/etc"}, "InvalidInput", "artifact"),
        ("frames/runs", {"where": "bad ~ 1"}, "InvalidInput", "filter cannot contain '~' here"),
        ("frames/runs", {"columns": ["params.no"]}, "InvalidInput", "no run has the column 'params.no'"),
        ("frames/runs", {"schema": {"params.lr": "Object"}}, "InvalidInput", "there is no type 'Object'"),
        ("frames/runs", {"limit": -1}, "InvalidInput", "limit is -1"),
        ("frames/points", {"runs": "nope"}, "NotFound", "there is no run 'nope'"),
        ("frames/points", {"runs": {"columns": {}}}, "InvalidInput", "a table of runs has types and columns"),
        (
            "frames/points",
            {"runs": {"types": {"run_id": []}, "columns": {"run_id": []}}},
            "InvalidInput",
            "no type '[]'",
        ),
        (
            "call/log_inputs",
            {"run_id": "x", "inputs": [INPUT]},
            "InvalidType",
            "a list, each a DatasetInput",
        ),
        ("frames/points", {"columns": ["no"]}, "InvalidInput", "points have no column 'no'"),
        ("frames/points", {"step": [1]}, "InvalidInput", "step has 1 bounds"),
        ("frames/series", {"runs": None, "keys": None, "x": "no"}, "InvalidInput", "x is 'no'"),
        ("frames/band", {"runs": [], "key": "m", "quantiles": [0.5] * 1001}, "InvalidInput", "at most 1000"),
    ],
)
def test_mistakes_are_said_with_the_class_of_error_that_they_are(
    lake: tuple[Server, str], path: str, fields: dict[str, Any], kind: str, message: str
) -> None:
    server, _ = lake
    answer = ask(server, path, **fields)
    assert answer.status in (400, 404)
    assert answer.json["error_class"] == kind
    assert message in answer.json["message"]


def test_what_a_page_of_another_site_could_send_is_refused(lake: tuple[Server, str]) -> None:
    server, _ = lake
    for kind in ("text/plain", "application/x-www-form-urlencoded", ""):
        answer = server.send("POST", API + "call/experiments", '{"view": 1}', {"Content-Type": kind})
        assert answer.mistake == (400, "INVALID_PARAMETER_VALUE")
    assert server.send("POST", API + "call/experiments", "{", {"Content-Type": "application/json"}).status == 400
    assert server.send("POST", API + "call/experiments", "[]", {"Content-Type": "application/json"}).status == 400
    deep = '{"a":' * 100 + "1" + "}" * 100
    assert server.send("POST", API + "call/experiments", deep, {"Content-Type": "application/json"}).status == 400


def test_errors_do_not_say_where_the_store_is(lake: tuple[Server, str]) -> None:
    server, run_id = lake
    answer = ask(server, "call/remove_artifacts", run_id=run_id, path="no")
    assert answer.status == 404
    assert str(server.store) not in answer.body.decode()


def test_work_ends_when_the_client_goes_away(lake: tuple[Server, str]) -> None:
    server, run_id = lake
    whole = len(ask(server, "frames/points", runs=run_id, keys="loss").body)
    host, port = server.address.split(":")
    body = json.dumps({"runs": run_id, "keys": "loss"})
    head = f"POST {API}frames/points HTTP/1.1\r\nHost: {server.address}\r\nAccept: application/json\r\n"
    with socket.create_connection((host, int(port))) as slow:
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        slow.sendall(f"{head}Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode())
        assert slow.recv(100).startswith(b"HTTP/1.1 200")
        assert under_way(server) == 2
    until = time.monotonic() + 20
    while under_way(server) > 1:
        assert time.monotonic() < until
    sent = [line["bytes"] for line in server.lines() if line.get("path") == f"{API}frames/points"]
    assert sent[-1] < whole / 2


def under_way(server: Server) -> int:
    lines = server.send("GET", "/metrics").body.decode().splitlines()
    found = [line for line in lines if line.startswith("runlake_http_requests_under_way{")]
    return int(found[0].rpartition(" ")[2])


def test_a_file_can_be_looked_at_and_removed(lake: tuple[Server, str]) -> None:
    server, run_id = lake
    assert ask(server, "call/artifact_kind", run_id=run_id, path="notes").json == {"value": "folder"}
    listed = ask(server, "call/list_artifacts", run_id=run_id, path="notes").json["value"]
    assert listed == [{"$": "FileInfo", "path": "notes/a.txt", "is_dir": False, "file_size": 5}]
    for path in ("../lake.json", "/etc/passwd", "notes/../../x"):
        assert ask(server, "call/list_artifacts", run_id=run_id, path=path).status == 400
    ask(server, "call/remove_artifacts", run_id=run_id, path="notes")
    assert ask(server, "call/artifact_kind", run_id=run_id, path="notes").json == {"value": None}


def test_numbers_that_json_has_not_go_both_ways(lake: tuple[Server, str]) -> None:
    server, _ = lake
    fields = {"name": "m", "user_id": "u", "start_time": 5, "tags": {}, "experiment_id": "0", "run_id": "abc"}
    assert ask(server, "call/create_run", **fields).status == 200
    metric = {"$": "Metric", "key": "k", "value": {"$": "number", "is": "Infinity"}, "timestamp": 1, "step": 2}
    assert ask(server, "call/log_batch", run_id="abc", metrics=[metric], params=[], tags=[]).json == {"value": None}
    metrics = ask(server, "call/get_run", run_id="abc").json["value"]["data"]["metrics"]
    assert metrics == {"k": {"$": "number", "is": "Infinity"}}
    (row,) = pl.read_ipc_stream(ask(server, "frames/history", "*/*", run_id="abc", key="k").body).rows()
    assert row == (math.inf, 1, 2)


def test_a_run_id_is_taken_once(lake: tuple[Server, str]) -> None:
    server, _ = lake
    fields = {"name": "m", "user_id": "u", "start_time": 5, "tags": {}, "experiment_id": "0", "run_id": "twice"}
    assert ask(server, "call/create_run", **fields).status == 200
    assert ask(server, "call/create_run", **fields).json["error_class"] == "AlreadyExists"
    assert ask(server, "call/create_run", **{**fields, "run_id": "../x"}).json["error_class"] == "InvalidInput"
