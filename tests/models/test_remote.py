"""Models of a server's store: logged from afar, found by every URI, and nothing half-done when something breaks."""

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import runlake
from runlake import logged_models, registry
from runlake.errors import InvalidInput, NotFound, RunlakeError, ServerUnavailable
from runlake.fluent import experiments
from runlake.models.verification import verify
from runlake.pyfunc import PythonModel
from runlake.remote.artifacts import ModelArtifacts
from runlake.stores import store_at
from tests.server.wire import Server, served
from tests.tracking import leftovers


class Echo(PythonModel):
    """Gives back what it gets."""

    def predict(self, context: Any, model_input: Any, params: dict[str, Any] | None = None) -> Any:
        return model_input


class Broken(PythonModel):
    """Cannot be pickled."""

    def __reduce__(self) -> Any:
        raise TypeError("no pickle of this")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with a store of its own."""
    with served(tmp_path_factory.mktemp("models")) as running:
        yield running


@pytest.fixture(autouse=True)
def in_force(server: Server) -> Iterator[None]:
    """Have the server in force for a test."""
    runlake.set_tracking_uri(server.url)
    runlake.set_error_policy("all")
    experiments.forget_choice()
    yield
    leftovers.end_all()
    runlake.set_tracking_uri("")


def test_a_model_is_logged_from_afar_and_found_by_every_uri(
    classifier: Any, iris: tuple[Any, Any], tmp_path: Path
) -> None:
    runlake.set_experiment("afar")
    with runlake.start_run() as run:
        runlake.log_param("depth", 3)
        runlake.log_metric("acc", 0.5)
        info = runlake.sklearn.log_model(
            classifier, name="model", input_example=iris[0][:2], registered_model_name="afar", tags={"team": "vision"}
        )
    registry.set_registered_model_alias("afar", "champion", 1)
    expected = classifier.predict(iris[0]).tolist()
    for uri in (f"runs:/{run.id}/model", info.model_uri, "models:/afar/1", "models:/afar@champion"):
        assert runlake.pyfunc.load_model(uri).predict(iris[0]).tolist() == expected, uri
    assert runlake.sklearn.load_model(info.model_uri).get_params() == classifier.get_params()
    assert runlake.pyfunc.load_model("models:/afar/1", dst_path=str(tmp_path / "copy")).model_id == info.model_id
    assert (info.params, info.tags["team"]) == ({"depth": "3"}, "vision")
    assert [(metric.key, metric.value) for metric in info.metrics] == [("acc", 0.5)]
    (output,) = runlake.get_run(run.id).outputs.model_outputs
    assert (output.model_id, output.step) == (info.model_id, 0)
    assert [point.value for point in runlake.MlflowClient().get_metric_history(run.id, "acc")] == [0.5]
    assert info.run_id == run.id
    experiment = runlake.get_experiment_by_name("afar")
    assert experiment is not None
    model = logged_models.get_logged_model(store_at(), str(info.model_id))
    assert (model.status, model.experiment_id) == ("READY", experiment.experiment_id)


def test_mlflows_client_loads_what_runlake_has_logged_and_the_other_way_round(
    server: Server, mlflow: ModuleType, classifier: Any, iris: tuple[Any, Any]
) -> None:
    with runlake.start_run() as run:
        info = runlake.sklearn.log_model(classifier, name="ours", input_example=iris[0][:2])
    program = f"""
import mlflow, warnings
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
warnings.simplefilter("ignore")
mlflow.set_tracking_uri({server.url!r})
data, target = load_iris(return_X_y=True, as_frame=True)
for uri in ("runs:/{run.id}/ours", {info.model_uri!r}):
    assert mlflow.pyfunc.load_model(uri).predict(data).tolist()[:3] == [0, 0, 0]
with mlflow.start_run() as run:
    model = LogisticRegression(max_iter=500).fit(data, target)
    mlflow.sklearn.log_model(model, name="theirs", pip_requirements=["scikit-learn"], registered_model_name="theirs")
    print(run.info.run_id)
