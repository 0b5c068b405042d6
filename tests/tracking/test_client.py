"""MlflowClient by itself: what differs from the official one on purpose, and its errors."""

import math
from pathlib import Path
from typing import Any

import pytest

import runlake
from runlake.entities import Dataset, DatasetInput, InputTag, Metric, Param, RunTag
from runlake.errors import InvalidInput, NotFound
from runlake.store import get_store
from tests.tracking import programs
from tests.tracking.judge import Judge, Scenario, ours, outcome


def new_run(ml: Any) -> tuple[Any, str]:
    client = ml.MlflowClient()
    return client, client.create_run("0").info.run_id


def creating(ml: Any) -> Any:
    client = ml.MlflowClient()
    run = client.create_run("0", start_time=5, tags={"mlflow.runName": "n", "mlflow.user": "bob"})
    plain = client.create_run("0", run_name="plain")
    return (
        (run.info.run_name, run.info.user_id, run.info.start_time, run.info.status, run.data.tags),
        (plain.info.run_name, plain.info.user_id, plain.data.tags),
        outcome(lambda: client.create_run("0", run_name="m", tags={"mlflow.runName": "n"})),
        outcome(lambda: client.create_run("77")),
    )


def batches(ml: Any) -> Any:
    client, run_id = new_run(ml)
    entities = ml.entities
    points = [(1.0, 1, 0), (2.0, 1, 0), (1.0, 2, 0), (math.nan, 1, 3), (5.0, 1, -1)]
    answer = client.log_batch(
        run_id,
        [entities.Metric("a", value, timestamp, step) for value, timestamp, step in points],
        [entities.Param("p", "1")],
        [entities.RunTag("t", "1")],
    )
    history = [(repr(m.value), m.timestamp, m.step) for m in client.get_metric_history(run_id, "a")]
    data = client.get_run(run_id).data
    return answer, history, data.params, data.tags["t"], math.isnan(data.metrics["a"])


def batch_mistakes(ml: Any) -> Any:
    client, run_id = new_run(ml)
    entities = ml.entities
    return [
        outcome(lambda: client.log_batch(run_id, params=[entities.Param("q", "1"), entities.Param("q", "2")])),
        outcome(lambda: client.log_batch(run_id, [entities.Metric("a", "x", 1, 0)])),
        outcome(lambda: client.log_batch(run_id, [entities.Metric("a", 1.0, -1, 0)])),
        outcome(lambda: client.log_batch("f" * 32, [entities.Metric("a", 1.0, 1, 0)])),
        outcome(lambda: client.log_metric("f" * 32, "a", 1.0)),
        client.get_metric_history(run_id, "none"),
        client.get_metric_history("f" * 32, "none"),
    ]


def ends(ml: Any) -> Any:
    client, run_id = new_run(ml)
    seen = []
    client.set_terminated(run_id)
    seen.append(client.get_run(run_id).info.status)
    client.set_terminated(run_id, "FAILED", 17)
    seen.append((client.get_run(run_id).info.status, client.get_run(run_id).info.end_time))
    client.log_metric(run_id, "late", 1.0)
    client.log_param(run_id, "late", 2)
    client.update_run(run_id, "RUNNING", "renamed")
    stored = client.get_run(run_id)
    return seen, stored.info.status, stored.info.run_name, stored.data.tags["mlflow.runName"], stored.data.metrics


def pages(ml: Any) -> Any:
    client = ml.MlflowClient()
    for n in range(5):
        client.create_run("0", run_name=str(n), start_time=n + 1)
    names, token = [], None
    while True:
        page = client.search_runs(["0"], max_results=2, page_token=token)
        names.append([run.info.run_name for run in page])
        token = page.token
        if not token:
            break
    return (
        names,
        [run.info.run_name for run in client.search_runs(["0"], order_by=["attributes.start_time ASC"])],
        outcome(lambda: client.search_runs(["0"], max_results=60_000)),
        outcome(lambda: client.search_experiments(max_results=0)),
        [len(client.search_experiments(max_results=1)), client.search_experiments(max_results=1).token],
    )


def deleted(ml: Any) -> Any:
    client, run_id = new_run(ml)
    client.delete_run(run_id)
    refused = [outcome(lambda: client.log_metric(run_id, "a", 1)), outcome(lambda: client.log_param(run_id, "p", 1))]
    client.restore_run(run_id)
    return refused, client.get_run(run_id).info.lifecycle_stage


