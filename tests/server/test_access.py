"""Who may do what: one table, every route as everybody, passwords, tokens, and MLflow's own API for users."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from runlake import access
from runlake.access import Kind, Level, Policy, Scope
from runlake.errors import PermissionDenied, StoreUnavailable
from runlake.server.access import guarded
from runlake.server.app import create_app
from runlake.server.launch import serve
from runlake.server.mlflow_access import TABLE, need_of
from runlake.server.settings import ServerSettings
from runlake.server.sign_in import SignIn
from runlake.store import Store
from tests.server.people import PASSWORD, Headers, basic, bearer, people
from tests.server.wire import API, Answer, Server, served

# The least of these that may call a route. It is written by hand, so that the table is not compared with itself.
WHO = ("nobody", "stranger", "reader", "editor", "manager", "admin")
NEEDED = {
    "nobody": ["GET /health", "GET /version"],
    "stranger": [
        "GET /metrics",
        "GET /api/runlake/v1/openapi.json",
        "POST mlflow/runs/search",
        "POST mlflow/experiments/create",
        "GET mlflow/experiments/search",
        "POST mlflow/experiments/search",
        "POST mlflow/logged-models/search",
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
        "GET mlflow/runs/get",
        "GET mlflow/metrics/get-history",
        "GET mlflow/metrics/get-history-bulk",
        "GET mlflow/metrics/get-history-bulk-interval",
        "GET mlflow/experiments/get",
        "GET mlflow/experiments/get-by-name",
        "GET mlflow/artifacts/list",
        "GET mlflow-artifacts/artifacts",
        "GET mlflow-artifacts/artifacts/{path:path}",
    ],
    "editor": [
        "POST mlflow/runs/log-metric",
        "POST mlflow/runs/log-batch",
        "POST mlflow/runs/log-parameter",
        "POST mlflow/runs/set-tag",
        "POST mlflow/runs/create",
        "POST mlflow/runs/update",
        "POST mlflow/runs/delete-tag",
        "POST mlflow/runs/log-inputs",
        "POST mlflow/experiments/update",
        "POST mlflow/experiments/set-experiment-tag",
        "POST mlflow/experiments/delete-experiment-tag",
        "PUT mlflow-artifacts/artifacts/{path:path}",
    ],
    "manager": [
        "POST mlflow/runs/delete",
        "POST mlflow/runs/restore",
        "POST mlflow/experiments/delete",
        "POST mlflow/experiments/restore",
        "DELETE mlflow-artifacts/artifacts/{path:path}",
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
        "POST mlflow/users/create",
        "GET mlflow/users/list",
        "PATCH mlflow/users/update-admin",
        "DELETE mlflow/users/delete",
    ],
}
ROUTES = [(who, *route.split()) for who, routes in NEEDED.items() for route in routes]


@pytest.fixture(scope="module")
def tokens(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, dict[str, Headers]]]:
    folder = tmp_path_factory.mktemp("access")
    headers = people(folder)
    with served(folder, "--auth") as server:
        yield server, headers


Called = Callable[..., Answer]


@pytest.fixture
def call(tokens: tuple[Server, dict[str, Headers]]) -> Called:
    """Call an endpoint as somebody."""
    server, headers = tokens

    def called(who: str | Headers, method: str, path: str, /, **fields: Any) -> Answer:
        given = who if isinstance(who, dict) else headers.get(who, {})
        full = path if path.startswith("/") else f"{API}{path}"
        if method == "GET":
            return server.send("GET", f"{full}?{urlencode(fields, doseq=True)}", headers=given)
        return server.send(method, full, json.dumps(fields), {**given, "Content-Type": "application/json"})

    return called


def until(true: Callable[[], bool]) -> float:
    """Wait until something is true, and return how long that took."""
    began = time.monotonic()
    while not true():
        assert time.monotonic() - began < 20
    return time.monotonic() - began


# -- the table


def test_the_table_and_the_routes_are_the_same() -> None:
    routes = create_app(ServerSettings("lake", auth=True)).routes
    routed = {(method, route.path) for route in routes for method in route.methods - {"HEAD"}}  # type: ignore[attr-defined]
    unknown = [place for place in routed if need_of(*place) is None]
    assert not unknown, "routes that the table does not have"
    known = {(method, re.sub(r"^/(ajax-)?api/[\d.]+/", "", path)) for method, path in routed}
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
            asyncio.run(route.endpoint(request))  # type: ignore[attr-defined]


@pytest.mark.parametrize(("least", "method", "path"), ROUTES, ids=[f"{method} {path}" for _, method, path in ROUTES])
def test_a_route_is_open_to_those_who_may_and_to_nobody_else(least: str, method: str, path: str, call: Called) -> None:
    name = f"about {method} {path}"
    experiment_id = call("admin", "POST", "mlflow/experiments/create", name=name).json["experiment_id"]
    made = call("admin", "POST", "mlflow/runs/create", experiment_id=experiment_id)
    run_id = made.json["run"]["info"]["run_id"]
    if not path.startswith("/"):
        version = "3.0" if "server-info" in path or "users/permissions" in path or "current/perm" in path else "2.0"
        path = f"/api/{version}/{path}"
    path = path.replace("{path:path}", "nothing" if least == "stranger" else f"{experiment_id}/{run_id}/artifacts/x")
    for who in WHO:
        runs = "run_id" if path.endswith("bulk") else "run_ids"
        fields = {
            "experiment_id": experiment_id,
            "experiment_name": name,
            "run_id": run_id,
            runs: [run_id],
            "path": f"{experiment_id}/{run_id}/artifacts",
            "name": "model",
            "username": who,
            "key": "tag",
            "resource_type": "experiment",
            "resource_id": experiment_id,
            "metric_key": "loss",
            "experiment_ids": [experiment_id],
        }
        if path.endswith("artifacts/list"):
            del fields["path"]
        answer = call(who, method, path, **fields)
        allowed = WHO.index(who) >= WHO.index(least)
        refusal = 401 if who == "nobody" else 403
        assert (answer.status not in (401, 403)) if allowed else answer.status == refusal, (who, answer)
        assert answer.status < 500 or answer.status == 501


def test_pages_that_are_not_there_are_not_described_to_strangers(call: Called) -> None:
    for path in ("/", "/nothing", f"{API}mlflow/traces", "/docs", "/openapi.json"):
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


def test_runs_are_of_the_user_who_made_them_whoever_the_request_says(call: Called) -> None:
    made = call("editor", "POST", "mlflow/runs/create", experiment_id="0", user_id="somebody else").json["run"]
    assert made["info"]["user_id"] == "editor"


# -- signing in


def test_a_password_is_taken_and_a_wrong_one_is_not(call: Called) -> None:
    assert call(basic("reader"), "GET", "mlflow/users/current").json["user"]["username"] == "reader"
    for wrong in (basic("reader", PASSWORD + "x"), basic("reader", ""), basic("unknown"), basic("")):
        answer = call(wrong, "GET", "mlflow/users/current")
        assert answer.mistake == (401, "UNAUTHENTICATED")
        assert answer.headers["www-authenticate"].startswith("Basic")


@pytest.mark.parametrize(
    "header", ["", "Basic", "Basic !!!", "Basic cmVhZGVy", "Basic /w==", "Bearer", "Bearer x", "Digest a"]
)
def test_what_is_no_credential_is_refused(header: str, call: Called) -> None:
    assert call({"Authorization": header}, "GET", "mlflow/users/current").mistake == (401, "UNAUTHENTICATED")


def test_a_password_that_was_right_is_not_hashed_again(call: Called) -> None:
    call(basic("manager"), "GET", "mlflow/users/current")
    began = time.perf_counter()
    for _ in range(20):
        assert call(basic("manager"), "GET", "mlflow/users/current").status == 200
    assert time.perf_counter() - began < 20 * 0.07, "each would take 0.07 s at the least"


def test_many_wrong_passwords_have_to_wait_and_the_right_one_that_is_known_has_not(call: Called) -> None:
    assert call(basic("editor"), "GET", "mlflow/users/current").status == 200
    answers = [call(basic("editor", f"wrong password {n}"), "GET", "mlflow/users/current") for n in range(7)]
    assert [answer.status for answer in answers[:5]] == [401] * 5
    assert answers[-1].mistake == (429, "REQUEST_LIMIT_EXCEEDED")
    assert int(answers[-1].headers["retry-after"]) >= 1
    assert call(basic("editor"), "GET", "mlflow/users/current").status == 200
    assert call(basic("reader"), "GET", "mlflow/users/current").status == 200


def test_a_revoked_token_is_good_for_nothing_within_seconds(tokens: tuple[Server, Any], call: Called) -> None:
    store = Store.open(tokens[0].store)
    token_id, secret = access.create_token(store, "reader")
    assert call(bearer(secret), "GET", "mlflow/users/current").status == 200
    store.catalog.remove_token(token_id)
    store.close()
    assert until(lambda: call(bearer(secret), "GET", "mlflow/users/current").status == 401) < 4


def test_another_password_ends_the_one_before_within_seconds(tokens: tuple[Server, Any], call: Called) -> None:
    store = Store.open(tokens[0].store)
    access.add_user(store, "changing", PASSWORD)
    assert call(basic("changing"), "GET", "mlflow/users/current").status == 200
    access.set_password(store, "changing", "another " + PASSWORD)
    assert until(lambda: call(basic("changing"), "GET", "mlflow/users/current").status != 200) < 4
    assert call(basic("changing", "another " + PASSWORD), "GET", "mlflow/users/current").status == 200
    store.catalog.remove_user("changing")
    store.close()
    assert (
        until(lambda: call(basic("changing", "another " + PASSWORD), "GET", "mlflow/users/current").status != 200) < 4
    )


def test_an_expired_token_is_good_for_nothing(tokens: tuple[Server, Any], call: Called) -> None:
    store = Store.open(tokens[0].store)
    _, secret = access.create_token(store, "reader", lifetime_s=0)
    store.close()
    assert call(bearer(secret), "GET", "mlflow/users/current").status == 401


def test_a_token_is_good_for_its_scope_alone(tokens: tuple[Server, Any], call: Called) -> None:
    store = Store.open(tokens[0].store)
    read, write = (bearer(access.create_token(store, "admin", scope)[1]) for scope in (Scope.READ, Scope.WRITE))
    store.close()
    assert call(read, "GET", "mlflow/experiments/get", experiment_id="0").status == 200
    assert call(read, "POST", "mlflow/runs/create", experiment_id="0").mistake == (403, "PERMISSION_DENIED")
    assert call(write, "POST", "mlflow/runs/create", experiment_id="0").status == 200
    assert call(write, "POST", "mlflow/users/create", username="x", password=PASSWORD).status == 403


def test_a_server_without_an_administrator_does_not_start(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable, match="no administrator") as raised:
        serve(ServerSettings(str(tmp_path / "lake"), auth=True), lambda url: None)
    assert raised.value.hint is not None
    assert "runlake users add" in raised.value.hint


# -- rules


def test_the_one_thing_goes_before_all_and_the_user_before_everybody(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "lake")
    access.add_user(store, "ann", PASSWORD)

    def level(resource: str) -> Level:
        return Policy.read(store).level("ann", Kind.EXPERIMENT, resource)

    assert level("1") is Level.READ
    access.grant(store, access.EVERYBODY, Level.EDIT, Kind.EXPERIMENT)
    assert level("1") is Level.EDIT
    access.grant(store, "ann", Level.MANAGE, Kind.EXPERIMENT)
    assert level("1") is Level.MANAGE
    access.grant(store, access.EVERYBODY, Level.NONE, Kind.EXPERIMENT, "1")
    assert (level("1"), level("2")) == (Level.NONE, Level.MANAGE)
    access.grant(store, "ann", Level.READ, Kind.EXPERIMENT, "1")
    assert level("1") is Level.READ
    access.grant(store, "ann", None, Kind.EXPERIMENT, "1")
    assert level("1") is Level.NONE
    assert Policy.read(store).level("nobody", Kind.EXPERIMENT, "2") is Level.NONE
    store.catalog.move_permissions(Kind.EXPERIMENT.value, "1", "2")
    assert (level("1"), level("2")) == (Level.MANAGE, Level.NONE)
    store.close()


@pytest.mark.parametrize("password", ["", "short", "x" * 2000, "aaaaaaaaaaaaaaaa", "longusername!"])
def test_weak_passwords_are_refused(password: str, tmp_path: Path) -> None:
    store = Store.open(tmp_path / "lake")
    with pytest.raises(ValueError, match="the password"):
        access.add_user(store, "longusername!", password)
    assert not store.catalog.read_access().users
    store.close()


@pytest.mark.parametrize("name", ["", " a", "a ", "a:b", "a\nb", "everybody", "x" * 300])
def test_names_that_a_header_cannot_carry_are_refused(name: str, tmp_path: Path) -> None:
    store = Store.open(tmp_path / "lake")
    with pytest.raises(ValueError, match="name of a user"):
        access.add_user(store, name, PASSWORD)
    store.close()


def test_neither_passwords_nor_tokens_are_in_the_store(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "lake")
    access.add_user(store, "ann", PASSWORD)
    _, secret = access.create_token(store, "ann")
    store.flush()
    store.close()
    held = b"".join(path.read_bytes() for path in (tmp_path / "lake").rglob("*") if path.is_file())
    assert PASSWORD.encode() not in held
    assert secret.encode() not in held
    assert b"$scrypt$" in held


# -- MLflow's own client for users


@pytest.mark.filterwarnings("ignore")  # those of what MLflow imports with it
def test_the_official_client_for_users_works(tokens: tuple[Server, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    from mlflow.exceptions import MlflowException
    from mlflow.server.auth.client import AuthServiceClient

    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "admin")
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", PASSWORD)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    client = AuthServiceClient(tokens[0].url)
    user = client.create_user("official", PASSWORD)
    assert (user.username, user.is_admin) == ("official", False)
    with pytest.raises(MlflowException, match="already exists"):
        client.create_user("official", PASSWORD)
    assert client.get_user("official").id == user.id
    client.update_user_admin("official", True)
    assert client.get_user("official").is_admin
    client.update_user_admin("official", False)
    client.grant_user_permission("official", "experiment", "0", "EDIT")
    found = client.get_user_permission("official", "experiment", "0")
    assert (found.allowed, found.permission) == (True, "EDIT")
    client.revoke_user_permission("official", "experiment", "0")
    assert client.get_user_permission("official", "experiment", "0").permission == "NO_PERMISSIONS"
    client.update_user_password("official", "another " + PASSWORD)
    with pytest.raises(MlflowException, match="roles"):
        client.create_role("workspace", "role")
    client.delete_user("official")
    with pytest.raises(MlflowException, match="not found"):
        client.get_user("official")


def test_permissions_are_made_read_changed_and_removed_as_client_2_does(call: Called) -> None:
    for path, about, kind in (
        ("mlflow/experiments/permissions", {"experiment_id": "0"}, "experiment_permission"),
        ("mlflow/registered-models/permissions", {"name": "net"}, "registered_model_permission"),
    ):
        given = {**about, "username": "stranger"}
        made = call("admin", "POST", f"{path}/create", **given, permission="READ").json[kind]
        assert (made["permission"], {key: made[key] for key in about}) == ("READ", about)
        again = call("admin", "POST", f"{path}/create", **given, permission="READ")
        assert again.mistake == (400, "RESOURCE_ALREADY_EXISTS")
        assert call("admin", "PATCH", f"{path}/update", **given, permission="MANAGE").json == {}
        assert call("admin", "GET", f"{path}/get", **given).json[kind]["permission"] == "MANAGE"
        shown = call("stranger", "GET", "mlflow/users/get", username="stranger").json["user"]
        assert [row["permission"] for row in shown[f"{kind}s"]].count("MANAGE") >= 1
        assert call("admin", "DELETE", f"{path}/delete", **given).json == {}
        assert call("admin", "GET", f"{path}/get", **given).mistake == (404, "RESOURCE_DOES_NOT_EXIST")
    wrong = {"experiment_id": "0", "username": "stranger", "permission": "OWN"}
    answer = call("admin", "POST", "mlflow/experiments/permissions/create", **wrong)
    assert answer.mistake == (400, "INVALID_PARAMETER_VALUE")


def test_users_ask_about_themselves_and_about_nobody_else(call: Called) -> None:
    assert call("reader", "GET", "mlflow/users/get", username="reader").json["user"]["is_admin"] is False
    assert call("reader", "GET", "mlflow/users/get", username="admin").status == 403
    assert call("reader", "GET", "/api/3.0/mlflow/users/current/permissions").json["is_admin"] is False
    change = {"username": "reader", "password": "another " + PASSWORD}
    assert call("reader", "PATCH", "mlflow/users/update-password", **change).status == 400
    assert call("reader", "PATCH", "mlflow/users/update-password", **change, current_password="no").status == 400
    assert call("admin", "DELETE", "mlflow/users/delete", username="admin").mistake == (400, "BAD_REQUEST")
    assert call("admin", "PATCH", "mlflow/users/update-admin", username="admin", is_admin=False).status == 400


def test_there_are_no_users_where_nobody_is_asked(server: Server) -> None:
    assert server.post("users/create", username="ann", password=PASSWORD).mistake == (501, "NOT_IMPLEMENTED")
    assert server.get("users/current").mistake == (501, "NOT_IMPLEMENTED")


def test_the_official_client_logs_with_a_password_and_with_a_token(
    tokens: tuple[Server, dict[str, Headers]], monkeypatch: pytest.MonkeyPatch
) -> None:
    import mlflow

    server, headers = tokens
    client = mlflow.MlflowClient(server.url)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with pytest.raises(mlflow.exceptions.MlflowException, match=r"401|asks who calls"):
        client.create_run("0")
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "editor")
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", PASSWORD)
    run = client.create_run("0")
    client.log_metric(run.info.run_id, "loss", 0.5)
    monkeypatch.delenv("MLFLOW_TRACKING_USERNAME")
    monkeypatch.delenv("MLFLOW_TRACKING_PASSWORD")
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", headers["reader"]["Authorization"].removeprefix("Bearer "))
    found = client.get_run(run.info.run_id)
    assert (found.data.metrics, found.info.user_id) == ({"loss": 0.5}, "editor")
    with pytest.raises(mlflow.exceptions.MlflowException, match="needs EDIT"):
        client.log_metric(run.info.run_id, "loss", 0.5)
