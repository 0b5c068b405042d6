"""`runlake registry promote`, `alias`, `gate`, `approve` and `check`: what a pipeline asks of the registry."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from runlake import config, registry
from tests.cli.conftest import Cli


def stage_of(version: int) -> str:
    return registry.get_model_version("churn", str(version)).current_stage


def rules_in(out: str) -> list[list[str]]:
    return [line.split("\t") for line in out.splitlines()[1:]]


@pytest.fixture
def guarded(cli: Cli, churn: Path) -> Path:
    """The model with a gate before Production that version 3 passes and version 1 does not."""
    rules = ("--require", "metrics.val_auc > 0.85", "--signature", "--tag", "data_snapshot")
    assert cli("registry", "gate", "set", "churn", "production", *rules).status == 0
    return churn


def test_a_version_is_promoted_to_a_stage_and_the_ones_before_are_archived(cli: Cli, churn: Path) -> None:
    assert cli("registry", "promote", "churn", "1", "production").status == 0
    done = cli("registry", "promote", "churn", "3", "Production", "--archive-existing")
    assert (done.status, done.out, done.err) == (0, "", "version 3 of 'churn' is Production\n")
    assert [stage_of(1), stage_of(3)] == ["Archived", "Production"]


def test_a_refusal_prints_each_rule_with_what_was_found_and_changes_nothing(cli: Cli, guarded: Path) -> None:
    refused = cli("registry", "promote", "churn", "1", "Production")
    assert refused.status == 1
    assert refused.out.splitlines()[0] == "state\trule\tdemanded\tactual"
    assert rules_in(refused.out) == [
        ["unmet", "require", "metrics.val_auc > 0.85", "metrics.val_auc is 0.8"],
        ["met", "signature", "the model has a signature", "the signature has 2 inputs and 1 output"],
        ["met", "tags", "tag data_snapshot is set", "that of its run is '2026-01'"],
    ]
    assert refused.err == "error: version 1 of 'churn' does not become Production: 1 of 3 rules unmet\n"
    assert stage_of(1) == "None"


def test_a_refusal_is_json_for_pipelines(cli: Cli, guarded: Path) -> None:
    refused = cli("registry", "promote", "churn", "1", "Production", "--json")
    told: dict[str, Any] = json.loads(refused.out)
    unmet = [rule["actual"] for rule in told["rules"] if not rule["met"]]
    assert (refused.status, told["promoted"], told["passed"], told["dry_run"]) == (1, False, False, False)
    assert (told["name"], told["version"], told["target"]) == ("churn", 1, "Production")
    assert unmet == ["metrics.val_auc is 0.8"]


def test_a_dry_run_evaluates_and_changes_nothing(cli: Cli, guarded: Path) -> None:
    failed = cli("registry", "promote", "churn", "1", "Production", "--dry-run")
    assert (failed.status, failed.err) == (1, "version 1 of 'churn' would not become Production: 1 of 3 rules unmet\n")
    passed = cli("registry", "promote", "churn", "latest", "Production", "--dry-run", "--json")
    told = json.loads(passed.out)
    assert (passed.status, told["passed"], told["dry_run"], told["promoted"]) == (0, True, True, False)
    assert [stage_of(version) for version in (1, 3)] == ["None", "None"]
    free = cli("registry", "promote", "churn", "1", "Archived", "--dry-run")
    assert (free.status, free.err) == (0, "version 1 of 'churn' may become Archived, which has no gate\n")


def test_force_takes_a_reason_which_is_in_the_log(cli: Cli, guarded: Path) -> None:
    forced = ("registry", "promote", "churn", "1", "Production", "--force")
    refused = cli(*forced)
    assert (refused.status, stage_of(1)) == (2, "None")
    assert refused.err.startswith("error: --force needs a reason, which is kept in the log\nhint: --reason")
    assert cli("registry", "promote", "churn", "3", "Production", "--reason", "x").status == 2
    done = cli(*forced, "--reason", "3 is on fire", "--json")
    told = json.loads(done.out)
    assert (done.status, told["promoted"], told["forced"], told["reason"]) == (0, True, True, "3 is on fire")
    assert told["model_version"]["current_stage"] == "Production"
    assert registry.log("churn")[-1].payload["forced"] == "3 is on fire"


def test_what_means_a_version_names_it(cli: Cli, churn: Path) -> None:
    assert cli("registry", "alias", "churn", "challenger", "2").err == "version 2 of 'churn' is @challenger\n"
    assert cli("registry", "promote", "churn", "@challenger", "@champion").status == 0
    assert registry.get_model_version_by_alias("churn", "champion").version == 2
    assert cli("registry", "promote", "churn", "@champion", "staging").status == 0
    assert cli("registry", "promote", "churn", "Staging", "Production").status == 0
    assert stage_of(2) == "Production"


def test_an_alias_is_removed(cli: Cli, churn: Path) -> None:
    cli("registry", "alias", "churn", "@champion", "2")
    removed = cli("registry", "unalias", "churn", "champion", "--json")
    assert json.loads(removed.out) == {"name": "churn", "alias": "champion", "version": 2, "removed": True}
    assert cli("registry", "unalias", "churn", "champion").err == "'churn' had no alias @champion\n"


def test_a_gate_is_set_listed_replaced_and_deleted(cli: Cli, churn: Path) -> None:
    better = "@champion by max(metrics.val_auc)"
    rules = ("--pinned-environment", "--better-than", better, "--approvals", "2", "--check", "a", "--check", "b")
    made = cli("registry", "gate", "set", "churn", "@champion", *rules, "--tag", "x", "--json")
    told = json.loads(made.out)
    assert (told["target"], told["approvals"], told["checks"], told["tags"]) == ("@champion", 2, ["a", "b"], ["x"])
    assert made.err == "@champion of 'churn' has a gate of 6 rules\n"
    listed = cli("registry", "gate", "list", "churn").out.splitlines()
    user = config.os_user()
    assert listed == [
        "target\trule\tdemanded\tset by",
        f"@champion\tpinned-environment\tone version of each package\t{user}",
        f"@champion\ttag\tx\t{user}",
        f"@champion\tbetter-than\t{better}\t{user}",
        f"@champion\tapprovals\t2\t{user}",
        f"@champion\tcheck\ta\t{user}",
        f"@champion\tcheck\tb\t{user}",
    ]
    cli("registry", "gate", "set", "churn", "@champion", "--signature")
    (gate,) = json.loads(cli("registry", "gate", "list", "churn", "--json").out)
    assert (gate["signature"], gate["approvals"]) == (True, 0)
    assert cli("registry", "gate", "delete", "churn", "@champion").status == 0
    assert cli("registry", "gate", "list", "churn").err == "'churn' has no gates\n"


def test_a_mistake_in_a_rule_is_shown_in_its_place(cli: Cli, churn: Path) -> None:
    refused = cli("registry", "gate", "set", "churn", "@champion", "--require", "metrics.val_auc >> 1")
    assert (refused.status, refused.out) == (2, "")
    assert "^" in refused.err
    none = cli("registry", "gate", "set", "churn", "@champion")
    assert (none.status, none.err.splitlines()[0]) == (2, "error: a gate needs a rule")


def test_approvals_and_checks_open_a_gate(cli: Cli, churn: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cli("registry", "gate", "set", "churn", "@champion", "--approvals", "1", "--check", "shadow-7d")
    posted = cli("registry", "check", "churn", "3", "shadow-7d", "--failed", "--details", '{"differ": 0.2}')
    assert (posted.status, posted.err) == (0, "shadow-7d of version 3 of 'churn' failed\n")
    with monkeypatch.context() as patch:
        patch.setattr(config, "os_user", lambda: "ann")
        approved = cli("registry", "approve", "churn", "3", "@champion", "--comment", "slices", "--json")
    told = json.loads(approved.out)
    assert (told["user_id"], told["comment"], told["at"]) == ("ann", "slices", "[TIME]")
    refused = cli("registry", "promote", "churn", "3", "@champion")
    assert rules_in(refused.out)[0] == ["unmet", "check", "shadow-7d passed", 'it failed: {"differ": 0.2}']
    posted = cli("registry", "check", "churn", "@champion", "shadow-7d", "--passed")
    assert (posted.status, posted.err.startswith("error: Registered model alias champion not found")) == (2, True)
    assert json.loads(cli("registry", "check", "churn", "3", "shadow-7d", "--passed", "--json").out)["passed"] is True
    assert cli("registry", "promote", "churn", "3", "@champion").status == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("promote", "churn", "3", "prod"), "'prod' is neither a stage nor an alias\nhint: did you mean Production?"),
        (
            ("promote", "churn", "3", "champion"),
            "'champion' is neither a stage nor an alias\nhint: stages are None, Staging, Production, Archived; an alias"
            " is written @champion",
        ),
        (("promote", "chrun", "3", "Production"), "not found\nhint: did you mean churn?"),
        (("promote", "churn", "4", "Production"), "not found\nhint: `runlake registry show churn` lists what there is"),
        (("promote", "churn", "x", "Production"), "'x' names no version of 'churn'\nhint: write a number, latest"),
        (("promote", "churn", "3", "@v1"), "Version alias name 'v1' is reserved."),
        (("promote", "churn", "3", "None", "--archive-existing"), "nothing is archived for None\nhint: "),
        (("promote", "churn", "3"), "missing argument 'TARGET'\nhint: runlake registry promote --help says"),
        (("promot",), "no such command 'promot'\nhint: did you mean promote?"),
        (("check", "churn", "3", "x"), "missing option '--passed'\nhint: runlake registry check --help says"),
        (("check", "churn", "3", "x", "--passd"), "no such option '--passd'\nhint: did you mean --passed?"),
        (("gate", "set", "churn", "Archived", "--signature"), "'Archived' is nothing that a version is promoted to"),
        (("gate", "set", "churn"), "missing argument 'TARGET'\nhint: runlake registry gate set --help says"),
        (("gate", "delete", "churn", "Staging"), "Staging of 'churn' has no gate\nhint: `runlake registry show churn`"),
        (("gate", "list", "nothing"), "not found\nhint: `runlake registry list` lists what there is"),
        (("unalias", "churn", ""), "invalid value for 'ALIAS': it is empty"),
    ],
)
def test_a_mistake_is_one_sentence_and_a_hint(cli: Cli, churn: Path, arguments: tuple[str, ...], said: str) -> None:
    result = cli("registry", *arguments)
    assert (result.status, result.out) == (2, "")
    assert result.err.startswith("error: ")
    assert said in result.err
