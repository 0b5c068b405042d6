"""Saved models and their environments: written with every model, held against what is installed when it is loaded."""

import importlib
import logging
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

import runlake
from runlake.models import Model
from runlake.models.environment import Environment
from tests.models import installing


def names(folder: Path) -> set[str]:
    return {line.partition("==")[0] for line in Environment.read(folder).requirements}


def test_a_scikit_learn_model_requires_what_loads_it_and_not_what_the_process_has_loaded(
    tmp_path: Path, classifier: Any
) -> None:
    importlib.import_module("polars")
    runlake.sklearn.save_model(classifier, tmp_path / "model")
    found = names(tmp_path / "model")
    assert {"scikit-learn", "skops", "numpy", "scipy", "runlake"} <= found
    assert not found & {"polars", "pytest", "mlflow", "hypothesis"}
    assert Environment.read(tmp_path / "model").unpinned == ()


def test_the_manifest_has_the_hash_of_the_environment_and_mlflow_keeps_it(
    tmp_path: Path, classifier: Any, mlflow: ModuleType
) -> None:
    folder = tmp_path / "model"
    runlake.sklearn.save_model(classifier, folder)
    expected = Environment.read(folder).lock_hash
    assert yaml.safe_load((folder / "MLmodel").read_text())["runlake"]["lock_hash"] == expected
    assert mlflow.models.Model.load(str(folder)).to_dict()["runlake"]["lock_hash"] == expected
    assert Model.load(folder).others["runlake"]["lock_hash"] == expected


def test_requirements_of_the_call_go_into_the_files(tmp_path: Path, classifier: Any) -> None:
    runlake.sklearn.save_model(classifier, tmp_path / "own", pip_requirements=["scikit-learn", "skops>=0.13"])
    assert names(tmp_path / "own") == {"scikit-learn", "skops>=0.13", "runlake"}
    runlake.sklearn.save_model(classifier, tmp_path / "more", extra_pip_requirements=["pytest"])
    assert {"pytest", "scikit-learn", "skops"} <= names(tmp_path / "more")
    conda = {"name": "own", "dependencies": ["python=3.11.7", {"pip": ["skops==0.13"]}]}
    runlake.sklearn.save_model(classifier, tmp_path / "conda", conda_env=conda)
    assert names(tmp_path / "conda") == {"skops", "runlake"}


def test_code_that_is_saved_with_the_model_is_required_of_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    project = tmp_path / "project"
    project.mkdir()
    (project / "s_features.py").write_text("def doubled(data):\n    return data\n")
    monkeypatch.syspath_prepend(project)
    features = importlib.import_module("s_features")
    try:
        transformer = importlib.import_module("sklearn.preprocessing").FunctionTransformer(features.doubled)
        options = {"serialization_format": "cloudpickle"}
        runlake.sklearn.save_model(
            transformer, tmp_path / "with", code_paths=[str(project / "s_features.py")], **options
        )
        assert [record.message for record in caplog.records if "no installed distribution" in record.message] == []
        runlake.sklearn.save_model(transformer, tmp_path / "without", **options)
        assert "s_features" in caplog.text
    finally:
        sys.modules.pop("s_features", None)


@pytest.mark.parametrize("load", ["pyfunc", "sklearn"])
def test_loading_says_what_is_installed_in_another_version(
    tmp_path: Path, classifier: Any, load: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "model"
    runlake.sklearn.save_model(classifier, folder, extra_pip_requirements=["s-other==1.0"])
    caplog.clear()
    installing.put(tmp_path / "site", "s-other", "2.0", {})
    monkeypatch.syspath_prepend(tmp_path / "site")
    getattr(runlake, load).load_model(str(folder))
    (record,) = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert "s-other 1.0 (here 2.0)" in record.message


def test_the_warning_can_be_suppressed(tmp_path: Path, classifier: Any, caplog: pytest.LogCaptureFixture) -> None:
    runlake.sklearn.save_model(classifier, tmp_path / "model", extra_pip_requirements=["s-other==1.0"])
    caplog.clear()
    runlake.pyfunc.load_model(str(tmp_path / "model"), suppress_warnings=True)
    assert caplog.records == []


class Summing(runlake.pyfunc.PythonModel):
    """A model that takes frames and imports nothing itself."""

    def predict(self, context: Any, model_input: Any, params: Any = None) -> Any:
        return model_input["a"] + model_input["b"]


def test_a_model_needs_what_its_example_is_made_of(tmp_path: Path) -> None:
    pandas = importlib.import_module("pandas")
    cloudpickle = importlib.import_module("cloudpickle")
    cloudpickle.register_pickle_by_value(sys.modules[__name__])
    try:
        frame = pandas.DataFrame({"a": [1], "b": [2]})
        runlake.pyfunc.save_model(tmp_path / "frame", python_model=Summing(), input_example=frame)
        runlake.pyfunc.save_model(tmp_path / "none", python_model=Summing())
    finally:
        cloudpickle.unregister_pickle_by_value(sys.modules[__name__])
    assert {"cloudpickle", "pandas", "numpy"} <= names(tmp_path / "frame")
    assert names(tmp_path / "none") == {"cloudpickle", "runlake"}


def test_a_model_from_code_needs_what_its_script_imports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installing.put(tmp_path / "site", "s-script", "1.0", {"s_script.py": ""})
    monkeypatch.syspath_prepend(tmp_path / "site")
    script = tmp_path / "script.py"
    script.write_text(
        "import s_script\nfrom runlake.models import set_model\nfrom runlake.pyfunc import PythonModel\n"
        "class Model(PythonModel):\n    def predict(self, context, model_input, params=None):\n"
        "        import polars\n        return model_input\nset_model(Model())\n"
    )
    runlake.pyfunc.save_model(tmp_path / "model", python_model=str(script), input_example={"a": [1]}, signature=False)
    assert {"s-script", "polars", "runlake"} <= names(tmp_path / "model")
    sys.modules.pop("s_script", None)
