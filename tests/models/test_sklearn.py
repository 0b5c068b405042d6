"""Models of scikit-learn: skops unless asked otherwise, both ways to and from MLflow, and no code that runs unasked."""

import os
import pickle
import shutil
import subprocess
import sys
import warnings
import zipfile
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.preprocessing import FunctionTransformer

import runlake
from runlake.errors import AlreadyExists, Corrupt, InvalidInput, NotFound, Untrusted

FORMATS = ("skops", "pickle", "cloudpickle")


class Constant(ClassifierMixin, BaseEstimator):
    """An estimator that nobody but this module knows."""

    def __init__(self, answer: int = 7) -> None:
        self.answer = answer

    def fit(self, data: Any, target: Any) -> "Constant":
        self.classes_ = [self.answer]
        return self

    def predict(self, data: Any) -> list[int]:
        return [self.answer] * len(data)


class Bomb:
    """A pickle that leaves a mark where it is loaded."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.mark),)


def changed(folder: Path, flavor: str, **keys: Any) -> None:
    """Change what the manifest says of a flavor."""
    manifest = yaml.safe_load((folder / "MLmodel").read_text())
    manifest["flavors"][flavor].update(keys)
    (folder / "MLmodel").write_text(yaml.safe_dump(manifest))


@pytest.mark.parametrize("form", FORMATS)
def test_a_saved_model_predicts_as_before_here_and_in_mlflow(
    tmp_path: Path, form: str, classifier: Any, iris: tuple[Any, Any], mlflow: ModuleType
) -> None:
    runlake.sklearn.save_model(classifier, tmp_path / "model", serialization_format=form)
    expected = classifier.predict(iris[0]).tolist()
    ours = runlake.sklearn.load_model(str(tmp_path / "model"), trust_pickle=form != "skops")
    function = runlake.pyfunc.load_model(str(tmp_path / "model"), trust_pickle=form != "skops")
    theirs = mlflow.sklearn.load_model(str(tmp_path / "model"))
    their_function = mlflow.pyfunc.load_model(str(tmp_path / "model"), suppress_warnings=True)
    assert all(model.predict(iris[0]).tolist() == expected for model in (ours, function, theirs, their_function))
    assert type(function.get_raw_model()) is type(classifier)


@pytest.mark.parametrize("form", FORMATS)
def test_a_model_that_mlflow_saved_is_loaded(
    tmp_path: Path, form: str, classifier: Any, iris: tuple[Any, Any], mlflow: ModuleType
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        mlflow.sklearn.save_model(
            classifier, str(tmp_path / "model"), serialization_format=form, pip_requirements=["scikit-learn"]
        )
    trusted = form != "skops"
    for load in (runlake.sklearn.load_model, runlake.pyfunc.load_model):
        loaded = load(str(tmp_path / "model"), trust_pickle=trusted)
        assert loaded.predict(iris[0]).tolist() == classifier.predict(iris[0]).tolist()


def test_the_manifest_says_what_mlflows_says(tmp_path: Path, classifier: Any, mlflow: ModuleType) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        mlflow.sklearn.save_model(classifier, str(tmp_path / "theirs"), pip_requirements=["scikit-learn"])
    runlake.sklearn.save_model(classifier, tmp_path / "ours")
    ours, theirs = (yaml.safe_load((tmp_path / name / "MLmodel").read_text()) for name in ("ours", "theirs"))
    assert ours["flavors"]["sklearn"] == theirs["flavors"]["sklearn"]
    assert theirs["flavors"]["python_function"].items() <= ours["flavors"]["python_function"].items()
    assert set(theirs) <= set(ours)


@pytest.mark.parametrize("method", ["predict_proba", "score"])
def test_another_method_predicts_when_asked_for(
    tmp_path: Path, classifier: Any, iris: tuple[Any, Any], method: str
) -> None:
    runlake.sklearn.save_model(classifier, tmp_path / "model", pyfunc_predict_fn=method)
    loaded = runlake.pyfunc.load_model(str(tmp_path / "model"))
    if method == "predict_proba":
        assert (loaded.predict(iris[0]) == classifier.predict_proba(iris[0])).all()


def test_an_estimator_that_cannot_predict_is_no_python_function(tmp_path: Path) -> None:
    from sklearn.preprocessing import StandardScaler

    runlake.sklearn.save_model(StandardScaler().fit([[1.0], [2.0]]), tmp_path / "model")
    assert runlake.sklearn.load_model(str(tmp_path / "model")).transform([[1.5]]).tolist() == [[0.0]]
    with pytest.raises(NotFound, match="no flavor 'python_function'"):
        runlake.pyfunc.load_model(str(tmp_path / "model"))


# -- trust


@pytest.mark.parametrize("form", ["pickle", "cloudpickle"])
@pytest.mark.parametrize("load", [runlake.sklearn.load_model, runlake.pyfunc.load_model], ids=["sklearn", "pyfunc"])
def test_a_pickle_is_refused_until_it_is_trusted(tmp_path: Path, classifier: Any, form: str, load: Any) -> None:
    runlake.sklearn.save_model(classifier, tmp_path / "model", serialization_format=form)
    with pytest.raises(Untrusted, match=r"model.pkl is a pickle") as caught:
        load(str(tmp_path / "model"))
    assert "trust_pickle=True" in str(caught.value.hint)
    assert load(str(tmp_path / "model"), trust_pickle=True) is not None


def test_the_environment_may_trust_pickles(tmp_path: Path, classifier: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    runlake.sklearn.save_model(classifier, tmp_path / "model", serialization_format="pickle")
    monkeypatch.setenv("RUNLAKE_TRUST_PICKLE", "true")
    assert runlake.sklearn.load_model(str(tmp_path / "model")).get_params() == classifier.get_params()
    with pytest.raises(Untrusted):
        runlake.sklearn.load_model(str(tmp_path / "model"), trust_pickle=False)
    monkeypatch.setenv("RUNLAKE_TRUST_PICKLE", "perhaps")
    with pytest.raises(InvalidInput, match="RUNLAKE_TRUST_PICKLE is 'perhaps'"):
        runlake.sklearn.load_model(str(tmp_path / "model"))


def test_a_pickle_in_the_place_of_a_skops_file_is_never_loaded(tmp_path: Path, classifier: Any) -> None:
    runlake.sklearn.save_model(classifier, tmp_path / "model")
    (tmp_path / "model" / "model.skops").write_bytes(pickle.dumps(Bomb(tmp_path / "exploded")))
    for trusted in (False, True):
        with pytest.raises(Corrupt, match=r"model.skops is a pickle and no skops file"):
            runlake.sklearn.load_model(str(tmp_path / "model"), trust_pickle=trusted)
    assert not (tmp_path / "exploded").exists()


def test_a_pickle_inside_a_skops_file_is_never_loaded(tmp_path: Path, classifier: Any) -> None:
    runlake.sklearn.save_model(classifier, tmp_path / "model")
    file = tmp_path / "model" / "model.skops"
    with zipfile.ZipFile(file) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    arrays = [name for name in entries if name.endswith(".npy")]
    assert arrays
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in entries.items():
            archive.writestr(name, pickle.dumps(Bomb(tmp_path / "exploded")) if name in arrays else content)
    with pytest.raises(Corrupt, match=r"model.skops is cut off or garbled"):
        runlake.sklearn.load_model(str(tmp_path / "model"))
    assert not (tmp_path / "exploded").exists()


def test_a_manifest_that_calls_a_skops_file_a_pickle_does_not_get_it_loaded(tmp_path: Path, classifier: Any) -> None:
    runlake.sklearn.save_model(classifier, tmp_path / "model")
    changed(tmp_path / "model", "sklearn", serialization_format="cloudpickle")
    with pytest.raises(Untrusted, match="trust_pickle=True"):
        runlake.sklearn.load_model(str(tmp_path / "model"))
    changed(tmp_path / "model", "sklearn", serialization_format="joblib")
    with pytest.raises(Corrupt, match=r"'joblib' under 'flavors.sklearn.serialization_format'"):
        runlake.sklearn.load_model(str(tmp_path / "model"))


def test_types_that_are_not_known_are_named_when_a_model_is_saved(tmp_path: Path) -> None:
    model = Constant().fit([[1]], [1])
    named = f"{Constant.__module__}.Constant"
    with pytest.raises(Untrusted, match=named) as caught:
        runlake.sklearn.save_model(model, tmp_path / "model")
    assert f"skops_trusted_types=['{named}']" in str(caught.value.hint)
    assert list(tmp_path.iterdir()) == []


def test_types_that_a_model_says_are_harmless_are_not_believed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    named = f"{Constant.__module__}.Constant"
    runlake.sklearn.save_model(Constant().fit([[1]], [1]), tmp_path / "model", skops_trusted_types=[named])
    assert runlake.sklearn.load_model(str(tmp_path / "model")).predict([0]) == [7]  # this process has just said so
    monkeypatch.setattr("runlake.models.trust._written", {})  # another one has not
    for load in (runlake.sklearn.load_model, runlake.pyfunc.load_model):
        with pytest.raises(Untrusted, match=rf"model.skops has types .* harmless: {named}"):
            load(str(tmp_path / "model"))
    assert runlake.sklearn.load_model(str(tmp_path / "model"), skops_trusted_types=[named]).predict([0]) == [7]
    assert runlake.pyfunc.load_model(str(tmp_path / "model"), trusted_types=[named]).predict([0]) == [7]
    assert runlake.sklearn.load_model(str(tmp_path / "model"), trust_pickle=True).predict([0]) == [7]


def test_a_function_in_a_model_is_a_type_that_has_to_be_trusted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = FunctionTransformer(os.path.basename)
    runlake.sklearn.save_model(model, tmp_path / "model", skops_trusted_types=["posixpath.basename"])
    monkeypatch.setattr("runlake.models.trust._written", {})
    with pytest.raises(Untrusted, match=r"posixpath.basename"):
        runlake.sklearn.load_model(str(tmp_path / "model"))


# -- what is wrong


@pytest.mark.parametrize("keep", [0, 10, 500, -30])
@pytest.mark.parametrize("form", FORMATS)
def test_a_file_that_is_cut_off_is_named(tmp_path: Path, classifier: Any, form: str, keep: int) -> None:
    runlake.sklearn.save_model(classifier, tmp_path / "model", serialization_format=form)
    file = tmp_path / "model" / ("model.skops" if form == "skops" else "model.pkl")
    file.write_bytes(file.read_bytes()[:keep])
    with pytest.raises(Corrupt) as caught:
        runlake.sklearn.load_model(str(tmp_path / "model"), trust_pickle=True)
    assert str(file) in str(caught.value)


def test_a_file_that_is_missing_is_named(tmp_path: Path, classifier: Any) -> None:
    runlake.sklearn.save_model(classifier, tmp_path / "model")
    (tmp_path / "model" / "model.skops").unlink()
    with pytest.raises(NotFound, match=r"model/model.skops is missing"):
        runlake.sklearn.load_model(str(tmp_path / "model"))


@pytest.mark.parametrize("path", ["../model.skops", "/etc/passwd", "a/../../b", "..\\b", "%2e%2e/model.skops"])
def test_a_file_outside_of_the_model_is_not_opened(tmp_path: Path, classifier: Any, path: str) -> None:
    runlake.sklearn.save_model(classifier, tmp_path / "model")
    shutil.copy(tmp_path / "model" / "model.skops", tmp_path)
    changed(tmp_path / "model", "sklearn", pickled_model=path)
    with pytest.raises((Corrupt, NotFound), match="pickled_model"):
        runlake.sklearn.load_model(str(tmp_path / "model"))


def test_a_folder_that_has_something_in_it_is_left_alone(tmp_path: Path, classifier: Any) -> None:
    runlake.sklearn.save_model(classifier, tmp_path / "model")
    before = sorted(file.name for file in (tmp_path / "model").iterdir())
    with pytest.raises(AlreadyExists, match="already exists and is not empty"):
        runlake.sklearn.save_model(classifier, tmp_path / "model")
    assert sorted(file.name for file in (tmp_path / "model").iterdir()) == before
    (tmp_path / "empty").mkdir()
    runlake.sklearn.save_model(classifier, tmp_path / "empty")
    assert (tmp_path / "empty" / "MLmodel").exists()


def test_what_cannot_be_saved_leaves_nothing(tmp_path: Path, classifier: Any) -> None:
    with pytest.raises(InvalidInput, match="serialization_format is 'joblib'"):
        runlake.sklearn.save_model(classifier, tmp_path / "model", serialization_format="joblib")
    with pytest.raises(InvalidInput, match="skops cannot save"):
        runlake.sklearn.save_model(FunctionTransformer(lambda data: data), tmp_path / "model")
    with pytest.raises(NotFound, match="no file or folder"):
        runlake.sklearn.save_model(classifier, tmp_path / "model", code_paths=["nowhere.py"])
    assert list(tmp_path.iterdir()) == []


# -- code


def test_code_that_a_model_needs_goes_with_it(tmp_path: Path) -> None:
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs" / "shop_model.py").write_text(
        "from sklearn.base import BaseEstimator\n"
        "class Shop(BaseEstimator):\n    def predict(self, data):\n        return ['bread'] * len(data)\n"
    )
    program = (
        "import sys; sys.path.insert(0, 'theirs')\n"
        "import runlake, shop_model\n"
        "runlake.sklearn.save_model(shop_model.Shop(), 'model', code_paths=['theirs/shop_model.py'],"
        " skops_trusted_types=['shop_model.Shop'])\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
    shutil.rmtree(tmp_path / "theirs")
    use = (
        "import runlake; model = runlake.pyfunc.load_model('model', trusted_types=['shop_model.Shop']);"
        "print(model.predict([1, 2]))"
    )
    done = subprocess.run([sys.executable, "-c", use], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "['bread', 'bread']"
    assert (
        not list((tmp_path / "model").rglob("__pycache__")) or (tmp_path / "model" / "code" / "shop_model.py").exists()
    )
