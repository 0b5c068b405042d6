"""Models of XGBoost: in its own files, both ways to and from MLflow."""

import logging
from pathlib import Path
from types import ModuleType
from typing import Any

import pandas as pd
import pytest

import runlake
from runlake.errors import Corrupt, InvalidInput, InvalidType, MissingExtra, Untrusted
from tests.models.flavor_rules import changed, check_arguments, keys_of, loaded_by_mlflow, saved_by_mlflow

xgboost = pytest.importorskip("xgboost", reason="XGBoost is not installed: pip install 'runlake[xgboost]'")


@pytest.fixture(scope="module")
def estimator(iris: tuple[Any, Any]) -> Any:
    """A fitted classifier."""
    return xgboost.XGBClassifier(n_estimators=2, max_depth=2, n_jobs=1).fit(*iris)


@pytest.fixture(scope="module")
def booster(estimator: Any, iris: tuple[Any, Any]) -> Any:
    """A trained booster."""
    settings = {"objective": "multi:softprob", "num_class": 3, "nthread": 1, "max_depth": 2}
    return xgboost.train(settings, xgboost.DMatrix(*iris), 2)


class Bold(xgboost.XGBClassifier):  # type: ignore[misc, name-defined]
    """An estimator that XGBoost does not have."""


def answers(model: Any, frame: Any) -> Any:
    given = xgboost.DMatrix(frame) if isinstance(model, xgboost.Booster) else frame
    return model.predict(given).tolist()


@pytest.mark.parametrize("kind", ["booster", "estimator"])
@pytest.mark.parametrize("form", ["ubj", "json"])
def test_a_saved_model_predicts_as_before_here_and_in_mlflow(
    tmp_path: Path, kind: str, form: str, iris: tuple[Any, Any], mlflow: ModuleType, request: pytest.FixtureRequest
) -> None:
    model = request.getfixturevalue(kind)
    runlake.xgboost.save_model(model, tmp_path / "model", model_format=form, input_example=iris[0].head(2))
    expected = answers(model, iris[0])
    native, function = loaded_by_mlflow(mlflow, "xgboost", tmp_path / "model")
    ours = runlake.xgboost.load_model(str(tmp_path / "model"))
    assert type(ours) is type(native) is type(model)
    assert answers(ours, iris[0]) == answers(native, iris[0]) == expected
    for loaded in (function, runlake.pyfunc.load_model(str(tmp_path / "model"))):
        assert loaded.predict(iris[0]).tolist() == expected
        assert isinstance(loaded.get_raw_model(), type(model))
    assert loaded.metadata.signature.inputs.input_names() == list(iris[0].columns)
    assert "xgboost" in (tmp_path / "model" / "requirements.txt").read_text()


@pytest.mark.parametrize("kind", ["booster", "estimator"])
def test_a_model_that_mlflow_saved_is_loaded(
    tmp_path: Path, kind: str, iris: tuple[Any, Any], mlflow: ModuleType, request: pytest.FixtureRequest
) -> None:
    model = request.getfixturevalue(kind)
    folder = saved_by_mlflow(mlflow, "xgboost", model, tmp_path / "theirs")
    assert answers(runlake.xgboost.load_model(str(folder)), iris[0]) == answers(model, iris[0])
    assert runlake.pyfunc.load_model(str(folder)).predict(iris[0]).tolist() == answers(model, iris[0])
    runlake.xgboost.save_model(model, tmp_path / "ours")
    for flavor in ("xgboost", "python_function"):
        theirs = keys_of(folder, flavor)
        assert theirs.items() <= keys_of(tmp_path / "ours", flavor).items()


def test_arguments_are_mlflows(mlflow: ModuleType) -> None:
    check_arguments("xgboost")


def test_a_model_is_logged_and_found_by_its_uri(lake: Path, estimator: Any, iris: tuple[Any, Any]) -> None:
    with runlake.start_run():
        info = runlake.xgboost.log_model(estimator, name="trees", registered_model_name="trees")
    for uri in (info.model_uri, "models:/trees/1"):
        assert answers(runlake.xgboost.load_model(uri), iris[0]) == answers(estimator, iris[0])


def test_parameters_of_a_prediction_reach_xgboost(
    tmp_path: Path, booster: Any, iris: tuple[Any, Any], caplog: pytest.LogCaptureFixture
) -> None:
    runlake.xgboost.save_model(booster, tmp_path / "model")
    loaded = runlake.pyfunc.load_model(str(tmp_path / "model"))
    raw = loaded.predict(iris[0], params={"output_margin": True})
    assert raw.tolist() == booster.predict(xgboost.DMatrix(iris[0]), output_margin=True).tolist()
    with caplog.at_level(logging.WARNING, "runlake"):
        loaded.predict(iris[0], params={"colour": "red"})
    assert "has no parameters colour" in caplog.text


