"""Registered and logged models through MLflow's package: what the catalog keeps is what the server's clients read."""

from pathlib import Path
from typing import Any

import pytest

from runlake import config
from runlake.registry import gates
from runlake.store import get_store
from tests.mlflow_plugin.conftest import uri
from tests.mlflow_plugin.test_tracking_store import refused


@pytest.fixture
def source(client: Any, run_id: str) -> str:
    """Where MLflow says that a model of the run is."""
    client.log_text(run_id, "flavors: {}", "a model/MLmodel")
    return f"{client.get_run(run_id).info.artifact_uri}/a model"


def test_a_source_is_kept_as_the_server_knows_it_and_opened_where_it_is(
    client: Any, run_id: str, lake: Path, source: str
) -> None:
    from mlflow.artifacts import download_artifacts

    client.create_registered_model("shop")
    made = client.create_model_version("shop", source, run_id)
    kept = get_store(lake).catalog.get_version("shop", 1)
    assert kept.source == f"mlflow-artifacts:/0/{run_id}/artifacts/a model"
    assert Path(download_artifacts(made.source)) == lake / "artifacts" / "0" / run_id / "a model"
    assert client.get_model_version_download_uri("shop", "1") == made.source
    (found,) = client.search_model_versions("name = 'shop'")
    assert (found.source, found.run_id, found.version) == (made.source, run_id, "1")


def test_a_copy_of_a_version_has_the_files_of_the_first(client: Any, run_id: str, source: str) -> None:
    client.create_registered_model("shop")
    first = client.create_model_version("shop", source, run_id)
    copy = client.copy_model_version("models:/shop/1", "copied")
    assert copy.source == "models:/shop/1"
    assert client.get_model_version_download_uri("copied", "1") == first.source


def test_an_experiment_with_a_folder_of_its_own_has_its_models_there(client: Any, tmp_path: Path) -> None:
    experiment_id = client.create_experiment("apart", artifact_location=uri(tmp_path / "apart"))
    run_id = client.create_run(experiment_id).info.run_id
    client.log_text(run_id, "flavors: {}", "model/MLmodel")
    client.create_registered_model("shop")
    made = client.create_model_version("shop", f"{client.get_run(run_id).info.artifact_uri}/model", run_id)
    assert made.source == f"{uri(tmp_path / 'apart')}/{run_id}/model"


@pytest.mark.parametrize(
    "where", ["/etc", "runlake:///etc", "file:///etc", "{}/../../../..", "{}-other/model", "ftp://h/x"]
)
def test_a_source_outside_of_the_run_is_refused(client: Any, run_id: str, source: str, where: str) -> None:
    client.create_registered_model("shop")
    root = source.removesuffix("/a model")
    with refused("INVALID_PARAMETER_VALUE", "Invalid model version source"):
        client.create_model_version("shop", where.format(root), run_id)
    assert client.search_model_versions("name = 'shop'") == []


def test_changes_of_the_registry_name_the_user(client: Any, lake: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOGNAME", "ada")
    client.create_registered_model("shop")
    (event,) = get_store(lake).catalog.registry_events()
    assert (event.user_id, config.user_name()) == ("ada", "ada")


def test_a_metric_of_a_model_is_one_of_the_run_as_well(client: Any, run_id: str, lake: Path) -> None:
    if not hasattr(client, "create_logged_model"):
        pytest.skip("MLflow 2 has no logged models")
    model_id = client.create_logged_model("0", name="net", source_run_id=run_id).model_id
    client.log_metric(run_id, "loss", 0.5, step=3, model_id=model_id)
    assert client.get_run(run_id).data.metrics == {"loss": 0.5}
    (metric,) = client.get_logged_model(model_id).metrics
    assert (metric.key, metric.value, metric.step, metric.run_id) == ("loss", 0.5, 3, run_id)
    with refused("RESOURCE_DOES_NOT_EXIST"):
        client.log_metric(run_id, "loss", 0.25, step=4, model_id="m-" + "0" * 32)
    assert len(client.get_metric_history(run_id, "loss")) == 1
    assert client.get_logged_model(model_id).artifact_location == uri(lake / "artifacts" / "0" / "models" / model_id)


@pytest.mark.filterwarnings("ignore:.*transition_model_version_stage.*:FutureWarning")
def test_what_mlflow_promotes_passes_the_gates(client: Any, run_id: str, lake: Path, source: str) -> None:
    client.create_registered_model("shop")
    client.create_model_version("shop", source, run_id)
    store = get_store(lake)
    gates.set_gate(store, "shop", "Production", require="metrics.val_auc > 0.89")
    gates.set_gate(store, "shop", "@champion", signature=True)
    with refused("RESOURCE_CONFLICT", "metrics.val_auc is not logged"):
        client.transition_model_version_stage("shop", "1", "Production")
    with refused("RESOURCE_CONFLICT", "the model has a signature; the model has none"):
        client.set_registered_model_alias("shop", "champion", "1")
    client.log_metric(run_id, "val_auc", 0.9)
    assert client.transition_model_version_stage("shop", "1", "Production").current_stage == "Production"
    with refused("RESOURCE_CONFLICT", "cannot be deleted"):
        client.delete_model_version("shop", "1")
    with refused("RESOURCE_CONFLICT", "cannot be deleted"):
        client.delete_registered_model("shop")
