"""Models of LightGBM: boosters in its own text, estimators as skops files, both ways to and from MLflow."""

import logging
import re
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import runlake
from runlake.errors import Corrupt, InvalidInput, InvalidType, Untrusted
from tests.models.flavor_rules import changed, check_arguments, keys_of, loaded_by_mlflow, saved_by_mlflow

lightgbm = pytest.importorskip("lightgbm", reason="LightGBM is not installed: pip install 'runlake[lightgbm]'")

QUIET = {"verbose": -1, "num_leaves": 3}


@pytest.fixture(scope="module")
def estimator(iris: tuple[Any, Any]) -> Any:
    """A fitted classifier."""
    return lightgbm.LGBMClassifier(n_estimators=2, n_jobs=1, **QUIET).fit(*iris)


@pytest.fixture(scope="module")
def booster(iris: tuple[Any, Any]) -> Any:
    """A trained booster."""
    settings = {"objective": "multiclass", "num_class": 3, "num_threads": 1, **QUIET}
    return lightgbm.train(settings, lightgbm.Dataset(*iris), 2)


@pytest.mark.parametrize(
    ("kind", "form"),
    [("booster", None), ("estimator", None), ("estimator", "pickle"), ("estimator", "cloudpickle")],
)
def test_a_saved_model_predicts_as_before_here_and_in_mlflow(
    tmp_path: Path,
    kind: str,
    form: str | None,
    iris: tuple[Any, Any],
    mlflow: ModuleType,
    request: pytest.FixtureRequest,
) -> None:
    model = request.getfixturevalue(kind)
    runlake.lightgbm.save_model(model, tmp_path / "model", serialization_format=form, input_example=iris[0].head(2))
    expected = model.predict(iris[0]).tolist()
    native, function = loaded_by_mlflow(mlflow, "lightgbm", tmp_path / "model")
    pickled = form is not None
    ours = runlake.lightgbm.load_model(str(tmp_path / "model"), trust_pickle=pickled)
    mine = runlake.pyfunc.load_model(str(tmp_path / "model"), trust_pickle=pickled)
    assert type(ours) is type(native) is type(model)
    assert all(loaded.predict(iris[0]).tolist() == expected for loaded in (native, function, ours, mine))
    assert isinstance(mine.get_raw_model(), type(model))
    assert "lightgbm==" in (tmp_path / "model" / "requirements.txt").read_text()


@pytest.mark.parametrize("kind", ["booster", "estimator"])
def test_a_model_that_mlflow_saved_is_loaded(
    tmp_path: Path, kind: str, iris: tuple[Any, Any], mlflow: ModuleType, request: pytest.FixtureRequest
) -> None:
    model = request.getfixturevalue(kind)
    folder = saved_by_mlflow(mlflow, "lightgbm", model, tmp_path / "theirs")
    for load in (runlake.lightgbm.load_model, runlake.pyfunc.load_model):
        assert load(str(folder)).predict(iris[0]).tolist() == model.predict(iris[0]).tolist()
    runlake.lightgbm.save_model(model, tmp_path / "ours")
    theirs, ours = keys_of(folder, "lightgbm"), keys_of(tmp_path / "ours", "lightgbm")
    assert set(theirs.pop("skops_trusted_types")) <= set(ours.pop("skops_trusted_types"))
    assert theirs.items() <= ours.items()
    assert keys_of(folder, "python_function").items() <= keys_of(tmp_path / "ours", "python_function").items()


def test_arguments_are_mlflows(mlflow: ModuleType) -> None:
    check_arguments("lightgbm")


def test_a_ranker_needs_no_trust(tmp_path: Path, iris: tuple[Any, Any], mlflow: ModuleType) -> None:
    model = lightgbm.LGBMRanker(n_estimators=1, n_jobs=1, **QUIET).fit(*iris, group=[150])
    runlake.lightgbm.save_model(model, tmp_path / "model")
    native, _ = loaded_by_mlflow(mlflow, "lightgbm", tmp_path / "model")
    for loaded in (native, runlake.lightgbm.load_model(str(tmp_path / "model"))):
        assert loaded.predict(iris[0]).tolist() == model.predict(iris[0]).tolist()


def test_a_model_is_logged_and_found_by_its_uri(lake: Path, booster: Any, iris: tuple[Any, Any]) -> None:
    with runlake.start_run():
        info = runlake.lightgbm.log_model(booster, name="trees", num_iteration=1)
    assert runlake.lightgbm.load_model(info.model_uri).num_trees() == 3  # of three classes, one iteration


def test_parameters_of_a_prediction_reach_lightgbm(tmp_path: Path, booster: Any, iris: tuple[Any, Any]) -> None:
    runlake.lightgbm.save_model(booster, tmp_path / "model")
    raw = runlake.pyfunc.load_model(str(tmp_path / "model")).predict(iris[0], params={"raw_score": True})
    assert raw.tolist() == booster.predict(iris[0], raw_score=True).tolist()


