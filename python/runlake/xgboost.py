"""XGBoost: boosters and estimators in XGBoost's own files, which run no code; under the names of `mlflow.xgboost`."""

from __future__ import annotations

import importlib
import inspect
import logging
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from runlake import lazy
from runlake.errors import Corrupt, InvalidInput, InvalidType, Untrusted
from runlake.extras import import_extra
from runlake.models import loading, logged, saving, trust
from runlake.models.flavors import Flavor, Loading, digest, payload, reading, require_intact, warn_if_newer
from runlake.models.trust import Trust

if TYPE_CHECKING:
    from runlake.models.info import ModelInfo
    from runlake.models.manifest import Model

__all__ = ["FLAVOR", "FLAVOR_NAME", "load_model", "log_model", "save_model"]

FLAVOR_NAME: Final = "xgboost"
_FORMATS: Final = ("ubj", "json", "xgb")
_BOOSTER: Final = "xgboost.core.Booster"
_WHAT: Final = "XGBoost model"
_log = logging.getLogger("runlake")


class _Predictor:
    """A booster or an estimator that takes data frames and arrays."""

    def __init__(self, model: Any) -> None:
        self.xgb_model = model

    def predict(self, data: Any, params: dict[str, Any] | None = None) -> Any:
        """Return the predictions; features that the model was not trained on are refused by name."""
        xgboost = import_extra("xgboost", "to predict with a model of it")
        predict = self.xgb_model.predict
        settings = {"validate_features": True, **_known(predict, params or {})}
        if isinstance(self.xgb_model, xgboost.Booster):
            return predict(xgboost.DMatrix(data, enable_categorical=True), **settings)
        return predict(data, **settings)

    def get_raw_model(self) -> Any:
        return self.xgb_model


