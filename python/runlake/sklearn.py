"""scikit-learn: models of its estimators and pipelines, kept as skops files; under the names of `mlflow.sklearn`.

A skops file says what its objects are made of and runs no code of its writer; types that are not known to be harmless
are named and refused. Pickles are written when asked for, and loaded when the caller trusts them.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from runlake import lazy
from runlake.extras import import_extra
from runlake.models import loading, logged, objects, saving, trees, trust
from runlake.models.flavors import Flavor, Loading, payload, warn_if_newer
from runlake.models.objects import (
    SERIALIZATION_FORMAT_CLOUDPICKLE,
    SERIALIZATION_FORMAT_PICKLE,
    SERIALIZATION_FORMAT_SKOPS,
    SUPPORTED_SERIALIZATION_FORMATS,
)

if TYPE_CHECKING:
    from runlake.models.info import ModelInfo
    from runlake.models.manifest import Model

__all__ = [
    "FLAVOR",
    "FLAVOR_NAME",
    "SERIALIZATION_FORMAT_CLOUDPICKLE",
    "SERIALIZATION_FORMAT_PICKLE",
    "SERIALIZATION_FORMAT_SKOPS",
    "SUPPORTED_SERIALIZATION_FORMATS",
    "load_model",
    "log_model",
    "save_model",
]

FLAVOR_NAME: Final = "sklearn"

HARMLESS: Final = (
    trees.TREE,
    "sklearn.calibration._CalibratedClassifier",
    "sklearn.calibration._SigmoidCalibration",
    "sklearn.cluster._bisect_k_means._BisectingTree",
    "sklearn.gaussian_process._gpc._BinaryGaussianProcessClassifierLaplace",
    *(
        f"sklearn.gaussian_process.kernels.{kernel}"
        for kernel in (
            *("CompoundKernel", "ConstantKernel", "DotProduct", "ExpSineSquared", "Exponentiation", "Matern"),
            *("Product", "RBF", "RationalQuadratic", "Sum", "WhiteKernel"),
        )
    ),
    "sklearn.metrics._scorer._PassthroughScorer",
    *(
        f"sklearn.model_selection._split.{split}"
        for split in (
            "GroupKFold",
            "KFold",
            "ShuffleSplit",
            "StratifiedKFold",
            "StratifiedShuffleSplit",
            "TimeSeriesSplit",
        )
    ),
    "sklearn.multiclass._ConstantPredictor",
    "sklearn.neural_network._stochastic_optimizers.AdamOptimizer",
    "sklearn.neural_network._stochastic_optimizers.SGDOptimizer",
    "sklearn.utils._bunch.Bunch",
)
"""Types that skops does not know: classes of scikit-learn in Python that hold settings and arrays, and trees, which are
checked. Those that are not here run compiled code on what a file says (nearest neighbours, histogram boosting)."""

_WHAT: Final = "scikit-learn model"
_PREDICTIONS: Final = ("predict_proba", "predict_log_proba", "predict_joint_log_proba", "score")
_log = logging.getLogger("runlake")


class _Predictor:
    """An estimator whose method of any name takes data."""

    def __init__(self, model: Any) -> None:
        self.sklearn_model = model
        for name in _PREDICTIONS:
            if (function := getattr(model, name, None)) is not None:
                setattr(self, name, function)

    def predict(self, data: Any, params: dict[str, Any] | None = None) -> Any:
        return self.sklearn_model.predict(data)

    def get_raw_model(self) -> Any:
        return self.sklearn_model


class _ScikitLearn(Flavor):
    """Estimators and pipelines of scikit-learn."""

    name = FLAVOR_NAME
    loader_module = "mlflow.sklearn"
    requirements = ("scikit-learn",)

    def save(
        self,
        model: Any,
        folder: Path,
        *,
        serialization_format: str | None = None,
        skops_trusted_types: Sequence[str] | None = None,
        pyfunc_predict_fn: str = "predict",
        **options: Any,
    ) -> dict[str, Any]:
        """Write the estimator as one file."""
        del options, pyfunc_predict_fn
        sklearn = import_extra("sklearn", "to save a model of scikit-learn")
        form = serialization_format or SERIALIZATION_FORMAT_SKOPS
        types = list(skops_trusted_types or ())
        if form == SERIALIZATION_FORMAT_SKOPS:
            file = folder / "model.skops"
            types = sorted({*types, *objects.write_skops(model, file, tuple(types), HARMLESS)})
        else:
            file = objects.write(model, folder, form)
        return {
            "pickled_model": file.name,
            "sklearn_version": sklearn.__version__,
            "serialization_format": form,
            "skops_trusted_types": types or skops_trusted_types,  # MLflow believes it when it loads the model
        }

    def load(self, folder: Path, keys: Mapping[str, Any], how: Loading) -> Any:
        """Load the estimator."""
        file = payload(folder, keys, "pickled_model", flavor=FLAVOR_NAME)
        sklearn = import_extra("sklearn", "to load a model of scikit-learn")
        warn_if_newer(folder, "scikit-learn", keys.get("sklearn_version"), sklearn.__version__)
        form = keys.get("serialization_format", SERIALIZATION_FORMAT_PICKLE)
        key = f"flavors.{FLAVOR_NAME}.serialization_format"
        return objects.read(file, form, how.trust, what=_WHAT, key=key, harmless=HARMLESS, check=trees.check)

    def python_function(self, model: Any, keys: Mapping[str, Any], **options: Any) -> dict[str, Any] | None:
        """Return which file and which method predict; None when the estimator has no such method."""
        function = options.get("pyfunc_predict_fn", "predict")
        if not hasattr(model, function):
            _log.warning(
                "the model has no method %r, so it is no python function and predicts only by itself", function
            )
            return None
        return {"model_path": keys["pickled_model"], "predict_fn": function}

    def predictor(self, model: Any, keys: Mapping[str, Any]) -> Any:
        """Return the estimator with the methods that may predict."""
        return _Predictor(model)

    def requires(self, keys: Mapping[str, Any]) -> tuple[str, ...]:
        """Return scikit-learn, and what the file is read with."""
        form = keys.get("serialization_format")
        return self.requirements if form == SERIALIZATION_FORMAT_PICKLE else (*self.requirements, str(form))


FLAVOR: Final = _ScikitLearn()


def save_model(
    sk_model: Any,
    path: str | os.PathLike[str],
    conda_env: Any = None,
    code_paths: list[str] | None = None,
    mlflow_model: Model | None = None,
    serialization_format: str | None = None,
    signature: Any = None,
    input_example: Any = None,
    pip_requirements: Any = None,
    extra_pip_requirements: Any = None,
    pyfunc_predict_fn: str = "predict",
    metadata: dict[str, Any] | None = None,
    skops_trusted_types: list[str] | None = None,
    extra_files: list[str] | None = None,
) -> None:
    """Save an estimator into a new folder; see `runlake.models.saving.save` for what all flavors take.

    Args:
        serialization_format: "skops", the default, "pickle" or "cloudpickle".
        pyfunc_predict_fn: The method that a python function of the model calls.
        skops_trusted_types: Types in the model that are not known to be harmless, and are.

    Raises:
        Untrusted: skops meets types that are not known to be harmless; the message names them.
    """
    saving.save(
        path,
        FLAVOR,
        sk_model,
        conda_env=conda_env,
        code_paths=code_paths,
        mlflow_model=mlflow_model,
        serialization_format=serialization_format,
        signature=signature,
        input_example=input_example,
        pip_requirements=pip_requirements,
        extra_pip_requirements=extra_pip_requirements,
        pyfunc_predict_fn=pyfunc_predict_fn,
        metadata=metadata,
        skops_trusted_types=skops_trusted_types,
        extra_files=extra_files,
    )


def log_model(
    sk_model: Any,
    artifact_path: str | None = None,
    conda_env: Any = None,
    code_paths: list[str] | None = None,
    serialization_format: str | None = None,
    registered_model_name: str | None = None,
    signature: Any = None,
    input_example: Any = None,
    await_registration_for: int | None = logged.AWAIT_S,
    pip_requirements: Any = None,
    extra_pip_requirements: Any = None,
    pyfunc_predict_fn: str = "predict",
    metadata: dict[str, Any] | None = None,
    extra_files: list[str] | None = None,
    params: dict[str, Any] | None = None,
    tags: dict[str, Any] | None = None,
    model_type: str | None = None,
    step: int = 0,
    model_id: str | None = None,
    name: str | None = None,
    skops_trusted_types: list[str] | None = None,
) -> ModelInfo:
    """Log an estimator as a model of the active run; see `runlake.models.logged.log` for what all flavors take."""
    return logged.log(
        FLAVOR,
        sk_model,
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
        serialization_format=serialization_format,
        signature=signature,
        input_example=input_example,
        pip_requirements=pip_requirements,
        extra_pip_requirements=extra_pip_requirements,
        pyfunc_predict_fn=pyfunc_predict_fn,
        metadata=metadata,
        skops_trusted_types=skops_trusted_types,
        extra_files=extra_files,
    )


def load_model(
    model_uri: str,
    dst_path: str | None = None,
    *,
    trust_pickle: bool | None = None,
    skops_trusted_types: list[str] | None = None,
) -> Any:
    """Load an estimator.

    Args:
        model_uri: A local path, or a URI of a run's, a logged or a registered model.
        dst_path: Folder to copy the model's files into.
        trust_pickle: Whether code that is in the model may run; None is what RUNLAKE_TRUST_PICKLE says, else no.
        skops_trusted_types: Types in the model that are not known to be harmless, and are.

    Raises:
        NotFound: there is no such model.
        Untrusted: the model is a pickle, or has types that are not trusted; the message names them.
        Corrupt: a file is cut off or garbled; the message names it.
    """
    folder = loading.fetch(model_uri, dst_path)
    return loading.load_native(folder, FLAVOR_NAME, trust=trust.given(trust_pickle, skops_trusted_types))


__getattr__ = lazy.attributes(__name__)
