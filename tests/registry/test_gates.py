"""Gates: what a version has to fulfil before a stage or an alias may mean it, here and on a server."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import runlake
from runlake import config, registry
from runlake.errors import InvalidInput, InvalidType, NotFound, PromotionRefused, VersionInUse
from runlake.stores import store_at

SIGNATURE = """
flavors: {}
signature:
  inputs: '[{"name": "age", "type": "double", "required": true}, {"name": "plan", "type": "string"}]'
  outputs: '[{"type": "double"}]'
"""


IN_A_FOLDER = pytest.mark.parametrize("where", ["folder"], indirect=True)  # a server does the same with the files


def make_run(val_auc: float | None = 0.9, files: dict[str, str] | None = None, **tags: str) -> str:
    with runlake.start_run(tags=tags) as run:
        runlake.log_param("depth", 6)
        if val_auc is not None:
            runlake.log_metric("val_auc", val_auc)
        for path, text in (files or {}).items():
            runlake.log_text(text, f"model/{path}")
    found: str = run.info.run_id
    return found


def add(name: str, val_auc: float | None = 0.9, files: dict[str, str] | None = None, **tags: str) -> int:
    run_id = make_run(val_auc, files, **tags)
    return registry.create_model_version(name, f"runs:/{run_id}/model", run_id).version


def found_by(name: str, version: int, target: str) -> list[tuple[str, str, bool]]:
    return [(rule.rule, rule.actual, rule.met) for rule in registry.evaluate(name, version, target).rules]


def by_somebody_else(action: Callable[[], Any], monkeypatch: pytest.MonkeyPatch, user: str) -> Any:
    with monkeypatch.context() as patch:
        patch.setattr(config, "os_user", lambda: user)
        return action()


def test_a_promotion_that_fails_is_refused_with_each_unmet_rule_and_its_actual_value(name: str) -> None:
    registry.set_gate(
        name, "production", require="metrics.val_auc > 0.89 AND metrics.error < 0.03 AND params.depth = 6"
    )
    version = add(name, 0.87)
    with pytest.raises(PromotionRefused) as caught:
        registry.transition_model_version_stage(name, version, "Production")
    assert caught.value.message.splitlines() == [
        f"version 1 of '{name}' does not become Production: 2 of 3 rules are not met",
        "  require: metrics.val_auc > 0.89; metrics.val_auc is 0.87",
        "  require: metrics.error < 0.03; metrics.error is not logged",
    ]
    assert caught.value.error_code == "RESOURCE_CONFLICT"
    assert caught.value.report == registry.evaluate(name, version, "Production")
    assert registry.get_model_version(name, str(version)).current_stage == "None"
    assert [event.action for event in registry.log(name)] == ["create_model", "set_gate", "create_version"]


def test_a_promotion_that_passes_is_an_event_with_what_was_found(name: str) -> None:
    gate = registry.set_gate(name, "@champion", require="metrics.val_auc > 0.89", tags="data_snapshot")
    assert registry.get_gates(name) == [gate]
    version = add(name, 0.9, data_snapshot="2026-01-01")
    registry.set_registered_model_alias(name, "champion", version)
    event = registry.log(name)[-1]
    assert (event.action, event.payload["gate"]) == (
        "set_alias",
        [rule.to_dictionary() for rule in registry.evaluate(name, version, "@champion").rules],
    )
    assert registry.get_model_version_by_alias(name, "champion").version == version


def test_only_the_target_of_a_gate_is_guarded(name: str) -> None:
    registry.set_gate(name, "Production", approvals=1)
    version = add(name)
    registry.transition_model_version_stage(name, version, "Staging")
    registry.transition_model_version_stage(name, version, "Archived")
    registry.set_registered_model_alias(name, "challenger", version)
    assert registry.evaluate(name, version, "@challenger").passed
    registry.delete_gate(name, "production")
    registry.transition_model_version_stage(name, version, "Production")
    with pytest.raises(NotFound):
        registry.delete_gate(name, "Production")


def test_what_is_there_already_is_not_promoted_again(name: str) -> None:
    version = add(name, 0.5)
    registry.transition_model_version_stage(name, version, "Production")
    registry.set_registered_model_alias(name, "champion", version)
    registry.set_gate(name, "Production", require="metrics.val_auc > 0.89")
    registry.set_gate(name, "@champion", better_than="@champion by max(metrics.val_auc)", approvals=1)
    registry.transition_model_version_stage(name, version, "Production", archive_existing_versions=True)
    registry.set_registered_model_alias(name, "champion", version)
    assert not registry.evaluate(name, version, "Production").passed


def test_an_alias_that_is_called_like_a_stage_opens_no_gate(name: str) -> None:
    registry.set_gate(name, "Production", approvals=1)
    version = add(name)
    registry.set_registered_model_alias(name, "Production", version)
    with pytest.raises(PromotionRefused):
        registry.transition_model_version_stage(name, version, "Production")
    registry.set_gate(name, "@Staging", approvals=1)
    registry.transition_model_version_stage(name, version, "Staging")
    with pytest.raises(PromotionRefused):
        registry.set_registered_model_alias(name, "Staging", version)
    registry.delete_model_version(name, str(version))


@IN_A_FOLDER
@pytest.mark.parametrize(
    ("files", "actual", "met"),
    [
        ({"MLmodel": SIGNATURE}, "the signature has 2 inputs and 1 output", True),
        ({"MLmodel": "flavors: {}"}, "the model has none", False),
        ({"MLmodel": "signature: {inputs: '[{'}"}, "the signature in MLmodel is damaged", False),
        ({"MLmodel": f"signature: {{inputs: '{'[' * 100_000}'}}"}, "the signature in MLmodel is damaged", False),
        ({"MLmodel": "signature: [1]"}, "the signature in MLmodel is damaged", False),
        ({"MLmodel": "signature: {inputs: '[]'}"}, "the signature has no inputs", False),
        ({"MLmodel": "a: [1"}, "MLmodel is damaged: line 2: did not find expected", False),
        (
            {"MLmodel": "!!python/object/apply:os.system ['false']"},
            "MLmodel is damaged: line 1: could not determine",
            False,
        ),
        ({"MLmodel": "[" * 100_000}, "MLmodel is damaged: line 1: it is nested deeper than 64 levels", False),
        (
            {"MLmodel": "#" * ((4 << 20) + 1)},
            "MLmodel cannot be read: 'model/MLmodel' has more than 4,194,304 bytes",
            False,
        ),
        ({"MLmodel": ""}, "MLmodel is damaged: it holds no fields", False),
        ({"model.pkl": "x"}, "MLmodel cannot be read: ", False),
    ],
)
def test_a_signature_is_read_from_the_manifest(name: str, files: dict[str, str], actual: str, met: bool) -> None:
    registry.set_gate(name, "Staging", signature=True)
    ((rule, found, was_met),) = found_by(name, add(name, files=files), "Staging")
    assert (rule, was_met) == ("signature", met)
    assert found.startswith(actual), found


@IN_A_FOLDER
@pytest.mark.parametrize(
    ("requirements", "actual", "met"),
    [
        ("numpy==2.1.0\nscikit-learn[extra]==1.5.2 ; python_version > '3.8'\n# a comment\n", "pins 2", True),
        ("--index-url https://x/simple\nnumpy===2.1.0 \\\n    --hash=sha256:" + "a" * 64 + "\n", "pins 1", True),
        ("net @ https://x/net-1.whl#sha256=" + "a" * 64, "pins 1", True),
        ("net @ git+https://x/net@" + "a" * 40, "pins 1", True),
        (
            "numpy>=2\npandas\ntorch==2.*\n-r more.txt\n-e .\n",
            "leaves open 'numpy>=2', 'pandas', 'torch==2.*' and 2",
            False,
        ),
        ("net @ git+https://x/net@main", "leaves open 'net @ git", False),
        ("numpy==2.1.0,<3", "leaves open", False),
        ("", "names no package", False),
        ("# nothing\n-c constraints.txt\n", "names no package", False),
    ],
    ids=["exact", "hashed", "url", "commit", "open", "branch", "two", "empty", "options"],
)
def test_an_environment_is_pinned_when_each_requirement_has_one_version(
    name: str, requirements: str, actual: str, met: bool
) -> None:
    registry.set_gate(name, "Staging", pinned_environment=True)
    ((_, found, was_met),) = found_by(name, add(name, files={"requirements.txt": requirements}), "Staging")
    assert was_met is met
    assert actual in found


def test_files_that_are_elsewhere_meet_nothing(name: str) -> None:
    registry.set_gate(name, "Staging", signature=True, pinned_environment=True)
    version = registry.create_model_version(name, "s3://bucket/model").version
    assert [(rule, met) for rule, _, met in found_by(name, version, "Staging")] == [
        ("signature", False),
        ("pinned_environment", False),
    ]


def test_a_version_without_a_run_meets_no_demand_on_it(name: str) -> None:
    registry.set_gate(name, "Staging", require="metrics.val_auc > 0.89", tags=["data_snapshot"])
    version = registry.create_model_version(name, "s3://bucket/model").version
    assert found_by(name, version, "Staging") == [
        ("require", "the version is of no run", False),
        ("tags", "neither the version nor its run has it", False),
    ]
    registry.set_model_version_tag(name, str(version), "data_snapshot", "d1")
    assert found_by(name, version, "Staging")[1] == ("tags", "it is 'd1'", True)


def test_better_than_compares_with_what_the_target_means_now(name: str) -> None:
    registry.set_gate(name, "@champion", better_than="@champion by max(metrics.val_auc)")
    first, same, better, none, nan = (
        add(name, 0.9),
        add(name, 0.9),
        add(name, 0.91),
        add(name, None),
        add(name, float("nan")),
    )
    assert found_by(name, first, "@champion") == [("better_than", "nothing else has been @champion yet", True)]
    registry.set_registered_model_alias(name, "champion", first)
    assert found_by(name, same, "@champion") == [("better_than", "metrics.val_auc is 0.9; version 1 has 0.9", False)]
    assert [found_by(name, version, "@champion")[0][2] for version in (first, better, none, nan)] == [
        True,
        True,
        False,
        False,
    ]
    registry.set_registered_model_alias(name, "champion", better)
    with pytest.raises(PromotionRefused, match=r"metrics.val_auc is 0.9; version 3 has 0.91"):
        registry.set_registered_model_alias(name, "champion", first)


def test_to_take_a_version_out_of_a_target_does_not_make_the_way_in_easier(name: str) -> None:
    registry.set_gate(name, "@champion", better_than="@champion by max(metrics.val_auc)")
    registry.set_gate(name, "Production", better_than="production by min(metrics.val_auc)")
    first, second = add(name, 0.9), add(name, 0.8)
    registry.set_registered_model_alias(name, "champion", first)
    registry.delete_registered_model_alias(name, "champion")
    with pytest.raises(PromotionRefused, match=r"is 0\.8; version 1, the last that was @champion, has 0\.9"):
        registry.set_registered_model_alias(name, "champion", second)
    registry.set_registered_model_alias(name, "champion", first)
    registry.transition_model_version_stage(name, second, "Production")
    registry.transition_model_version_stage(name, second, "Archived")
    with pytest.raises(PromotionRefused, match=r"version 2, the last that was Production, has 0\.8"):
        registry.transition_model_version_stage(name, first, "Production")


def test_what_was_let_in_by_force_is_judged_when_it_comes_again(name: str) -> None:
    registry.set_gate(name, "@champion", better_than="@champion by max(metrics.val_auc)")
    good, weak = add(name, 0.9), add(name, 0.8)
    registry.set_registered_model_alias(name, "champion", good)
    registry.set_registered_model_alias(name, "champion", weak, force=True, reason="the other is on fire")
    registry.delete_registered_model_alias(name, "champion")
    with pytest.raises(PromotionRefused, match=rf"version {good}, the last that was @champion, has 0\.9"):
        registry.set_registered_model_alias(name, "champion", weak)
    registry.set_registered_model_alias(name, "champion", good)


def test_approvals_are_of_distinct_users_other_than_who_promotes(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    registry.set_gate(name, "Production", approvals=2)
    version, other = add(name), add(name)

    def approve() -> None:
        registry.approve(name, version, "production", comment="looks good")

    me = config.os_user()
    approve()
    assert found_by(name, version, "Production") == [
        ("approvals", f"none; that of {me}, who promotes, does not count", False)
    ]
    for _ in range(2):
        by_somebody_else(approve, monkeypatch, "bob")
    with pytest.raises(PromotionRefused, match=r"approved by 2 users; 1 by bob"):
        registry.transition_model_version_stage(name, version, "Production")
    by_somebody_else(approve, monkeypatch, "cleo")
    assert not registry.evaluate(name, other, "Production").passed
    registry.set_gate(name, "@champion", approvals=1)
    assert not registry.evaluate(name, version, "@champion").passed
    registry.transition_model_version_stage(name, version, "Production")
    told = {(approval.user_id, approval.comment) for approval in registry.get_approvals(name, version)}
    assert told == {(user, "looks good") for user in (me, "bob", "cleo")}
    approvals = [event for event in registry.log(name) if event.action == "approve_version"]
    assert [event.user_id for event in approvals] == [me, "bob", "bob", "cleo"]


def test_of_a_check_the_latest_result_counts(name: str) -> None:
    registry.set_gate(name, "@champion", check=["shadow-7d", "bias"])
    version = add(name)
    assert found_by(name, version, "@champion") == [
        ("check", "no result was posted", False),
        ("check", "no result was posted", False),
    ]
    registry.post_check(name, version, "bias", True)
    registry.post_check(name, version, "shadow-7d", True, "0.1 % differ")
    registry.post_check(name, version, "shadow-7d", False, {"differ": 0.07})
    assert found_by(name, version, "@champion") == [
        ("check", 'it failed: {"differ": 0.07}', False),
        ("check", "it passed", True),
    ]
    assert [(told.check, told.passed) for told in registry.get_checks(name, version)] == [
        *(("bias", True), ("shadow-7d", False)),
    ]
    registry.post_check(name, version, "shadow-7d", True)
    registry.set_registered_model_alias(name, "champion", version)


def test_force_needs_a_reason_and_is_in_the_log(name: str) -> None:
    registry.set_gate(name, "Production", require="metrics.val_auc > 0.89", approvals=1)
    version = add(name, 0.5)
    for mistake in ({"force": True}, {"force": True, "reason": " "}, {"reason": "because"}):
        with pytest.raises(InvalidInput, match="reason"):
            registry.transition_model_version_stage(name, version, "Production", **mistake)  # type: ignore[arg-type]
    with pytest.raises(InvalidType, match="force is 'no'; it must be True or False"):
        registry.transition_model_version_stage(name, version, "Production", force="no", reason="x")  # type: ignore[arg-type]
    moved = registry.transition_model_version_stage(name, version, "Production", force=True, reason="on fire")
    assert moved.current_stage == "Production"
    event = registry.log(name)[-1]
    assert (event.action, event.version, event.payload["forced"]) == ("move_version", version, "on fire")
    assert [rule["met"] for rule in event.payload["gate"]] == [False, False]
    registry.set_registered_model_alias(name, "champion", version, force=True, reason="no gate yet")
    assert registry.log(name)[-1].payload["forced"] == "no gate yet"
    assert registry.verify().events


def test_what_a_gated_target_means_cannot_be_deleted(name: str) -> None:
    guarded, free = add(name), add(name)
    registry.set_registered_model_alias(name, "champion", guarded)
    registry.transition_model_version_stage(name, free, "Staging")
    registry.set_gate(name, "@champion", approvals=1)
    registry.set_gate(name, "Production", approvals=1)
    for delete in (
        lambda: registry.delete_model_version(name, str(guarded)),
        lambda: registry.delete_registered_model(name),
    ):
        with pytest.raises(VersionInUse, match=r"version 1 of .* is what @champion means, which has a gate") as caught:
            delete()
        assert caught.value.error_code == "RESOURCE_CONFLICT"
        assert str(caught.value.hint).startswith("promote another version to @champion")
    registry.delete_model_version(name, str(free))
    registry.delete_gate(name, "@champion")
    registry.delete_model_version(name, str(guarded))
    registry.delete_registered_model(name)


def test_a_logged_model_that_a_gated_target_leads_to_cannot_be_deleted(name: str) -> None:
    client, run_id = runlake.MlflowClient(), make_run()
    model_id = client.create_logged_model("0", name="net", source_run_id=run_id).model_id
    version = registry.create_model_version(name, f"models:/{model_id}", run_id, model_id=model_id).version
    registry.set_registered_model_alias(name, "champion", version)
    registry.set_gate(name, "@champion", approvals=1)
    with pytest.raises(VersionInUse, match=f"is version {version} of '{name}', which is what @champion means"):
        client.delete_logged_model(model_id)
    assert client.get_logged_model(model_id).model_id == model_id
    registry.delete_registered_model_alias(name, "champion")
    client.delete_logged_model(model_id)


def test_gates_go_with_the_name_of_their_model(name: str) -> None:
    registry.set_gate(name, "@champion", approvals=1)
    renamed = registry.rename_registered_model(name, f"{name} again").name
    assert [(gate.name, gate.target) for gate in registry.get_gates(renamed)] == [(renamed, "@champion")]
    registry.delete_registered_model(renamed)
    registry.create_registered_model(renamed)
    assert registry.get_gates(renamed) == []


MISTAKES: dict[str, tuple[type[Exception], str, dict[str, Any]]] = {
    "no rule": (InvalidInput, "a gate needs a rule", {}),
    "spaces": (InvalidInput, "a gate needs a rule", {"require": " \t"}),
    "filter": (InvalidInput, r"filter needs an operator after metrics.a(.|\n)*\^", {"require": "metrics.a AND"}),
    "kind of filter": (InvalidInput, "unknown kind of field", {"require": "metric_s.a > 1"}),
    "no target": (InvalidInput, r"needs a stage or an @alias here\n   , by\n   \^", {"better_than": " , by"}),
    "no by": (InvalidInput, r"needs BY here\n  @champion x\n            \^", {"better_than": "@champion x"}),
    "no function": (InvalidInput, "compares by max or min", {"better_than": "@champion by metrics.a"}),
    "other function": (InvalidInput, "compares by max or min", {"better_than": "@champion by mean(metrics.a)"}),
    "no metric": (InvalidInput, "max is a function of metrics", {"better_than": "@champion by max(params.a)"}),
    "more": (InvalidInput, "more than one comparison", {"better_than": "@champion by max(metrics.a) AND 1"}),
    "open": (InvalidInput, r"needs '\)' here", {"better_than": "@champion by max(metrics.a"}),
    "reference": (InvalidInput, "nothing that a version is promoted to", {"better_than": "None by max(metrics.a)"}),
    "too many": (InvalidInput, "must be from 0 to 100", {"approvals": 101}),
    "negative": (InvalidInput, "must be from 0 to 100", {"approvals": -1}),
    "flag": (InvalidType, "must be True or False", {"signature": "yes"}),
    "tag": (InvalidInput, "tag key has the illegal character", {"tags": ["a$"]}),
    "check": (InvalidInput, "check key is not a normal", {"check": "../x"}),
}  # fmt: skip


@IN_A_FOLDER
@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_in_a_rule_is_shown_in_its_place(name: str, mistake: str) -> None:
    kind, message, rules = MISTAKES[mistake]
    with pytest.raises(kind, match=message):
        registry.set_gate(name, "@champion", **rules)
    assert registry.get_gates(name) == []


@IN_A_FOLDER
@pytest.mark.parametrize("target", ["Archived", "None", "champion", "@latest", "@v1", "@", "@a/b", "", "stage"])
def test_only_what_is_served_from_can_have_a_gate(name: str, target: str) -> None:
    with pytest.raises(InvalidInput):
        registry.set_gate(name, target, approvals=1)


def test_gates_and_reports_are_plain_values_for_json(name: str) -> None:
    gate = registry.set_gate(name, "@champion", require="metrics.a > 1", tags=["t"], check="c", approvals=1)
    report = registry.evaluate(name, add(name), "@champion")
    assert json.loads(json.dumps(gate.to_dictionary()))["checks"] == ["c"]
    assert json.loads(json.dumps(report.to_dictionary()))["rules"][0]["rule"] == "require"
    assert [rule.rule for rule in report.rules] == ["require", "tags", "approvals", "check"]


def test_a_gate_that_a_later_version_wrote_keeps_what_is_known_of_it(tmp_path: Path) -> None:
    runlake.set_tracking_uri(tmp_path / "lake")
    registry.create_registered_model("m")
    gate = registry.set_gate("m", "@champion", approvals=1)
    catalog: Any = store_at().catalog
    with catalog._database.writing() as session:
        session.run("UPDATE model_gate SET rules = json_set(rules, '$.novelty', 1)")
    assert registry.get_gates("m") == [replace(gate)]
