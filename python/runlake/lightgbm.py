"""LightGBM: boosters in LightGBM's own text, estimators as skops files; under the names of `mlflow.lightgbm`."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from runlake import lazy
from runlake.errors import Corrupt, InvalidInput, InvalidType
from runlake.extras import import_extra
from runlake.models import loading, logged, objects, saving, trust
from runlake.models.flavors import Flavor, Loading, digest, payload, reading, require_intact, warn_if_newer

if TYPE_CHECKING:
    from runlake.models.info import ModelInfo
    from runlake.models.manifest import Model

__all__ = ["FLAVOR", "FLAVOR_NAME", "load_model", "log_model", "save_model"]

FLAVOR_NAME: Final = "lightgbm"
_BOOSTER: Final = "lightgbm.basic.Booster"
_HARMLESS: Final = (
    "collections.OrderedDict",
    _BOOSTER,
    "lightgbm.sklearn.LGBMClassifier",
    "lightgbm.sklearn.LGBMModel",
    "lightgbm.sklearn.LGBMRanker",
    "lightgbm.sklearn.LGBMRegressor",
)
"""Types of which an estimator is made; a booster among them is its text."""

_WHAT: Final = "LightGBM model"
_TREE: Final = re.compile(rb"Tree=(\d+)\n")
_NODES: Final = re.compile(rb"^(num_leaves|left_child|right_child|split_feature)=([\d -]*)$", re.MULTILINE)
_COLUMNS: Final = re.compile(rb"^max_feature_idx=(\d{1,9})$", re.MULTILINE)


class _Predictor:
    """A booster or an estimator as a python function."""

    def __init__(self, model: Any) -> None:
        self.lgb_model = model

    def predict(self, data: Any, params: dict[str, Any] | None = None) -> Any:
        return self.lgb_model.predict(data, **(params or {}))

    def get_raw_model(self) -> Any:
        return self.lgb_model


class _LightGBM(Flavor):
    """Boosters, and estimators with scikit-learn's methods."""

    name = FLAVOR_NAME
    loader_module = "mlflow.lightgbm"
    requirements = ("lightgbm",)

    def save(
        self,
        model: Any,
        folder: Path,
        *,
        serialization_format: str | None = None,
        skops_trusted_types: Sequence[str] | None = None,
        save_options: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> dict[str, Any]:
        """Write a booster as LightGBM does, an estimator as a Python object."""
        del options
        lightgbm = import_extra("lightgbm", "to save a model of it")
        form = serialization_format or objects.SERIALIZATION_FORMAT_SKOPS
        trusted = sorted({*_HARMLESS, *(skops_trusted_types or ())})
        noted = {}
        if isinstance(model, lightgbm.Booster):
            file = folder / "model.lgb"
            model.save_model(file, **(save_options or {}))
            noted = digest(file)
        elif isinstance(model, lightgbm.LGBMModel):
            if not model.__sklearn_is_fitted__():
                raise InvalidInput(f"this {type(model).__name__} is not fitted", hint="call fit before it is saved")
            file = objects.write(model, folder, form, trusted)
        else:
            raise InvalidType(f"lgb_model is a Booster or an estimator of LightGBM, not {type(model).__name__}")
        return {
            "lgb_version": lightgbm.__version__,
            "data": file.name,
            "model_class": f"{type(model).__module__}.{type(model).__qualname__}",
            "serialization_format": form,
            "skops_trusted_types": trusted if form == objects.SERIALIZATION_FORMAT_SKOPS else skops_trusted_types,
            **noted,
        }

    def load(self, folder: Path, keys: Mapping[str, Any], how: Loading) -> Any:
        """Load a booster or an estimator, as the manifest says which."""
        lightgbm = import_extra("lightgbm", "to load a model of it")
        warn_if_newer(folder, FLAVOR_NAME, keys.get("lgb_version"), lightgbm.__version__)
        file = payload(folder, keys, "data", flavor=FLAVOR_NAME)
        if keys.get("model_class", _BOOSTER) == _BOOSTER:
            with reading(file, _WHAT):
                _check(file)
                require_intact(file, keys)
                return lightgbm.Booster(model_file=file)
        form = keys.get("serialization_format", objects.SERIALIZATION_FORMAT_CLOUDPICKLE)
        key = f"flavors.{FLAVOR_NAME}.serialization_format"
        return objects.read(file, form, how.trust, what=_WHAT, key=key, harmless=_HARMLESS)

    def python_function(self, model: Any, keys: Mapping[str, Any], **options: Any) -> dict[str, Any]:
        """Return which file MLflow loads."""
        return {"data": keys["data"]}

    def predictor(self, model: Any, keys: Mapping[str, Any]) -> Any:
        """Return the model as a python function."""
        return _Predictor(model)

    def requires(self, keys: Mapping[str, Any]) -> tuple[str, ...]:
        """Return LightGBM, and what an estimator is read with."""
        if keys.get("model_class") == _BOOSTER:
            return self.requirements
        form = keys.get("serialization_format")
        read_with = () if form == objects.SERIALIZATION_FORMAT_PICKLE else (str(form),)
        return (*self.requirements, "scikit-learn", *read_with)


FLAVOR: Final = _LightGBM()


def _check(file: Path) -> None:
    """Refuse a text that is not whole, on which LightGBM ends the process or never returns.

    Its header says how long each tree is, also in a model that MLflow has saved, without a digest. The numbers by which
    nodes name each other and their columns are looked at, for compiled code follows them blindly.

    Raises:
        Corrupt: it is cut off or garbled.
    """
    text = file.read_bytes()
    header, _, trees = text.partition(b"\n\n")
    sizes = re.search(rb"^tree_sizes=([\d ]*)$", header, re.MULTILINE)
    if not header.startswith(b"tree\n") or sizes is None:
        raise Corrupt(f"{file} is cut off or garbled, or holds no {_WHAT}: it has no header")
    columns = _COLUMNS.search(header)
    at = 0
    for number, size in enumerate(map(int, sizes[1].split())):
        found = _TREE.match(trees, at)
        at += size
        if found is None or int(found[1]) != number or trees[at - 2 : at] != b"\n\n":
            raise Corrupt(f"{file} is cut off or garbled: its tree {number} is not whole")
        if columns is None or not _leads_on(trees[at - size : at], int(columns[1]) + 1):
            raise Corrupt(f"{file} is garbled: the nodes of its tree {number} lead out of it, or in a circle")
    last = text.rstrip().rpartition(b"\n")[2]
    if not trees.startswith(b"end of trees", at) or not (
        last.startswith(b"pandas_categorical:") and text[-1:] == b"\n"
    ):
        raise Corrupt(f"{file} is cut off or garbled: its end is missing")


def _leads_on(tree: bytes, columns: int) -> bool:
    """Tell whether each node leads on to later ones, as LightGBM numbers them, or to leaves, by a column there is."""
    numpy = import_extra("numpy", "to load a model of LightGBM")
    found = {name: numpy.array(numbers.split(), dtype="int64") for name, numbers in _NODES.findall(tree)}
    if len(found) < 4 or len(found[b"num_leaves"]) != 1:
        return False
    leaves = int(found[b"num_leaves"][0])
    split = found[b"split_feature"]
    nodes = numpy.arange(len(split))
    for child in (found[b"left_child"], found[b"right_child"]):
        if len(child) != len(nodes) or ((child >= 0) & ((child <= nodes) | (child >= leaves - 1))).any():
            return False
        if (child < -leaves).any():
            return False
    return len(nodes) == leaves - 1 and bool(((split >= 0) & (split < columns)).all())


def save_model(
    lgb_model: Any,
    path: str | os.PathLike[str],
    conda_env: Any = None,
    code_paths: list[str] | None = None,
    mlflow_model: Model | None = None,
    signature: Any = None,
    input_example: Any = None,
    pip_requirements: Any = None,
    extra_pip_requirements: Any = None,
    metadata: dict[str, Any] | None = None,
    serialization_format: str | None = None,
    skops_trusted_types: list[str] | None = None,
    extra_files: list[str] | None = None,
    **kwargs: Any,
) -> None:
    """Save a booster or an estimator into a new folder; see `runlake.models.saving.save` for what all flavors take.

    Args:
        serialization_format: Of an estimator: "skops", the default, "pickle" or "cloudpickle".
        skops_trusted_types: Types in an estimator that are not known to be harmless, and are.
        kwargs: Arguments of LightGBM's `Booster.save_model`.

    Raises:
        InvalidType: it is no model of LightGBM.
        Untrusted: skops meets types that are not known to be harmless; the message names them.
    """
    saving.save(
        path,
        FLAVOR,
        lgb_model,
        conda_env=conda_env,
        code_paths=code_paths,
        mlflow_model=mlflow_model,
        signature=signature,
        input_example=input_example,
        pip_requirements=pip_requirements,
        extra_pip_requirements=extra_pip_requirements,
        metadata=metadata,
        serialization_format=serialization_format,
        skops_trusted_types=skops_trusted_types,
        extra_files=extra_files,
        save_options=kwargs,
    )


def log_model(
    lgb_model: Any,
    artifact_path: str | None = None,
    conda_env: Any = None,
    code_paths: list[str] | None = None,
    registered_model_name: str | None = None,
    signature: Any = None,
    input_example: Any = None,
    await_registration_for: int | None = logged.AWAIT_S,
    pip_requirements: Any = None,
    extra_pip_requirements: Any = None,
    metadata: dict[str, Any] | None = None,
    extra_files: list[str] | None = None,
    name: str | None = None,
    params: dict[str, Any] | None = None,
    tags: dict[str, Any] | None = None,
    model_type: str | None = None,
    step: int = 0,
    model_id: str | None = None,
    serialization_format: str | None = None,
    skops_trusted_types: list[str] | None = None,
    **kwargs: Any,
) -> ModelInfo:
    """Log a booster or an estimator as a model of the active run; see `save_model` and `runlake.models.logged.log`."""
    return logged.log(
        FLAVOR,
        lgb_model,
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
        metadata=metadata,
        serialization_format=serialization_format,
        skops_trusted_types=skops_trusted_types,
        extra_files=extra_files,
        save_options=kwargs,
    )


def load_model(
    model_uri: str,
    dst_path: str | None = None,
    *,
    trust_pickle: bool | None = None,
    skops_trusted_types: list[str] | None = None,
) -> Any:
    """Load a booster or an estimator.

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
