"""Logging models: what `log_model` gives, where the model is found afterwards, and what is left when it fails."""

import os
from pathlib import Path
from typing import Any

import pytest

import runlake
from runlake import config, logged_models, registry
from runlake.entities import LoggedModel, LoggedModelOutput
from runlake.errors import AlreadyExists, InvalidInput, NotFound, RunlakeError
from runlake.models import saving
from runlake.pyfunc import PythonModel
from runlake.store import Store
from runlake.stores import store_at
from tests.tracking.judge import Judge


class Echo(PythonModel):
    """Gives back what it gets."""

    def predict(self, context: Any, model_input: Any, params: dict[str, Any] | None = None) -> Any:
        return model_input


def models(run_id: str | None = None) -> list[LoggedModel]:
    """Every logged model of the default experiment, the newest first."""
    store = store_at()
    assert isinstance(store, Store)
    found = logged_models.search_logged_models(store, ["0"])
    return [model for model in found if run_id is None or model.source_run_id == run_id]


def test_a_model_of_the_active_run_is_found_by_every_uri(lake: Path, classifier: Any, iris: tuple[Any, Any]) -> None:
    with runlake.start_run() as run:
        info = runlake.sklearn.log_model(classifier, name="model", registered_model_name="flowers")
    expected = classifier.predict(iris[0]).tolist()
    uris = (f"runs:/{run.id}/model", info.model_uri, "models:/flowers/1", "models:/flowers/latest")
    for uri in (*uris, f"models:/{info.model_id}", str(info.artifact_path)):
        assert runlake.pyfunc.load_model(uri).predict(iris[0]).tolist() == expected, uri
    assert runlake.sklearn.load_model(info.model_uri).get_params() == classifier.get_params()
    assert runlake.pyfunc.load_model("models:/flowers/1").model_id == info.model_id


def test_what_log_model_returns_is_what_mlflows_returns(lake: Path, tmp_path: Path, judge: Judge) -> None:
    def logged(tracker: Any) -> dict[str, Any]:
        class Model(tracker.pyfunc.PythonModel):  # type: ignore[name-defined,misc]
            def predict(self, context, model_input):  # type: ignore[no-untyped-def]
                return model_input

        with tracker.start_run() as run:
            tracker.log_param("depth", 3)
            tracker.log_metric("acc", 0.25, step=1)
            tracker.log_metric("acc", 0.5, step=2)
            info = tracker.pyfunc.log_model(
                name="echo",
                python_model=Model(),
                pip_requirements=["cloudpickle"],
                params={"width": 4},
                tags={"team": "vision"},
                model_type="agent",
                step=2,
                metadata={"k": "v"},
                registered_model_name="echoes",
            )
            outputs = tracker.get_run(run.info.run_id).outputs.model_outputs
        assert info.model_uri == f"models:/{info.model_id}"
        assert (info.model_uuid, info.run_id) == (info.model_id, run.info.run_id)
        assert [(output.model_id, output.step) for output in outputs] == [(info.model_id, 2)]
        said = tracker.models.get_model_info(info.model_uri)
        return {
            "name": (info.name, said.name),
            "params": said.params,
            "tags": {key: value for key, value in said.tags.items() if key in ("team", "mlflow.source.type")},
            "metrics": [(metric.key, metric.value, metric.step) for metric in said.metrics],
            "metadata": info.metadata,
            "version": info.registered_model_version,
            "signature": info.signature,
            "flavors": set(info.flavors),
            "example": info.saved_input_example_info,
            "prompts": info.prompts,
            "env_vars": info.env_vars,
        }

    assert logged(runlake) == judge.answer(logged, tmp_path / "official")


def test_without_an_active_run_the_model_is_of_no_run(lake: Path) -> None:
    info = runlake.pyfunc.log_model(name="echo", python_model=Echo())
    assert (info.run_id, runlake.active_run()) == (None, None)
    (model,) = models()
    assert (model.status, model.source_run_id, model.experiment_id) == ("READY", None, "0")
    assert model.tags["mlflow.source.type"] == "LOCAL"
    assert runlake.pyfunc.load_model(info.model_uri).predict(3) == 3


def test_the_older_word_for_the_name_is_understood(lake: Path) -> None:
    with runlake.start_run() as run:
        info = runlake.pyfunc.log_model("echo", python_model=Echo())
        with pytest.raises(InvalidInput, match="both name and artifact_path"):
            runlake.pyfunc.log_model("a", name="b", python_model=Echo())
    assert info.name == "echo"
    assert runlake.pyfunc.load_model(f"runs:/{run.id}/echo").model_id == info.model_id


def test_the_last_model_of_a_name_is_the_one_of_the_run(lake: Path) -> None:
    with runlake.start_run() as run:
        runlake.pyfunc.log_model(name="echo", python_model=Echo())
        second = runlake.pyfunc.log_model(name="echo", python_model=Echo())
        runlake.log_text("mine", "notes/echo.txt")
    assert runlake.pyfunc.load_model(f"runs:/{run.id}/echo").model_id == second.model_id
    manifest = runlake.artifacts.load_text(f"runs:/{run.id}/echo/MLmodel")
    assert str(second.model_id) in manifest
    assert runlake.artifacts.load_text(f"runs:/{run.id}/notes/echo.txt") == "mine"


