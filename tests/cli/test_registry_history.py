"""`runlake registry log` and `verify`."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from pathlib import Path

from runlake import config, registry
from tests.cli.conftest import Cli
from tests.cli.terminal import on_terminal


def change_the_log(lake: Path, statement: str) -> None:
    """Do what nobody should: write into the catalog by hand, past what it refuses."""
    database = sqlite3.connect(lake / "catalog.db")
    with contextlib.closing(database), database:
        for trigger in ("registry_event_kept", "registry_event_stays"):
            database.execute(f"DROP TRIGGER {trigger}")
        database.execute(statement)


def test_the_log_says_who_did_what_when(cli: Cli, churn: Path) -> None:
    cli("registry", "gate", "set", "churn", "@champion", "--require", "metrics.val_auc > 0.9")
    cli("registry", "promote", "churn", "1", "@champion", "--force", "--reason", "why not")
    lines = [line.split("\t") for line in cli("registry", "log", "churn").out.splitlines()]
    assert lines[0] == ["event", "at", "user", "action", "model", "version", "what"]
    assert [line[3] for line in lines[1:]] == ["create_model", *["create_version"] * 3, "set_gate", "set_alias"]
    assert {(line[1], line[2]) for line in lines[1:]} == {("[TIME]", config.os_user())}
    last = json.loads(lines[-1][-1])
    assert (last["alias"], last["forced"], last["gate"][0]["met"]) == ("champion", "why not", False)
    (event,) = json.loads(cli("registry", "log", "--limit", "1", "--json").out)
    assert (event["action"], event["number"], event["at"]) == ("set_alias", 6, "[TIME]")
    screen = on_terminal(["registry", "log", "--store", str(churn)], columns=240)
    assert "alias champion, forced why not, gate not met: require" in screen
    assert "rules require metrics.val_auc > 0.9, target @champion" in screen


def test_a_name_that_no_model_had_is_a_mistake(cli: Cli, churn: Path) -> None:
    said = cli("registry", "log", "chrun")
    assert (said.status, said.out) == (2, "")
    assert said.err == "error: no registered model is or was called 'chrun'\nhint: did you mean churn?\n"


def test_a_whole_log_gives_its_head_which_later_logs_still_have(cli: Cli, churn: Path) -> None:
    first = cli("registry", "verify")
    head = registry.verify().hash
    assert (first.status, first.out, first.err) == (0, f"{head}\n", "4 events, none changed or taken out\n")
    cli("registry", "alias", "churn", "champion", "1")
    later = cli("registry", "verify", "--head", head.upper(), "--json")
    assert (later.status, json.loads(later.out)) == (0, {"intact": True, **registry.verify().to_dictionary()})


def test_a_changed_event_is_named_with_exit_status_1(cli: Cli, churn: Path) -> None:
    change_the_log(churn, "UPDATE registry_event SET user_id = 'nobody' WHERE event = 2")
    broken = cli("registry", "verify")
    assert (broken.status, broken.out) == (1, "")
    assert broken.err.startswith("error: event 2 of the registry is not what was written")
    broken = cli("registry", "verify", "--json")
    assert broken.status == 1
    assert json.loads(broken.out) == {"intact": False, "problem": "event 2 of the registry is not what was written"}


def test_a_log_that_was_cut_off_does_not_have_the_head_that_was_kept(cli: Cli, churn: Path) -> None:
    head = registry.verify().hash
    change_the_log(churn, "DELETE FROM registry_event WHERE event = 4")
    assert cli("registry", "verify").status == 0
    cut = cli("registry", "verify", "--head", head)
    assert cut.status == 1
    assert cut.err.startswith(f"error: the log is whole and has no event with the hash {head}\nhint: its end was cut")
    assert cli("registry", "verify", "--head", "abc").status == 2
