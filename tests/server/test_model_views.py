"""What pages show of the registry and change in it: models, versions with their runs, events, targets and gates."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import pytest

from runlake.query.filter.tokens import MAX_FILTER_CHARACTERS
from runlake.registry import version_runs
from runlake.store import Store
from tests.server.people import Called
from tests.server.wire import Answer, Server, served

API = "/api/runlake/v1/"
VERSIONS = 2000
RUNS = 200
"""Each of them made ten versions: 1 is of the first, 200 and 2000 of the last."""
HOSTILE = "<img src=x onerror=alert(1)>"
ODD = "50% a?b#c\\d;e=f&g+h @1"
"""A name of a model that has to be written in other words in a URL."""

PROGRAM = f"""
import sys, runlake
from runlake import registry
runlake.set_tracking_uri(sys.argv[1])
runlake.set_experiment("sweep")
registry.create_registered_model("churn", tags={{"team": "risk"}}, description="who leaves *next* month")
made = []
for n in range({RUNS}):
    with runlake.start_run(run_name=f"run {{n}}") as run:
        runlake.log_metric("auc", float("nan") if n == {RUNS} - 1 else n / 1000)
        if n % 2:
            runlake.log_metric("val loss", 1.0 + n)
    made.append(run.info.run_id)
for n in range({VERSIONS}):
    registry.create_model_version("churn", f"runs:/{{made[n % {RUNS}]}}/m", made[n % {RUNS}])
registry.set_registered_model_alias("churn", "champion", 3)
for version in (1, 2, 4):
    registry.transition_model_version_stage("churn", version, "Production")
registry.set_gate("churn", "@champion", require="metrics.auc > 0.1", better_than="@champion by max(metrics.auc)")
registry.create_registered_model({ODD!r})
for n in range(500):
    registry.create_registered_model(f"model {{n:03}}", description="x" * 5000 if n == 7 else None)
registry.create_registered_model({HOSTILE!r})
registry.create_registered_model("a prompt", tags={{"mlflow.prompt.is_prompt": "true"}})
"""

MANIFEST = """
flavors:
  sklearn: {sklearn_version: 1.5.0, serialization_format: skops}
mlflow_version: 3.1.0
utc_time_created: '2026-01-01 00:00:00'
signature:
  inputs: '[{"type": "double", "name": "<b>age</b>", "required": true}]'
  outputs: '[{"type": "tensor", "tensor-spec": {"dtype": "float64", "shape": [-1]}}]'
  params: '[{"name": "top", "type": "long", "default": 3, "shape": null}]'
"""
WITH_FILES = """
import sys, runlake
from runlake import registry
runlake.set_tracking_uri(sys.argv[1])
registry.create_registered_model("line")
for manifest in sys.argv[2:]:
    with runlake.start_run(run_name="fit") as run:
        runlake.log_param("lr", 0.1)
        runlake.log_metric("auc", 0.9)
        if manifest:
            runlake.log_text(manifest, "m/MLmodel")
            runlake.log_text("scikit-learn==1.5.0", "m/requirements.txt")
    registry.create_model_version("line", f"runs:/{run.info.run_id}/m", run.info.run_id)
"""


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server on a store with a model of two thousand versions and five hundred without."""
    folder = tmp_path_factory.mktemp("models")
    subprocess.run([sys.executable, "-c", PROGRAM, str(folder / "lake")], check=True, cwd=folder, timeout=60)
    with served(folder) as server:
        yield server


def send(server: Server, method: str, path: str, /, **fields: Any) -> Answer:
    if method in ("GET", "DELETE"):
        return server.send(method, f"{API}{path}?{urlencode(fields, doseq=True)}")
    return server.send(method, API + path, json.dumps(fields), {"Content-Type": "application/json"})


def get(server: Server, path: str, /, **fields: Any) -> Any:
    answer = send(server, "GET", path, **fields)
    assert answer.status == 200, answer.body
    return answer.json


# -- models


