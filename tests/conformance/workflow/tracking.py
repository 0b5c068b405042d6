"""Tracking: experiments, runs, metrics, searches, artifacts and data sets."""

import math
import os
import tempfile
from pathlib import Path

import mlflow
import numpy as np
from expect import MLFLOW_3, paged, refused
from mlflow.entities import Metric, Param, RunTag, ViewType
from mlflow.tracking import MlflowClient


def experiments(client: MlflowClient) -> None:
    first = client.create_experiment("first", tags={"team": "vision"})
    experiment = client.get_experiment(first)
    assert (experiment.name, experiment.tags["team"]) == ("first", "vision")
    client.set_experiment_tag(first, "stage", "one")
    if MLFLOW_3:
        client.delete_experiment_tag(first, "team")
    client.rename_experiment(first, "renamed")
    found = client.get_experiment_by_name("renamed")
    assert (found.experiment_id, found.tags["stage"]) == (first, "one")
    assert ("team" in found.tags) != MLFLOW_3
    assert client.get_experiment_by_name("first") is None
    client.delete_experiment(first)
    assert [e.name for e in client.search_experiments(ViewType.DELETED_ONLY)] == ["renamed"]
    client.restore_experiment(first)
    for number in range(3):
        client.create_experiment(f"more-{number}")
    found = paged(lambda token: client.search_experiments(max_results=2, order_by=["name ASC"], page_token=token))
    assert [experiment.name for experiment in found] == ["Default", "more-0", "more-1", "more-2", "renamed"]
    refused(lambda: client.create_experiment("renamed"), "RESOURCE_ALREADY_EXISTS")
    refused(lambda: client.get_experiment("123"), "RESOURCE_DOES_NOT_EXIST")


def one_run(client: MlflowClient) -> None:
    mlflow.set_experiment("runs")
    with mlflow.start_run(run_name="outer", tags={"k": "v"}, description="said") as outer:
        mlflow.log_params({"lr": 0.1, "depth": 6})
        for step in range(5):
            mlflow.log_metric("loss", 1 / (step + 1), step=step)
        mlflow.log_metrics({"nan": math.nan, "inf": math.inf, "-inf": -math.inf}, step=1)
        with mlflow.start_run(run_name="inner", nested=True) as inner:
            mlflow.log_metric("loss", 3.0)
        assert client.get_parent_run(inner.info.run_id).info.run_id == outer.info.run_id
        assert client.get_run(outer.info.run_id).info.status == "RUNNING"
    run = client.get_run(outer.info.run_id)
    assert (run.info.status, run.info.run_name) == ("FINISHED", "outer")
    assert run.info.end_time >= run.info.start_time
    assert run.data.params == {"lr": "0.1", "depth": "6"}
    assert run.data.metrics["loss"] == 0.2
    assert math.isnan(run.data.metrics["nan"])
    assert (run.data.metrics["inf"], run.data.metrics["-inf"]) == (math.inf, -math.inf)
    assert (run.data.tags["k"], run.data.tags["mlflow.note.content"]) == ("v", "said")
    history = client.get_metric_history(run.info.run_id, "loss")
    assert [(point.step, point.value) for point in history] == [(step, 1 / (step + 1)) for step in range(5)]
    refused(lambda: client.log_param(run.info.run_id, "lr", "0.2"), "INVALID_PARAMETER_VALUE")


def batches(client: MlflowClient) -> None:
    run = client.create_run("0", run_name="batch")
    run_id = run.info.run_id
    metrics = [Metric("m", step * 0.5, 1000 + step, step) for step in range(800)]
    client.log_batch(run_id, metrics, [Param("p", "1")], [RunTag("t", "2")])
    assert [point.step for point in client.get_metric_history(run_id, "m")] == list(range(800))
    client.set_tag(run_id, "gone", "soon")
    client.delete_tag(run_id, "gone")
    client.update_run(run_id, name="renamed")
    client.set_terminated(run_id, "FAILED")
    run = client.get_run(run_id)
    assert (run.info.status, run.info.run_name, run.data.params) == ("FAILED", "renamed", {"p": "1"})
    assert run.data.tags == {"t": "2", "mlflow.runName": "renamed"}
    mlflow.log_metrics({f"k{n}": float(n) for n in range(50)}, run_id=run_id, synchronous=False).wait()
    assert len(client.get_run(run_id).data.metrics) == 51


