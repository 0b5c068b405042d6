"""Gates over HTTP: who may set, pass and override them, and what MLflow's clients are told."""

from __future__ import annotations

import json
import warnings
from typing import Any

import pytest

from runlake.entities import RegistryEvent
from tests.server.people import Called
from tests.server.wire import Server

CALL = "/api/runlake/v1/call"


@pytest.fixture
def name(call: Called, request: pytest.FixtureRequest) -> str:
    """A model with one version, whose gates the manager sets."""
    made = request.node.name
    run = call("admin", "POST", "mlflow/runs/create", experiment_id="0").json["run"]["info"]["run_id"]
    call("admin", "POST", "mlflow/runs/log-metric", run_id=run, key="auc", value=0.5, timestamp=1)
    assert call("admin", "POST", "mlflow/registered-models/create", name=made).status == 200
    version = call("admin", "POST", "mlflow/model-versions/create", name=made, source=f"runs:/{run}/m", run_id=run)
    assert version.json["model_version"]["version"] == "1"
    return made


def test_a_refusal_has_the_form_of_mlflows_errors(call: Called, name: str) -> None:
    gate = {"require": "metrics.auc > 0.6", "approvals": 1}
    assert call("manager", "POST", f"{CALL}/set_gate", name=name, target="Production", **gate).status == 200
    moved = {"name": name, "version": "1", "stage": "Production", "archive_existing_versions": False}
    answer = call("editor", "POST", "mlflow/model-versions/transition-stage", **moved)
    assert answer.mistake == (409, "RESOURCE_CONFLICT")
    assert answer.json["message"].splitlines()[1:] == [
        "  require: metrics.auc > 0.6; metrics.auc is 0.5",
        "  approvals: approved by 1 user; none",
    ]
    assert call("manager", "POST", f"{CALL}/set_gate", name=name, target="@champion", checks=["c"]).status == 200
    answer = call("editor", "POST", "mlflow/registered-models/alias", name=name, alias="champion", version="1")
    assert answer.mistake == (409, "RESOURCE_CONFLICT")
    answer = call("editor", "POST", f"{CALL}/set_alias", name=name, alias="champion", version=1)
    assert answer.mistake == (409, "RESOURCE_CONFLICT")
    assert [rule["rule"] for rule in answer.json["report"]["rules"]] == ["check"]


def test_who_is_signed_in_approves_and_promotes_whatever_a_request_says(call: Called, name: str) -> None:
    assert call("manager", "POST", f"{CALL}/set_gate", name=name, target="@champion", approvals=1).status == 200
    of_version = {"name": name, "version": 1, "target": "@champion"}
    assert call("editor", "POST", f"{CALL}/approve_version", **of_version, user_id="manager").status == 200
    alias = {"name": name, "alias": "champion", "version": "1"}
    assert call("editor", "POST", "mlflow/registered-models/alias", **alias).status == 409, "its own approval"
    report = call("editor", "POST", f"{CALL}/evaluate_gate", **of_version, user_id="somebody").json["value"]
    assert report["rules"][0]["actual"] == "none; that of editor, who promotes, does not count"
    assert call("manager", "POST", "mlflow/registered-models/alias", **alias).status == 200
    events = call("reader", "POST", f"{CALL}/model_events", name=name, after=0, limit=100).json["value"]
    assert [(event["action"], event["user_id"]) for event in events][-3:] == [
        ("set_gate", "manager"),
        ("approve_version", "editor"),
        ("set_alias", "manager"),
    ]


def test_who_may_promote_may_not_override_a_gate_nor_take_it_away(call: Called, name: str) -> None:
    assert call("manager", "POST", f"{CALL}/set_gate", name=name, target="@champion", checks=["c"]).status == 200
    forced = {"name": name, "alias": "champion", "version": 1, "reason": "on fire"}
    assert call("editor", "POST", f"{CALL}/force_alias", **forced).status == 403
    assert call("editor", "POST", f"{CALL}/set_alias", **forced).status == 400, "no field for it"
    for gone in ("delete_gate", "set_gate"):
        assert call("editor", "POST", f"{CALL}/{gone}", name=name, target="@champion").status == 403
    assert call("manager", "POST", f"{CALL}/force_alias", **forced).status == 200
    assert call("manager", "DELETE", "mlflow/model-versions/delete", name=name, version="1").status == 409
    assert call("manager", "DELETE", "mlflow/registered-models/delete", name=name).status == 409


def test_who_may_promote_may_not_put_a_model_without_gates_in_the_place_of_one_with_gates(
    call: Called, name: str
) -> None:
    assert call("manager", "POST", f"{CALL}/set_gate", name=name, target="@champion", checks=["c"]).status == 200
    renamed = {"name": name, "new_name": f"{name} of before"}
    answer = call("editor", "POST", "mlflow/registered-models/rename", **renamed)
    assert answer.mistake == (403, "PERMISSION_DENIED")
    assert call("editor", "POST", "mlflow/registered-models/create", name=name).status == 400, "it is there still"
    assert call("manager", "POST", "mlflow/registered-models/rename", **renamed).status == 200