def test_models_are_listed_in_pieces_with_what_their_targets_mean(lake: Server) -> None:
    page = get(lake, "models", limit=2)
    assert page["total"] == 503, "a prompt is no model"
    assert len(page["models"]) == 2
    assert page["models"][0]["name"] == HOSTILE, "what changed last comes first"
    assert get(lake, "models", offset=501, limit=9)["models"][-1]["name"] == "churn"
    assert page["tx"] > 0
    churn = get(lake, "models", q="LEAVES chu")["models"][0]
    assert churn["versions"] == VERSIONS
    assert churn["latest"] == {"version": VERSIONS, "stage": "None"}
    assert churn["aliases"] == {"champion": 3}
    assert churn["stages"] == {"Production": 4}
    assert churn["tags"] == {"team": "risk"}


def test_models_are_sorted_by_what_a_page_shows_and_long_texts_are_cut(lake: Server) -> None:
    assert get(lake, "models", sort="versions DESC", limit=1)["models"][0]["name"] == "churn"
    assert [model["name"] for model in get(lake, "models", sort="name", limit=3)["models"]] == [ODD, HOSTILE, "churn"]
    assert get(lake, "models", sort="creation_time", limit=1)["models"][0]["name"] == "churn"
    assert len(get(lake, "models", q="model 007")["models"][0]["description"]) == 1001


def test_two_thousand_versions_and_thousands_of_models_are_answered_at_once(lake: Server) -> None:
    asked: list[tuple[str, dict[str, Any]]] = [
        ("models", {"q": "model", "limit": 100}),
        ("models/churn/versions", {"columns": ["metrics.auc"], "limit": 100}),
        ("models/churn/versions", {"sort": "metrics.auc DESC", "offset": 1000}),
        ("models/churn/curve", {"column": "metrics.auc"}),
        ("models/churn/columns", {"q": "auc"}),
        ("models/churn/events", {"version": 7}),
        ("models/churn/gates", {"version": 1550}),
    ]
    for path, fields in asked:
        times = []
        for _ in range(4):
            start = time.perf_counter()
            get(lake, path, **fields)
            times.append(time.perf_counter() - start)
        assert min(times) < 0.25, (path, times)


@pytest.mark.parametrize(
    ("path", "fields", "status", "message"),
    [
        ("models", {"sort": "colour"}, 400, "sort is 'colour'; models are sorted by name, creation_time"),
        ("models", {"limit": 1001}, 400, "limit is 1001; it must be from 0 to 1,000"),
        ("models", {"offset": -1}, 400, "offset is -1"),
        ("models/nothing", {}, 404, "Registered Model with name=nothing not found"),
        ("models/nothing/versions", {}, 404, "not found"),
        ("models/nothing/curve", {"column": "metrics.auc"}, 404, "not found"),
        ("models/nothing/events", {}, 404, "not found"),
        ("models/nothing/gates", {}, 404, "not found"),
        ("models/a%3Ab", {}, 400, "Names cannot contain"),
        ("models/churn/versions", {"columns": ["loss"]}, 400, "loss"),
        ("models/churn/versions", {"columns": ["metrics.a"] * 51}, 400, "columns has 51 entries; the limit is 50"),
        ("models/churn/curve", {}, 400, "the field 'column' is missing"),
        ("models/churn/columns", {"kind": ["colours"]}, 400, "kind is 'colours'"),
        ("models/churn/versions/one", {}, 400, "the field 'version' is 'one'; it must be a whole number"),
        ("models/churn/versions/2001", {}, 404, "version=2001"),
        ("models/churn/versions/99999999999999999999", {}, 400, "must be a whole number"),
        ("models/churn/gates", {"version": 2001}, 404, "version=2001"),
        ("models/churn", {"caller": "me"}, 400, "there is no field 'caller'"),
    ],
)
def test_mistakes_are_said(lake: Server, path: str, fields: dict[str, Any], status: int, message: str) -> None:
    answer = send(lake, "GET", path, **fields)
    assert answer.status == status, answer.body
    assert message in answer.json["message"]


