"""The contract of a model: signature, example and environment, tried when it is saved and held to when it predicts."""

import datetime as dt
import logging
import warnings
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pydantic
import pytest
import yaml

import runlake
from runlake.errors import InvalidInput, Untrusted
from runlake.models import infer_signature
from runlake.models.environment import Environment
from runlake.pyfunc import PythonModel


class Frame(PythonModel):
    """Gives back the columns that it gets, and the parameters."""

    def predict(self, context: Any, model_input: Any, params: dict[str, Any] | None = None) -> Any:
        return [list(model_input.columns), [str(kind) for kind in model_input.dtypes], params]


class Lists(PythonModel):
    """Says with hints what it takes."""

    def predict(self, model_input: list[str]) -> list[int]:  # type: ignore[override]
        assert isinstance(model_input, list)
        return [len(text) for text in model_input]


class Order(pydantic.BaseModel):
    """What a model of the tests takes."""

    price: float
    names: list[str] = []
    note: str | None = None


class Orders(PythonModel):
    """Takes Pydantic models."""

    def predict(self, model_input: list[Order]) -> list[float]:  # type: ignore[override]
        return [order.price * len(order.names) for order in model_input]


SIGNATURE = infer_signature(pd.DataFrame({"a": [1.5], "b": [2]}), [1], params={"top": 3})


# -- signature


def test_the_signature_is_enforced_with_the_column_named(tmp_path: Path) -> None:
    runlake.pyfunc.save_model(tmp_path / "model", python_model=Frame(), signature=SIGNATURE)
    model = runlake.pyfunc.load_model(str(tmp_path / "model"))
    columns, kinds, params = model.predict(pd.DataFrame({"c": ["x"], "b": [1], "a": np.array([1], "float32")}))
    assert (columns, kinds, params) == (["a", "b"], ["float64", "int64"], {"top": 3})
    assert model.predict(pd.DataFrame({"a": [1.0], "b": [1]}), {"top": 9})[2] == {"top": 9}
    with pytest.raises(InvalidInput, match="'b'"):
        model.predict(pd.DataFrame({"a": [1.0]}))
    with pytest.raises(InvalidInput, match=r"'a'.*double"):
        model.predict(pd.DataFrame({"a": ["text"], "b": [1]}))
    with pytest.raises(InvalidInput, match="top"):
        model.predict(pd.DataFrame({"a": [1.0], "b": [1]}), {"top": "many"})
    assert (model.metadata.signature, model.metadata.get_input_schema()) == (SIGNATURE, SIGNATURE.inputs)
    assert (model.input_schema, model.params_schema) == (SIGNATURE.inputs, SIGNATURE.params)


def test_a_signature_of_mlflows_own_is_taken(tmp_path: Path, mlflow: ModuleType, classifier: Any, iris: Any) -> None:
    theirs = mlflow.models.infer_signature(iris[0], classifier.predict(iris[0]))
    runlake.sklearn.save_model(classifier, tmp_path / "model", signature=theirs)
    kept = runlake.models.Model.load(tmp_path / "model").signature
    assert kept.to_dict() == theirs.to_dict()
    with pytest.raises(InvalidInput, match="a signature is a ModelSignature, not str"):
        runlake.sklearn.save_model(classifier, tmp_path / "other", signature="a: long")


def test_signature_and_example_of_ours_are_read_by_mlflow(
    tmp_path: Path, mlflow: ModuleType, classifier: Any, iris: Any
) -> None:
    runlake.sklearn.save_model(classifier, tmp_path / "model", input_example=iris[0][:2])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = mlflow.pyfunc.load_model(str(tmp_path / "model"), suppress_warnings=True)
    ours = runlake.pyfunc.load_model(str(tmp_path / "model"))
    assert theirs.metadata.signature.to_dict() == ours.metadata.signature.to_dict()
    assert theirs.input_example.equals(ours.input_example)
    assert ours.input_example.equals(iris[0][:2])
    assert theirs.predict(iris[0]).tolist() == ours.predict(iris[0]).tolist()
    with pytest.raises(mlflow.MlflowException, match="sepal"):
        theirs.predict(iris[0][["petal length (cm)"]])


