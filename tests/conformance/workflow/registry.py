"""The model registry: models, versions, stages, aliases and tags, loading by every kind of URI, and prompts."""

from typing import Any

import mlflow
import numpy as np
from expect import MLFLOW_3, paged, refused
from mlflow.tracking import MlflowClient
from sklearn.linear_model import LinearRegression

POINTS = np.array([[0.0], [1.0], [2.0]])


def registered_models(client: MlflowClient) -> None:
    made = client.create_registered_model("shop", tags={"team": "vision"}, description="said")
    assert (made.name, made.tags, made.description) == ("shop", {"team": "vision"}, "said")
    assert made.creation_timestamp > 0
    client.update_registered_model("shop", "said again")
    client.set_registered_model_tag("shop", "stage", "one")
    client.delete_registered_model_tag("shop", "team")
    found = client.get_registered_model("shop")
    assert (found.description, found.tags, found.latest_versions) == ("said again", {"stage": "one"}, [])
    for number in range(3):
        client.create_registered_model(f"more-{number}")
    found = paged(
        lambda token: client.search_registered_models(max_results=2, order_by=["name DESC"], page_token=token)
    )
    assert [model.name for model in found] == ["shop", "more-2", "more-1", "more-0"]
    for text, names in (
        ("name LIKE 'more%'", ["more-0", "more-1", "more-2"]),
        ("name ILIKE 'SH%'", ["shop"]),
        ("name = 'more-1'", ["more-1"]),
        ("tags.stage = 'one'", ["shop"]),
    ):
        assert [model.name for model in client.search_registered_models(text)] == names, text
    client.delete_registered_model("more-0")
    refused(lambda: client.get_registered_model("more-0"), "RESOURCE_DOES_NOT_EXIST")
    refused(lambda: client.create_registered_model("shop"), "RESOURCE_ALREADY_EXISTS")
    refused(lambda: client.rename_registered_model("shop", "more-1"), "RESOURCE_ALREADY_EXISTS")
    refused(lambda: client.delete_registered_model("nothing"), "RESOURCE_DOES_NOT_EXIST")
    refused(lambda: client.create_registered_model(""), "INVALID_PARAMETER_VALUE")
    refused(lambda: client.search_registered_models("name >"), "INVALID_PARAMETER_VALUE")


def versions(client: MlflowClient) -> None:
    mlflow.set_experiment("registered")
    client.create_registered_model("versions")
    with mlflow.start_run() as run:
        mlflow.log_text("not a model", "model/MLmodel")
    run_id, source = run.info.run_id, f"{run.info.artifact_uri}/model"
    made = [
        client.create_model_version("versions", source, run_id, tags={"n": str(number)}, description=f"number {number}")
        for number in range(4)
    ]
    assert [str(version.version) for version in made] == ["1", "2", "3", "4"]
    first = client.get_model_version("versions", "1")
    assert (first.run_id, first.tags, first.description) == (run_id, {"n": "0"}, "number 0")
    assert (first.status, first.current_stage, first.source) == ("READY", "None", source)
    assert client.get_model_version_download_uri("versions", "1") == source
    client.update_model_version("versions", "1", "changed")
    client.set_model_version_tag("versions", "1", "k", "v")
    client.delete_model_version_tag("versions", "1", "n")
    first = client.get_model_version("versions", "1")
    assert (first.description, first.tags) == ("changed", {"k": "v"})
    client.delete_model_version("versions", "4")
    refused(lambda: client.get_model_version("versions", "4"), "RESOURCE_DOES_NOT_EXIST")
    found = paged(
        lambda token: client.search_model_versions(
            "name = 'versions'", max_results=2, order_by=["version_number DESC"], page_token=token
        )
    )
    assert [str(version.version) for version in found] == ["3", "2", "1"]
    for text, numbers in (
        (f"run_id = '{run_id}'", {"1", "2", "3"}),
        ("name = 'versions' AND tags.k = 'v'", {"1"}),
        ("name LIKE 'vers%'", {"1", "2", "3"}),
    ):
        assert {str(version.version) for version in client.search_model_versions(text)} == numbers, text
    refused(lambda: client.create_model_version("nothing", source, run_id), "RESOURCE_DOES_NOT_EXIST")
    refused(lambda: client.get_model_version("versions", "x"), "INVALID_PARAMETER_VALUE")
    client.rename_registered_model("versions", "renamed")
    assert str(client.get_model_version("renamed", "1").version) == "1"
    refused(lambda: client.get_model_version("versions", "1"), "RESOURCE_DOES_NOT_EXIST")
    client.delete_registered_model("renamed")
    assert list(client.search_model_versions("name = 'renamed'")) == []


def stages(client: MlflowClient) -> None:
    client.create_registered_model("staged")
    source = _source()
    for _ in range(3):
        client.create_model_version("staged", *source)
    client.transition_model_version_stage("staged", "1", "Production")
    client.transition_model_version_stage("staged", "2", "staging")
    moved = client.transition_model_version_stage("staged", "3", "Production", archive_existing_versions=True)
    assert (str(moved.version), moved.current_stage) == ("3", "Production")
    stages = {
        str(version.version): version.current_stage for version in client.search_model_versions("name = 'staged'")
    }
    assert stages == {"1": "Archived", "2": "Staging", "3": "Production"}
    latest = client.get_latest_versions("staged", stages=["Production", "Staging"])
    assert {str(version.version) for version in latest} == {"2", "3"}
    assert {str(version.version) for version in client.get_latest_versions("staged")} == {"1", "2", "3"}
    client.set_model_version_tag("staged", key="by", value="stage", stage="Staging")
    assert client.get_model_version("staged", "2").tags == {"by": "stage"}
    client.delete_model_version_tag("staged", key="by", stage="Staging")
    assert client.get_model_version_stages("staged", "1") == ["None", "Staging", "Production", "Archived"]
    refused(lambda: client.transition_model_version_stage("staged", "1", "Nowhere"), "INVALID_PARAMETER_VALUE")