# -- versions and their runs


def test_versions_have_columns_of_the_runs_that_made_them(lake: Server) -> None:
    page = get(lake, "models/churn/versions", columns=["metrics.auc", "metrics.`val loss`", "metrics.none"], limit=3)
    assert page["total"] == VERSIONS
    assert [version["version"] for version in page["versions"]] == [2000, 1999, 1998]
    last, *_, before = page["versions"]
    assert last["run"]["values"] == {"metrics.auc": "NaN", "metrics.`val loss`": 200.0, "metrics.none": None}
    assert before["run"]["run_name"] == "run 197"
    assert before["run"]["run_id"] == before["run_id"]
    assert before["stage"] == "None"


def test_versions_are_found_by_stage_and_in_the_order_of_a_metric(lake: Server) -> None:
    held = get(lake, "models/churn/versions", stage="Production")
    assert ([version["version"] for version in held["versions"]], held["total"]) == ([4, 2, 1], 3)
    best = get(lake, "models/churn/versions", sort="metrics.auc DESC", limit=2)["versions"]
    assert [version["version"] for version in best] == [1999, 1799], "NaN is no best value"
    assert get(lake, "models/churn/versions", sort="version", limit=1)["versions"][0]["version"] == 1


def test_a_metric_is_drawn_over_all_versions(lake: Server) -> None:
    curve = get(lake, "models/churn/curve", column="metrics.`val loss`")
    assert curve["versions"] == list(range(1, VERSIONS + 1))
    assert curve["values"][:4] == [None, 2.0, None, 4.0]
    found = get(lake, "models/churn/columns", kind=["metrics"])["columns"]
    assert {column["name"] for column in found} == {"metrics.auc", "metrics.`val loss`"}
    assert get(lake, "models/model%20001/curve", column="metrics.auc")["versions"] == []
    assert get(lake, "models/model%20001/columns") == {"columns": [], "total": 0}


