"""Fluent functions give what the official package gives: values, types, states and error codes."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.tracking.judge import Judge, Scenario, ours, outcome


def run_states(ml: Any) -> Any:
    states = []
    with ml.start_run() as outer:
        states.append(ml.get_run(outer.info.run_id).info.status)
        with ml.start_run(nested=True) as inner:
            states.append(ml.active_run() is inner)
        states.append(ml.active_run() is outer)
    ml.start_run()
    killed = ml.active_run().info.run_id
    ml.end_run("KILLED")
    infos = [ml.get_run(run_id).info for run_id in (outer.info.run_id, inner.info.run_id, killed)]
    return states, [(info.status, info.end_time >= info.start_time, info.lifecycle_stage) for info in infos]


def run_that_fails(ml: Any) -> Any:
    with pytest.raises(RuntimeError), ml.start_run() as run:
        raise RuntimeError
    return ml.get_run(run.info.run_id).info.status, ml.active_run()


def starting_twice(ml: Any) -> Any:
    first = ml.start_run().info.run_id
    refused = [isinstance(outcome(lambda: ml.start_run()), str), isinstance(outcome(lambda: ml.start_run(first)), str)]
    return refused, ml.active_run().info.run_id == first


def nothing_active(ml: Any) -> Any:
    return ml.active_run(), ml.end_run(), ml.end_run("NO SUCH STATUS")


def last_active(ml: Any) -> Any:
    with ml.start_run() as run:
        ml.log_param("a", 1)
        live = ml.last_active_run()
    last = ml.last_active_run()
    return last.info.run_id == run.info.run_id, last.info.status, live.data.params, type(live).__name__


def names_and_tags(ml: Any) -> Any:
    with ml.start_run(run_name="mine", tags={"team": "vision", "n": 3}, description="# text") as run:
        pass
    stored = ml.get_run(run.info.run_id)
    wanted = ("team", "n", "mlflow.note.content", "mlflow.runName", "mlflow.user", "mlflow.source.type")
    return run.info.run_name, stored.info.run_name, {key: stored.data.tags[key] for key in wanted}


def name_tag_renames(ml: Any) -> Any:
    with ml.start_run(run_name="old") as run:
        ml.set_tag("mlflow.runName", "new")
    stored = ml.get_run(run.info.run_id)
    return stored.info.run_name, stored.data.tags["mlflow.runName"]


def contradictions(ml: Any) -> Any:
    return (
        outcome(lambda: ml.start_run(description="a", tags={"mlflow.note.content": "b"})),
        ml.active_run(),
        outcome(lambda: ml.set_experiment()),
        outcome(lambda: ml.set_experiment("a", experiment_id="0")),
        outcome(lambda: ml.search_runs(["0"], experiment_names=["Default"])),
    )


def resuming(ml: Any) -> Any:
    with ml.start_run(run_name="first") as run:
        ml.log_metric("a", 1)
    with ml.start_run(run_id=run.info.run_id, run_name="second", tags={"t": 1}) as again:
        status = ml.get_run(run.info.run_id).info.status
        ml.log_metric("a", 2, step=1)
    stored = ml.get_run(run.info.run_id)
    return (
        status,
        again.info.run_name,
        stored.info.status,
        stored.info.run_name,
        stored.data.metrics,
        stored.data.tags["t"],
    )


def unknown_ids(ml: Any) -> Any:
    missing = "f" * 32
    return [
        outcome(lambda: ml.get_run(missing)),
        outcome(lambda: ml.start_run(run_id=missing)),
        outcome(lambda: ml.get_experiment("12345")),
        outcome(lambda: ml.set_experiment(experiment_id="12345")),
        outcome(lambda: ml.start_run(experiment_id="12345")),
        ml.get_experiment_by_name("none"),
    ]


def deleted_runs(ml: Any) -> Any:
    with ml.start_run() as run:
        pass
    run_id = run.info.run_id
    ml.delete_run(run_id)
    stage = ml.get_run(run_id).info.lifecycle_stage
    refused = [
        isinstance(outcome(lambda of=of: ml.start_run(**{of: run_id})), str) for of in ("run_id", "parent_run_id")
    ]
    found = [len(ml.search_runs(run_view_type=view, output_format="list")) for view in (1, 2, 3)]
    ml.restore_run(run_id)
    return stage, refused, found, ml.get_run(run_id).info.lifecycle_stage


def parents(ml: Any) -> Any:
    with ml.start_run() as outer:
        with ml.start_run(nested=True) as inner:
            mismatch = isinstance(outcome(lambda: ml.start_run(nested=True, parent_run_id=outer.info.run_id)), str)
        parent = ml.get_parent_run(inner.info.run_id)
    with ml.start_run(parent_run_id=outer.info.run_id) as later:
        pass
    return (
        parent.info.run_id == outer.info.run_id,
        ml.get_parent_run(outer.info.run_id),
        ml.get_parent_run(later.info.run_id).info.run_id == outer.info.run_id,
        mismatch,
        isinstance(outcome(lambda: ml.start_run(parent_run_id="f" * 32)), str),
    )


def metric_values(ml: Any) -> Any:
    with ml.start_run() as run:
        answers = [ml.log_metric("float", 0.5), ml.log_metrics({"true": True, "text": "0.25"})]
        ml.log_metric("step", 1.0, step=3)
        ml.log_metric("step", 2.0, step=2)
        ml.log_metric("whole", 1.0, step=2.0)
        ml.log_metric("nan", math.nan)
        ml.log_metric("time", 1.0, timestamp=123)
    client = ml.MlflowClient()
    history = client.get_metric_history(run.info.run_id, "step")
    timed = client.get_metric_history(run.info.run_id, "time")[0]
    metrics = ml.get_run(run.info.run_id).data.metrics
    is_nan = math.isnan(metrics.pop("nan"))
    return (
        answers,
        metrics,
        is_nan,
        sorted((m.step, m.value) for m in history),
        (timed.timestamp, timed.step, timed.key),
    )


def metric_mistakes(ml: Any) -> Any:
    ml.start_run()
    return [
        outcome(lambda: ml.log_metric("a", None)),
        outcome(lambda: ml.log_metric("a", "x")),
        outcome(lambda: ml.log_metric("a", 1, step="three")),
        outcome(lambda: ml.log_metric("a*", 1)),
        outcome(lambda: ml.log_metric("../a", 1)),
        outcome(lambda: ml.log_metric("/a", 1)),
        outcome(lambda: ml.log_metric("a" * 251, 1)),
        outcome(lambda: ml.log_metrics({"ok": 1, "not": "x"})),
        ml.get_run(ml.active_run().info.run_id).data.metrics.get("a"),
    ]


def params(ml: Any) -> Any:
    with ml.start_run() as run:
        answers = [
            ml.log_param("n", 1),
            ml.log_param("n", "1"),
            ml.log_params({"none": None, "list": [1, 2], "float": 1e-3, "true": True}),
            outcome(lambda: ml.log_param("n", 2)),
            outcome(lambda: ml.log_params({"new": 1, "n": 3})),
            outcome(lambda: ml.log_param("a*", 2)),
        ]
        ml.log_param("long", "x" * 7000)
    stored = ml.get_run(run.info.run_id).data.params
    return answers, len(stored.pop("long")), "new" in stored, stored


def tags(ml: Any) -> Any:
    with ml.start_run() as run:
        answers = [ml.set_tag("a", 1), ml.set_tags({"b": None, "c": 2.5}), ml.set_tag("a", 2), ml.delete_tag("c")]
        answers += [outcome(lambda: ml.delete_tag("c")), outcome(lambda: ml.set_tag("a*", 1))]
        ml.set_tag("long", "x" * 9000)
    stored = ml.get_run(run.info.run_id).data.tags
    return answers, {key: stored.get(key) for key in "abc"}, len(stored["long"])


def asynchronous(ml: Any) -> Any:
    with ml.start_run() as run:
        handles = [
            ml.log_metric("m", 1, synchronous=False),
            ml.log_metrics({"n": 2}, synchronous=False),
            ml.log_params({"p": 1}, synchronous=False),
            ml.set_tag("t", 1, synchronous=False),
            ml.set_tags({"u": 1}, synchronous=False),
        ]
        waited = [handle.wait() for handle in handles]
        ml.log_param("later", 1, synchronous=False)
        ml.flush_async_logging()
        data = ml.get_run(run.info.run_id).data
    return waited, data.metrics, data.params, data.tags["t"], data.tags["u"]


def another_run(ml: Any) -> Any:
    with ml.start_run() as other:
        pass
    run_id = other.info.run_id
    with ml.start_run() as run:
        ml.log_metric("a", 1, run_id=run_id)
        ml.log_metrics({"b": 2}, run_id=run_id)
        ml.log_params({"p": 1}, run_id=run_id)
        ml.log_text("text", "a.txt", run_id=run_id)
    first, second = ml.get_run(run_id).data, ml.get_run(run.info.run_id).data
    listed = [info.path for info in ml.artifacts.list_artifacts(run_id=run_id) if info.path != "runlake"]
    return first.metrics, first.params, second.metrics, second.params, listed


def logging_starts_a_run(ml: Any) -> Any:
    ml.log_metric("a", 1)
    first = ml.active_run().info.run_id
    ml.log_param("p", 1)
    same = ml.active_run().info.run_id == first
    ml.end_run()
    ml.set_tag("t", 1)
    return same, ml.active_run().info.run_id != first


def experiments(ml: Any) -> Any:
    chosen = ml.set_experiment("sweep")
    with ml.start_run() as run:
        pass
    with ml.start_run(experiment_id="0") as elsewhere:
        pass
    ml.set_experiment_tag("a", 1)
    ml.set_experiment_tags({"b": 2, "c": 3})
    ml.delete_experiment_tag("c")
    missing = outcome(lambda: ml.delete_experiment_tag("c"))
    stored = ml.get_experiment(chosen.experiment_id)
    return (
        chosen.name,
        run.info.experiment_id == chosen.experiment_id,
        elsewhere.info.experiment_id,
        stored.tags,
        missing,
        ml.set_experiment(experiment_id=chosen.experiment_id).name,
        sorted(experiment.name for experiment in ml.search_experiments()),
        [experiment.name for experiment in ml.search_experiments(filter_string="name LIKE 'sw%'")],
        outcome(lambda: ml.create_experiment("sweep")),
        outcome(lambda: ml.create_experiment("")),
        outcome(lambda: ml.create_experiment(3)),
        type(ml.create_experiment("more", tags={"k": "v"})).__name__,
        ml.get_experiment_by_name("more").tags,
    )


def deleted_experiments(ml: Any) -> Any:
    experiment_id = ml.create_experiment("gone")
    with ml.start_run(experiment_id=experiment_id) as run:
        pass
    ml.delete_experiment(experiment_id)
    stages = [ml.get_experiment(experiment_id).lifecycle_stage, ml.get_run(run.info.run_id).info.lifecycle_stage]
    refused = [
        outcome(lambda: ml.start_run(experiment_id=experiment_id)),
        outcome(lambda: ml.set_experiment(experiment_id=experiment_id)),
    ]
    names = [sorted(e.name for e in ml.search_experiments(view_type=view)) for view in (1, 2, 3)]
    ml.restore_experiment(experiment_id)
    return stages, refused, names, ml.get_run(run.info.run_id).info.lifecycle_stage


def from_environment(ml: Any) -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_EXPERIMENT_NAME", "from outside")
        with ml.start_run() as run:
            pass
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_RUN_ID", run.info.run_id)
        with ml.start_run() as joined:
            pass
        with ml.start_run() as other:
            pass
    experiment = ml.get_experiment(run.info.experiment_id).name
    return experiment, joined.info.run_id == run.info.run_id, other.info.run_id != run.info.run_id


def search_as_frame(ml: Any) -> Any:
    ml.set_experiment("frame")
    for lr in (0.1, 0.2):
        with ml.start_run(run_name=f"run {lr}", tags={"only": "one"} if lr == 0.1 else {}):
            ml.log_param("lr", lr)
            ml.log_metric("loss", lr * 10)
            if lr == 0.2:
                ml.log_metric("extra", 1)
    frame = ml.search_runs(order_by=["metrics.loss ASC"])
    filtered = ml.search_runs(filter_string="metrics.loss > 1 and params.lr = '0.2'")
    columns = ["status", "metrics.loss", "metrics.extra", "params.lr", "tags.only", "tags.mlflow.runName"]
    dtypes = {name: str(frame[name].dtype) for name in [*columns, "run_id", "start_time", "end_time"]}
    cells = [[None if value != value else value for value in row] for row in frame[columns].itertuples(index=False)]
    return list(frame.columns[:6]), cells, dtypes, len(filtered), ml.search_runs(experiment_names=["none"]).shape[0]


def search_as_list(ml: Any) -> Any:
    with ml.start_run(run_name="a"):
        ml.log_metric("m", 1)
    with ml.start_run(run_name="b"):
        ml.log_metric("m", 2)
    found = ml.search_runs(output_format="list", max_results=1)
    everywhere = ml.search_runs(search_all_experiments=True, output_format="list", order_by=["attributes.run_name"])
    return (
        type(found).__name__,
        type(found[0]).__name__,
        [run.info.run_name for run in found],
        [(run.info.run_name, run.data.metrics) for run in everywhere],
        isinstance(outcome(lambda: ml.search_runs(output_format="arrow")), str),
        [run.info.run_name for run in ml.search_runs([], output_format="list")],
        len(ml.search_runs([], search_all_experiments=True, output_format="list")),
        len(ml.search_runs([], experiment_names=["other"], output_format="list")),
    )


def caught(call: Callable[[], Any]) -> Exception | None:
    try:
        call()
    except Exception as error:
        return error
    return None


def artifacts(ml: Any) -> Any:
    Path("local").mkdir(exist_ok=True)
    Path("local/file.txt").write_text("content")
    Path("local/sub").mkdir(exist_ok=True)
    Path("local/sub/deep.txt").write_text("deep")
    with ml.start_run() as run:
        ml.log_artifact("local/file.txt")
        ml.log_artifact("local/file.txt", "folder/inside")
        ml.log_artifacts("local", "all")
        ml.log_text("text", "texts/a.txt")
        ml.log_text("text", "texts//b.txt")
        missing = isinstance(caught(lambda: ml.log_artifact("local/none")), FileNotFoundError)
        ml.log_dict({"a": [1, 2]}, "d.json")
        ml.log_dict({"a": [1, 2]}, "d.yaml")
        ml.log_table({"q": ["x", "y"], "n": [1, 2]}, "table.json")
        ml.log_table({"q": ["z"], "n": [3]}, "table.json")
        uri = ml.get_artifact_uri("texts/a.txt")
        refused = [outcome(lambda path=path: ml.log_text("x", path)) for path in ("../a.txt", "/a.txt")]
    run_id = run.info.run_id
    paths = []
    for folder in (None, "all", "folder", "all/sub", "all/", "texts"):
        listed = ml.artifacts.list_artifacts(run_id=run_id, artifact_path=folder)
        paths.append(sorted((info.path, info.is_dir) for info in listed if info.path != "runlake"))
    return (
        paths,
        missing,
        uri.startswith("/") and uri.endswith("/texts/a.txt"),
        [isinstance(code, str) for code in refused],
        Path(ml.artifacts.download_artifacts(run_id=run_id, artifact_path="all/sub/deep.txt")).read_text(),
        ml.artifacts.load_text(f"runs:/{run_id}/texts/a.txt"),
        ml.artifacts.load_dict(f"runs:/{run_id}/d.json"),
        ml.load_table("table.json", run_ids=[run_id], extra_columns=["run_id"]).drop(columns="run_id").to_dict("list"),
        ml.get_run(run_id).data.tags["mlflow.loggedArtifacts"],
    )


def inputs(ml: Any) -> Any:
    numpy = pytest.importorskip("numpy")
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"x": [1, 2, 3], "y": [0.5, 1.5, 2.5]})
    table = ml.data.from_pandas(frame, source="https://example.org/data.csv", name="table", targets="y")
    array = ml.data.from_numpy(numpy.arange(6.0).reshape(2, 3), name="array", source="https://example.org/a.npy")
    with ml.start_run() as run:
        ml.log_input(table, context="training", tags={"split": "a"})
        ml.log_inputs([array], ["eval"], [None])
    stored = ml.get_run(run.info.run_id).inputs.dataset_inputs
    return sorted(
        (entry.dataset.name, entry.dataset.source_type, sorted((tag.key, tag.value) for tag in entry.tags))
        for entry in stored
    )


def entities_iterate(ml: Any) -> Any:
    with ml.start_run(run_name="x") as run:
        ml.log_metric("a", 1)
    stored = ml.get_run(run.info.run_id)
    info = dict(stored.info)
    return (
        sorted(info),
        info["status"],
        {"info", "data", "inputs"} <= set(stored.to_dictionary()),
        sorted(stored.to_dictionary()["data"]),
        type(stored.info.start_time).__name__,
        ml.entities.RunStatus.to_string(3),
        ml.entities.ViewType.ALL,
    )


SCENARIOS = [
    run_states, run_that_fails, starting_twice, nothing_active, last_active, names_and_tags, name_tag_renames,
    contradictions, resuming, unknown_ids, deleted_runs, parents, metric_values, metric_mistakes, params, tags,
    asynchronous, another_run, logging_starts_a_run, experiments, deleted_experiments, from_environment,
    search_as_frame, search_as_list, artifacts, inputs, entities_iterate,
]  # fmt: skip


@pytest.mark.filterwarnings("ignore::FutureWarning")
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.__name__)
def test_same_answers(scenario: Scenario, judge: Judge, lake: Path, tmp_path: Path) -> None:
    assert ours(scenario) == judge.answer(scenario, tmp_path / "judge")
