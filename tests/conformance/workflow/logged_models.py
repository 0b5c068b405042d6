"""Logged models, which MLflow 3 has."""

import tempfile
from pathlib import Path

import mlflow
from expect import paged, refused
from mlflow.tracking import MlflowClient


def logged_models(client: MlflowClient) -> None:
    from mlflow.entities import LoggedModelStatus

    experiment_id = mlflow.set_experiment("logged-models").experiment_id
    with mlflow.start_run() as run:
        made = client.create_logged_model(
            experiment_id,
            name="net",
            source_run_id=run.info.run_id,
            tags={"t": "1"},
            params={"lr": "0.1"},
            model_type="net",
        )
        model_id = made.model_id
        assert (made.name, made.status, made.model_type) == ("net", LoggedModelStatus.PENDING, "net")
        client.log_model_params(model_id, {"depth": "6"})
        client.set_logged_model_tags(model_id, {"u": "2", "v": "3"})
        client.delete_logged_model_tag(model_id, "v")
        mlflow.log_metric("loss", 0.5, step=1, model_id=model_id)
        mlflow.log_metrics({"loss": 0.25, "acc": 0.75}, step=2, model_id=model_id)
        client.finalize_logged_model(model_id, LoggedModelStatus.READY)
    found = client.get_logged_model(model_id)
    assert (found.status, found.source_run_id) == (LoggedModelStatus.READY, run.info.run_id)
    assert (found.params, found.tags["t"], found.tags["u"]) == ({"lr": "0.1", "depth": "6"}, "1", "2")
    assert "v" not in found.tags
    latest = {metric.key: (metric.value, metric.step) for metric in found.metrics}
    assert latest["acc"] == (0.75, 2)
    assert (0.25, 2) in [(metric.value, metric.step) for metric in found.metrics if metric.key == "loss"]
    assert client.get_run(run.info.run_id).data.metrics == {"loss": 0.25, "acc": 0.75}
    client.delete_logged_model(model_id)
    refused(lambda: client.get_logged_model(model_id), "RESOURCE_DOES_NOT_EXIST")
    refused(lambda: client.get_logged_model("m-" + "0" * 32), "RESOURCE_DOES_NOT_EXIST")


def model_artifacts(client: MlflowClient) -> None:
    experiment_id = mlflow.set_experiment("model-artifacts").experiment_id
    model_id = client.create_logged_model(experiment_id, name="files").model_id
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "weights.bin").write_bytes(b"1" * 1000)
        client.log_model_artifact(model_id, f"{folder}/weights.bin")
        client.log_model_artifacts(model_id, folder)
    listed = [(info.path, info.file_size) for info in client.list_logged_model_artifacts(model_id)]
    assert listed == [("weights.bin", 1000)]
    location = client.get_logged_model(model_id).artifact_location
    path = mlflow.artifacts.download_artifacts(f"{location}/weights.bin")
    assert Path(path).read_bytes() == b"1" * 1000


def model_search(client: MlflowClient) -> None:
    experiment_id = mlflow.set_experiment("model-search").experiment_id
    for number in range(5):
        with mlflow.start_run():
            model = mlflow.initialize_logged_model(
                name=f"model-{number}", params={"n": str(number)}, tags={"even": str(number % 2 == 0)}
            )
            mlflow.log_metric("loss", number, model_id=model.model_id)
            mlflow.finalize_logged_model(model.model_id, "READY")
    found = paged(
        lambda token: client.search_logged_models(
            [experiment_id],
            max_results=2,
            order_by=[{"field_name": "metrics.loss", "ascending": False}],
            page_token=token,
        )
    )
    assert [model.name for model in found] == [f"model-{number}" for number in (4, 3, 2, 1, 0)]
    for text, names in (
        ("name = 'model-1'", {"model-1"}),
        ("params.n = '2'", {"model-2"}),
        ("tags.even = 'True'", {"model-0", "model-2", "model-4"}),
        ("metrics.loss > 2", {"model-3", "model-4"}),
        ("name LIKE 'model-%' AND metrics.loss < 1", {"model-0"}),
    ):
        assert {model.name for model in client.search_logged_models([experiment_id], text)} == names, text
    frame = mlflow.search_logged_models([experiment_id], output_format="pandas")
    assert set(frame["name"]) == {f"model-{number}" for number in range(5)}
    refused(lambda: client.search_logged_models([experiment_id], "metrics.loss >"), "INVALID_PARAMETER_VALUE")


def models_of_runs(client: MlflowClient) -> None:
    from mlflow.entities import LoggedModelInput, LoggedModelOutput

    experiment_id = mlflow.set_experiment("models-of-runs").experiment_id
    models = [client.create_logged_model(experiment_id, name=name).model_id for name in ("read", "made")]
    with mlflow.start_run() as run:
        client.log_inputs(run.info.run_id, models=[LoggedModelInput(models[0])])
        client.log_outputs(run.info.run_id, [LoggedModelOutput(models[1], step=3)])
    found = client.get_run(run.info.run_id)
    assert [model.model_id for model in found.inputs.model_inputs] == [models[0]]
    assert [(model.model_id, model.step) for model in found.outputs.model_outputs] == [(models[1], 3)]


PARTS = (logged_models, model_artifacts, model_search, models_of_runs)