def experiments(ml: Any) -> Any:
    client = ml.MlflowClient()
    experiment_id = client.create_experiment("a", tags={"k": "v"})
    client.rename_experiment(experiment_id, "b")
    client.set_experiment_tag(experiment_id, "n", 1)
    stored = client.get_experiment(experiment_id)
    client.delete_experiment_tag(experiment_id, "n")
    client.delete_experiment(experiment_id)
    return (
        (stored.name, stored.tags),
        client.get_experiment(experiment_id).lifecycle_stage,
        client.get_experiment_by_name("a"),
        isinstance(outcome(lambda: client.rename_experiment(experiment_id, "c")), str),
        [outcome(lambda name=name: client.rename_experiment("0", name)) for name in ("", None, 5, "x" * 501)],
        client.get_experiment("0").name,
        outcome(lambda: client.get_experiment("77")),
    )


LIMITS = {"name": 500, "digest": 36, "source": 65535, "schema": 1048575, "profile": 16777215, "key": 255, "value": 500}


def long_inputs(ml: Any) -> Any:
    """Each text at its limit, and one character beyond."""
    client, run_id = new_run(ml)
    entities = ml.entities

    def log(**given: str) -> None:
        texts = dict.fromkeys(("name", "digest", "source", "schema", "profile", "key", "value"), "x") | given
        tag = entities.InputTag(texts.pop("key"), texts.pop("value"))
        client.log_inputs(run_id, [entities.DatasetInput(entities.Dataset(source_type="local", **texts), [tag])])

    return {
        name: (
            outcome(lambda n=name, m=most: log(**{n: "y" * m})),
            outcome(lambda n=name, m=most: log(**{n: "y" * (m + 1)})),
        )
        for name, most in LIMITS.items()
    }


def files(ml: Any) -> Any:
    client, run_id = new_run(ml)
    Path("note.txt").write_text("note")
    client.log_artifact(run_id, "note.txt", "deep/folder")
    client.log_text(run_id, "text", "a.txt")
    client.log_dict(run_id, {"a": 1}, "deep/d.json")
    client.log_table(run_id, {"q": ["x"]}, "t.json")
    refused = [
        isinstance(outcome(lambda path=path: client.list_artifacts(run_id, path)), str) for path in ("../", "/etc")
    ]
    return (
        [(info.path, info.is_dir, info.file_size) for info in client.list_artifacts(run_id) if info.path != "t.json"],
        [info.path for info in client.list_artifacts(run_id, "deep")],
        client.list_artifacts(run_id, "a.txt"),
        refused,
        outcome(lambda: client.download_artifacts(run_id, "none")),
        Path(client.download_artifacts(run_id, "deep", dst_path=".")).name,
        client.load_table("0", "t.json", run_ids=[run_id]).to_dict("list"),
    )


SCENARIOS = [creating, batches, batch_mistakes, ends, pages, deleted, experiments, long_inputs, files]


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.__name__)
def test_same_answers(scenario: Scenario, judge: Judge, lake: Path, tmp_path: Path) -> None:
    assert ours(scenario) == judge.answer(scenario, tmp_path / "judge")


@pytest.mark.parametrize(
    "wrong",
    [
        {"metrics": [Metric("ok", 1.0, 1, 0), Metric("bad*", 1.0, 1, 0)]},
        {"metrics": [Metric("ok", 1.0, 1, 0), Metric("bad", None, 1, 0)]},  # type: ignore[arg-type]
        {"metrics": [Metric("ok", 1.0, 1, 0), Metric("bad", 1.0, 1, 1.5)]},  # type: ignore[arg-type]
        {"metrics": [Metric("ok", 1.0, 1, 0), Metric("bad", 1.0, 1, 2**63)]},
        {"metrics": [Metric("ok", 1.0, 1, 0), Metric("bad", 1.0, -1, 0)]},
        {"metrics": [Metric("ok", 1.0, 1, 0)], "params": [Param("taken", "2")]},
        {"metrics": [Metric("ok", 1.0, 1, 0)], "params": [Param("p", "1"), Param("p", "1")]},
        {"metrics": [Metric("ok", 1.0, 1, 0)], "params": [Param("p", "1")], "tags": [RunTag("bad*", "1")]},
    ],
)
def test_a_batch_with_one_mistake_writes_nothing(lake: Path, wrong: dict[str, Any]) -> None:
    client, run_id = new_run(runlake)
    client.log_param(run_id, "taken", "1")
    with pytest.raises(InvalidInput):
        client.log_batch(run_id, **wrong)
    data = client.get_run(run_id).data
    assert (data.metrics, data.params) == ({}, {"taken": "1"})