def test_a_class_that_is_not_xgboosts_has_to_be_trusted(
    tmp_path: Path, iris: tuple[Any, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    model = Bold(n_estimators=1, max_depth=1, n_jobs=1).fit(*iris)
    runlake.xgboost.save_model(model, tmp_path / "model", input_example=iris[0].head(2))
    assert type(runlake.xgboost.load_model(str(tmp_path / "model"))) is Bold  # this process has written it
    monkeypatch.setattr("runlake.models.trust._written", {})
    named = f"{Bold.__module__}.Bold"
    with pytest.raises(Untrusted, match=r"which is not XGBoost's") as caught:
        runlake.pyfunc.load_model(str(tmp_path / "model"))
    assert f"trusted_types=['{named}']" in str(caught.value.hint)
    assert type(runlake.xgboost.load_model(str(tmp_path / "model"), trusted_types=[named])) is Bold
    changed(tmp_path / "model", "xgboost", model_class="os.system")
    with pytest.raises(Untrusted, match=r"os.system"):
        runlake.xgboost.load_model(str(tmp_path / "model"), trusted_types=[named])
    changed(tmp_path / "model", "xgboost", model_class="xgboost.DMatrix")
    with pytest.raises(Corrupt, match="no model of XGBoost"):
        runlake.xgboost.load_model(str(tmp_path / "model"))


@pytest.mark.parametrize("form", ["ubj", "json"])
@pytest.mark.parametrize("keep", [0, 1, 10, 500, -30, -1])
def test_a_file_that_is_cut_off_is_named(tmp_path: Path, booster: Any, form: str, keep: int) -> None:
    runlake.xgboost.save_model(booster, tmp_path / "model", model_format=form)
    file = tmp_path / "model" / f"model.{form}"
    file.write_bytes(file.read_bytes()[:keep])
    with pytest.raises(Corrupt, match=r"is cut off or garbled: it is not what was saved") as caught:
        runlake.xgboost.load_model(str(tmp_path / "model"))
    assert str(file) in str(caught.value)
    changed(tmp_path / "model", "xgboost", data_sha256=None)  # as MLflow saves it
    with pytest.raises(Corrupt, match=r"is cut off or garbled, or holds no XGBoost model") as caught:
        runlake.xgboost.load_model(str(tmp_path / "model"))
    assert str(file) in str(caught.value)


def test_a_file_that_is_garbled_is_named_before_xgboost_crashes_on_it(tmp_path: Path, booster: Any) -> None:
    runlake.xgboost.save_model(booster, tmp_path / "model")
    file = tmp_path / "model" / "model.ubj"
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    for load in (runlake.xgboost.load_model, runlake.pyfunc.load_model):
        with pytest.raises(Corrupt, match=r"model.ubj is cut off or garbled: it is not what was saved"):
            load(str(tmp_path / "model"))


def test_categories_of_a_frame_are_predicted_for(tmp_path: Path) -> None:
    frame = pd.DataFrame({"colour": pd.Categorical(["red", "blue", "red", "green"] * 5), "size": range(20)})
    data = xgboost.DMatrix(frame, label=[0, 1, 0, 1] * 5, enable_categorical=True)
    model = xgboost.train({"nthread": 1}, data, 2)
    runlake.xgboost.save_model(model, tmp_path / "model")
    assert runlake.pyfunc.load_model(str(tmp_path / "model")).predict(frame).tolist() == model.predict(data).tolist()


def test_what_is_no_model_leaves_nothing(tmp_path: Path, booster: Any, classifier: Any) -> None:
    with pytest.raises(InvalidType, match="not LogisticRegression"):
        runlake.xgboost.save_model(classifier, tmp_path / "model")
    with pytest.raises(InvalidInput, match="cannot save this XGBClassifier: need to call fit"):
        runlake.xgboost.save_model(xgboost.XGBClassifier(), tmp_path / "model")
    with pytest.raises(InvalidInput, match="model_format is 'onnx'; it must be one of ubj, json, xgb"):
        runlake.xgboost.save_model(booster, tmp_path / "model", model_format="onnx")
    assert list(tmp_path.iterdir()) == []


def test_a_model_of_a_newer_version_is_loaded_with_a_warning(
    tmp_path: Path, booster: Any, caplog: pytest.LogCaptureFixture
) -> None:
    runlake.xgboost.save_model(booster, tmp_path / "model")
    changed(tmp_path / "model", "xgboost", xgb_version="99.1")
    with caplog.at_level(logging.WARNING, "runlake"):
        runlake.xgboost.load_model(str(tmp_path / "model"))
    assert f"saved with xgboost 99.1, which is newer than the {xgboost.__version__} that is installed" in caplog.text


def test_without_the_library_the_error_says_how_to_get_it(
    tmp_path: Path, booster: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    runlake.xgboost.save_model(booster, tmp_path / "model")
    monkeypatch.setitem(__import__("sys").modules, "xgboost", None)
    with pytest.raises(MissingExtra) as caught:
        runlake.xgboost.load_model(str(tmp_path / "model"))
    assert caught.value.hint == "pip install xgboost"