def test_of_more_versions_than_can_be_asked_about_the_first_have_values(
    lake: Server, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    store = Store.open(lake.store)
    request.addfinalizer(store.close)
    monkeypatch.setattr(version_runs, "_MOST_RUNS", 10)
    runs = version_runs.VersionRuns(store, "churn", lambda _experiment: True)
    made = runs.made_by(runs.versions, ["metrics.auc"])
    assert (len(made), max(made)) == (100, VERSIONS)
    assert sorted(runs.in_order("metrics.auc DESC")) == sorted(runs.versions)
    monkeypatch.undo()
    longest = ", ".join(["'" + "f" * 32 + "'"] * version_runs._MOST_RUNS)
    assert len(longest) < MAX_FILTER_CHARACTERS - 1000


def test_a_version_tells_what_its_files_say_and_what_is_wrong_with_them(tmp_path: Path) -> None:
    manifests = [MANIFEST, "", "flavors: [", "x" * (5 << 20)]
    (tmp_path / "large").write_text(manifests.pop())
    command = [sys.executable, "-c", WITH_FILES, str(tmp_path / "lake"), *manifests]
    subprocess.run(command, check=True, cwd=tmp_path, timeout=60)
    with served(tmp_path) as server:
        whole, without, damaged = (get(server, f"models/line/versions/{n}")["version"] for n in (1, 2, 3))
        manifest = next(path for path in (tmp_path / "lake" / "artifacts").rglob("MLmodel") if path.stat().st_size > 99)
        (tmp_path / "large").replace(manifest)
        large = get(server, "models/line/versions/1")["version"]["contents"]
    found = whole["contents"]
    assert [(row["part"], row["name"], row["type"], row["default"]) for row in found["signature"]] == [
        ("inputs", "<b>age</b>", "double", None),
        ("outputs", None, "Tensor(float64, (-1,))", None),
        ("params", "top", "long", "3"),
    ]
    assert found["flavors"] == {"sklearn": {"sklearn_version": "1.5.0", "serialization_format": "skops"}}
    assert (found["requirements"], found["missing"]) == ("scikit-learn==1.5.0", None)
    assert (whole["run"]["run_name"], whole["run"]["experiment_name"]) == ("fit", "Default")
    assert (whole["run"]["metrics"], whole["run"]["params"]) == ({"auc": 0.9}, {"lr": "0.1"})
    assert "MLmodel" in without["contents"]["missing"]
    assert "cut off or garbled" in damaged["contents"]["missing"]
    assert str(tmp_path) not in damaged["contents"]["missing"]
    assert "5,242,880 bytes" in large["missing"]


# -- changes


def test_description_and_tags_are_changed_together_or_not_at_all(lake: Server) -> None:
    path = "models/model%20100"
    changed = send(lake, "PATCH", path, description="# New", tags={"a": "1", "b": "2"}, user_id="ann")
    assert changed.json["model"]["tags"] == {"a": "1", "b": "2"}
    refused = send(lake, "PATCH", path, description="newer", tags={"a": "2", "c": "x" * 200_000})
    assert refused.status == 400
    assert send(lake, "PATCH", path, tags={"a": 7}).status == 400
    found = send(lake, "PATCH", path, tags={"a": None, "b": "2"}).json["model"]
    assert (found["description"], found["tags"]) == ("# New", {"b": "2"})
    told = get(lake, f"{path}/events")["events"]
    assert [(event["action"], event["user_id"]) for event in told] == [
        ("delete_model_tag", None),
        ("set_model_tag", "ann"),
        ("set_model_tag", "ann"),
        ("update_model", "ann"),
        ("create_model", told[-1]["user_id"]),
    ], "what is as it was is no event"
    version = send(lake, "PATCH", "models/churn/versions/9", description="good", tags={"reviewed": "yes"})
    assert (version.json["version"]["description"], version.json["version"]["tags"]) == ("good", {"reviewed": "yes"})
    assert send(lake, "PATCH", "models/churn", name="other", description=HOSTILE).json["model"]["name"] == "churn"
    assert get(lake, f"models/{quote(ODD)}")["model"]["name"] == ODD
    assert send(lake, "PATCH", f"models/{quote(HOSTILE)}", description=HOSTILE).json["model"]["name"] == HOSTILE


def test_targets_say_who_holds_them_what_their_gates_demand_and_find(lake: Server) -> None:
    targets = {told["target"]: told for told in get(lake, "models/churn/gates", version=500)["targets"]}
    assert list(targets) == ["Staging", "Production", "@champion"]
    assert (targets["Production"]["holders"], targets["Production"]["held"]) == ([4, 2, 1], 3)
    assert targets["Staging"]["gate"] is None
    assert targets["@champion"]["holders"] == [3]
    assert targets["@champion"]["gate"]["require"] == "metrics.auc > 0.1"
    report = targets["@champion"]["report"]
    assert [(rule["rule"], rule["met"], rule["actual"]) for rule in report["rules"]] == [
        ("require", False, "metrics.auc is 0.099"),
        ("better_than", True, "metrics.auc is 0.099; version 3 has 0.002"),
    ]
    assert {told["report"] for told in get(lake, "models/churn/gates")["targets"]} == {None}


def test_a_refused_promotion_has_its_report_and_one_by_force_its_reason(lake: Server) -> None:
    put = send(lake, "PUT", "models/churn/gates/%40safe", require="metrics.auc > 0.1", checks=["shadow"])
    assert put.json["gate"]["checks"] == ["shadow"]
    alias = "models/churn/aliases/safe"
    refused = send(lake, "PUT", alias, version=50)
    assert refused.mistake == (409, "RESOURCE_CONFLICT")
    assert [rule["met"] for rule in refused.json["report"]["rules"]] == [False, False]
    assert send(lake, "PUT", alias, version=50, force=True).status == 400, "without a reason"
    assert send(lake, "PUT", alias, version=50, reason="why").status == 400, "a reason without force"
    assert send(lake, "PUT", alias, version=50, force="yes", reason="why").status == 400
    assert send(lake, "PUT", alias, version=50, force=True, reason="it burns").json["before"] is None
    checks = "models/churn/versions/1550/checks"
    assert send(lake, "POST", checks, check="shadow", passed=True, details="0.1 %").json["check"]["passed"] is True
    assert send(lake, "PUT", alias, version=1550).json == {"target": "@safe", "version": 1550, "before": 50}
    told = get(lake, "models/churn/events", version=50, limit=2)
    taken, forced = told["events"]
    assert (taken["version"], taken["payload"]["before"]) == (1550, 50), "that it lost the alias is of it as well"
    assert forced["payload"]["forced"] == "it burns"
    assert [rule["met"] for rule in forced["payload"]["gate"]] == [False, False]
    assert send(lake, "DELETE", "models/churn/gates/%40safe").status == 200
    assert send(lake, "DELETE", alias).status == 200
    assert "@safe" not in [told["target"] for told in get(lake, "models/churn/gates")["targets"]]
    for method, path, fields in [
        ("PUT", "models/churn/aliases/latest", {"version": 1}),
        ("PUT", "models/churn/aliases/v1", {"version": 1}),
        ("PUT", alias, {}),
        ("PUT", "models/churn/gates/None", {"signature": True}),
        ("PUT", "models/churn/gates/Staging", {}),
        ("PUT", "models/churn/gates/Staging", {"require": "metrics.auc >"}),
    ]:
        assert send(lake, method, path, **fields).status == 400, (path, fields)


def test_a_version_moves_to_a_stage_and_others_make_room(lake: Server) -> None:
    path = "models/churn/versions/1000/stage"
    assert send(lake, "POST", path, stage="nowhere").status == 400
    assert send(lake, "POST", path, stage="Archived", archive_existing=True).status == 400
    assert send(lake, "POST", path, stage="staging").json == {"target": "Staging", "version": 1000}
    other = "models/churn/versions/1001/stage"
    assert send(lake, "POST", other, stage="Staging", archive_existing=True).status == 200
    assert get(lake, "models/churn/versions", stage="Archived")["versions"][0]["version"] == 1000
    last = get(lake, "models/churn/events", version=1000, limit=1)["events"][0]
    assert (last["version"], last["payload"]["archived"]) == (1001, [1000])


def test_events_come_in_pieces_the_latest_first_and_long_texts_cut(lake: Server) -> None:
    send(lake, "PATCH", "models/model%20200", description="y" * 5000)
    first = get(lake, "models/model%20200/events", limit=1)
    assert first["more"] is True
    assert len(first["events"][0]["payload"]["description"]) == 1001
    moves = get(lake, "models/churn/events", actions=["set_alias", "set_gate"])["events"]
    assert {event["action"] for event in moves} == {"set_alias", "set_gate"}
    assert get(lake, "models/churn/events", actions=["nothing"]) == {"events": [], "more": False}
    rest = get(lake, "models/model%20200/events", limit=1, before=first["events"][0]["number"])
    assert (rest["more"], rest["events"][0]["action"]) == (False, "create_model")


def test_a_log_that_somebody_has_changed_is_found_out(tmp_path: Path) -> None:
    program = "import sys, runlake; runlake.set_tracking_uri(sys.argv[1]); from runlake import registry;"
    program += "[registry.create_registered_model(f'm{n}') for n in range(3)]"
    subprocess.run([sys.executable, "-c", program, str(tmp_path / "lake")], check=True, cwd=tmp_path, timeout=60)
    with served(tmp_path) as server:
        chain = get(server, "models/m0/events", verify="true")["chain"]
        assert (chain["intact"], chain["events"], len(chain["hash"])) == (True, 3, 64)
        assert "chain" not in get(server, "models/m0/events")
        with sqlite3.connect(tmp_path / "lake" / "catalog.db") as catalog:
            catalog.execute("DROP TRIGGER registry_event_kept")
            catalog.execute("UPDATE registry_event SET user_id = 'somebody else' WHERE event = 2")
        catalog.close()
        chain = get(server, "models/m0/events", verify="true")["chain"]
    assert chain == {"intact": False, "message": "event 2 of the registry is not what was written"}


# -- who may


def test_models_and_runs_that_may_not_be_read_are_not_told_of(call: Called) -> None:
    hidden = call("admin", "POST", "mlflow/experiments/create", name="hidden runs").json["experiment_id"]
    run = call("admin", "POST", "mlflow/runs/create", experiment_id=hidden).json["run"]["info"]["run_id"]
    call("admin", "POST", "mlflow/runs/log-metric", run_id=run, key="auc", value=0.5, timestamp=1)
    for name in ("seen by a stranger", "of others"):
        call("stranger" if "stranger" in name else "admin", "POST", "mlflow/registered-models/create", name=name)
    source = {"source": f"runs:/{run}/m", "run_id": run}
    assert call("admin", "POST", "mlflow/model-versions/create", name="seen by a stranger", **source).status == 200

    listed = call("stranger", "GET", f"{API}models", q="of others").json
    assert (listed["models"], listed["total"]) == ([], 0)
    assert call("admin", "GET", f"{API}models", q="of others").json["total"] == 1
    path = f"{API}models/seen%20by%20a%20stranger"
    for who, value in (("admin", 0.5), ("stranger", None)):
        version = call(who, "GET", f"{path}/versions", columns="metrics.auc").json["versions"][0]
        assert (version["run"] and version["run"]["values"]["metrics.auc"]) == value
        assert call(who, "GET", f"{path}/curve", column="metrics.auc").json["values"] == [value]
        assert (call(who, "GET", f"{path}/versions/1").json["version"]["run"] is None) == (value is None)
        assert len(call(who, "GET", f"{path}/columns", kind="metrics").json["columns"]) == (value is not None)


def test_force_is_for_those_who_manage_and_who_is_signed_in_counts(call: Called) -> None:
    call("admin", "POST", "mlflow/registered-models/create", name="forced in pages")
    run = call("admin", "POST", "mlflow/runs/create", experiment_id="0").json["run"]["info"]["run_id"]
    source = {"source": f"runs:/{run}/m", "run_id": run}
    call("admin", "POST", "mlflow/model-versions/create", name="forced in pages", **source)
    path = f"{API}models/forced%20in%20pages"
    described = {who: call(who, "GET", path).json["model"] for who in ("reader", "editor", "manager")}
    assert {who: (told["may_edit"], told["may_manage"]) for who, told in described.items()} == {
        "reader": (False, False),
        "editor": (True, False),
        "manager": (True, True),
    }
    assert described["editor"]["user"] == "editor"
    assert (
        call("manager", "PUT", f"{path}/gates/@champion", approvals=1, user_id="x").json["gate"]["user_id"] == "manager"
    )
    forced: dict[str, Any] = {"version": 1, "force": True, "reason": "on fire"}
    stage: dict[str, Any] = {"stage": "Staging", "force": True, "reason": "on fire"}
    assert call("editor", "PUT", f"{path}/aliases/champion", **forced).mistake == (403, "PERMISSION_DENIED")
    assert call("editor", "POST", f"{path}/versions/1/stage", **stage).mistake == (403, "PERMISSION_DENIED")
    said = call("editor", "POST", f"{path}/versions/1/approvals", target="@champion", comment="ok", user_id="reader")
    assert said.json["approval"]["user_id"] == "editor"
    assert call("editor", "PUT", f"{path}/aliases/champion", version=1).status == 409, "its own approval"
    told = call("editor", "GET", f"{path}/gates", version=1, user_id="reader").json["targets"][-1]["report"]
    assert "that of editor, who promotes, does not count" in told["rules"][0]["actual"]
    assert call("manager", "PUT", f"{path}/aliases/champion", **forced).status == 200
    assert call("reader", "GET", f"{path}/events", limit=1).json["events"][0]["user_id"] == "manager"