def test_a_pipeline_posts_results_with_its_token(call: Called, name: str) -> None:
    assert (
        call("manager", "POST", f"{CALL}/set_gate", name=name, target="@champion", checks=["shadow-7d"]).status == 200
    )
    result = {"name": name, "version": 1, "check": "shadow-7d", "passed": True, "details": "ok"}
    assert call("reader", "POST", f"{CALL}/post_check", **result).status == 403
    assert call("editor", "POST", f"{CALL}/post_check", **result).json["value"]["user_id"] == "editor"
    assert call("editor", "POST", f"{CALL}/set_alias", name=name, alias="champion", version=1).status == 200


def test_the_lineage_of_a_version_is_for_who_may_read_its_run(call: Called) -> None:
    other = call("admin", "POST", "mlflow/experiments/create", name="of a lineage").json["experiment_id"]
    run = call("admin", "POST", "mlflow/runs/create", experiment_id=other).json["run"]["info"]["run_id"]
    call("stranger", "POST", "mlflow/registered-models/create", name="lineage")
    source = {"source": f"runs:/{run}/m", "run_id": run}
    assert call("admin", "POST", "mlflow/model-versions/create", name="lineage", **source).status == 200
    asked = {"name": "lineage", "version": 1}
    assert call("stranger", "POST", f"{CALL}/version_lineage", **asked).mistake == (403, "PERMISSION_DENIED")
    assert call("reader", "POST", f"{CALL}/version_lineage", **asked).json["value"]["experiment_name"] == "of a lineage"


def test_events_of_a_model_that_had_the_name_before_are_not_told_to_its_new_owner(call: Called) -> None:
    call("admin", "POST", "mlflow/registered-models/create", name="renewed", description="secret")
    call("admin", "DELETE", "mlflow/registered-models/delete", name="renewed")
    call("stranger", "POST", "mlflow/registered-models/create", name="renewed")
    asked = {"name": "renewed", "after": 0, "limit": 100}
    told = call("stranger", "POST", f"{CALL}/model_events", **asked).json["value"]
    assert [event["action"] for event in told] == ["create_model"]
    assert set(told[0]) == {"$", *RegistryEvent.__dataclass_fields__}
    assert call("stranger", "POST", f"{CALL}/registry_events", **asked).status == 403
    assert len(call("admin", "POST", f"{CALL}/registry_events", **asked).json["value"]) == 3


@pytest.mark.filterwarnings("ignore:.*transition_model_version_stage.*:FutureWarning")
def test_mlflows_client_meets_the_gates(server: Server) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        mlflow = pytest.importorskip("mlflow")
    client: Any = mlflow.MlflowClient(server.url)
    run_id = server.create_run()
    client.create_registered_model("judged")
    client.create_model_version("judged", f"runs:/{run_id}/m", run_id)
    gate = {
        "name": "judged",
        "target": "@champion",
        "require": "metrics.auc > 0.6",
        "better_than": "@champion by max(metrics.auc)",
    }
    kind = {"Content-Type": "application/json"}
    assert server.send("POST", f"{CALL}/set_gate", json.dumps(gate), kind).status == 200
    with pytest.raises(
        mlflow.MlflowException, match=r"require: metrics\.auc > 0\.6; metrics\.auc is not logged"
    ) as caught:
        client.set_registered_model_alias("judged", "champion", "1")
    assert (caught.value.error_code, caught.value.get_http_status_code()) == ("RESOURCE_CONFLICT", 409)
    staged = {"name": "judged", "target": "Production", "require": "metrics.auc > 0.6", "checks": ["shadow"]}
    assert server.send("POST", f"{CALL}/set_gate", json.dumps(staged), kind).status == 200
    with pytest.raises(mlflow.MlflowException, match="2 of 2 rules are not met") as caught:
        client.transition_model_version_stage("judged", "1", "Production", archive_existing_versions=True)
    assert (caught.value.error_code, caught.value.get_http_status_code()) == ("RESOURCE_CONFLICT", 409)
    assert client.get_model_version("judged", "1").current_stage == "None"
    client.log_metric(run_id, "auc", 0.7)
    check = {"name": "judged", "version": 1, "check": "shadow", "passed": True}
    assert server.send("POST", f"{CALL}/post_check", json.dumps(check), kind).status == 200
    assert client.transition_model_version_stage("judged", "1", "Production").current_stage == "Production"
    client.set_registered_model_alias("judged", "champion", "1")
    with pytest.raises(mlflow.MlflowException, match="which has a gate; it cannot be deleted"):
        client.delete_model_version("judged", "1")
