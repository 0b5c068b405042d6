"""experiments/*: what an unmodified client sends, and what it gets."""

import json

import pytest

from tests.server.wire import Server, values


def test_an_experiment_is_created_read_renamed_deleted_and_restored(server: Server) -> None:
    tags = [{"key": "team", "value": "vision"}]
    experiment_id = server.post("experiments/create", name="life", tags=tags).json["experiment_id"]
    found = server.get("experiments/get", experiment_id=experiment_id).json["experiment"]
    assert (found["name"], found["lifecycle_stage"], values(found["tags"])) == ("life", "active", {"team": "vision"})
    assert found["artifact_location"] == f"mlflow-artifacts:/{experiment_id}"
    assert found["creation_time"] == found["last_update_time"] > 0

    assert server.post("experiments/update", experiment_id=experiment_id, new_name="lives").json == {}
    assert server.get("experiments/get-by-name", experiment_name="lives").json["experiment"]["name"] == "lives"
    run_id = server.create_run(experiment_id)
    assert server.post("experiments/delete", experiment_id=experiment_id).json == {}
    assert server.run(run_id)["info"]["lifecycle_stage"] == "deleted"
    assert server.get("experiments/get", experiment_id=experiment_id).json["experiment"]["lifecycle_stage"] == "deleted"
    assert server.post("experiments/restore", experiment_id=experiment_id).json == {}
    assert server.run(run_id)["info"]["lifecycle_stage"] == "active"


def test_tags_of_an_experiment_are_set_replaced_and_deleted(server: Server) -> None:
    experiment_id = server.create_experiment("tagged")
    for value in ("one", "two"):
        server.post("experiments/set-experiment-tag", experiment_id=experiment_id, key="k", value=value)
    found = server.get("experiments/get", experiment_id=experiment_id).json["experiment"]
    assert values(found["tags"]) == {"k": "two"}
    assert server.post("experiments/delete-experiment-tag", experiment_id=experiment_id, key="k").json == {}
    again = server.post("experiments/delete-experiment-tag", experiment_id=experiment_id, key="k")
    assert again.mistake == (404, "RESOURCE_DOES_NOT_EXIST")


def test_search_pages_through_a_filter_in_order_by_get_and_by_post(server: Server) -> None:
    for number in range(5):
        server.create_experiment(f"page-{number}")
    asked = {"filter": "name LIKE 'page-%'", "order_by": ["name DESC"], "max_results": 2}
    for search in (server.post, server.get):
        names, token = [], None
        while True:
            page = search("experiments/search", **asked, **({"page_token": token} if token else {})).json
            names += [found["name"] for found in page["experiments"]]
            if not (token := page.get("next_page_token")):
                break
        assert names == [f"page-{number}" for number in (4, 3, 2, 1, 0)]


def test_deleted_experiments_are_found_by_their_view(server: Server) -> None:
    experiment_id = server.create_experiment("gone")
    server.post("experiments/delete", experiment_id=experiment_id)
    for view in ("DELETED_ONLY", 2, "2"):
        found = server.post("experiments/search", view_type=view, filter="name = 'gone'").json["experiments"]
        assert [entry["experiment_id"] for entry in found] == [experiment_id]
    assert server.post("experiments/search", filter="name = 'gone'").json["experiments"] == []


@pytest.mark.parametrize(
    "location", ["/etc", "file:///etc", "../x", "s3://bucket/x", "http:///?/../../etc", "dbfs:/x", "file://./x#y"]
)
def test_a_client_may_not_say_where_on_the_server_artifacts_are(server: Server, location: str) -> None:
    answer = server.post("experiments/create", name=f"at {location}", artifact_location=location)
    assert answer.mistake == (400, "INVALID_PARAMETER_VALUE")


def test_data_sets_of_an_experiment_are_listed_once_with_their_context(server: Server) -> None:
    first, second = server.create_experiment("read"), server.create_experiment("read too")
    dataset = {"name": "digits", "digest": "abc", "source_type": "local", "source": "{}"}
    training = [{"key": "mlflow.data.context", "value": "training"}]
    for experiment_id, tags in ((first, training), (first, training), (first, []), (second, [])):
        inputs = [{"dataset": dataset, "tags": tags}]
        assert server.post("runs/log-inputs", run_id=server.create_run(experiment_id), datasets=inputs).status == 200
    found = server.post("experiments/search-datasets", experiment_ids=[first]).json["dataset_summaries"]
    plain = {"experiment_id": first, "name": "digits", "digest": "abc"}
    assert sorted(found, key=len) == [plain, {**plain, "context": "training"}]
    both = server.post("experiments/search-datasets", experiment_ids=[first, second]).json["dataset_summaries"]
    assert {summary["experiment_id"] for summary in both} == {first, second}
    as_described = "/api/2.0mlflow/experiments/search-datasets"  # MLflow's own description lacks the slash
    body = json.dumps({"experiment_ids": [first]})
    assert len(
        server.send("POST", as_described, body, {"Content-Type": "application/json"}).json["dataset_summaries"]
    ) == len(found)
    for ids in ([], [str(number) for number in range(21)]):
        answer = server.post("experiments/search-datasets", experiment_ids=ids)
        assert answer.mistake == (400, "INVALID_PARAMETER_VALUE")