def test_a_pickle_is_refused_until_it_is_trusted(tmp_path: Path, estimator: Any) -> None:
    runlake.lightgbm.save_model(estimator, tmp_path / "model", serialization_format="pickle")
    for load in (runlake.lightgbm.load_model, runlake.pyfunc.load_model):
        with pytest.raises(Untrusted, match=r"model.pkl is a pickle") as caught:
            load(str(tmp_path / "model"))
        assert "trust_pickle=True" in str(caught.value.hint)


@pytest.mark.parametrize("keep", [0, 10, 300, 700, 1500, -900, -600, -200, -22, -1])
def test_a_text_that_is_cut_off_is_named_before_lightgbm_aborts_on_it(tmp_path: Path, booster: Any, keep: int) -> None:
    runlake.lightgbm.save_model(booster, tmp_path / "model")
    file = tmp_path / "model" / "model.lgb"
    file.write_bytes(file.read_bytes()[:keep])
    for load in (runlake.lightgbm.load_model, runlake.pyfunc.load_model):
        with pytest.raises(Corrupt, match="is cut off or garbled") as caught:
            load(str(tmp_path / "model"))
        assert str(file) in str(caught.value)


def test_a_text_that_is_garbled_is_named_before_lightgbm_loops_on_it(tmp_path: Path, booster: Any) -> None:
    runlake.lightgbm.save_model(booster, tmp_path / "model")
    file = tmp_path / "model" / "model.lgb"
    file.write_bytes(file.read_bytes().replace(b"num_leaves=", b"num_leaves=9", 1))
    with pytest.raises(Corrupt, match="is garbled: the nodes of its tree 0 lead out of it"):
        runlake.lightgbm.load_model(str(tmp_path / "model"))
    runlake.lightgbm.save_model(booster, tmp_path / "other")
    file = tmp_path / "other" / "model.lgb"
    file.write_bytes(file.read_bytes().replace(b"threshold=", b"threshild=", 1))
    with pytest.raises(Corrupt, match=r"model.lgb is cut off or garbled: it is not what was saved"):
        runlake.lightgbm.load_model(str(tmp_path / "other"))


@pytest.mark.parametrize("keep", [0, 10, 500, -30])
def test_a_skops_file_that_is_cut_off_is_named(tmp_path: Path, estimator: Any, keep: int) -> None:
    runlake.lightgbm.save_model(estimator, tmp_path / "model")
    file = tmp_path / "model" / "model.skops"
    file.write_bytes(file.read_bytes()[:keep])
    with pytest.raises(Corrupt, match="is cut off or garbled, or holds no LightGBM model") as caught:
        runlake.lightgbm.load_model(str(tmp_path / "model"))
    assert str(file) in str(caught.value)


def test_what_is_no_model_leaves_nothing(tmp_path: Path, estimator: Any, classifier: Any) -> None:
    with pytest.raises(InvalidType, match="not LogisticRegression"):
        runlake.lightgbm.save_model(classifier, tmp_path / "model")
    with pytest.raises(InvalidInput, match="this LGBMClassifier is not fitted"):
        runlake.lightgbm.save_model(lightgbm.LGBMClassifier(), tmp_path / "model")
    with pytest.raises(InvalidInput, match="serialization_format is 'text'"):
        runlake.lightgbm.save_model(estimator, tmp_path / "model", serialization_format="text")
    assert list(tmp_path.iterdir()) == []


def test_a_model_of_a_newer_version_is_loaded_with_a_warning(
    tmp_path: Path, booster: Any, caplog: pytest.LogCaptureFixture
) -> None:
    runlake.lightgbm.save_model(booster, tmp_path / "model")
    changed(tmp_path / "model", "lightgbm", lgb_version="99.1")
    with caplog.at_level(logging.WARNING, "runlake"):
        runlake.lightgbm.load_model(str(tmp_path / "model"))
    assert f"saved with lightgbm 99.1, which is newer than the {lightgbm.__version__} that is installed" in caplog.text


@pytest.mark.parametrize(("key", "number"), [("left_child", b"0"), ("right_child", b"1"), ("split_feature", b"9")])
def test_a_text_whose_nodes_lead_astray_is_refused(tmp_path: Path, booster: Any, key: str, number: bytes) -> None:
    def astray(line: re.Match[bytes]) -> bytes:
        return line[1] + b" ".join(number.rjust(len(one), b"0") for one in line[2].split(b" "))  # as long as it was

    runlake.lightgbm.save_model(booster, tmp_path / "model", pip_requirements=[])
    file, manifest = tmp_path / "model" / "model.lgb", tmp_path / "model" / "MLmodel"
    manifest.write_text(re.sub(r".*data_sha256.*\n", "", manifest.read_text()))
    file.write_bytes(re.sub(rb"(?m)^(%b=)([\d -]+)$" % key.encode(), astray, file.read_bytes()))
    with pytest.raises(Corrupt, match="the nodes of its tree 0 lead out of it, or in a circle"):
        runlake.lightgbm.load_model(str(tmp_path / "model"))