def searching(client: MlflowClient) -> None:
    experiment_id = mlflow.set_experiment("searched").experiment_id
    for number in range(7):
        with mlflow.start_run(run_name=f"run-{number}"):
            mlflow.log_param("even", number % 2 == 0)
            mlflow.log_metric("loss", number)
    frame = mlflow.search_runs(
        filter_string="metrics.loss > 2 AND params.even = 'True'", order_by=["metrics.loss DESC"]
    )
    assert list(frame["metrics.loss"]) == [6.0, 4.0]
    found = paged(
        lambda token: client.search_runs(
            [experiment_id], max_results=3, order_by=["metrics.loss ASC"], page_token=token
        )
    )
    assert [run.info.run_name for run in found] == [f"run-{number}" for number in range(7)]
    run_id = found[-1].info.run_id
    client.delete_run(run_id)
    assert len(client.search_runs([experiment_id])) == 6
    assert len(client.search_runs([experiment_id], run_view_type=ViewType.ALL)) == 7
    refused(lambda: client.log_metric(run_id, "loss", 1.0), "INVALID_PARAMETER_VALUE")
    client.restore_run(run_id)
    client.log_metric(run_id, "loss", 1.0, step=1)
    refused(lambda: client.search_runs([experiment_id], "metrics.loss >"), "INVALID_PARAMETER_VALUE")


def artifacts(client: MlflowClient) -> None:
    with mlflow.start_run() as run, tempfile.TemporaryDirectory() as folder:
        run_id = run.info.run_id
        (Path(folder) / "sub").mkdir()
        (Path(folder) / "a.bin").write_bytes(content := os.urandom(2 << 20))
        (Path(folder) / "sub" / "ä b.txt").write_text("text")
        mlflow.log_artifact(f"{folder}/a.bin")
        mlflow.log_artifacts(folder, "all")
        mlflow.log_text("hello", "texts/hello.txt")
        mlflow.log_dict({"a": [1, 2]}, "d.json")
        mlflow.log_table({"x": [1, 2], "y": ["a", "b"]}, "table.json")
        mlflow.log_image(np.zeros((4, 4, 3), dtype=np.uint8), "black.png")
        listed = [info.path for info in client.list_artifacts(run_id)]
        assert listed == ["a.bin", "all", "black.png", "d.json", "table.json", "texts"]
        assert [info.is_dir for info in client.list_artifacts(run_id)] == [path in ("all", "texts") for path in listed]
        assert [info.path for info in client.list_artifacts(run_id, "all/sub")] == ["all/sub/ä b.txt"]
        assert client.list_artifacts(run_id, "all")[0].file_size == len(content)
        path = client.download_artifacts(run_id, "", folder)
        assert (Path(path) / "all" / "a.bin").read_bytes() == content
        assert mlflow.artifacts.load_text(mlflow.get_artifact_uri("texts/hello.txt")) == "hello"
        assert mlflow.artifacts.load_dict(f"runs:/{run_id}/d.json") == {"a": [1, 2]}
        assert list(mlflow.load_table("table.json", [run_id])["x"]) == [1, 2]
        refused(lambda: client.download_artifacts(run_id, "nothing"), None)


def inputs(client: MlflowClient) -> None:
    import pandas as pd

    data = mlflow.data.from_pandas(pd.DataFrame({"x": [1.0, 2.0]}), name="numbers")
    with mlflow.start_run() as run:
        mlflow.log_input(data, context="training", tags={"kind": "small"})
    found = client.search_runs([run.info.experiment_id], "dataset.name = 'numbers' AND dataset.context = 'training'")
    assert [one.info.run_id for one in found] == [run.info.run_id]
    (found,) = client.get_run(run.info.run_id).inputs.dataset_inputs
    assert (found.dataset.name, found.dataset.digest) == ("numbers", data.digest)
    assert {tag.key: tag.value for tag in found.tags} == {"mlflow.data.context": "training", "kind": "small"}


PARTS = (experiments, one_run, batches, searching, artifacts, inputs)
