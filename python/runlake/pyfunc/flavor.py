"""The flavor `python_function` by itself: an object or a script with `predict`, or a module that loads what it knows.

An object is a pickle made by cloudpickle: it runs code when it is loaded, so the caller has to trust it. A script and a
module run code as well, which anybody can read before.
"""

from __future__ import annotations

import importlib
import logging
import os
import pickle
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from runlake.errors import Corrupt, InvalidInput, InvalidType, NoSuchFile
from runlake.extras import import_extra
from runlake.models import code, trust
from runlake.models.flavors import PYTHON_FUNCTION, Flavor, Loading, payload, reading
from runlake.models.manifest import MANIFEST_FILE, inside
from runlake.pyfunc.python_model import FunctionModel, PythonModelContext, PythonPredictor

_OF_OBJECT: Final = "mlflow.pyfunc.model"
_OF_SCRIPT: Final = "mlflow.pyfunc.loaders.code_model"
_PICKLE: Final = "python_model.pkl"
_ARTIFACTS: Final = "artifacts"
_DATA: Final = "data"
_WHY: Final = "to save a Python object as a model"
_log = logging.getLogger("runlake")


class _PythonFunction(Flavor):
    """Models that are Python: an object, a function, a script, or a module of the user's that loads them."""

    name = PYTHON_FUNCTION
    loader_module = _OF_OBJECT

    def save(
        self,
        model: Any,
        folder: Path,
        *,
        loader_module: str | None = None,
        data_path: str | None = None,
        artifacts: Mapping[str, str] | None = None,
        model_config: Any = None,
        streamable: bool | None = None,
        **options: Any,
    ) -> dict[str, Any]:
        """Write object or script, and copy the files that it is to find when it is loaded."""
        del options
        _check_which(model, loader_module, data_path, artifacts)
        keys: dict[str, Any] = {"streamable": bool(streamable)}
        if (config := code.read_config(model_config)) is not None:
            keys["config"] = config
        if loader_module is not None:
            return {**keys, "loader_module": loader_module, **_data(data_path, folder)}
        if isinstance(model, str | os.PathLike):
            keys |= _save_script(Path(model), folder)
            found = code.run_script(folder / keys["model_code_path"], config)
        else:
            keys |= _save_object(model, folder)
            found = model
        if streamable is None:
            keys["streamable"] = hasattr(found, "predict_stream")
        return {**keys, **_save_artifacts(artifacts or {}, folder)}

    def load(self, folder: Path, keys: Mapping[str, Any], how: Loading) -> PythonPredictor:
        """Load object or script and let it read its files."""
        config = {**_mapping(folder, keys, "config"), **(how.model_config or {})}
        if keys.get("model_code_path") is not None:
            script = os.path.basename(str(keys["model_code_path"]).replace("\\", "/"))  # MLflow names where it was
            file = inside(folder, script, f"flavors.{PYTHON_FUNCTION}.model_code_path")
            model = code.run_script(file, config or None)
        else:
            model = _load_object(folder, keys, how)
        return PythonPredictor(model, PythonModelContext(_artifacts(folder, keys), config))

    def python_function(self, model: Any, keys: Mapping[str, Any], **options: Any) -> dict[str, Any] | None:
        """Return nothing more than `save` has."""
        return {}

    def requires(self, keys: Mapping[str, Any]) -> tuple[str, ...]:
        """Return what the object is read with."""
        return ("cloudpickle",) if "python_model" in keys else ()


FLAVOR: Final = _PythonFunction()


def _check_which(model: Any, loader_module: str | None, data_path: str | None, artifacts: Any) -> None:
    if model is None and loader_module is None:
        raise InvalidInput(
            "neither python_model nor loader_module is given",
            hint="python_model is an object or a script, loader_module a module with _load_pyfunc(path)",
        )
    if (loader_module is not None or data_path is not None) and (model is not None or artifacts is not None):
        raise InvalidInput("loader_module and data_path do not go together with python_model and artifacts")
    if model is None or isinstance(model, str | os.PathLike):
        return
    if isinstance(model, type) or not (callable(getattr(model, "predict", None)) or callable(model)):
        raise InvalidType(
            f"python_model is {model!r}; it must be an object with predict, a function, or a script's path"
        )


# -- object


