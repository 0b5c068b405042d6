"""Signatures that models get after they were saved."""

from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import runlake
from runlake.errors import InvalidInput, InvalidType, NotFound
from runlake.models import infer_signature, set_signature, validate_schema


def test_a_logged_model_gets_a_signature_that_is_enforced_from_then_on(
    lake: Path, classifier: Any, iris: tuple[Any, Any], mlflow: ModuleType
) -> None:
    signature = infer_signature(iris[0], iris[1])
    with runlake.start_run() as run:
        info = runlake.sklearn.log_model(classifier, name="model", registered_model_name="flowers")
    assert runlake.models.get_model_info(info.model_uri).signature is None
    for uri in (f"runs:/{run.id}/model", info.model_uri, str(info.artifact_path)):
        set_signature(uri, signature)
        loaded = runlake.pyfunc.load_model(info.model_uri)
        assert loaded.metadata.signature == signature
        assert len(loaded.predict(iris[0])) == len(iris[0])
        with pytest.raises(InvalidInput, match="no column 'sepal length"):
            loaded.predict(iris[0].iloc[:, 1:])
    theirs = mlflow.models.Model.load(str(info.artifact_path)).signature
    assert theirs.to_dict() == signature.to_dict()
    set_signature(info.model_uri, theirs)
    validate_schema(iris[0], runlake.models.get_model_info(info.model_uri).signature.inputs)


def test_the_contract_of_a_registered_version_is_not_changed(
    lake: Path, classifier: Any, iris: tuple[Any, Any]
) -> None:
    signature = infer_signature(iris[0])
    with runlake.start_run():
        runlake.sklearn.log_model(classifier, name="model", registered_model_name="flowers")
    for uri in ("models:/flowers/1", "models:/flowers/latest"):
        with pytest.raises(InvalidInput, match="a registered version") as caught:
            set_signature(uri, signature)
        assert "register that as the next version" in (caught.value.hint or "")
    with pytest.raises(NotFound):
        set_signature("models:/m-0123456789abcdef0123456789abcdef", signature)
    with pytest.raises(InvalidType, match="not dict"):
        set_signature("models:/m-0", {"inputs": None})  # type: ignore[arg-type]
