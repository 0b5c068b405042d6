"""runs/*: what an unmodified client sends, and what it gets."""

from typing import Any

import pytest

from tests.server.wire import Server, values


def test_a_run_has_what_it_was_created_with(server: Server) -> None:
    tags = [{"key": "team", "value": "vision"}]
    run = server.post(
        "runs/create", experiment_id="0", user_id="ada", start_time=1234, run_name="first", tags=tags
    ).json["run"]
    info = run["info"]
    assert (info["user_id"], info["start_time"], info["run_name"], info["status"]) == ("ada", 1234, "first", "RUNNING")
    assert "end_time" not in info
    assert info["artifact_uri"] == f"mlflow-artifacts:/0/{info['run_id']}/artifacts"
    assert values(run["data"]["tags"]) == {"team": "vision", "mlflow.runName": "first"}
    assert server.run(info["run_id"]) == run


def test_a_run_gets_a_name_when_it_is_given_none(server: Server) -> None:
    info = server.run(server.create_run())["info"]
    assert info["run_name"]
    assert info["start_time"] > 1_000_000_000_000


@pytest.mark.parametrize("status", ["FINISHED", 3, "3"], ids=["name", "number", "digits"])
def test_a_run_ends_and_is_renamed(server: Server, status: Any) -> None:
    run_id = server.create_run()
    answer = server.post("runs/update", run_id=run_id, status=status, end_time=99, run_name="renamed")
    info = answer.json["run_info"]
    assert (info["status"], info["end_time"], info["run_name"]) == ("FINISHED", 99, "renamed")
    assert values(server.run(run_id)["data"]["tags"])["mlflow.runName"] == "renamed"


def test_a_run_is_named_by_its_old_field_as_well(server: Server) -> None:
    run_id = server.create_run()
    assert server.get("runs/get", run_uuid=run_id).json["run"]["info"]["run_id"] == run_id
    assert server.post("runs/set-tag", run_uuid=run_id, key="k", value="v").json == {}
    assert values(server.run(run_id)["data"]["tags"])["k"] == "v"


def test_tags_and_parameters_are_kept_as_text(server: Server) -> None:
    run_id = server.create_run()
    assert server.post("runs/set-tag", run_id=run_id, key="k", value="ä\n").json == {}
    assert server.post("runs/log-parameter", run_id=run_id, key="lr", value="0.10").json == {}
    assert server.post("runs/log-parameter", run_id=run_id, key="empty", value="").json == {}
    data = server.run(run_id)["data"]
    assert values(data["tags"])["k"] == "ä\n"
    assert values(data["params"]) == {"lr": "0.10", "empty": ""}
    assert server.post("runs/delete-tag", run_id=run_id, key="k").json == {}
    assert "k" not in values(server.run(run_id)["data"]["tags"])


def test_a_parameter_cannot_change(server: Server) -> None:
    run_id = server.create_run()
    for _ in range(2):
        assert server.post("runs/log-parameter", run_id=run_id, key="lr", value="0.1").status == 200
    answer = server.post("runs/log-parameter", run_id=run_id, key="lr", value="0.2")
    assert answer.mistake == (400, "INVALID_PARAMETER_VALUE")
    assert answer.json["message"].startswith("Changing param values is not allowed. ")


def test_a_deleted_run_is_read_and_not_written_until_it_is_restored(server: Server) -> None:
    run_id = server.create_run()
    point = {"key": "loss", "value": 1.0, "timestamp": 1}
    assert server.post("runs/log-metric", run_id=run_id, **point).status == 200
    assert server.post("runs/delete", run_id=run_id).json == {}
    assert server.run(run_id)["info"]["lifecycle_stage"] == "deleted"
    for path, fields in (
        ("runs/log-metric", point),
        ("runs/log-batch", {"metrics": [point]}),
        ("runs/log-batch", {}),
        ("runs/set-tag", {"key": "k", "value": "v"}),
        ("runs/log-parameter", {"key": "k", "value": "v"}),
        ("runs/update", {"status": "FINISHED"}),
    ):
        assert server.post(path, run_id=run_id, **fields).mistake == (400, "INVALID_PARAMETER_VALUE"), path
    assert server.post("runs/restore", run_id=run_id).json == {}
    assert server.post("runs/log-metric", run_id=run_id, **point).status == 200


def test_search_filters_orders_pages_and_views(server: Server) -> None:
    experiment_id = server.create_experiment("searched")
    runs = []
    for number in range(5):
        run_id = server.create_run(experiment_id, run_name=f"run-{number}")
        server.post("runs/log-metric", run_id=run_id, key="loss", value=number, timestamp=1)
        server.post("runs/log-parameter", run_id=run_id, key="even", value=str(number % 2 == 0))
        runs.append(run_id)
    server.post("runs/delete", run_id=runs[0])
    asked: dict[str, Any] = {"experiment_ids": [experiment_id], "order_by": ["metrics.loss DESC"]}

    def found(**fields: Any) -> list[str]:
        page = server.post("runs/search", **asked, **fields).json
        return [run["info"]["run_name"] for run in page["runs"]]

    assert found(filter="params.even = 'True'") == ["run-4", "run-2"]
    assert found(filter="metrics.loss BETWEEN 1 AND 2 OR run_name = 'run-4'") == ["run-4", "run-2", "run-1"]
    assert found(run_view_type="DELETED_ONLY") == ["run-0"]
    assert found(run_view_type="ALL", max_results=2) == ["run-4", "run-3"]
    token = server.post("runs/search", **asked, max_results=3).json["next_page_token"]
    assert found(page_token=token, max_results=3) == ["run-1"]
    page = server.post("runs/search", **asked, max_results=1).json["runs"][0]
    assert page["data"]["metrics"] == [{"key": "loss", "value": 4.0, "timestamp": 1, "step": 0}]


def test_search_takes_ids_of_experiments_as_numbers(server: Server) -> None:
    run_id = server.create_run("0", run_name="numbered")
    found = server.post("runs/search", experiment_ids=[0], filter="run_name = 'numbered'").json["runs"]
    assert [run["info"]["run_id"] for run in found] == [run_id]


def test_a_page_may_have_50_000_runs_and_no_more(server: Server) -> None:
    assert server.post("runs/search", experiment_ids=["0"], max_results=50_000).status == 200
    for size in (50_001, 0, -1):
        answer = server.post("runs/search", experiment_ids=["0"], max_results=size)
        assert answer.mistake == (400, "INVALID_PARAMETER_VALUE")


def test_data_sets_that_a_run_read_are_kept_with_their_tags(server: Server) -> None:
    run_id = server.create_run()
    dataset = {"name": "digits", "digest": "abc", "source_type": "local", "source": "{}", "schema": "[]"}
    tags = [{"key": "mlflow.data.context", "value": "train"}]
    assert server.post("runs/log-inputs", run_id=run_id, datasets=[{"dataset": dataset, "tags": tags}]).json == {}
    assert server.run(run_id)["inputs"]["dataset_inputs"] == [{"dataset": dataset, "tags": tags}]


def test_a_data_set_without_a_name_is_refused(server: Server) -> None:
    dataset = {"digest": "abc", "source_type": "local", "source": "{}"}
    answer = server.post("runs/log-inputs", run_id=server.create_run(), datasets=[{"dataset": dataset}])
    assert answer.mistake == (400, "INVALID_PARAMETER_VALUE")