def test_an_input_that_is_too_long_is_named_with_its_limit_and_nothing_is_written(lake: Path) -> None:
    client, run_id = new_run(runlake)
    good = DatasetInput(Dataset("n", "d", "local", "{}"), [InputTag("k", "v")])
    for bad, message in [
        (
            DatasetInput(Dataset("n", "d", "local", "{}"), [InputTag("k" * 300, "v")]),
            "input tag key has 300 .* is 255: 'kk",
        ),
        (DatasetInput(Dataset("n", "d", "local", "{}"), [InputTag("k", "v" * 501)]), "value of input tag 'k' has 501"),
        (DatasetInput(Dataset("n" * 501, "d", "local", "{}")), "data set name has 501 characters; the limit is 500"),
        (DatasetInput(Dataset(None, "d", "local", "{}")), "data set name has type NoneType"),  # type: ignore[arg-type]
    ]:
        with pytest.raises(InvalidInput, match=message):
            client.log_inputs(run_id, [good, bad])
    assert client.get_run(run_id).inputs.dataset_inputs == []


def test_a_client_that_ends_its_runs_keeps_nothing_of_them(lake: Path) -> None:
    client = runlake.MlflowClient()
    store = get_store(lake)
    for _ in range(3):
        run_id = client.create_run("0").info.run_id
        client.log_metric(run_id, "a", 1.0, step=1)
        client.set_terminated(run_id)
    assert (len(store._loggers), len(store._attached)) == (0, 0)
    client.log_metric(run_id, "a", 2.0, step=2)
    assert [m.value for m in client.get_metric_history(run_id, "a")] == [1.0, 2.0]


def test_infinities_and_repeats_are_kept_as_given(lake: Path) -> None:
    client, run_id = new_run(runlake)
    client.log_batch(run_id, [Metric("a", math.inf, 1, 0), Metric("a", -math.inf, 1, 0), Metric("a", math.inf, 1, 0)])
    assert [m.value for m in client.get_metric_history(run_id, "a")] == [-math.inf, math.inf, math.inf]


@pytest.mark.parametrize("location", ["files", "file:{}/my%20files", "{}/files"])
def test_artifacts_go_to_the_folder_that_was_named_wherever_the_program_goes(
    lake: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, location: str
) -> None:
    client = runlake.MlflowClient()
    experiment = client.create_experiment("e", artifact_location=location.format(tmp_path))
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    run = client.create_run(experiment)
    client.log_text(run.info.run_id, "text", "a.txt")
    folder = tmp_path / ("my files" if "%20" in location else "files")
    assert client.get_experiment(experiment).artifact_location == str(folder)
    assert (folder / run.info.run_id / "a.txt").read_text() == "text"
    assert list((tmp_path / "elsewhere").iterdir()) == []


@pytest.mark.parametrize("location", ["s3://bucket/x", "file://host/x", "dbfs:/x", "", "x" * 2049, 3])
def test_a_place_for_artifacts_that_is_no_local_folder_is_refused(lake: Path, location: Any) -> None:
    with pytest.raises(InvalidInput):
        runlake.create_experiment("e", artifact_location=location)
    assert runlake.get_experiment_by_name("e") is None


def test_logging_to_a_new_run_loads_neither_query_engine_nor_http_client(lake: Path) -> None:
    program = (
        "import runlake, sys\nclient = runlake.MlflowClient()\nrun_id = client.create_run('0').info.run_id\n"
        "client.log_metric(run_id, 'a', 1.0)\nclient.set_terminated(run_id)\n"
        "assert not {'polars', 'urllib3', 'ssl'} & set(sys.modules)"
    )
    done = programs.run(lake, program)
    assert done.returncode == 0, done.stderr


def test_unknown_runs_are_named(lake: Path) -> None:
    client = runlake.MlflowClient()
    for call in (client.get_run, client.set_terminated, client.delete_run, client.list_artifacts):
        with pytest.raises(NotFound, match="nosuchrun"):
            call("nosuchrun")
