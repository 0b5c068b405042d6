"""One run as its page has it, and changes of one run or of many, over HTTP on a real store."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import polars as pl
import pytest

from tests.server.people import Called
from tests.server.wire import Answer, Server, served

API = "/api/runlake/v1/"
HUGE = 2**60

PROGRAM = f"""
import sys, numpy, runlake, runlake.data
runlake.set_tracking_uri(sys.argv[1])
runlake.set_experiment("sweep")
with runlake.start_run(run_name="<b>parent</b>", tags={{"team": "a", "runlake.conflict.x": "1"}}) as parent:
    runlake.log_params({{"model.depth": 3, "lr": 0.1}})
    runlake.log_metric("loss", 1.5, step=0)
    runlake.log_metric("loss", float("nan"), step=1)
    runlake.log_metric("loss", 0.5, step={HUGE} + 1)
    runlake.log_metric("up", float("inf"), step=1)
    runlake.log_metric("never", float("nan"), step=1)
    runlake.log_text("line 1\\nline 2\\n", "logs/train.log")
    runlake.log_input(runlake.data.from_numpy(numpy.zeros(3), name="table"), context="training")
    for n in range(3):
        with runlake.start_run(run_name=f"child {{n}}", nested=True):
            runlake.log_metric("loss", n)
    print(parent.info.run_id)
runlake.set_experiment("bulk")
for n in range(30):
    with runlake.start_run(run_name=f"run {{n:02}}"):
        runlake.log_param("n", n)
