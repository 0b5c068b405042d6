"""Logged models and the registry over HTTP: what MLflow's own server does not do, or does not do so."""

import json
from typing import Any
from urllib.parse import quote

import pytest

from tests.server.wire import API, Server, values

PROXY = f"{API}mlflow-artifacts/artifacts"


@pytest.fixture
def run_id(server: Server) -> str:
    return server.create_run()


@pytest.fixture
def model_id(server: Server, run_id: str) -> str:
    made = server.post("logged-models", experiment_id="0", name="net", source_run_id=run_id)
    found: str = made.json["model"]["info"]["model_id"]
    return found


def registered(server: Server, name: str, source: str, **more: Any) -> str:
    server.post("registered-models/create", name=name)
    made = server.post("model-versions/create", name=name, source=source, **more)
    version: str = made.json["model_version"]["version"]
    return version


def test_files_of_a_model_are_put_listed_and_fetched(server: Server, model_id: str) -> None:
    assert server.send("PUT", f"{PROXY}/0/models/{model_id}/artifacts/data/weights", b"12345").status == 200
    place = f"mlflow/logged-models/{model_id}/artifacts"
    listed = server.send("GET", f"{API}{place}/directories?artifact_directory_path=data").json
    assert listed["files"] == [{"path": "data/weights", "is_dir": False, "file_size": 5}]
    assert listed["root_uri"] == f"mlflow-artifacts:/0/models/{model_id}/artifacts"
    proxied = server.send("GET", f"{PROXY}?path=0/models/{model_id}/artifacts/data").json
    assert proxied["files"] == [{"path": "weights", "is_dir": False, "file_size": 5}]
    for path in (
        f"{PROXY}/0/models/{model_id}/artifacts/data/weights",
        f"/ajax-api/2.0/{place}/files?artifact_file_path=data/weights",
    ):
        found = server.send("GET", path, headers={"Range": "bytes=1-2"})
        assert (found.status, found.body) == (206, b"23")
        assert found.headers["content-type"] == "application/octet-stream"
        assert found.headers["content-disposition"] == "attachment; filename*=UTF-8''weights"
        assert "sandbox" in found.headers["content-security-policy"]


def test_files_of_runs_and_versions_are_fetched_by_name(server: Server, run_id: str, model_id: str) -> None:
    server.send("PUT", f"{PROXY}/0/{run_id}/artifacts/net/weights", b"of the run")
    server.send("PUT", f"{PROXY}/0/models/{model_id}/artifacts/weights", b"of the model")
    found = server.send("GET", f"/get-artifact?run_uuid={run_id}&path=net/weights")
    assert (found.status, found.body) == (200, b"of the run")
    sources: list[tuple[str, dict[str, str], bytes]] = [
        (f"runs:/{run_id}/net", {"run_id": run_id}, b"of the run"),
        (f"mlflow-artifacts:/0/{run_id}/artifacts/net", {"run_id": run_id}, b"of the run"),
        (f"models:/{model_id}", {"model_id": model_id}, b"of the model"),
        (f"mlflow-artifacts:/0/models/{model_id}/artifacts", {"model_id": model_id}, b"of the model"),
        ("models:/files/1", {}, b"of the run"),
    ]
    for source, owner, content in sources:
        version = registered(server, "files", source, **owner)
        found = server.send("GET", f"/model-versions/get-artifact?name=files&version={version}&path=weights")
        assert (found.status, found.body) == (200, content), source
    elsewhere = registered(server, "files", "s3://bucket/net")
    found = server.send("GET", f"/model-versions/get-artifact?name=files&version={elsewhere}&path=weights")
    assert found.mistake == (404, "RESOURCE_DOES_NOT_EXIST")


@pytest.mark.parametrize("path", ["../x", "/etc/passwd", "a/../../x", "..\\x", "C:/x", "%00", ""])
def test_no_path_leads_out_of_a_model(server: Server, run_id: str, model_id: str, path: str) -> None:
    version = registered(server, "kept-in", f"models:/{model_id}", model_id=model_id)
    asked = quote(path, safe="%")
    for url in (
        f"/get-artifact?run_id={run_id}&path={asked}",
        f"/model-versions/get-artifact?name=kept-in&version={version}&path={asked}",
        f"{API}mlflow/logged-models/{model_id}/artifacts/files?artifact_file_path={asked}",
    ):
        assert server.send("GET", url).mistake == (400, "INVALID_PARAMETER_VALUE"), url
    if path:
        listed = server.get(f"logged-models/{model_id}/artifacts/directories", artifact_directory_path=path)
        assert listed.status in (200, 400)
        assert not listed.json.get("files")


