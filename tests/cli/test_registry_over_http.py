"""`runlake registry` asked of a server that wants to know who asks: each as who its token says."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import runlake
from runlake.store import get_store
from tests.cli.conftest import Cli, Result
from tests.cli.registered import register_churn
from tests.server.people import people
from tests.server.wire import Server, served


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, dict[str, str]]]:
    """A server with --auth and the model `churn`, and a token of each of its users."""
    folder = tmp_path_factory.mktemp("registry")
    runlake.set_tracking_uri(str(folder / "lake"))
    register_churn()
    get_store(str(folder / "lake")).close()
    tokens = {name: headers["Authorization"].removeprefix("Bearer ") for name, headers in people(folder).items()}
    with served(folder, "--auth") as server:
        yield server, tokens


@pytest.fixture
def ask(cli: Cli, guarded: tuple[Server, dict[str, str]], monkeypatch: pytest.MonkeyPatch) -> Any:
    """The command line with a user's token."""
    server, tokens = guarded

    def asked(who: str, *arguments: str) -> Result:
        monkeypatch.setenv("RUNLAKE_TRACKING_TOKEN", tokens.get(who, ""))
        return cli("registry", *arguments, "--store", server.url)

    return asked


def test_a_pipeline_passes_a_gate_with_its_token(ask: Any) -> None:
    rules = ("--approvals", "1", "--check", "shadow", "--require", "metrics.val_auc > 0.9", "--signature")
    assert ask("manager", "gate", "set", "churn", "@champion", *rules).status == 0
    refused = ask("editor", "promote", "churn", "1", "@champion", "--json")
    told = json.loads(refused.out)
    unmet = [rule["rule"] for rule in told["rules"] if not rule["met"]]
    assert (refused.status, unmet) == (1, ["require", "approvals", "check"])
    assert ask("editor", "check", "churn", "latest", "shadow", "--passed").status == 0
    assert json.loads(ask("manager", "approve", "churn", "3", "@champion", "--json").out)["user_id"] == "manager"
    assert ask("editor", "promote", "churn", "3", "@champion").err == "version 3 of 'churn' is @champion\n"
    events = json.loads(ask("reader", "log", "churn", "--limit", "3", "--json").out)
    assert [(event["action"], event["user_id"]) for event in events] == [
        ("post_check", "editor"),
        ("approve_version", "manager"),
        ("set_alias", "editor"),
    ]
    shown = json.loads(ask("reader", "show", "churn@champion", "--json").out)
    assert (shown["version"], shown["lineage"]["run_name"]) == (3, "auc-0.93")


def test_who_may_not_is_refused_with_exit_status_1(ask: Any) -> None:
    assert ask("manager", "gate", "set", "churn", "Production", "--approvals", "1").status == 0
    for who, arguments in (
        ("reader", ("promote", "churn", "1", "Staging")),
        ("reader", ("check", "churn", "1", "c", "--passed")),
        ("editor", ("gate", "set", "churn", "Staging", "--signature")),
        ("editor", ("promote", "churn", "1", "Production", "--force", "--reason", "in a hurry")),
        ("stranger", ("show", "churn")),
        ("nobody", ("show", "churn")),
    ):
        refused = ask(who, *arguments)
        assert (refused.status, refused.out) == (1, ""), arguments
        assert refused.err.startswith("error: ")
    assert ask("manager", "promote", "churn", "1", "Production", "--force", "--reason", "in a hurry").status == 0


def test_an_administrator_compares_the_log_with_a_head_that_was_kept(ask: Any) -> None:
    head = ask("admin", "verify").out.strip()
    assert ask("manager", "alias", "churn", "challenger", "2").status == 0
    assert ask("admin", "verify", "--head", head).status == 0
    assert ask("admin", "verify", "--head", "0" * 64).status == 1


def test_a_server_that_is_away_is_no_mistake_in_the_command(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNLAKE_LOCK_TIMEOUT_MS", "100")
    assert cli("registry", "show", "churn", "--store", "http://127.0.0.1:1").status == 1


def test_a_store_that_is_not_there_is_not_made(cli: Cli, tmp_path: Path) -> None:
    assert cli("registry", "show", "churn", "--store", "nowhere").status == 2
    assert not (tmp_path / "nowhere").exists()
