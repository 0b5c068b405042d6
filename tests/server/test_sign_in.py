"""Who somebody is: passwords, tokens, and MLflow's own API for users."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from runlake import access
from runlake.access import Kind, Level, Policy, Scope
from runlake.errors import StoreUnavailable
from runlake.server.launch import serve
from runlake.server.settings import ServerSettings
from runlake.store import Store
from tests.server.people import PASSWORD, Called, Headers, basic, bearer
from tests.server.wire import Server


def until(true: Callable[[], bool]) -> float:
    """Wait until something is true, and return how long that took."""
    began = time.monotonic()
    while not true():
        assert time.monotonic() - began < 20
    return time.monotonic() - began


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


def test_wrong_passwords_that_come_at_once_have_to_wait_as_well(call: Called) -> None:
    with ThreadPoolExecutor(20) as pool:
        asked = [pool.submit(call, basic("nobody", f"guess {n}"), "GET", "mlflow/users/current") for n in range(20)]
    statuses = Counter(one.result().status for one in asked)
    assert statuses.keys() == {401, 429}
    assert statuses[401] <= 7, "five are free, and two are compared at a time"


@pytest.mark.parametrize("who", [("x" * 40_000, PASSWORD), ("editor", "x" * 40_000)], ids=["name", "password"])
def test_what_is_too_long_to_be_anybodys_is_refused_unseen(who: tuple[str, str], call: Called) -> None:
    answers = [call(basic(*who), "GET", "mlflow/users/current") for _ in range(8)]
    assert {answer.mistake for answer in answers} == {(401, "UNAUTHENTICATED")}, "it does not count as a guess"


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
    assert server.get("users/current").json == {}


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


LOGGING = """
import runlake
runlake.set_experiment("own client")
with runlake.start_run(run_name="far") as run:
    runlake.log_params({"lr": 0.1})
    for step in range(100):
        run.log({"loss": 1 / (1 + step)}, step=step)
    runlake.log_text("x", "notes.txt")
assert runlake.runs("own client").collect()["metrics.loss"].to_list() == [0.01]
assert runlake.search_runs(experiment_names=["own client"], output_format="list")[0].info.user_id == "stranger"
try:
    runlake.runs("hidden").collect()
except runlake.errors.PermissionDenied:
    print("denied")
"""


def test_runlakes_own_client_logs_and_reads_with_a_token(
    tokens: tuple[Server, dict[str, Headers]], call: Called, tmp_path: Path
) -> None:
    server, headers = tokens
    call("admin", "POST", "mlflow/experiments/create", name="hidden")
    token = headers["stranger"]["Authorization"].removeprefix("Bearer ")
    places = {"RUNLAKE_TRACKING_URI": server.url, "RUNLAKE_TRACKING_TOKEN": token, "RUNLAKE_SPOOL": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", LOGGING], env={**os.environ, **places}, capture_output=True, text=True, timeout=50
    )
    assert (done.returncode, done.stdout) == (0, "denied\n"), done.stderr