def test_metrics_of_the_step_are_the_models(lake: Path) -> None:
    with runlake.start_run():
        for step in range(3):
            runlake.log_metrics({"loss": 1 / (1 + step), "acc": step / 10}, step=step)
        info = runlake.pyfunc.log_model(name="echo", python_model=Echo(), step=1)
        assert len(runlake.MlflowClient().get_metric_history(str(info.run_id), "loss")) == 3
    assert {metric.key: metric.value for metric in info.metrics} == {"loss": 0.5, "acc": 0.1}


def test_settings_of_a_model_are_parameters_of_its_run(lake: Path) -> None:
    with runlake.start_run() as run:
        runlake.pyfunc.log_model(name="echo", python_model=Echo(), model_config={"a": 1, "deep": {"b": [1, 2]}})
    assert runlake.get_run(run.id).data.params == {"a": "1", "deep/b": "[1, 2]"}


def test_a_model_that_was_made_before_gets_its_files(lake: Path) -> None:
    made = logged_models.create_logged_model(store_at(), "0", "early")
    info = runlake.pyfunc.log_model(python_model=Echo(), model_id=made.model_id)
    assert (info.model_id, info.name) == (made.model_id, "early")
    assert logged_models.get_logged_model(store_at(), made.model_id).status == "READY"


def test_a_logged_model_with_files_keeps_them(lake: Path) -> None:
    info = runlake.pyfunc.log_model(name="echo", python_model=Echo())
    for model in (Echo(), Broken()):
        with pytest.raises(AlreadyExists, match=f"{info.model_id} has its files already"):
            runlake.pyfunc.log_model(python_model=model, model_id=info.model_id)
    assert runlake.get_logged_model(str(info.model_id)).status == "READY"
    assert runlake.pyfunc.load_model(info.model_uri).predict([1]) == [1]


def test_a_run_names_its_last_model_that_is_whole(lake: Path) -> None:
    with runlake.start_run() as run:
        info = runlake.pyfunc.log_model(name="echo", python_model=Echo())
        begun = logged_models.create_logged_model(store_at(), "0", "echo", run.id)
        logged_models.log_outputs(store_at(), run.id, [LoggedModelOutput(begun.model_id, 0)])
    assert runlake.pyfunc.load_model(f"runs:/{run.id}/echo").model_id == info.model_id
    assert runlake.register_model(f"runs:/{run.id}/echo", "echoes").model_id == info.model_id


# -- what is left when it fails


class Broken(PythonModel):
    """Cannot be pickled."""

    def __reduce__(self) -> Any:
        raise TypeError("no pickle of this")


def assert_nothing_is_left(lake: Path) -> None:
    assert {model.status for model in models()} <= {"FAILED"}
    assert [file for file in (lake / "artifacts" / "0" / "models").rglob("*") if file.is_file()] == []


def test_a_model_that_cannot_be_saved_is_failed_and_has_no_files(lake: Path) -> None:
    with runlake.start_run() as run:
        with pytest.raises(InvalidInput, match="cloudpickle cannot save this Broken"):
            runlake.pyfunc.log_model(name="broken", python_model=Broken(), registered_model_name="broken")
        with pytest.raises(NotFound):
            runlake.pyfunc.load_model(f"runs:/{run.id}/broken")
    assert [model.status for model in models(run.id)] == ["FAILED"]
    assert_nothing_is_left(lake)
    with pytest.raises(NotFound):
        runlake.pyfunc.load_model("models:/broken/1")