def aliases(client: MlflowClient) -> None:
    client.create_registered_model("named")
    source = _source()
    for _ in range(2):
        client.create_model_version("named", *source)
    client.set_registered_model_alias("named", "best", "1")
    client.set_registered_model_alias("named", "newest", "2")
    assert str(client.get_model_version_by_alias("named", "best").version) == "1"
    client.set_registered_model_alias("named", "best", "2")
    found = client.get_registered_model("named").aliases
    assert {alias: str(version) for alias, version in found.items()} == {"best": "2", "newest": "2"}
    assert sorted(client.get_model_version("named", "2").aliases) == ["best", "newest"]
    assert client.get_model_version("named", "1").aliases == []
    client.delete_registered_model_alias("named", "newest")
    refused(lambda: client.get_model_version_by_alias("named", "newest"), "INVALID_PARAMETER_VALUE")
    refused(lambda: client.set_registered_model_alias("named", "latest", "1"), "INVALID_PARAMETER_VALUE")
    refused(lambda: client.set_registered_model_alias("named", "v1", "1"), "INVALID_PARAMETER_VALUE")
    refused(lambda: client.set_registered_model_alias("named", "best", "9"), "RESOURCE_DOES_NOT_EXIST")
    client.rename_registered_model("named", "named-anew")
    assert str(client.get_model_version_by_alias("named-anew", "best").version) == "2"


def loading(client: MlflowClient) -> None:
    mlflow.set_experiment("loading")
    run_id, uris = _logged(slope=2.0, registered="loaded")
    _logged(slope=3.0, registered="loaded")
    client.transition_model_version_stage("loaded", "1", "Production")
    client.set_registered_model_alias("loaded", "best", "1")
    for uri in (f"runs:/{run_id}/model", "models:/loaded/1", "models:/loaded/Production", "models:/loaded@best", *uris):
        assert np.allclose(mlflow.pyfunc.load_model(uri).predict(POINTS), POINTS[:, 0] * 2), uri
        assert isinstance(mlflow.sklearn.load_model(uri), LinearRegression), uri
    assert np.allclose(mlflow.pyfunc.load_model("models:/loaded/latest").predict(POINTS), POINTS[:, 0] * 3)
    assert mlflow.models.get_model_info("models:/loaded/1").run_id == run_id
    again = mlflow.register_model(f"runs:/{run_id}/model", "loaded", tags={"by": "hand"})
    assert (str(again.version), again.run_id, again.tags) == ("3", run_id, {"by": "hand"})
    copy = client.copy_model_version("models:/loaded/1", "copied")
    assert (copy.name, str(copy.version)) == ("copied", "1")
    assert np.allclose(mlflow.pyfunc.load_model("models:/copied/1").predict(POINTS), POINTS[:, 0] * 2)
    refused(lambda: mlflow.pyfunc.load_model("models:/loaded/9"), "RESOURCE_DOES_NOT_EXIST")
    refused(lambda: mlflow.pyfunc.load_model("models:/loaded@nobody"), "INVALID_PARAMETER_VALUE")


def prompts(client: MlflowClient) -> None:
    calls = mlflow.genai if MLFLOW_3 else mlflow
    calls.register_prompt("greeting", "Hello {{name}}", tags={"tone": "formal"})
    second = calls.register_prompt("greeting", "Hi {{name}}", commit_message="shorter")
    assert (str(second.version), second.commit_message) == ("2", "shorter")
    calls.set_prompt_alias("greeting", "best", 1)
    assert calls.load_prompt("prompts:/greeting@best").format(name="Ada") == "Hello Ada"
    assert calls.load_prompt("prompts:/greeting/2").template == "Hi {{name}}"
    calls.delete_prompt_alias("greeting", "best")
    refused(lambda: calls.load_prompt("prompts:/greeting@best"), None)
    assert "greeting" not in [model.name for model in client.search_registered_models()]


def _source() -> tuple[str, str]:
    """Source and run of a version that nobody loads."""
    with mlflow.start_run() as run:
        mlflow.log_text("not a model", "model/MLmodel")
    return f"{run.info.artifact_uri}/model", run.info.run_id


def _logged(*, slope: float, registered: str) -> tuple[str, list[str]]:
    """Log and register a model, and return its run and the URIs that only this client has for it."""
    given: dict[str, Any] = {"name": "model"} if MLFLOW_3 else {"artifact_path": "model"}
    given |= {"registered_model_name": registered, "pip_requirements": ["scikit-learn"]}
    with mlflow.start_run() as run:
        model = LinearRegression().fit(POINTS, POINTS[:, 0] * slope)
        logged = mlflow.sklearn.log_model(model, input_example=POINTS, **given)
    assert str(logged.registered_model_version) == ("1" if slope == 2.0 else "2")
    return run.info.run_id, [f"models:/{logged.model_id}"] if MLFLOW_3 else []


PARTS = (registered_models, versions, stages, aliases, loading, prompts)
