"""Logged models by functions and by the client, on a folder and on a server: what MLflow's say."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import runlake
from runlake.entities import LoggedModelOutput
from runlake.errors import InvalidInput, NotFound
from tests.server.wire import Server, served
from tests.tracking import leftovers
from tests.tracking.judge import Judge


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with served(tmp_path_factory.mktemp("logged")) as running:
        yield running


@pytest.fixture(params=["folder", "server"])
def where(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A store in force, in either place."""
    uri = str(tmp_path / "lake") if request.param == "folder" else request.getfixturevalue("server").url
    runlake.set_tracking_uri(uri)
    runlake.set_error_policy("all")
    yield uri
    leftovers.end_all()


def test_a_model_is_made_described_and_finalized(where: str) -> None:
    with runlake.start_run() as run:
        made = runlake.initialize_logged_model("net", tags={"team": "vision"}, params={"depth": 6}, model_type="cnn")  # type: ignore[dict-item]
        runlake.log_outputs([LoggedModelOutput(made.model_id, 3)])
    assert (made.status, made.source_run_id, made.model_type) == ("PENDING", run.info.run_id, "cnn")
    runlake.log_model_params({"width": "4"}, made.model_id)
    runlake.set_logged_model_tags(made.model_id, {"rank": 1})
    runlake.delete_logged_model_tag(made.model_id, "team")
    assert runlake.finalize_logged_model(made.model_id, "READY").status == "READY"
    found = runlake.get_logged_model(made.model_id)
    assert found.params == {"depth": "6", "width": "4"}
    assert {key: found.tags.get(key) for key in ("rank", "team", "mlflow.source.type")} == {
        "rank": "1",
        "team": None,
        "mlflow.source.type": "LOCAL",
    }
    assert runlake.last_logged_model() == found
    outputs = runlake.get_run(run.info.run_id).outputs
    assert outputs is not None
    assert [(output.model_id, output.step) for output in outputs.model_outputs] == [(made.model_id, 3)]


def test_models_are_found_by_what_was_measured_of_them(where: str) -> None:
    experiment_id = runlake.create_experiment(f"searched {Path(where).name}")
    runlake.set_experiment(experiment_id=experiment_id)
    ids = []
    for depth in (2, 4, 8):
        with runlake.start_run():
            runlake.log_param("depth", depth)
            runlake.log_metric("acc", depth / 10)
            ids.append(runlake.pyfunc.log_model(name=f"net-{depth}", python_model=lambda data: data).model_id)
    best = [{"field_name": "metrics.acc", "ascending": False}]
    found = runlake.search_logged_models(filter_string="metrics.acc > 0.3", order_by=best, output_format="list")
    assert [model.model_id for model in found] == [ids[2], ids[1]]
    frame = runlake.search_logged_models([experiment_id], "params.depth = '2'")
    assert frame[["name", "status"]].to_numpy().tolist() == [["net-2", "READY"]]
    assert runlake.search_logged_models(order_by=best, max_results=1, output_format="list")[0].model_id == ids[2]
    client = runlake.MlflowClient()
    page = client.search_logged_models([experiment_id], max_results=2, order_by=best)
    rest = client.search_logged_models([experiment_id], max_results=2, order_by=best, page_token=page.token)
    assert [model.model_id for model in [*page, *rest]] == ids[::-1]
    client.delete_logged_model(str(ids[2]))
    assert [model.model_id for model in client.search_logged_models([experiment_id], order_by=best)] == ids[1::-1]


