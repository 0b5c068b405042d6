"""What MLflow's pages ask in GraphQL, and queries that ask too much."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from runlake import lifecycle
from runlake.server import mlflow_graphql
from runlake.server.mlflow_fields import Fields
from runlake.server.mlflow_ui import find_bundle
from runlake.store import Store
from tests.server.wire import Answer, Server, served

JSON = {"Content-Type": "application/json"}
GET_RUN = "query GetRun($data: MlflowGetRunInput!) { mlflowGetRun(input: $data) { %s apiError { code message } } }"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with served(tmp_path_factory.mktemp("pages"), "--ui", "mlflow") as running:
        yield running


def send(server: Server, query: str, **variables: Any) -> Answer:
    return server.send("POST", "/graphql", json.dumps({"query": query, "variables": variables}), JSON)


def ask(server: Server, query: str, **variables: Any) -> Any:
    answer = send(server, query, **variables).json
    assert "errors" not in answer, answer
    return answer["data"]


def mistakes(server: Server, query: str) -> str:
    answer = send(server, query)
    assert answer.status == 200
    assert not answer.json.get("data")
    return " ".join(error["message"] for error in answer.json["errors"])


def test_a_run_is_answered_as_over_rest_in_the_names_of_graphql(server: Server) -> None:
    experiment_id = server.create_experiment("graph")
    run_id = server.create_run(experiment_id, run_name="one", user_id="ada", start_time=1)
    server.post("runs/log-parameter", run_id=run_id, key="lr", value="0.1")
    server.post("runs/log-metric", run_id=run_id, key="loss", value=0.5, timestamp=1 << 60, step=1 << 40)
    query = GET_RUN % (
        "run { info { runUuid runName status startTime endTime userId } experiment { name experimentId }"
        " data { params { key value } metrics { key value step timestamp } } outputs { modelOutputs { modelId } } }"
    )
    run = ask(server, query, data={"runId": run_id})["mlflowGetRun"]["run"]
    assert run["info"] == {
        "runUuid": run_id,
        "runName": "one",
        "status": "RUNNING",
        "startTime": "1",
        "endTime": None,
        "userId": "ada",
    }
    assert run["experiment"] == {"name": "graph", "experimentId": experiment_id}
    assert run["data"]["params"] == [{"key": "lr", "value": "0.1"}]
    assert run["data"]["metrics"] == [{"key": "loss", "value": 0.5, "step": str(1 << 40), "timestamp": str(1 << 60)}]


def test_runs_are_found_by_a_filter(server: Server) -> None:
    experiment_id = server.create_experiment("searched")
    runs = [server.create_run(experiment_id, run_name=name) for name in "ab"]
    query = "query($data: MlflowSearchRunsInput!) { mlflowSearchRuns(input: $data) { runs { info { runId } } } }"
    data = {"experimentIds": [experiment_id], "filter": "run_name = 'a'", "runViewType": "ALL", "maxResults": 5}
    found = ask(server, query, data=data)["mlflowSearchRuns"]["runs"]
    assert [run["info"]["runId"] for run in found] == runs[:1]


def test_a_long_list_comes_in_pages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert mlflow_graphql.MAX_FOUND == 1000
    monkeypatch.setattr(mlflow_graphql, "MAX_FOUND", 2)
    query = (
        "query($data: MlflowSearchRunsInput!)"
        " { mlflowSearchRuns(input: $data) { runs { info { runId } } nextPageToken } }"
    )
    store = Store.open(tmp_path / "lake")
    made = {lifecycle.create_run(store, "0", None, {}, None, owned=False).info.run_id for _ in range(3)}
    found: list[str] = []
    data: dict[str, object] = {"experimentIds": ["0"], "maxResults": 50_000}
    for size in (2, 1):
        fields = Fields({"query": query, "variables": {"data": data}})
        page = json.loads(mlflow_graphql.answer(store, fields))["data"]["mlflowSearchRuns"]
        assert len(page["runs"]) == size
        found += [run["info"]["runId"] for run in page["runs"]]
        data["pageToken"] = page["nextPageToken"]
    assert (set(found), page["nextPageToken"]) == (made, None)
    store.close()


def test_values_that_json_has_not_are_those_of_mlflows_server(server: Server) -> None:
    run_id = server.create_run()
    for step, value in enumerate(("NaN", "Infinity", "-Infinity", 1.5)):
        server.post("runs/log-metric", run_id=run_id, key="odd", value=value, timestamp=1, step=step)
    query = (
        "query($data: MlflowGetMetricHistoryBulkIntervalInput!)"
        " { mlflowGetMetricHistoryBulkInterval(input: $data) { metrics { value step runId } } }"
    )
    found = ask(server, query, data={"runIds": [run_id], "metricKey": "odd", "maxResults": 10})
    largest = 1.7976931348623157e308
    assert [point["value"] for point in found["mlflowGetMetricHistoryBulkInterval"]["metrics"]] == [
        None,
        largest,
        -largest,
        1.5,
    ]


def test_runs_have_the_versions_that_they_made(server: Server) -> None:
    experiment_id = server.create_experiment("versions")
    runs = [server.create_run(experiment_id, run_name=name) for name in "ab"]
    server.post("registered-models/create", name="net")
    for run_id in (runs[0], runs[0], runs[1]):
        source = f"runs:/{run_id}/model"
        assert server.post("model-versions/create", name="net", source=source, run_id=run_id).status == 200
    query = (
        "query($data: MlflowSearchRunsInput!) { mlflowSearchRuns(input: $data)"
        " { runs { info { runName } modelVersions { name version status } } } }"
    )
    found = ask(server, query, data={"experimentIds": [experiment_id], "orderBy": ["run_name"]})
    versions = {run["info"]["runName"]: run["modelVersions"] for run in found["mlflowSearchRuns"]["runs"]}
    assert sorted(version["version"] for version in versions["a"]) == ["1", "2"]
    assert versions["b"] == [{"name": "net", "version": "3", "status": "READY"}]
    searched = ask(
        server,
        "query($data: MlflowSearchModelVersionsInput!)"
        " { mlflowSearchModelVersions(input: $data) { modelVersions { version creationTimestamp tags { key } } } }",
        data={"filter": "name = 'net'", "maxResults": "1"},
    )["mlflowSearchModelVersions"]["modelVersions"]
    assert [version["version"] for version in searched] == ["3"]


def test_what_is_not_there_is_said_beside_the_data(server: Server) -> None:
    answer = ask(server, GET_RUN % "run { info { runId } }", data={"runId": "0" * 32})["mlflowGetRun"]
    assert answer["run"] is None
    assert answer["apiError"]["code"] == "RESOURCE_DOES_NOT_EXIST"
    assert ask(server, GET_RUN % "", data={})["mlflowGetRun"]["apiError"]["code"] == "INVALID_PARAMETER_VALUE"


@pytest.mark.parametrize(
    ("query", "mistake"),
    [
        ("{ mlflowGetRun { run", "Syntax Error"),
        ("{ nothing }", "Cannot query field 'nothing'"),
        ("mutation { mlflowSearchRuns { runs { info { runId } } } }", "not"),
        ("{ __schema { types { name } } }", "introspection"),
        (
            "{ " + " ".join(f"r{i}: mlflowGetRun {{ run {{ info {{ runId }} }} }}" for i in range(11)) + " }",
            "10 fields",
        ),
        (
            "{ mlflowGetRun { run { info { " + " ".join(f"r{i}: runId" for i in range(11)) + " } } } }",
            "10 aliases",
        ),
        (
            "{ mlflowGetRun { ...a ...a ...b } } fragment a on MlflowGetRunResponse { ...b ...b }"
            " fragment b on MlflowGetRunResponse { x: run { info { y: runId } } z: apiError { code } }",
            "10 aliases",
        ),
        ("{ a" + "{ a" * 20 + "}" * 21, "10 fields below"),
        ("{ a" + "{ a" * 600 + "}" * 601, "deep"),
        ("{ ...a } fragment a on Query { ...b } fragment b on Query { ...a }", "contains itself"),
        ("{ mlflowSearchRuns(input: {orderBy: [" + '"a" ' * 2000 + "]}) { nextPageToken } }", "2000"),
        ("{ #" + "x" * 20_000 + "\n}", "20000"),
    ],
    ids=range(12),
)
def test_a_query_that_is_wrong_or_too_much_is_refused(server: Server, query: str, mistake: str) -> None:
    assert mistake in mistakes(server, query)


def test_one_request_is_one_query_sent_as_json(server: Server) -> None:
    query = json.dumps({"query": "{ mlflowGetRun { run { info { runId } } } }"})
    assert server.send("POST", "/graphql", f"[{query}, {query}]", JSON).status == 400
    assert server.send("POST", "/graphql", query, {"Content-Type": "text/plain"}).status == 400
    assert server.send("POST", "/graphql", query, {**JSON, "Origin": "https://evil.example"}).status == 403
    assert server.send("GET", "/graphql?query={__typename}").status == 501


def test_every_query_that_the_installed_pages_hold_is_answered(server: Server) -> None:
    held = list(_queries(find_bundle()))
    assert {name for name, _ in held} >= {"GetRun", "MlflowGetExperimentQuery"}
    for name, query in held:
        variable = re.search(r"\$(\w+):", query)
        assert variable is not None
        answer = send(server, query, **{variable[1]: {}}).json
        assert "errors" not in answer, (name, answer)


def _queries(bundle: Path) -> Iterator[tuple[str, str]]:
    """Name and text of the queries in the bundle's scripts: texts between backticks that begin with `query`."""
    for script in bundle.glob("static/js/*.js"):
        for query in re.finditer(r"`\s*(query (\w+)\(\$[^`]+)`", script.read_text()):
            yield query[2], query[1]