def test_signature_and_example_of_mlflow_are_enforced_here(
    tmp_path: Path, mlflow: ModuleType, classifier: Any, iris: Any
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        mlflow.sklearn.save_model(
            classifier, str(tmp_path / "model"), input_example=iris[0][:2], pip_requirements=["scikit-learn"]
        )
    ours = runlake.pyfunc.load_model(str(tmp_path / "model"))
    assert ours.input_example.equals(iris[0][:2])
    assert ours.predict(iris[0][:2]).tolist() == classifier.predict(iris[0][:2]).tolist()
    with pytest.raises(InvalidInput, match="sepal length"):
        ours.predict(iris[0][["petal length (cm)"]])


# -- example


def test_an_example_gives_the_signature_that_nobody_has_given(tmp_path: Path, classifier: Any, iris: Any) -> None:
    runlake.sklearn.save_model(classifier, tmp_path / "model", input_example=iris[0][:2])
    kept = runlake.models.Model.load(tmp_path / "model")
    predicted = classifier.predict(iris[0][:2])
    assert kept.signature == infer_signature(iris[0][:2], pd.Series(predicted))  # a value a row is a column
    assert kept.saved_input_example_info["type"] == "dataframe"
    assert '"dataframe_split"' in str(kept.get_serving_input(tmp_path / "model"))
    runlake.sklearn.save_model(classifier, tmp_path / "without", input_example=iris[0][:2], signature=False)
    assert runlake.models.Model.load(tmp_path / "without").signature is None


def test_an_example_may_have_parameters(tmp_path: Path) -> None:
    frame = pd.DataFrame({"a": [1]})

    def top(model_input: Any, params: dict[str, Any]) -> Any:
        return params["top"]

    runlake.pyfunc.save_model(tmp_path / "model", python_model=top, input_example=(frame, {"top": 3}))
    model = runlake.pyfunc.load_model(str(tmp_path / "model"))
    assert (model.predict(frame), model.predict(frame, {"top": 5})) == (3, 5)
    assert model.metadata.load_input_example(tmp_path / "model").equals(frame)
    assert model.metadata.load_input_example_params(tmp_path / "model") == {"top": 3}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"input_example": pd.DataFrame({"a": ["text"]})}, "could not convert string to float|text"),
        ({"input_example": [[1.0, 2.0]]}, "features"),
        ({"input_example": pd.DataFrame({"a": [1.5]}), "signature": SIGNATURE}, "'b'"),
    ],
)
def test_a_model_that_rejects_its_example_is_not_saved(
    tmp_path: Path, classifier: Any, arguments: dict[str, Any], said: str
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(InvalidInput, match="the model rejects its input example: ") as caught:
            runlake.sklearn.save_model(classifier, tmp_path / "model", **arguments)
    assert "nothing was saved" in str(caught.value.hint)
    assert list(tmp_path.iterdir()) == []


def test_a_model_that_rejects_its_example_is_logged_as_failed(lake: Path, classifier: Any) -> None:
    from runlake import logged_models
    from runlake.store import get_store

    with runlake.start_run(), pytest.raises(InvalidInput, match="rejects its input example"):
        runlake.sklearn.log_model(
            classifier, name="model", input_example=[["a"]], registered_model_name="flowers", signature=False
        )
    (model,) = logged_models.search_logged_models(get_store(lake), ["0"])
    assert model.status == "FAILED"
    assert not list((lake / "artifacts" / "0" / "models").rglob("MLmodel"))


def test_an_example_that_no_file_can_hold_is_refused(tmp_path: Path, classifier: Any) -> None:
    with pytest.raises(InvalidInput, match="example"):
        runlake.sklearn.save_model(classifier, tmp_path / "model", input_example=object())
    assert list(tmp_path.iterdir()) == []


# -- type hints


def test_type_hints_are_a_signature(tmp_path: Path, mlflow: ModuleType) -> None:
    runlake.pyfunc.save_model(tmp_path / "model", python_model=Lists())
    manifest = yaml.safe_load((tmp_path / "model" / "MLmodel").read_text())
    assert manifest["is_signature_from_type_hint"] is True
    assert manifest["signature"]["inputs"] == '[{"type": "string", "required": true}]'
    assert manifest["signature"]["outputs"] == '[{"type": "long", "required": true}]'
    model = runlake.pyfunc.load_model(str(tmp_path / "model"))
    assert model.predict(["a", "bcd"]) == [1, 3]
    assert model.predict(pd.DataFrame({"text": ["a", "bcd"]})) == [1, 3]
    for wrong, said in ((["a", 1], r"at \[1\] is 1 of type int; the model takes str"), ("abc", "of type str")):
        with pytest.raises(InvalidInput, match=said):
            model.predict(wrong)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert mlflow.pyfunc.load_model(str(tmp_path / "model")).predict(["a", "bcd"]) == [1, 3]


def test_pydantic_models_are_made_of_dictionaries(tmp_path: Path) -> None:
    example = [{"price": 2.5, "names": ["a", "b"]}]
    runlake.pyfunc.save_model(tmp_path / "model", python_model=Orders(), input_example=example)
    model = runlake.pyfunc.load_model(str(tmp_path / "model"))
    assert model.predict(example) == model.predict([Order(price=2.5, names=["a", "b"])]) == [5.0]
    with pytest.raises(InvalidInput, match=r"at \[0\] is no Order: .*price"):
        model.predict([{"names": []}])
    with pytest.raises(InvalidInput, match="rejects its input example"):
        runlake.pyfunc.save_model(tmp_path / "other", python_model=Orders(), input_example=[{"price": "much"}])


def test_hints_declare_what_they_declare_in_mlflow(tmp_path: Path, mlflow: ModuleType) -> None:
    from mlflow.types.type_hints import _infer_schema_from_list_type_hint as official

    from runlake.pyfunc.hints import signature_of

    hints: list[Any] = [
        list[str], list[int], list[float], list[bool], list[bytes], list[dt.datetime], list[dict[str, int]],
        list[list[str]], list[Order], list[Any], list[int | str], list[dict[str, Any]], list[dict[str, list[Order]]],
        list[int | None], list[dict], list[list], list[dict[int, int]], list, str, pd.DataFrame, np.ndarray, None,
        list[np.ndarray],
    ]  # fmt: skip
    for hint in hints:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                expected = official(hint).to_dict()
            except mlflow.MlflowException:
                expected = None
        found = signature_of(hint, None)
        assert (None if found is None else found.inputs.to_dict()) == expected, hint


def test_hints_come_before_a_signature_that_is_given(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    other = infer_signature([1], [2])
    with caplog.at_level(logging.WARNING, "runlake"):
        runlake.pyfunc.save_model(tmp_path / "model", python_model=Lists(), signature=other)
    assert "type hints of predict are the model's signature" in caplog.text
    assert runlake.pyfunc.load_model(str(tmp_path / "model")).predict(["ab"]) == [2]


# -- environment


def test_what_a_model_needs_is_kept_with_it(tmp_path: Path, classifier: Any, iris: Any) -> None:
    runlake.sklearn.save_model(classifier, tmp_path / "model", input_example=iris[0][:2])
    environment = Environment.read(tmp_path / "model")
    names = {line.partition("==")[0] for line in environment.requirements}
    assert {"scikit-learn", "skops", "numpy", "pandas", "runlake"} <= names
    assert not names & {"pytest", "mlflow", "polars"}
    assert environment.unpinned == ()
    kept = yaml.safe_load((tmp_path / "model" / "MLmodel").read_text())
    assert kept["runlake"] == {"format": 1, "lock_hash": environment.lock_hash}
    for file in ("requirements.txt", "python_env.yaml", "conda.yaml"):
        assert (tmp_path / "model" / file).exists()


def test_requirements_that_are_given_are_kept(tmp_path: Path, classifier: Any) -> None:
    runlake.sklearn.save_model(classifier, tmp_path / "ours", pip_requirements=["scikit-learn==1.0", "numpy<3"])
    lines = (tmp_path / "ours" / "requirements.txt").read_text().splitlines()
    assert {"scikit-learn==1.0", "numpy<3"} <= set(lines)
    runlake.sklearn.save_model(classifier, tmp_path / "more", extra_pip_requirements=["attrs"])
    assert any(line.startswith("attrs==") for line in (tmp_path / "more" / "requirements.txt").read_text().splitlines())
    with pytest.raises(InvalidInput, match="both given"):
        runlake.sklearn.save_model(
            classifier, tmp_path / "both", pip_requirements=["numpy"], extra_pip_requirements=["attrs"]
        )
    assert not (tmp_path / "both").exists()


def test_a_model_is_loaded_with_a_word_on_what_differs(
    tmp_path: Path, classifier: Any, caplog: pytest.LogCaptureFixture
) -> None:
    runlake.sklearn.save_model(classifier, tmp_path / "model", pip_requirements=["scikit-learn==0.24.2"])
    for load in (runlake.sklearn.load_model, runlake.pyfunc.load_model):
        caplog.clear()
        load(str(tmp_path / "model"))
        assert "scikit-learn 0.24.2 (here " in caplog.text
    caplog.clear()
    runlake.pyfunc.load_model(str(tmp_path / "model"), suppress_warnings=True)
    assert caplog.text == ""


def test_a_model_that_cannot_be_loaded_here_is_saved_with_what_its_flavor_names(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    runlake.pyfunc.save_model(tmp_path / "model", loader_module="module_of_nobody")
    assert "was not captured, for it could not be run" in caplog.text
    assert any(line.startswith("runlake==") for line in (tmp_path / "model" / "requirements.txt").read_text().split())


def test_trust_in_what_was_just_written_ends_with_the_saving(tmp_path: Path, classifier: Any, iris: Any) -> None:
    runlake.sklearn.save_model(
        classifier, tmp_path / "model", input_example=iris[0][:2], serialization_format="cloudpickle"
    )
    with pytest.raises(Untrusted):
        runlake.sklearn.load_model(str(tmp_path / "model"))