def test_a_copy_that_breaks_off_leaves_no_files(lake: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from runlake.artifacts import Artifacts

    take = Artifacts._copy_in

    def breaks(self: Artifacts, local: str, artifact_file: str) -> None:
        if artifact_file.endswith("python_model.pkl"):
            raise OSError(28, os.strerror(28))
        take(self, local, artifact_file)

    monkeypatch.setattr(Artifacts, "_copy_in", breaks)
    with runlake.start_run(), pytest.raises(OSError, match="No space left"):
        runlake.pyfunc.log_model(name="echo", python_model=Echo())
    assert_nothing_is_left(lake)


@pytest.mark.parametrize("name", ["a/b", "../x", "a:b", "a%2fb", "x" * 501, ""])
def test_a_name_that_is_not_legal_is_refused_before_anything_is_written(lake: Path, name: str) -> None:
    with runlake.start_run(), pytest.raises(InvalidInput):
        runlake.pyfunc.log_model(name=name, python_model=Echo())
    assert models() == []


@pytest.mark.parametrize("name", ["a/b", "a:b", "x" * 1000, "", "..", "\uff4dodel"])
def test_a_registered_name_that_is_not_legal_is_refused_before_anything_is_written(lake: Path, name: str) -> None:
    with runlake.start_run(), pytest.raises(InvalidInput):
        runlake.pyfunc.log_model(name="echo", python_model=Echo(), registered_model_name=name)
    assert models() == []


# -- registering


def test_the_log_of_the_registry_says_who_registered(lake: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(config, "os_user", lambda: "ada")
    with runlake.start_run():
        info = runlake.pyfunc.log_model(name="echo", python_model=Echo(), registered_model_name="echoes")
    runlake.register_model(info.model_uri, "echoes")
    told = [(event.action, event.user_id) for event in registry.log("echoes")]
    assert told == [("create_model", "ada"), ("create_version", "ada"), ("create_version", "ada")]


def test_a_registry_that_is_elsewhere_is_loaded_from_and_gets_no_models_of_another_store(
    lake: Path, tmp_path: Path
) -> None:
    with runlake.start_run():
        here = runlake.pyfunc.log_model(name="echo", python_model=lambda data: "here", registered_model_name="echoes")
    runlake.set_tracking_uri(tmp_path / "other")
    with runlake.start_run():
        runlake.pyfunc.log_model(name="echo", python_model=lambda data: "there", registered_model_name="echoes")
    runlake.set_registry_uri(lake)
    try:
        assert runlake.pyfunc.load_model("models:/echoes/1").predict(1) == "here"
        with pytest.raises(InvalidInput, match="a registry has the models of its own store"), runlake.start_run():
            runlake.pyfunc.log_model(name="echo", python_model=Echo(), registered_model_name="echoes")
        with pytest.raises(InvalidInput, match="a registry has the models of its own store"):
            runlake.register_model(here.model_uri, "echoes")
        runlake.set_tracking_uri(lake)
        assert runlake.register_model(here.model_uri, "echoes").version == 2
    finally:
        runlake.set_registry_uri("")


def test_models_are_registered_by_every_uri(lake: Path) -> None:
    with runlake.start_run() as run:
        info = runlake.pyfunc.log_model(name="echo", python_model=Echo())
        runlake.log_text("{}", "old/MLmodel")
    first = runlake.register_model(f"runs:/{run.id}/echo", "echoes", tags={"a": 1})
    second = runlake.register_model(info.model_uri, "echoes", await_registration_for=None)
    third = runlake.register_model("models:/echoes/1", "copies")
    fourth = runlake.register_model(f"runs:/{run.id}/old", "echoes")
    assert [version.version for version in (first, second, third, fourth)] == [1, 2, 1, 3]
    assert (first.source, first.run_id, first.tags) == (info.model_uri, run.id, {"a": "1"})
    assert (second.source, third.run_id, fourth.source) == (info.model_uri, run.id, f"runs:/{run.id}/old")
    for uri in ("models:/echoes/1", "models:/echoes/2", "models:/copies/1"):
        assert runlake.pyfunc.load_model(uri).predict(5) == 5


@pytest.mark.parametrize(
    "uri",
    [
        "runs:/{run}/nope",
        "runs:/{run}",
        "runs:/{run}/../other",
        "runs:/{run}/echo/../../x",
        "runs:/none/echo",
        "models:/m-none",
        "models:/echoes/17",
        "models:/echoes@champion",
        "models:/../x",
        "models:/echoes/1#x",
        "/etc",
        "file:///etc/passwd",
        "http://127.0.0.1/model",
        "dbfs:/../x",
        "",
    ],
)
def test_what_is_no_model_of_the_store_is_not_registered(lake: Path, uri: str) -> None:
    with runlake.start_run() as run:
        runlake.pyfunc.log_model(name="echo", python_model=Echo(), registered_model_name="echoes")
    with pytest.raises(RunlakeError):
        runlake.register_model(uri.format(run=run.id), "others")
    with pytest.raises(NotFound):
        registry.get_registered_model("others")
    with pytest.raises((RunlakeError, NotFound)):
        runlake.pyfunc.load_model(uri.format(run=run.id))


def test_a_flavor_that_is_a_module_is_logged_as_mlflows_are(lake: Path) -> None:
    class Shop:
        """What a third party has written for MLflow: a module with save_model."""

        __name__ = "shop"

        @staticmethod
        def save_model(path: str, mlflow_model: Any, answer: int) -> None:
            os.makedirs(path)
            runlake.pyfunc.add_to_model(mlflow_model, loader_module="shop", answer=answer)
            mlflow_model.save(os.path.join(path, "MLmodel"))

    with runlake.start_run() as run:
        info = runlake.models.Model.log("shop", Shop(), answer=42, metadata={"a": 1})
    assert info.flavors["python_function"]["answer"] == 42
    kept = runlake.models.Model.load(f"runs:/{run.id}/shop")
    assert (kept.metadata, kept.model_id, kept.run_id) == ({"a": 1}, info.model_id, run.id)


def test_files_that_importing_has_left_are_not_saved(tmp_path: Path) -> None:
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs" / "__pycache__").mkdir()
    (tmp_path / "theirs" / "__pycache__" / "a.pyc").write_bytes(b"")
    (tmp_path / "theirs" / "a.py").write_text("")
    runlake.pyfunc.save_model(tmp_path / "model", python_model=Echo(), code_paths=[str(tmp_path / "theirs")])
    kept = sorted(file.name for file in (tmp_path / "model" / saving.CODE).rglob("*"))
    assert kept == ["a.py", "theirs"]