"""
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", program], capture_output=True, text=True, timeout=50)
    assert done.returncode == 0, done.stderr
    theirs = done.stdout.split()[0]
    for uri in (f"runs:/{theirs}/theirs", "models:/theirs/1"):
        assert runlake.pyfunc.load_model(uri).predict(iris[0]).tolist() == classifier.predict(iris[0]).tolist()


def test_without_a_run_and_with_settings(server: Server) -> None:
    info = runlake.pyfunc.log_model(name="echo", python_model=Echo(), model_config={"a": {"b": 1}})
    assert (info.run_id, info.name) == (None, "echo")
    assert runlake.pyfunc.load_model(info.model_uri).model_config == {"a": {"b": 1}}
    with runlake.start_run() as run:
        runlake.pyfunc.log_model(name="echo", python_model=Echo(), model_config={"a": {"b": 1}})
    assert runlake.get_run(run.id).data.params == {"a/b": "1"}


def test_a_model_that_cannot_be_saved_is_failed_there(server: Server) -> None:
    with runlake.start_run() as run:
        with pytest.raises(InvalidInput, match="cloudpickle cannot save this Broken"):
            runlake.pyfunc.log_model(name="broken", python_model=Broken(), registered_model_name="broken")
        with pytest.raises(NotFound):
            runlake.pyfunc.load_model(f"runs:/{run.id}/broken")
    (output,) = runlake.get_run(run.id).outputs.model_outputs
    model = logged_models.get_logged_model(store_at(), output.model_id)
    assert model.status == "FAILED"
    store = store_at()
    assert not hasattr(store, "model_artifacts") or store.model_artifacts(model).list() == []


def test_artifacts_of_a_model_are_listed_and_fetched(server: Server, tmp_path: Path) -> None:
    (tmp_path / "words.txt").write_text("a b")
    info = runlake.pyfunc.log_model(name="files", python_model=Echo(), artifacts={"words": str(tmp_path / "words.txt")})
    listed = {file.path: file.is_dir for file in runlake.artifacts.list_artifacts(info.model_uri)}
    assert (listed["MLmodel"], listed["artifacts"]) == (False, True)
    assert runlake.artifacts.load_text(f"{info.artifact_path}/artifacts/words.txt") == "a b"
    fetched = Path(runlake.artifacts.download_artifacts(info.model_uri, dst_path=str(tmp_path / "fetched")))
    assert (fetched / "artifacts" / "words.txt").read_text() == "a b"


def test_a_signature_is_set_there(server: Server) -> None:
    with runlake.start_run() as run:
        info = runlake.pyfunc.log_model(name="echo", python_model=Echo())
    signature = runlake.models.infer_signature([1], [1])
    for uri in (info.model_uri, f"runs:/{run.id}/echo"):
        runlake.models.set_signature(uri, signature)
        assert runlake.models.get_model_info(info.model_uri).signature == signature


def test_what_describes_a_model_of_a_server_is_fetched_alone_and_not_left_behind(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, classifier: Any, iris: tuple[Any, Any]
) -> None:
    with runlake.start_run():
        info = runlake.sklearn.log_model(classifier, name="model", input_example=iris[0][:2])
    fetched: list[str] = []
    download = ModelArtifacts.download
    (temporary := tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))

    def noted(self: ModelArtifacts, artifact_path: str | None = None, dst_path: Any = None) -> str:
        fetched.append(artifact_path or "")
        return download(self, artifact_path, dst_path)

    monkeypatch.setattr(ModelArtifacts, "download", noted)
    assert runlake.models.get_model_info(info.model_uri).signature == info.signature
    assert "MLmodel" in fetched
    assert not {"", "model.skops", "input_example.json"} & set(fetched)
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize("uri", ["runs:/{run}/nope", "models:/m-none", "models:/none/1", "/etc", "models:/../x"])
def test_what_is_no_model_of_the_server_is_refused(server: Server, uri: str) -> None:
    with runlake.start_run() as run:
        pass
    with pytest.raises(RunlakeError):
        runlake.register_model(uri.format(run=run.id), "nobody")
    with pytest.raises((RunlakeError, NotFound)):
        runlake.pyfunc.load_model(uri.format(run=run.id))


def test_a_server_that_is_away_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNLAKE_LOCK_TIMEOUT_MS", "100")
    runlake.set_tracking_uri("http://127.0.0.1:9")
    with pytest.raises(ServerUnavailable):
        runlake.pyfunc.load_model("models:/m-1")


def test_verifying_a_model_of_a_server_leaves_no_copy_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "MLmodel").write_text("flavors: {}")
    with runlake.start_run() as run:
        runlake.log_artifacts(tmp_path / "model", "model")
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    found = verify(f"runs:/{run.info.run_id}/model")
    assert not found.passed
    assert "does not say what it requires" in found.checks[0].says
    assert list((tmp_path / "temporary").iterdir()) == []