"""


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, str]]:
    """A server, and the id of a run with three nested ones."""
    folder = tmp_path_factory.mktemp("runs")
    made = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(folder / "lake")],
        check=True,
        cwd=folder,
        timeout=60,
        capture_output=True,
        text=True,
    )
    with served(folder) as server:
        yield server, made.stdout.split()[-1]


def get(server: Server, path: str, /, **fields: Any) -> Answer:
    return server.send("GET", f"{API}{path}?{urlencode(fields, doseq=True)}")


def send(server: Server, method: str, path: str, /, **fields: Any) -> Answer:
    return server.send(method, API + path, json.dumps(fields), {"Content-Type": "application/json"})


def ids(server: Server, experiment: str, where: str = "", view: int = 1) -> dict[str, str]:
    """Ids of the runs of a filter by name."""
    asked = {"experiments": experiment, "where": where, "view": view, "columns": ["run_name", "run_id"]}
    rows = send_json(server, "runs", **asked)["parts"][0]["rows"]
    return {row["run_name"]: row["run_id"] for row in rows}


def send_json(server: Server, path: str, /, **fields: Any) -> Any:
    headers = {"Content-Type": "application/json", "Accept": "application/json"}
    return server.send("POST", API + path, json.dumps(fields), headers).json


# -- one run


def test_a_run_is_told_with_all_that_its_page_shows(lake: tuple[Server, str]) -> None:
    server, run_id = lake
    found = get(server, f"runs/{run_id}").json
    run = found["run"]
    assert (run["run_id"], run["run_name"], run["status"]) == (run_id, "<b>parent</b>", "FINISHED")
    assert (run["experiment_name"], run["lifecycle_stage"]) == ("sweep", "active")
    assert run["artifact_uri"].startswith("mlflow-artifacts:/")
    assert found["params"] == {"lr": "0.1", "model.depth": "3"}
    assert (found["tags"]["team"], found["note"], found["parent"]) == ("a", "", None)
    assert [child["run_name"] for child in found["children"]] == ["child 0", "child 1", "child 2"]
    assert (found["children_total"], found["may_edit"], found["may_manage"]) == (3, True, True)
    assert found["console"] == "logs/train.log"
    assert found["ledger"] == {"accepted": 5, "stored": 5, "merged": 0, "dropped": 0, "in_flight": 0, "keys": []}
    assert found["gaps"] == []
    assert isinstance(found["tx"], int)


def test_metrics_are_summed_up_exactly_whatever_their_values_and_steps(lake: tuple[Server, str]) -> None:
    server, run_id = lake
    metrics = {metric["key"]: metric for metric in get(server, f"runs/{run_id}").json["metrics"]}
    loss = metrics["loss"]
    assert (loss["last"], loss["last_step"]) == (0.5, str(HUGE + 1))
    assert (loss["min"], loss["min_step"], loss["max"], loss["max_step"]) == (0.5, str(HUGE + 1), 1.5, "0")
    assert (loss["mean"], loss["count"], loss["nan"]) == (1.0, 3, 1)
    assert (metrics["up"]["last"], metrics["up"]["max"], metrics["up"]["nan"]) == ("Infinity", "Infinity", 0)
    never = metrics["never"]
    assert (never["last"], never["min"], never["min_step"], never["mean"]) == ("NaN", None, None, None)


def test_points_are_given_as_they_were_logged_page_by_page(lake: tuple[Server, str]) -> None:
    server, run_id = lake

    def points(**fields: Any) -> tuple[list[tuple[Any, ...]], str]:
        answer = get(server, f"runs/{run_id}/points", key="loss", **fields)
        assert answer.status == 200, answer.body
        frame = pl.read_ipc_stream(answer.body[: int(answer.headers["x-runlake-parts"])])
        return frame.select("step", pl.col("value").cast(pl.String)).rows(), answer.headers["x-runlake-total"]

    everything = [(0, "1.5"), (1, "NaN"), (HUGE + 1, "0.5")]
    assert points() == (everything, "3")
    assert points(offset=1, limit=1) == (everything[1:2], "3")
    assert points(step=str(HUGE + 1)) == (everything[2:], "1")
    assert points(step="9" * 19) == ([], "0")
    for wrong in ({"step": "1.5"}, {"step": "9" * 20}, {"limit": 10_001}, {"offset": -1}):
        assert get(server, f"runs/{run_id}/points", key="loss", **wrong).status == 400
    assert get(server, "runs/nothing/points", key="loss").status == 404


def test_where_a_run_comes_from_and_what_it_read_is_told(lake: tuple[Server, str]) -> None:
    server, run_id = lake
    found = get(server, f"runs/{run_id}").json
    origin = found["provenance"]
    assert origin["python"] == ".".join(map(str, sys.version_info[:3]))
    assert "-c" in origin["command"]
    assert origin["packages"]["polars"]
    (read,) = found["inputs"]
    assert (read["kind"], read["name"]) == ("dataset", "table")
    assert list(read["tags"].values()) == ["training"]


def test_a_nested_run_names_its_parent(lake: tuple[Server, str]) -> None:
    server, run_id = lake
    child = get(server, f"runs/{ids(server, 'sweep')['child 1']}").json
    assert (child["parent"], child["parent_name"], child["children_total"]) == (run_id, "<b>parent</b>", 0)


def test_a_model_leads_to_its_registered_versions(lake: tuple[Server, str]) -> None:
    server, run_id = lake
    experiment = get(server, f"runs/{run_id}").json["run"]["experiment_id"]
    made = server.post("logged-models", experiment_id=experiment, name="net", source_run_id=run_id)
    logged = made.json["model"]["info"]
    for name, source, more in (
        ("churn", f"models:/{logged['model_id']}", {"model_id": logged["model_id"]}),
        ("old style", f"runs:/{run_id}/forest", {"run_id": run_id}),
    ):
        server.post("registered-models/create", name=name)
        assert server.post("model-versions/create", name=name, source=source, **more).status == 200
    server.post("registered-models/alias", name="churn", alias="champion", version="1")
    models = get(server, f"runs/{run_id}").json["models"]
    assert [(model["model_id"], model["name"]) for model in models] == [(logged["model_id"], "net"), (None, "forest")]
    assert models[0]["registered"] == [{"name": "churn", "version": 1, "stage": "None", "aliases": ["champion"]}]
    assert models[1]["registered"] == [{"name": "old style", "version": 1, "stage": "None", "aliases": []}]


def test_a_run_that_is_not_there_is_said_to_be_missing(lake: tuple[Server, str]) -> None:
    server, _ = lake
    for answer in (get(server, "runs/nothing"), send(server, "PATCH", "runs/nothing", name="x")):
        assert answer.mistake == (404, "RESOURCE_DOES_NOT_EXIST")
    assert get(server, "runs/change").status == 404


# -- changes


def test_name_note_and_tags_are_changed_together(lake: tuple[Server, str]) -> None:
    server, _ = lake
    path = f"runs/{ids(server, 'sweep')['child 0']}"
    changed = send(
        server, "PATCH", path, name="β <i>", note="# why\n* it *is*", tags={"a b": "1", "team": "x", "gone": None}
    ).json
    assert (changed["run"]["run_name"], changed["note"]) == ("β <i>", "# why\n* it *is*")
    assert (changed["tags"]["a b"], changed["tags"]["team"]) == ("1", "x")
    again = send(server, "PATCH", path, note="", tags={"team": None}).json
    assert (again["note"], "team" in again["tags"], again["tags"]["a b"]) == ("", False, "1")
    assert get(server, path).json["run"]["run_name"] == "β <i>"
    assert send(server, "PATCH", path, name="child 0").status == 200


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"name": "  "}, "the name of a run is empty"),
        ({"name": 7}, "it must be text or null"),
        ({"tags": {"a|b": "x"}}, "illegal character"),
        ({"tags": {"a": 1}}, "it must be an object of text or null or null"),
        ({"tags": {"a": "x" * 8001}}, "8001 characters"),
        ({"note": "x" * 8001}, "8001 characters"),
        ({"status": "FINISHED"}, "there is no field 'status'"),
    ],
)
def test_a_change_that_is_not_legal_changes_nothing(
    lake: tuple[Server, str], fields: dict[str, Any], said: str
) -> None:
    server, run_id = lake
    before = get(server, f"runs/{run_id}").json["tags"]
    answer = send(server, "PATCH", f"runs/{run_id}", **fields)
    assert answer.mistake == (400, "INVALID_PARAMETER_VALUE")
    assert said in answer.json["message"]
    assert get(server, f"runs/{run_id}").json["tags"] == before


def test_many_runs_are_tagged_deleted_and_restored_by_a_filter(lake: tuple[Server, str]) -> None:
    server, _ = lake
    chosen = {"experiments": "bulk", "where": "params.n < 10"}
    assert send(server, "POST", "runs/change", **chosen, tags={"keep": "no"}).json == {"changed": 10, "refused": []}
    assert len(ids(server, "bulk", "tags.keep = 'no'")) == 10
    assert send(server, "POST", "runs/change", **chosen, state="deleted").json["changed"] == 10
    assert len(ids(server, "bulk")) == 20
    assert len(ids(server, "bulk", view=2)) == 10
    back = send(server, "POST", "runs/change", **chosen, view=2, state="active", tags={"keep": None}).json
    assert back == {"changed": 10, "refused": []}
    assert (len(ids(server, "bulk")), ids(server, "bulk", "tags.keep = 'no'")) == (30, {})


def test_runs_that_cannot_be_changed_are_named_and_the_others_are_changed(lake: tuple[Server, str]) -> None:
    server, _ = lake
    first, second = list(ids(server, "bulk", "params.n < 2").values())
    assert send(server, "POST", "runs/change", runs=first, state="deleted").json["changed"] == 1
    deleted = get(server, f"runs/{first}").json
    assert (deleted["run"]["lifecycle_stage"], deleted["may_edit"], deleted["may_manage"]) == ("deleted", False, True)
    said = send(server, "POST", "runs/change", runs=[first, "nothing", second, second], tags={"t": "1"}).json
    assert said["changed"] == 1
    assert [(one["run_id"], one["message"]) for one in said["refused"]] == [
        (first, f"run {first} is deleted"),
        ("nothing", "there is no run 'nothing'"),
    ]
    assert send(server, "POST", "runs/change", runs=[first, second], state="active").json["changed"] == 2
    assert len(ids(server, "bulk")) == 30


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"runs": ["a"]}, "nothing is to be changed"),
        (
            {"runs": [f"{n}" for n in range(1001)], "tags": {f"t{n}": "" for n in range(100)}},
            "100 tags of 1,001 runs are 100,100 changes; at most 100,000 are at once",
        ),
        ({"state": "deleted"}, "nothing says which runs"),
        ({"runs": ["a"], "state": "gone"}, "it must be 'active' or 'deleted'"),
        ({"where": "metrics.", "state": "deleted"}, "metrics."),
        ({"where": "", "tags": {"a/../b": "x"}}, "not a normal relative path"),
        ({"runs": [str(number) for number in range(10_001)], "state": "deleted"}, "10,001 runs"),
    ],
)
def test_a_bulk_change_that_is_not_clear_is_refused(
    lake: tuple[Server, str], fields: dict[str, Any], said: str
) -> None:
    answer = send(lake[0], "POST", "runs/change", **fields)
    assert answer.mistake == (400, "INVALID_PARAMETER_VALUE")
    assert said in answer.json["message"]


def test_each_run_is_changed_only_by_who_may(call: Called) -> None:
    experiments = [call("admin", "POST", "mlflow/experiments/create", name=f"e{n}").json["experiment_id"] for n in "12"]
    made = [call("admin", "POST", "mlflow/runs/create", experiment_id=found) for found in experiments]
    first, second = (answer.json["run"]["info"]["run_id"] for answer in made)
    grant = {"username": "reader", "resource_type": "experiment", "permission": "EDIT", "resource_id": experiments[0]}
    assert call("admin", "POST", "/api/3.0/mlflow/users/permissions/grant", **grant).status == 200
    path = f"{API}runs/change"
    said = call("reader", "POST", path, runs=[first, second], tags={"t": "1"}).json
    assert (said["changed"], [one["run_id"] for one in said["refused"]]) == (1, [second])
    assert "this needs EDIT" in said["refused"][0]["message"]
    deleting = call("reader", "POST", path, where="", state="deleted").json
    assert (deleting["changed"], {first, second} <= {one["run_id"] for one in deleting["refused"]}) == (0, True)
    assert call("stranger", "POST", path, runs=[first], tags={"t": "1"}).status == 403
    assert call("stranger", "POST", path, where="", tags={"t": "1"}).json["changed"] == 0
    for who, edit in (("reader", True), ("manager", True)):
        assert call(who, "GET", f"{API}runs/{first}").json["may_edit"] is edit
    assert call("reader", "GET", f"{API}runs/{second}").json["may_edit"] is False


def test_models_and_parents_that_may_not_be_read_are_not_told_of(call: Called) -> None:
    hidden, shown = (
        call("admin", "POST", "mlflow/experiments/create", name=f"{name} family").json["experiment_id"]
        for name in ("hidden", "shown")
    )
    parent = call("admin", "POST", "mlflow/runs/create", experiment_id=hidden, run_name="secret").json["run"]["info"]
    tags = [{"key": "mlflow.parentRunId", "value": parent["run_id"]}]
    child = call("admin", "POST", "mlflow/runs/create", experiment_id=shown, tags=tags).json["run"]["info"]["run_id"]
    call("admin", "POST", "mlflow/registered-models/create", name="hidden model")
    made = {"name": "hidden model", "source": f"runs:/{child}/m", "run_id": child}
    assert call("admin", "POST", "mlflow/model-versions/create", **made).status == 200
    for kind, resource, level in (
        ("experiment", hidden, "NO_PERMISSIONS"),
        ("experiment", shown, "READ"),
        ("registered_model", "hidden model", "NO_PERMISSIONS"),
    ):
        grant = {"username": "reader", "resource_type": kind, "resource_id": resource, "permission": level}
        assert call("admin", "POST", "/api/3.0/mlflow/users/permissions/grant", **grant).status == 200
    seen = call("reader", "GET", f"{API}runs/{child}").json
    assert (seen["parent"], seen["parent_name"], seen["models"]) == (parent["run_id"], None, [])
    all_of_it = call("admin", "GET", f"{API}runs/{child}").json
    assert (all_of_it["parent_name"], len(all_of_it["models"])) == ("secret", 1)