def test_a_metric_of_a_model_is_one_of_its_run_as_well(where: str) -> None:
    import pandas as pd

    data = runlake.data.from_pandas(pd.DataFrame({"x": [1, 2]}), name="held out")
    with runlake.start_run() as run:
        model_id = runlake.initialize_logged_model("measured").model_id
        runlake.log_metric("acc", 0.5, step=1, model_id=model_id)
        runlake.log_metrics({"acc": 0.75, "loss": 2}, step=2, model_id=model_id, dataset=data)
        runlake.MlflowClient().log_metric(run.info.run_id, "f1", 0.25, model_id=model_id)
        with pytest.raises(NotFound):
            runlake.log_metric("acc", 1.0, model_id="m-" + "0" * 32)
    found = {(metric.key, metric.value, metric.dataset_name) for metric in runlake.get_logged_model(model_id).metrics}
    assert found == {("acc", 0.5, None), ("acc", 0.75, "held out"), ("loss", 2.0, "held out"), ("f1", 0.25, None)}
    history = runlake.MlflowClient().get_metric_history(run.info.run_id, "acc")
    assert [(point.value, point.step) for point in history] == [(0.5, 1), (0.75, 2)]


def test_files_are_given_to_a_model_and_listed(where: str, tmp_path: Path) -> None:
    client = runlake.MlflowClient()
    model_id = client.create_logged_model("0", "with files").model_id
    folder = tmp_path / "given"
    folder.mkdir()
    (folder / "weights.txt").write_text("1 2 3")
    client.log_model_artifacts(model_id, str(folder))
    client.log_model_artifact(model_id, str(folder / "weights.txt"), "old")
    assert [file.path for file in client.list_logged_model_artifacts(model_id)] == ["old", "weights.txt"]
    assert [file.path for file in client.list_logged_model_artifacts(model_id, "old")] == ["old/weights.txt"]


MISTAKES: dict[str, Any] = {
    "no such model": lambda: runlake.get_logged_model("m-" + "0" * 32),
    "no id": lambda: runlake.log_model_params({"a": "1"}),
    "no such tag": lambda: runlake.delete_logged_model_tag(_made(), "team"),
    "another value": lambda: runlake.log_model_params({"a": "2"}, _made(params={"a": "1"})),
    "no status": lambda: runlake.finalize_logged_model(_made(), "DONE"),
    "an order that is a text": lambda: runlake.search_logged_models(order_by=["metrics.acc"]),  # type: ignore[list-item]
    "a data set without a name": lambda: runlake.search_logged_models(datasets=[{"dataset_digest": "1"}]),
    "a form that is none": lambda: runlake.search_logged_models(output_format="polars"),  # type: ignore[call-overload]
}


def _made(**about: Any) -> str:
    return runlake.initialize_logged_model("made", **about).model_id


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_raises(where: str, mistake: str) -> None:
    with pytest.raises((NotFound, InvalidInput)):
        MISTAKES[mistake]()


def test_answers_are_mlflows(where: str, tmp_path: Path, judge: Judge) -> None:
    def said(tracker: Any) -> Any:
        tracker.set_experiment(f"judged {Path(where).name}")
        with tracker.start_run() as run:
            made = tracker.initialize_logged_model(name="net", params={"d": "1"}, tags={"t": "x"}, model_type="agent")
            tracker.log_metric("acc", 0.5, step=3, model_id=made.model_id)
            ended = tracker.finalize_logged_model(made.model_id, "READY")
        other = tracker.initialize_logged_model(source_run_id=run.info.run_id)
        frame = tracker.search_logged_models(filter_string="attributes.name = 'net'")
        row = frame.iloc[0].to_dict()
        return [
            (made.status, ended.status, ended.source_run_id == run.info.run_id, other.name != "net"),
            (other.source_run_id == run.info.run_id, tracker.last_logged_model().model_id == other.model_id),
            sorted(frame.columns),
            {name: row[name] for name in ("name", "model_type", "status", "params")},
            tracker.search_logged_models(filter_string="metrics.acc > 1").shape,
            tracker.search_logged_models(filter_string="metrics.acc < 1").shape,
            [(metric.key, metric.value, metric.step) for metric in tracker.get_logged_model(made.model_id).metrics],
            tracker.set_logged_model_tags(made.model_id, {"n": 1}),
            tracker.get_logged_model(made.model_id).tags["n"],
        ]

    assert said(runlake) == judge.answer(said, tmp_path / "official")