def test_files_of_a_model_that_is_not_there_are_not_found(server: Server, model_id: str) -> None:
    for place in (f"1/models/{model_id}", "0/models/m-nothing", f"0/models/{model_id[:-1]}"):
        assert server.send("PUT", f"{PROXY}/{place}/artifacts/x", b"").mistake == (404, "RESOURCE_DOES_NOT_EXIST")
    assert server.send("PUT", f"{PROXY}/0/models/{model_id}/x", b"").status == 404


POINT = {"key": "acc", "value": 0.5, "timestamp": 7, "step": 3}


def test_a_metric_of_a_model_is_one_of_its_run_and_a_retry_changes_nothing(
    server: Server, run_id: str, model_id: str
) -> None:
    for _ in range(2):
        sent = {**POINT, "model_id": model_id, "dataset_name": "train", "dataset_digest": "d"}
        assert server.post("runs/log-metric", run_id=run_id, **sent).status == 200
    assert server.get("metrics/get-history", run_id=run_id, metric_key="acc").json["metrics"] == [POINT]
    found = server.get(f"logged-models/{model_id}").json["model"]["data"]["metrics"]
    assert found == [{**POINT, "model_id": model_id, "run_id": run_id, "dataset_name": "train", "dataset_digest": "d"}]


def test_a_batch_with_a_metric_of_no_model_writes_nothing(server: Server, run_id: str, model_id: str) -> None:
    batch = {
        "metrics": [{**POINT, "model_id": model_id}, {**POINT, "key": "b", "model_id": "m-nothing"}],
        "params": [{"key": "p", "value": "1"}],
        "tags": [{"key": "t", "value": "1"}],
    }
    assert server.post("runs/log-batch", run_id=run_id, **batch).mistake == (404, "RESOURCE_DOES_NOT_EXIST")
    data = server.run(run_id)["data"]
    assert (data["metrics"], data["params"], "t" in values(data["tags"])) == ([], [], False)
    assert server.get(f"logged-models/{model_id}").json["model"]["data"]["metrics"] == []


def test_in_no_experiments_there_are_no_models(server: Server, model_id: str) -> None:
    assert model_id
    assert server.post("logged-models/search").json == {"models": []}  # as MLflow 3.18 has it; 3.17 refuses


def test_searches_of_runs_name_the_models_that_they_wrote(server: Server, model_id: str) -> None:
    experiment_id = server.create_experiment("wrote")
    run_id = server.create_run(experiment_id)
    server.post("runs/outputs", run_id=run_id, models=[{"model_id": model_id, "step": 4}])
    server.post("runs/log-inputs", run_id=run_id, models=[{"model_id": "m-other"}])
    (found,) = server.post("runs/search", experiment_ids=[experiment_id]).json["runs"]
    for run in (found, server.run(run_id)):
        assert run["outputs"] == {"model_outputs": [{"model_id": model_id, "step": 4}]}
        assert run["inputs"]["model_inputs"] == [{"model_id": "m-other"}]


def test_pages_of_other_sites_cannot_change_the_registry(server: Server) -> None:
    server.post("registered-models/create", name="plain")
    body = json.dumps({"name": "plain", "description": "x"})
    for method, path in (("PATCH", "update"), ("DELETE", "delete"), ("POST", "set-tag")):
        sent = server.send(method, f"{API}mlflow/registered-models/{path}", body, {"Content-Type": "text/plain"})
        assert sent.mistake == (400, "INVALID_PARAMETER_VALUE"), path
    assert server.get("registered-models/get", name="plain").status == 200


def test_a_model_is_deleted_without_a_body(server: Server, model_id: str) -> None:
    assert server.send("DELETE", f"{API}mlflow/logged-models/{model_id}").status == 200
    assert server.get(f"logged-models/{model_id}").mistake == (404, "RESOURCE_DOES_NOT_EXIST")


def test_another_method_of_a_path_with_a_name_in_it_is_told_what_there_is(server: Server, model_id: str) -> None:
    sent = server.send("PUT", f"{API}mlflow/logged-models/{model_id}", "{}", {"Content-Type": "application/json"})
    assert (sent.status, sent.headers["allow"]) == (405, "DELETE, GET, PATCH")