class _XGBoost(Flavor):
    """Boosters, and estimators with scikit-learn's methods."""

    name = FLAVOR_NAME
    loader_module = "mlflow.xgboost"
    requirements = ("xgboost",)

    def save(
        self,
        model: Any,
        folder: Path,
        *,
        model_format: str = "ubj",
        save_options: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> dict[str, Any]:
        """Write the booster as XGBoost does."""
        del options
        xgboost = import_extra("xgboost", "to save a model of it")
        if model_format not in _FORMATS:
            raise InvalidInput(f"model_format is {model_format!r}; it must be one of {', '.join(_FORMATS)}")
        if not isinstance(model, xgboost.Booster | xgboost.XGBModel):
            raise InvalidType(f"xgb_model is a Booster or an estimator of XGBoost, not {type(model).__name__}")
        file = folder / f"model.{model_format}"
        try:
            model.save_model(file, **(save_options or {}))
        except (xgboost.core.XGBoostError, ValueError) as error:
            raise InvalidInput(f"XGBoost cannot save this {type(model).__name__}: {error}") from error
        kind = f"{type(model).__module__}.{type(model).__qualname__}"
        if not _is_own(kind):
            trust.remember(file, [kind])
        return {
            "xgb_version": xgboost.__version__,
            "data": file.name,
            "model_class": kind,
            "model_format": model_format,
            **digest(file),
        }

    def load(self, folder: Path, keys: Mapping[str, Any], how: Loading) -> Any:
        """Load a booster or an estimator, as the manifest says which."""
        xgboost = import_extra("xgboost", "to load a model of it")
        warn_if_newer(folder, FLAVOR_NAME, keys.get("xgb_version"), xgboost.__version__)
        file = payload(folder, keys, "data", flavor=FLAVOR_NAME)
        require_intact(file, keys)
        model = _class(file, keys.get("model_class", _BOOSTER), how.trust)()
        with reading(file, _WHAT):
            model.load_model(file)
        return model

    def python_function(self, model: Any, keys: Mapping[str, Any], **options: Any) -> dict[str, Any]:
        """Return which file MLflow loads."""
        return {"data": keys["data"]}

    def predictor(self, model: Any, keys: Mapping[str, Any]) -> Any:
        """Return the model with a `predict` that takes frames."""
        return _Predictor(model)


FLAVOR: Final = _XGBoost()


def _is_own(kind: str) -> bool:
    return kind.partition(".")[0] == "xgboost"


def _class(file: Path, named: object, trusted: Trust) -> Callable[[], Any]:
    """Return the class that a manifest names, which is XGBoost's or one that the caller trusts.

    Raises:
        Untrusted: it is another's.
        Corrupt: there is no such class, or it is no model.
    """
    kind = str(named)
    if not (_is_own(kind) or trusted.pickle or kind in trusted.types_in(file)):
        raise Untrusted(
            f"the manifest {file.parent / 'MLmodel'} has the class {kind[:80]} under 'flavors.xgboost.model_class',"
            " which is not XGBoost's",
            hint=f"if you know it, load the model with trusted_types=[{kind[:80]!r}]",
        )
    xgboost = import_extra("xgboost", "to load a model of it")
    module, _, name = kind.rpartition(".")
    with reading(file, _WHAT):
        found: Any = getattr(importlib.import_module(module or "xgboost"), name)
    if not (isinstance(found, type) and issubclass(found, xgboost.Booster | xgboost.XGBModel)):
        raise Corrupt(
            f"the manifest {file.parent / 'MLmodel'} has {kind[:80]!r} under 'flavors.xgboost.model_class', which is no"
            " model of XGBoost"
        )
    return found


def _known(function: Callable[..., Any], params: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters that a function takes; the others are named in a warning."""
    taken = inspect.signature(function).parameters
    if left := sorted(set(params) - set(taken)):
        _log.warning("predict of this model has no parameters %s: they had no effect", ", ".join(left))
    return {name: value for name, value in params.items() if name in taken}


def save_model(
    xgb_model: Any,
    path: str | os.PathLike[str],
    conda_env: Any = None,
    code_paths: list[str] | None = None,
    mlflow_model: Model | None = None,
    signature: Any = None,
    input_example: Any = None,
    pip_requirements: Any = None,
    extra_pip_requirements: Any = None,
    model_format: str = "ubj",
    metadata: dict[str, Any] | None = None,
    extra_files: list[str] | None = None,
    **kwargs: Any,
) -> None:
    """Save a booster or an estimator into a new folder; see `runlake.models.saving.save` for what all flavors take.

    Args:
        model_format: "ubj", the default, "json", or "xgb", which is UBJSON as well.
        kwargs: Arguments of XGBoost's `save_model`.

    Raises:
        InvalidType: it is no model of XGBoost.
    """
    saving.save(
        path,
        FLAVOR,
        xgb_model,
        conda_env=conda_env,
        code_paths=code_paths,
        mlflow_model=mlflow_model,
        signature=signature,
        input_example=input_example,
        pip_requirements=pip_requirements,
        extra_pip_requirements=extra_pip_requirements,
        model_format=model_format,
        metadata=metadata,
        extra_files=extra_files,
        save_options=kwargs,
    )


def log_model(
    xgb_model: Any,
    artifact_path: str | None = None,
    conda_env: Any = None,
    code_paths: list[str] | None = None,
    registered_model_name: str | None = None,
    signature: Any = None,
    input_example: Any = None,
    await_registration_for: int | None = logged.AWAIT_S,
    pip_requirements: Any = None,
    extra_pip_requirements: Any = None,
    model_format: str = "ubj",
    metadata: dict[str, Any] | None = None,
    extra_files: list[str] | None = None,
    name: str | None = None,
    params: dict[str, Any] | None = None,
    tags: dict[str, Any] | None = None,
    model_type: str | None = None,
    step: int = 0,
    model_id: str | None = None,
    **kwargs: Any,
) -> ModelInfo:
    """Log a booster or an estimator as a model of the active run; see `save_model` and `runlake.models.logged.log`."""
    return logged.log(
        FLAVOR,
        xgb_model,
        name=name,
        artifact_path=artifact_path,
        registered_model_name=registered_model_name,
        await_registration_for=await_registration_for,
        params=params,
        tags=tags,
        model_type=model_type,
        step=step,
        model_id=model_id,
        conda_env=conda_env,
        code_paths=code_paths,
        signature=signature,
        input_example=input_example,
        pip_requirements=pip_requirements,
        extra_pip_requirements=extra_pip_requirements,
        model_format=model_format,
        metadata=metadata,
        extra_files=extra_files,
        save_options=kwargs,
    )


def load_model(model_uri: str, dst_path: str | None = None, *, trusted_types: list[str] | None = None) -> Any:
    """Load a booster or an estimator.

    Args:
        model_uri: A local path, or a URI of a run's, a logged or a registered model.
        dst_path: Folder to copy the model's files into.
        trusted_types: Classes, derived from XGBoost's, that the model may be of.

    Raises:
        NotFound: there is no such model.
        Corrupt: the file is cut off or garbled; the message names it.
        Untrusted: the model is of a class that is not XGBoost's and not trusted.
    """
    folder = loading.fetch(model_uri, dst_path)
    return loading.load_native(folder, FLAVOR_NAME, trust=trust.given(types=trusted_types))


__getattr__ = lazy.attributes(__name__)