def _save_object(model: Any, folder: Path) -> dict[str, Any]:
    cloudpickle = import_extra("cloudpickle", _WHY)
    file = folder / _PICKLE
    if not hasattr(model, "predict"):
        model = FunctionModel(model)
    try:
        with open(file, "wb") as stream:
            cloudpickle.dump(model, stream)
    except (pickle.PicklingError, TypeError, AttributeError) as error:
        raise InvalidInput(
            f"cloudpickle cannot save this {type(model).__name__}: {error}",
            hint="write the model as a script that ends with set_model(...), and give its path",
        ) from error
    trust.remember(file)
    return {"python_model": _PICKLE, "cloudpickle_version": cloudpickle.__version__}


def _load_object(folder: Path, keys: Mapping[str, Any], how: Loading) -> Any:
    file = payload(folder, keys, "python_model", flavor=PYTHON_FUNCTION)
    how.trust.require_pickle(file)
    with reading(file, "Python object"), _opened(keys.get("python_model_compression"))(file, "rb") as stream:
        return pickle.load(stream)


def _opened(compression: object) -> Callable[..., Any]:
    """Return how a file is opened that MLflow may have compressed."""
    if compression is None:
        return open
    if compression not in ("lzma", "bzip2", "gzip"):
        raise Corrupt(f"the compression {compression!r} under 'python_model_compression' is none that is known")
    module = {"lzma": "lzma", "bzip2": "bz2", "gzip": "gzip"}[str(compression)]
    opener: Callable[..., Any] = importlib.import_module(module).open
    return opener


# -- script, data and artifacts


def _save_script(script: Path, folder: Path) -> dict[str, Any]:
    if not script.is_file() or script.suffix != ".py":
        raise NoSuchFile(f"there is no Python script {os.fspath(script)!r} to save as a model")
    if script.name in (MANIFEST_FILE, _PICKLE):
        raise InvalidInput(f"a script cannot be called {script.name!r}")
    shutil.copyfile(script, folder / script.name)
    return {"model_code_path": script.name, "loader_module": _OF_SCRIPT}


def _data(data_path: str | None, folder: Path) -> dict[str, Any]:
    return {} if data_path is None else {_DATA: _copied(data_path, folder / _DATA, os.path.basename(_clean(data_path)))}


def _save_artifacts(artifacts: Mapping[str, str], folder: Path) -> dict[str, Any]:
    """Copy what URIs name into the model's folder, each under its own name there."""
    from runlake.artifacts import download_artifacts

    kept: dict[str, dict[str, str]] = {}
    taken: set[str] = set()
    for name, uri in artifacts.items():
        if not isinstance(name, str) or not isinstance(uri, str | os.PathLike):
            raise InvalidType(f"artifacts are URIs by name, not {uri!r} under {name!r}")
        local = _clean(download_artifacts(os.fspath(uri)))
        short = os.path.basename(local)
        place = short if short not in taken else f"{len(taken)}-{short}"
        taken.add(place)
        kept[name] = {"path": _copied(local, folder / _ARTIFACTS, place), "uri": os.fspath(uri)}
    return {_ARTIFACTS: kept} if kept else {}


def _copied(source: str, into: Path, name: str) -> str:
    into.mkdir(exist_ok=True)
    if os.path.isdir(source):
        shutil.copytree(source, into / name)
    elif os.path.isfile(source):
        shutil.copyfile(source, into / name)
    else:
        raise NoSuchFile(f"there is no file or folder {source!r} to save with the model")
    return f"{into.name}/{name}"


def _clean(path: str) -> str:
    return os.path.abspath(os.fspath(path))


def _artifacts(folder: Path, keys: Mapping[str, Any]) -> dict[str, str]:
    found = {}
    for name, entry in _mapping(folder, keys, _ARTIFACTS).items():
        key = f"flavors.{PYTHON_FUNCTION}.{_ARTIFACTS}.{name}.path"
        found[name] = str(inside(folder, entry.get("path") if isinstance(entry, dict) else entry, key))
    return found


def _mapping(folder: Path, keys: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = keys.get(key)
    if found is not None and not isinstance(found, Mapping):
        raise Corrupt(
            f"the manifest {folder / MANIFEST_FILE} has {str(found)[:40]!r} under 'flavors.{PYTHON_FUNCTION}.{key}';"
            " it must be an object"
        )
    return found or {}
