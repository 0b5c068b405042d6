"""Who may do what: one table, and every route as everybody."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from runlake import access
from runlake.access import Kind, Level, Policy
from runlake.errors import PermissionDenied
from runlake.registry import operations as registry
from runlake.server.access import guarded
from runlake.server.app import create_app
from runlake.server.mlflow_absent import EMPTY_FOR_PAGES
from runlake.server.mlflow_access import TABLE, need_of
from runlake.server.settings import ServerSettings
from runlake.server.sign_in import SignIn
from runlake.store import Store
from tests.loops import run
from tests.server.people import PASSWORD, Called, Headers, bearer, people
from tests.server.sender import ARROW, batch
from tests.server.wire import API, Answer, Server, served

# The least of these that may call a route. It is written by hand, so that the table is not compared with itself.
WHO = ("nobody", "stranger", "reader", "editor", "manager", "admin")
VIEW = "/api/runlake/v1"
MODEL = f"{VIEW}/models/{{name}}"
CALL, FRAME, SENT = "/api/runlake/v1/call", "/api/runlake/v1/frames", "/api/runlake/v1/replication"
NEEDED = {
    "nobody": ["GET /health", "GET /version"],
    "stranger": [
        "GET /metrics",
        *(f"GET {page}" for page in ("/", "/runs", "/runs/{run_id}", "/compare", "/models", "/models/{name}")),
        "GET /models/{name}/{version}",
        "GET /static/{digest}/{path:path}",
        "GET /static-files/{path:path}",
        "POST /graphql",
        "GET /api/runlake/v1/openapi.json",
        "GET /api/runlake/v1/hello",
        f"GET {VIEW}/models",
        f"POST {CALL}/create_experiment",
        f"POST {CALL}/experiments",
        f"POST {CALL}/search_experiments",
        f"POST {CALL}/search_runs",
        f"POST {CALL}/verify_registry_events",
        f"GET {VIEW}/views",
        *(f"{method} {VIEW}/views/{{name:path}}" for method in ("GET", "PUT", "DELETE")),
        f"POST {SENT}/have",
        f"POST {SENT}/ledger",
        f"POST {SENT}/points",
        f"POST {SENT}/runs",
        f"POST {SENT}/provenance/state",
        f"PUT {SENT}/provenance/{{sha256}}",
        "POST mlflow/runs/search",
        "POST mlflow/experiments/create",
        "GET mlflow/experiments/search",
        "POST mlflow/experiments/search",
        "POST mlflow/experiments/search-datasets",
        "POST experiments/search-datasets",
        "POST mlflow/logged-models/search",
        "GET mlflow/registered-models/search",
        "POST mlflow/registered-models/create",
        "GET mlflow/model-versions/search",
        "GET mlflow/server-info",
        "GET mlflow/users/get",
        "GET mlflow/users/current",
        "PATCH mlflow/users/update-password",
        "GET mlflow/users/current/permissions",
        "GET mlflow/users/permissions/list",
        "GET mlflow/users/permissions/get",
        "GET /{path:path}",
        "POST /{path:path}",
        "PUT /{path:path}",
        "PATCH /{path:path}",
        "DELETE /{path:path}",
    ],
    "reader": [
        *(f"POST {CALL}/{name}" for name in ("artifact_kind", "find_experiment", "get_experiment", "get_run")),
        *(f"POST {CALL}/{name}" for name in ("list_artifacts", "recorded_run", "run_ids", "run_names", "metric_keys")),
        *(f"POST {CALL}/{name}" for name in ("ledger", "missing_points", "model_events", "version_lineage")),
        *(f"POST {CALL}/{name}" for name in ("get_gates", "get_approvals", "get_checks", "evaluate_gate")),
        *(f"POST {FRAME}/{name}" for name in ("runs", "points", "series", "band", "compare", "listing", "history")),
        *(f"POST {VIEW}/{name}" for name in ("runs", "columns", "filter", "series", "crossfilter", "points", "diff")),
        *(
            f"GET {VIEW}/runs/{{run_id}}{more}"
            for more in ("", "/points", *(f"/artifacts{part}" for part in ("", "/table", "/model", "/raw")))
        ),
        f"POST {VIEW}/runs/change",
        *(f"GET {VIEW}/{name}" for name in ("experiments", "runs", "columns", "filter", "events")),
        f"GET {SENT}/runs/{{run_id}}",
        f"GET {SENT}/experiments",
        "GET mlflow/runs/get",
        "GET mlflow/metrics/get-history",
        "GET mlflow/metrics/get-history-bulk",
        "GET mlflow/metrics/get-history-bulk-interval",
        "GET mlflow/experiments/get",
        "GET mlflow/experiments/get-by-name",
        "GET mlflow/artifacts/list",
        "GET /get-artifact",
        "GET mlflow-artifacts/artifacts",
        "GET mlflow-artifacts/artifacts/{path:path}",
        *(f"GET {MODEL}{rest}" for rest in ("", "/versions", "/versions/{version}", "/curve", "/columns")),
        *(f"GET {MODEL}{rest}" for rest in ("/events", "/gates")),
        "GET mlflow/registered-models/get",
        "GET mlflow/registered-models/get-latest-versions",
        "POST mlflow/registered-models/get-latest-versions",
        "GET mlflow/registered-models/alias",
        "GET mlflow/model-versions/get",
        "GET mlflow/model-versions/get-download-uri",
        "GET /model-versions/get-artifact",
        "GET mlflow/logged-models/{model_id}",
        "GET mlflow/logged-models/{model_id}/artifacts/directories",
        "GET mlflow/logged-models/{model_id}/artifacts/files",
    ],
    "editor": [
        *(
            f"POST {CALL}/{name}"
            for name in ("create_run", "delete_experiment_tag", "log_batch", "log_inputs", "record")
        ),
        *(f"POST {CALL}/{name}" for name in ("rename_experiment", "set_experiment_tags")),
        *(f"POST {CALL}/{name}" for name in ("set_stage", "set_alias", "approve_version", "post_check")),
        f"PATCH {VIEW}/runs/{{run_id}}",
        f"POST {SENT}/runs/{{run_id}}/artifacts/state",
        f"PUT {SENT}/runs/{{run_id}}/artifacts/{{path:path}}",
        "POST mlflow/runs/log-metric",
        "POST mlflow/runs/log-batch",
        "POST mlflow/runs/log-parameter",
        "POST mlflow/runs/set-tag",
        "POST mlflow/runs/create",
        "POST mlflow/runs/update",
        "POST mlflow/runs/delete-tag",
        "POST mlflow/runs/log-inputs",
        "POST mlflow/runs/log-model",
        "POST mlflow/runs/outputs",
        "POST mlflow/experiments/update",
        "POST mlflow/experiments/set-experiment-tag",
        "POST mlflow/experiments/delete-experiment-tag",
        "PUT mlflow-artifacts/artifacts/{path:path}",
        *(f"POST {MODEL}/versions/{{version}}/{rest}" for rest in ("stage", "approvals", "checks")),
        *(f"{method} {MODEL}/aliases/{{alias}}" for method in ("PUT", "DELETE")),
        *(f"PATCH {MODEL}{rest}" for rest in ("", "/versions/{version}")),
        "PATCH mlflow/registered-models/update",
        "POST mlflow/registered-models/set-tag",
        "DELETE mlflow/registered-models/delete-tag",
        "POST mlflow/registered-models/alias",
        "DELETE mlflow/registered-models/alias",
        "POST mlflow/model-versions/create",
        "PATCH mlflow/model-versions/update",
        "POST mlflow/model-versions/transition-stage",
        "POST mlflow/model-versions/set-tag",
        "DELETE mlflow/model-versions/delete-tag",
        "POST mlflow/logged-models",
        "PATCH mlflow/logged-models/{model_id}",
        "POST mlflow/logged-models/{model_id}/params",
        "PATCH mlflow/logged-models/{model_id}/tags",
        "DELETE mlflow/logged-models/{model_id}/tags/{tag_key:path}",
    ],
    "manager": [
        *(f"POST {CALL}/{name}" for name in ("delete_experiment", "restore_experiment", "delete_run", "restore_run")),
        f"POST {CALL}/remove_artifacts",
        *(f"POST {CALL}/{name}" for name in ("set_gate", "delete_gate", "force_stage", "force_alias")),
        *(f"{method} {MODEL}/gates/{{target}}" for method in ("PUT", "DELETE")),
        "POST mlflow/runs/delete",
        "POST mlflow/runs/restore",
        "POST mlflow/experiments/delete",
        "POST mlflow/experiments/restore",
        "DELETE mlflow-artifacts/artifacts/{path:path}",
        "POST mlflow/registered-models/rename",
        "DELETE mlflow/registered-models/delete",
        "DELETE mlflow/model-versions/delete",
        "DELETE mlflow/logged-models/{model_id}",
        "POST mlflow/users/permissions/grant",
        "POST mlflow/users/permissions/revoke",
        "POST mlflow/experiments/permissions/create",
        "GET mlflow/experiments/permissions/get",
        "PATCH mlflow/experiments/permissions/update",
        "DELETE mlflow/experiments/permissions/delete",
        "POST mlflow/registered-models/permissions/create",
        "GET mlflow/registered-models/permissions/get",
        "PATCH mlflow/registered-models/permissions/update",
        "DELETE mlflow/registered-models/permissions/delete",
    ],
    "admin": [
        f"POST {CALL}/registry_events",
        "POST mlflow/users/create",
        "GET mlflow/users/list",
        "PATCH mlflow/users/update-admin",
        "DELETE mlflow/users/delete",
    ],
}
EMPTY = {(method, path.partition("/")[2]) for method, path in EMPTY_FOR_PAGES}
NEEDED["stranger"] += sorted(
    f"{method} {path}" for method, path in EMPTY if not any(f"{method} {path}" in known for known in NEEDED.values())
)
ROUTES = [(who, *route.split()) for who, routes in NEEDED.items() for route in routes]


# -- the table


def test_the_table_and_the_routes_are_the_same() -> None:
    apps = [create_app(ServerSettings("lake", auth=True, ui=ui)) for ui in ("runlake", "mlflow")]
    routes = [route for app in apps for route in app.routes]
    routed = {(method, route.path) for route in routes for method in route.methods - {"HEAD"}}  # type: ignore[attr-defined]
    unknown = [place for place in routed if need_of(*place) is None]
    assert not unknown, "routes that the table does not have"
    known = {(method, re.sub(r"^/(ajax-)?api/([\d.]+/(?=mlflow)|2.0mlflow/)", "", path)) for method, path in routed}
    assert not set(TABLE) - known, "entries of the table that are no routes"


def test_this_file_knows_every_entry_of_the_table() -> None:
    assert sorted((method, path) for _, method, path in ROUTES) == sorted(TABLE)


def test_a_route_that_is_not_in_the_table_is_refused_to_everybody() -> None:
    async def new(_request: Request) -> Response:
        raise AssertionError("reached")

    (route,) = guarded([Route("/new", new, methods=["GET", "POST"])], need_of, SignIn(), 1)
    for method in ("GET", "HEAD", "POST"):
        request = Request({"type": "http", "method": method, "path": "/new", "headers": [], "query_string": b""})
        with pytest.raises(PermissionDenied, match="open to nobody"):
            run(route.endpoint(request))  # type: ignore[attr-defined]


@pytest.mark.parametrize(("least", "method", "path"), ROUTES, ids=[f"{method} {path}" for _, method, path in ROUTES])
def test_a_route_is_open_to_those_who_may_and_to_nobody_else(least: str, method: str, path: str, call: Called) -> None:
    name = f"about {method} {path}".replace("/", "-").replace(":", "-")
    experiment_id = call("admin", "POST", "mlflow/experiments/create", name=name).json["experiment_id"]
    made = call("admin", "POST", "mlflow/runs/create", experiment_id=experiment_id)
    run_id = made.json["run"]["info"]["run_id"]
    logged = call("admin", "POST", "mlflow/logged-models", experiment_id=experiment_id, name="m")
    model_id = logged.json["model"]["info"]["model_id"]
    if path.startswith("mlflow"):
        version = "3.0" if "server-info" in path or "users/permissions" in path or "current/perm" in path else "2.0"
        api = "ajax-api/3.0" if (method, f"3.0/{path}") in EMPTY_FOR_PAGES else f"api/{version}"
        path = f"/{api}/{path}"
    where = "nothing" if least == "stranger" or "replication" in path else f"{experiment_id}/{run_id}/artifacts/x"
    placed = {"path:path": where, "name:path": quote(name), "run_id": run_id, "model_id": model_id}
    placed |= {"name": quote(name), "version": "1", "alias": "champion", "target": "@champion"}
    for field, value in placed.items():
        path = path.replace(f"{{{field}}}", value)
    path = path.replace("{tag_key:path}", "key").replace("{sha256}", "0" * 64)
    for who in WHO:
        answer = call(who, method, path, **fields_for(path, experiment_id, run_id, name), username=who)
        allowed = WHO.index(who) >= WHO.index(least)
        refusal = 401 if who == "nobody" else 403
        assert (answer.status not in (401, 403)) if allowed else answer.status == refusal, (who, answer)
        assert answer.status < 500 or answer.status == 501


def fields_for(path: str, experiment_id: str, run_id: str, name: str) -> dict[str, Any]:
    """What makes a request be about an experiment, its run, and a registered model of the same name."""
    fields = {
        "experiment_id": experiment_id,
        "experiment_ids": [experiment_id],
        "experiment_name": name,
        "run_id": run_id,
        "run_id" if path.endswith("history-bulk") else "run_ids": [run_id],
        "runs": run_id,
        "experiments": experiment_id,
        "metric_key": "loss",
        "key": "tag",
        "path": f"{experiment_id}/{run_id}/artifacts",
        "name": name,
        "new_name": name,
        "version": "1",
        "source": f"runs:/{run_id}/model",
        "resource_type": "experiment",
        "resource_id": experiment_id,
    }
    if path.endswith("artifacts/list"):
        del fields["path"]
    return fields


def test_pages_that_are_not_there_are_not_described_to_strangers(call: Called) -> None:
    for path in ("/nothing", f"{API}mlflow/traces", "/docs", "/openapi.json"):
        assert call("nobody", "GET", path).status == 401
        assert call("reader", "GET", path).status in (404, 501)


# -- what may be read


def test_searches_find_what_the_caller_may_read_and_nothing_else(call: Called) -> None:
    ids = [call("admin", "POST", "mlflow/experiments/create", name=f"s{n}").json["experiment_id"] for n in range(3)]
    for found in ids:
        call("admin", "POST", "mlflow/runs/create", experiment_id=found)
    own = call("stranger", "POST", "mlflow/experiments/create", name="own").json["experiment_id"]
    given = {"username": "stranger", "resource_type": "experiment", "resource_id": ids[1], "permission": "READ"}
    assert call("admin", "POST", "/api/3.0/mlflow/users/permissions/grant", **given).status == 200

    listed = call("stranger", "GET", "mlflow/experiments/search", max_results=1000).json["experiments"]
    seen = {experiment["experiment_id"] for experiment in listed}  # and what the user has made in other tests
    assert seen & {own, *ids} == {own, ids[1]}
    pages, token = [], None
    while token != "":
        fields = {"max_results": 1, **({"page_token": token} if token else {})}
        page = call("stranger", "POST", "mlflow/experiments/search", **fields).json
        pages.append(len(page["experiments"]))
        token = page.get("next_page_token", "")
    assert pages == [1] * len(seen)
    runs = call("stranger", "POST", "mlflow/runs/search", experiment_ids=ids).json["runs"]
    assert [run["info"]["experiment_id"] for run in runs] == [ids[1]]
    assert call("stranger", "POST", "mlflow/runs/search", experiment_ids=ids[:1]).json["runs"] == []


def test_one_run_of_a_list_that_may_not_be_read_refuses_the_list(call: Called) -> None:
    own = call("stranger", "POST", "mlflow/experiments/create", name="mine").json["experiment_id"]
    other = call("admin", "POST", "mlflow/experiments/create", name="theirs").json["experiment_id"]
    runs = [
        call("admin", "POST", "mlflow/runs/create", experiment_id=found).json["run"]["info"]["run_id"]
        for found in (own, other)
    ]
    path = "mlflow/metrics/get-history-bulk"
    assert call("stranger", "GET", path, run_id=runs[:1], metric_key="loss").status == 200
    assert call("stranger", "GET", path, run_id=runs, metric_key="loss").mistake == (403, "PERMISSION_DENIED")


def test_who_makes_an_experiment_manages_it(call: Called) -> None:
    own = call("stranger", "POST", "mlflow/experiments/create", name="managed").json["experiment_id"]
    assert call("editor", "POST", "mlflow/experiments/delete", experiment_id=own).status == 403
    assert call("stranger", "POST", "mlflow/experiments/delete", experiment_id=own).status == 200


def ask_graphql(call: Called, who: str, field: str, given: str) -> Any:
    query = f"{{ {field}(input: {given}) {{ apiError {{ code }} "
    query += "runs { info { runId } } } }" if field == "mlflowSearchRuns" else "run { info { runId } } } }"
    return call(who, "POST", "/graphql", query=query).json["data"][field]


def test_graphql_answers_what_the_endpoints_would(call: Called) -> None:
    other = call("admin", "POST", "mlflow/experiments/create", name="in graphql").json["experiment_id"]
    run_id = call("admin", "POST", "mlflow/runs/create", experiment_id=other).json["run"]["info"]["run_id"]
    one, many = f'{{runId: "{run_id}"}}', f'{{experimentIds: ["{other}"]}}'
    assert ask_graphql(call, "reader", "mlflowGetRun", one)["run"] == {"info": {"runId": run_id}}
    assert len(ask_graphql(call, "reader", "mlflowSearchRuns", many)["runs"]) == 1
    assert ask_graphql(call, "stranger", "mlflowGetRun", one)["apiError"] == {"code": "PERMISSION_DENIED"}
    assert not ask_graphql(call, "stranger", "mlflowSearchRuns", many)["runs"]


def test_runlakes_own_client_gets_what_the_caller_may_read(tokens: tuple[Server, Any], call: Called) -> None:
    other = call("admin", "POST", "mlflow/experiments/create", name="native other").json["experiment_id"]
    own = call("stranger", "POST", f"{CALL}/create_experiment", name="native own", tags={}).json["value"]
    for found in (other, own):
        call("admin", "POST", "mlflow/runs/create", experiment_id=found)
    listed = call("stranger", "POST", f"{CALL}/experiments", view=1).json["value"]
    ids = {experiment["experiment_id"] for experiment in listed}
    assert (own in ids, other in ids) == (True, False)
    rows = call({**tokens[1]["stranger"], "Accept": "application/json"}, "POST", f"{FRAME}/runs").json["rows"]
    assert {row["experiment_id"] for row in rows} & {own, other} == {own}
    assert call("stranger", "POST", f"{FRAME}/runs", experiments=["native other"]).status == 403
    assert call("stranger", "POST", f"{FRAME}/points").status == 403, "all runs, and there are others"
    made = {
        "run_id": "f" * 32,
        "experiment_id": own,
        "name": "n",
        "user_id": "somebody else",
        "start_time": 1,
        "tags": {},
    }
    answer = call("stranger", "POST", f"{CALL}/create_run", **made)
    assert answer.status == 200
    assert call("admin", "GET", "mlflow/runs/get", run_id="f" * 32).json["run"]["info"]["user_id"] == "stranger"


def test_pages_are_made_of_what_the_caller_may_read(
    tokens: tuple[Server, dict[str, Headers]], call: Called, others: tuple[str, str]
) -> None:
    call("admin", "POST", "mlflow/runs/log-parameter", run_id=others[1], key="hidden", value="secret")
    own = call("stranger", "POST", "mlflow/experiments/create", name="page of a stranger").json["experiment_id"]
    call("stranger", "POST", "mlflow/runs/create", experiment_id=own)
    who = {**tokens[1]["stranger"], "Accept": "application/json"}
    rows = call(who, "GET", f"{VIEW}/runs", columns="experiment_id", limit=1000).json["parts"][0]["rows"]
    seen = {row["experiment_id"] for row in rows}
    assert (own in seen, others[0] in seen) == (True, False)
    listed = {one["experiment_id"] for one in call(who, "GET", f"{VIEW}/experiments").json["experiments"]}
    assert (own in listed, others[0] in listed) == (True, False)
    assert call(who, "GET", f"{VIEW}/columns", q="hidden").json["parts"][0]["rows"] == []
    for text in ("params.hid", "params.hidden = "):
        assert call(who, "GET", f"{VIEW}/filter", text=text).json["completions"] == []
    axes = [{"key": "experiment_id"}]
    assert others[0] not in call(who, "POST", f"{VIEW}/crossfilter", axes=axes).json["notes"]["axes"][0]["values"]
    assert call(who, "POST", f"{VIEW}/series", keys="loss", runs=[others[1]]).status == 403
    assert call(who, "POST", f"{VIEW}/series", keys="loss", experiments=[others[0]]).status == 403
    assert call(who, "POST", f"{VIEW}/diff", runs=[others[1]]).status == 403
    assert call("admin", "GET", f"{VIEW}/filter", text="params.hidden = ").json["completions"][0]["text"] == "'secret'"


def test_an_experiment_that_is_called_like_the_id_of_another_is_not_taken_for_it(tmp_path: Path) -> None:
    headers = people(tmp_path)
    store = Store.open(tmp_path / "lake")
    shown = store.catalog.create_experiment("shown", now_ms=0)
    hidden = store.catalog.create_experiment(shown, now_ms=0)
    access.grant(store, "stranger", Level.READ, Kind.EXPERIMENT, shown)
    for run_id, experiment_id in (("a" * 32, shown), ("b" * 32, hidden)):
        store.create_run(run_id, experiment_id, name="", user_id="u", start_time=0, tags={}, owned=False)
        store.record(run_id, params={f"of {run_id[0]}": "1"})
    store.close()
    who = {**headers["stranger"], "Accept": "application/json", "Content-Type": "application/json"}
    with served(tmp_path, "--auth") as server:

        def ask(path: str, **fields: Any) -> Any:
            answer = server.send("POST", f"/api/runlake/v1/{path}", json.dumps(fields), who)
            assert answer.status == 200, answer.body
            return answer.json

        for rows in (ask("runs")["parts"][0]["rows"], ask("frames/runs")["rows"], ask("frames/listing")["rows"]):
            assert [row["run_id"] for row in rows] == ["a" * 32]
        assert ask("columns", kind=["params"])["parts"][0]["rows"][0]["name"] == "params.`of a`"
        (counted,) = server.send("GET", "/api/runlake/v1/experiments", headers=who).json["experiments"]
        assert (counted["experiment_id"], counted["runs"]) == (shown, 1)
        axis = {"key": "experiment_id"}
        assert ask("crossfilter", axes=[axis])["notes"]["axes"][0]["values"] == [shown]
        assert [run["run_id"] for run in ask("series", keys="loss", runs="a" * 32)["parts"][1]["rows"]] == ["a" * 32]
        assert ask("runs/change", where="", tags={"seen": "1"})["changed"] == 0, "the only run that is found is refused"


def test_nobody_takes_the_place_of_an_experiment_by_calling_another_like_its_id(tmp_path: Path) -> None:
    headers = people(tmp_path)
    store = Store.open(tmp_path / "lake")
    victim = store.catalog.create_experiment("victim", now_ms=0)
    store.create_run("a" * 32, victim, name="", user_id="u", start_time=0, tags={}, owned=False)
    access.grant(store, "reader", Level.NONE, Kind.EXPERIMENT)
    access.grant(store, "reader", Level.READ, Kind.EXPERIMENT, victim)
    with served(tmp_path, "--auth") as server:
        kind = {"Content-Type": "application/json", "Accept": "application/json"}
        made = server.send(
            "POST", f"{CALL}/create_experiment", json.dumps({"name": victim, "tags": {}}), headers["editor"] | kind
        )
        assert made.json["value"] != victim
        for who in ("reader", "admin"):
            said = {**headers[who], **kind}
            rows = server.send("GET", f"{VIEW}/runs?experiments={victim}", headers=said).json["parts"][0]["rows"]
            assert [row["run_id"] for row in rows] == ["a" * 32]
            (counted,) = server.send("GET", f"{VIEW}/experiments?experiments={victim}", headers=said).json[
                "experiments"
            ]
            assert counted["name"] == "victim"
            assert server.send("HEAD", f"{VIEW}/events?experiments={victim}", headers=said).status == 200
        assert (
            server.send("GET", f"{VIEW}/runs?experiments={made.json['value']}", headers=headers["reader"]).status == 403
        )
    store.close()


@pytest.fixture(scope="module")
def others(tokens: tuple[Server, dict[str, Headers]]) -> tuple[str, str]:
    """An experiment of somebody else and its run, whose id is a number, with one point."""
    server, headers = tokens

    def send(path: str, **fields: Any) -> Any:
        kind = {**headers["admin"], "Content-Type": "application/json"}
        return server.send("POST", path, json.dumps(fields), kind).json

    experiment_id = send(f"{API}mlflow/experiments/create", name="of others")["experiment_id"]
    made = {"name": "the run of others", "user_id": "admin", "start_time": 1, "tags": {}}
    send(f"{CALL}/create_run", run_id="1234567", experiment_id=experiment_id, **made)
    send(f"{API}mlflow/runs/log-metric", run_id="1234567", key="loss", value=1, timestamp=1)
    return experiment_id, "1234567"


@pytest.mark.parametrize("frame", ["points", "series", "band", "compare"])
@pytest.mark.parametrize(
    "runs",
    [
        {"$": "page", "items": ["1234567"], "columns": {"run_id": []}},
        {"types": {"run_id": "Int64"}, "columns": {"run_id": [1234567]}},
        {"types": {"run_id": "String"}, "columns": {"run_id": ["1234567"]}},
        {"types": {"run_id": "String"}, "columns": {"run_id": []}},
        ["1234567"],
        [],
    ],
    ids=["page", "numbers", "table", "empty table", "list", "empty list"],
)
def test_no_form_of_a_choice_of_runs_shows_those_of_others(
    frame: str, runs: Any, tokens: tuple[Server, dict[str, Headers]], call: Called, others: tuple[str, str]
) -> None:
    who = {**tokens[1]["stranger"], "Accept": "application/json"}
    more = {"key": "loss"} if frame == "band" else {"keys": ["loss"]} if frame == "series" else {}
    answer = call(who, "POST", f"{FRAME}/{frame}", runs=runs, **more)
    assert answer.status in (400, 403) or answer.json["rows"] == []


@pytest.mark.parametrize(("frame", "field"), [("runs", "experiments"), ("points", "runs")])
@pytest.mark.parametrize("meant", ["of other", "the run of others", "12345"])
def test_a_name_that_is_not_there_is_no_way_to_hear_of_others(
    frame: str,
    field: str,
    meant: str,
    tokens: tuple[Server, dict[str, Headers]],
    others: tuple[str, str],
    tmp_path: Path,
) -> None:
    store = Store.open(tokens[0].store)
    access.add_user(store, user := tmp_path.name, PASSWORD)
    access.grant(store, user, Level.READ, Kind.EXPERIMENT)
    access.grant(store, user, Level.NONE, Kind.EXPERIMENT, others[0])
    who = {**bearer(access.create_token(store, user)[1]), "Content-Type": "application/json"}
    store.close()
    answer = tokens[0].send("POST", f"{FRAME}/{frame}", json.dumps({field: [meant]}), who)
    assert answer.mistake == (404, "RESOURCE_DOES_NOT_EXIST")
    assert not answer.json["hint"]


def test_a_warning_does_not_name_the_metrics_of_others(
    tokens: tuple[Server, dict[str, Headers]], call: Called, others: tuple[str, str]
) -> None:
    call("admin", "POST", "mlflow/runs/log-metric", run_id=others[1], key="hidden", value=1, timestamp=1)
    own = call("stranger", "POST", "mlflow/experiments/create", name="of one run").json["experiment_id"]
    run_id = call("stranger", "POST", "mlflow/runs/create", experiment_id=own).json["run"]["info"]["run_id"]
    notes = [
        call(who, "POST", f"{FRAME}/band", runs=[run_id], key="hiden").headers["x-runlake-notes"]
        for who in ("stranger", "admin")
    ]
    assert ["hidden" in told for told in notes] == [False, True]
    assert all("hiden" in told for told in notes)


@pytest.mark.parametrize(
    "query",
    ["name=own&name=of%20others", "experiment_name=own&name=of%20others", "experiment_id=0&name=of%20others"],
)
def test_a_field_that_comes_twice_means_the_same_to_all(
    query: str, tokens: tuple[Server, dict[str, Headers]], call: Called, others: tuple[str, str]
) -> None:
    call("stranger", "POST", f"{CALL}/create_experiment", name="own", tags={})
    answer = tokens[0].send("GET", f"{SENT}/experiments?{query}", headers=tokens[1]["stranger"])
    assert answer.status == 403 or answer.json["experiment"]["name"] == "own"


def test_what_another_store_sends_goes_where_its_user_may_edit(tokens: tuple[Server, Any], call: Called) -> None:
    other = call("admin", "POST", "mlflow/experiments/create", name="replicated").json["experiment_id"]
    run_id = call("admin", "POST", "mlflow/runs/create", experiment_id=other).json["run"]["info"]["run_id"]
    source, new = "a" * 32, "b" * 32
    known = {"experiment_id": "7", "version": 1, "name": "far", "user_id": "me", "start_time": 1000}
    for name, sent in (("replicated", new), ("unknown", run_id)):
        experiments = [{"experiment_id": "7", "name": name}]
        fields = {"source": source, "experiments": experiments, "runs": [{**known, "run_id": sent}]}
        assert call("stranger", "POST", f"{SENT}/runs", **fields).mistake == (403, "PERMISSION_DENIED")
    fields["runs"] = [{**known, "run_id": new}]
    answer = call("stranger", "POST", f"{SENT}/runs", **fields)
    assert answer.status == 200, answer
    assert (
        call("stranger", "POST", "mlflow/experiments/delete", experiment_id=answer.json["experiments"]["7"]).status
        == 200
    )
    assert call("admin", "GET", "mlflow/runs/get", run_id=new).json["run"]["info"]["user_id"] == "stranger"
    headers = {**tokens[1]["stranger"], "Content-Type": ARROW}
    data = batch("c" * 32, 0, 10, run_id)
    assert tokens[0].send("POST", f"{SENT}/points", data, headers).mistake == (403, "PERMISSION_DENIED")
    headers |= tokens[1]["editor"]
    assert tokens[0].send("POST", f"{SENT}/points", data, headers).json["have"] == 10


@pytest.mark.parametrize(("who", "stage"), [("editor", "active"), ("manager", "deleted")])
def test_a_run_that_is_deleted_at_home_is_deleted_here_by_who_may_delete_it(who: str, stage: str, call: Called) -> None:
    named = f"deleted by {who}"
    assert call("admin", "POST", "mlflow/experiments/create", name=named).status == 200
    run_id = "d" * 31 + ("0" if who == "editor" else "1")
    sent = {"run_id": run_id, "experiment_id": "7", "name": "far", "user_id": "me", "start_time": 1000}
    fields = {"source": ("e" if who == "editor" else "f") * 32, "experiments": [{"experiment_id": "7", "name": named}]}
    assert call(who, "POST", f"{SENT}/runs", **fields, runs=[{**sent, "version": 1}]).status == 200
    deleted = {**sent, "version": 2, "lifecycle_stage": "deleted"}
    assert call(who, "POST", f"{SENT}/runs", **fields, runs=[deleted]).status == 200
    found = call("admin", "GET", "mlflow/runs/get", run_id=run_id).json["run"]["info"]
    assert found["lifecycle_stage"] == stage


def test_nobody_sends_points_under_the_numbers_of_a_stream_of_others(tokens: tuple[Server, Any], call: Called) -> None:
    server, people = tokens
    run = {"version": 1, "name": "far", "start_time": 1000}
    for who, number in (("stranger", "1"), ("editor", "2")):
        fields = {"source": number * 32, "experiments": [{"experiment_id": number, "name": f"of the {who}"}]}
        sent = {**run, "run_id": number * 32, "experiment_id": number, "writers": [_writer("d" * 32)]}
        assert call(who, "POST", f"{SENT}/runs", **fields, runs=[sent]).status == 200

    def send(who: str, first: int, run_id: str) -> Answer:
        data = batch("d" * 32, first, first + 10, run_id)
        return server.send("POST", f"{SENT}/points", data, {**people[who], "Content-Type": ARROW})

    # That a run says it has points in a stream keeps nobody else from it; points do.
    assert send("editor", 0, "2" * 32).json["have"] == 10
    assert send("stranger", 10, "1" * 32).mistake == (403, "PERMISSION_DENIED")
    assert send("editor", 10, "2" * 32).json["have"] == 20


def _writer(writer_id: str) -> dict[str, Any]:
    return {"id": writer_id, "host": "far", "boot_id": "b", "pid": 1, "created_ms": 5, "rank": None}


def test_permissions_go_with_the_name_of_a_model_whoever_changes_it(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "lake")
    access.add_user(store, "ben", PASSWORD)
    access.grant(store, "ben", Level.READ, Kind.MODEL)
    registry.create_registered_model(store, "closed")
    access.grant(store, "ben", Level.NONE, Kind.MODEL, "closed")
    access.grant(store, "ben", Level.MANAGE, Kind.MODEL, "free")
    registry.rename_registered_model(store, "closed", "free")
    policy = Policy.read(store)
    assert policy.level("ben", Kind.MODEL, "free") is Level.NONE
    assert policy.level("ben", Kind.MODEL, "closed") is Level.READ
    registry.rename_registered_model(store, "free", "free")
    assert Policy.read(store).level("ben", Kind.MODEL, "free") is Level.NONE
    registry.delete_registered_model(store, "free")
    assert Policy.read(store).level("ben", Kind.MODEL, "free") is Level.READ
    store.close()


def test_a_version_is_made_of_what_its_maker_may_read(call: Called) -> None:
    other = call("admin", "POST", "mlflow/experiments/create", name="of a version").json["experiment_id"]
    run_id = call("admin", "POST", "mlflow/runs/create", experiment_id=other).json["run"]["info"]["run_id"]
    assert call("stranger", "POST", "mlflow/registered-models/create", name="mine").status == 200
    for fields in (
        {"source": f"runs:/{run_id}/model", "run_id": run_id},
        {"source": f"runs:/{run_id}/model"},
        {"source": f"mlflow-artifacts:/{other}/{run_id}/artifacts/model", "run_id": run_id},
        {"source": f"mlflow-artifacts:///{other}/{run_id}/artifacts/model"},
    ):
        assert call("stranger", "POST", "mlflow/model-versions/create", name="mine", **fields).status == 403, fields
    found = call("reader", "GET", "mlflow/registered-models/search").json["registered_models"]
    assert "mine" in {model["name"] for model in found}
    assert call("admin", "POST", "mlflow/registered-models/rename", name="mine", new_name="still mine").status == 200
    assert call("stranger", "DELETE", "mlflow/registered-models/delete", name="still mine").status == 200
    assert call("admin", "POST", "mlflow/registered-models/create", name="still mine").status == 200
    assert call("stranger", "GET", "mlflow/registered-models/get", name="still mine").status == 403
    found = call("stranger", "GET", "mlflow/registered-models/search").json["registered_models"]
    assert "still mine" not in {model["name"] for model in found}


@pytest.mark.parametrize("source", ["models:/kept/1", "MODELS:/kept/1", " models:/kept/1", "Models:/kept@a"])
def test_a_version_of_another_is_made_of_what_its_maker_may_read(source: str, call: Called) -> None:
    run_id = call("admin", "POST", "mlflow/runs/create", experiment_id="0").json["run"]["info"]["run_id"]
    kept = {"name": "kept", "source": f"runs:/{run_id}/model", "run_id": run_id}
    call("admin", "POST", "mlflow/registered-models/create", name="kept")
    call("admin", "POST", "mlflow/model-versions/create", **kept)
    call("admin", "POST", "mlflow/registered-models/alias", name="kept", alias="a", version="1")
    call("stranger", "POST", "mlflow/registered-models/create", name="taken")
    answer = call("stranger", "POST", "mlflow/model-versions/create", name="taken", source=source)
    assert answer.mistake == (403, "PERMISSION_DENIED")


@pytest.mark.parametrize("who", ["stranger", "reader"])
def test_a_model_is_said_to_come_from_a_run_that_its_maker_may_edit(who: str, call: Called) -> None:
    run_id = call("admin", "POST", "mlflow/runs/create", experiment_id="0").json["run"]["info"]["run_id"]
    own = call(who, "POST", "mlflow/experiments/create", name=f"of own models of {who}").json["experiment_id"]
    for maker, status in ((who, 403), ("admin", 200)):
        made = call(maker, "POST", "mlflow/logged-models", experiment_id=own, name="m", source_run_id=run_id)
        assert made.status == status, made
    assert call(who, "POST", "mlflow/logged-models", experiment_id=own, name="m").status == 200


def test_runs_are_of_the_user_who_made_them_whoever_the_request_says(call: Called) -> None:
    made = call("editor", "POST", "mlflow/runs/create", experiment_id="0", user_id="somebody else").json["run"]
    assert made["info"]["user_id"] == "editor"
