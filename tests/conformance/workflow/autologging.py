"""Autologging with scikit-learn."""

import mlflow
from expect import MLFLOW_3
from mlflow.tracking import MlflowClient
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV

X, Y = load_iris(return_X_y=True)


def autologged_fit(client: MlflowClient) -> None:
    mlflow.set_experiment("autologged-fit")
    mlflow.sklearn.autolog(log_models=False)
    with mlflow.start_run() as run:
        LogisticRegression(max_iter=200).fit(X, Y)
    mlflow.sklearn.autolog(disable=True)
    found = client.get_run(run.info.run_id)
    assert found.data.params["max_iter"] == "200"
    assert found.data.metrics["training_score"] > 0.9
    assert [entry.dataset.name for entry in found.inputs.dataset_inputs] == ["dataset"]
    assert "estimator.html" in [info.path for info in client.list_artifacts(run.info.run_id)]


def autologged_model(client: MlflowClient) -> None:
    mlflow.set_experiment("autologged-model")
    mlflow.sklearn.autolog(registered_model_name="autologged")
    with mlflow.start_run() as run:
        fitted = LogisticRegression(max_iter=200).fit(X, Y)
    mlflow.sklearn.autolog(disable=True)
    assert str(client.get_model_version("autologged", "1").version) == "1"
    for uri in (f"runs:/{run.info.run_id}/model", "models:/autologged/1"):
        assert (mlflow.pyfunc.load_model(uri).predict(X) == fitted.predict(X)).all()
    found = client.get_run(run.info.run_id)
    if MLFLOW_3:
        (made,) = found.outputs.model_outputs
        assert client.get_logged_model(made.model_id).source_run_id == run.info.run_id
    else:
        assert '"artifact_path": "model"' in found.data.tags["mlflow.log-model.history"]


def autologged_search(client: MlflowClient) -> None:
    experiment_id = mlflow.set_experiment("autologged-search").experiment_id
    mlflow.sklearn.autolog(log_models=False, max_tuning_runs=3)
    with mlflow.start_run() as run:
        GridSearchCV(LogisticRegression(max_iter=200), {"C": [0.1, 1.0, 10.0]}, cv=2).fit(X, Y)
    mlflow.sklearn.autolog(disable=True)
    children = client.search_runs([experiment_id], f"tags.`mlflow.parentRunId` = '{run.info.run_id}'")
    assert {child.data.params["C"] for child in children} == {"0.1", "1.0", "10.0"}
    assert {child.info.status for child in children} == {"FINISHED"}


PARTS = (autologged_fit, autologged_model, autologged_search)
