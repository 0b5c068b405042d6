"""Loading: from the folder of a model to the library's own object, or to a python function."""

from __future__ import annotations

import filecmp
import importlib
import logging
import os
import sys
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from runlake.errors import Corrupt, MissingExtra, NotFound, Untrusted
from runlake.models import contract, flavors, locating
from runlake.models.flavors import PYTHON_FUNCTION, Loading
from runlake.models.manifest import Model, inside
from runlake.models.predicting import PyFuncModel
from runlake.models.trust import Trust

_PREDICT: Final = "predict"
_PREDICT_STREAM: Final = "predict_stream"
_log = logging.getLogger("runlake")
_lock = threading.RLock()


def fetch(model_uri: str, dst_path: str | None = None, *, warn: bool = True) -> Path:
    """Return the local folder of a model that is about to be loaded.

    Args:
        dst_path: Folder to copy the model's files into.
        warn: Whether to say how the running interpreter differs from what the model was saved with.

    Raises:
        NotFound: there is no such model.
        InvalidInput: the URI is none, or leaves its place.
    """
    folder = locating.locate(model_uri, dst_path)
    if warn:
        contract.warn_of_differences(folder)
    return folder


def load(
    folder: str | Path,
    *,
    trust: Trust | None = None,
    model_config: Mapping[str, Any] | None = None,
    manifest: Model | None = None,
) -> PyFuncModel:
    """Load the model in a folder as a python function.

    Args:
        trust: What the caller takes responsibility for; None is nothing.
        model_config: Settings that go before those that were saved with the model.
        manifest: That of the folder, if it was read already.

    Raises:
        NotFound: there is no model, or it is no python function.
        Corrupt: the manifest or a file of the model is cut off or garbled; the message names it.
        Untrusted: loading it would run code that the caller does not trust.
    """
    folder = Path(folder)
    manifest = manifest or Model.load(folder)
    keys = _keys(folder, manifest, PYTHON_FUNCTION)
    how = Loading(trust or Trust(), model_config)
    add_code(folder, keys, PYTHON_FUNCTION)
    implementation = _implementation(folder, manifest, keys, how)
    return PyFuncModel(
        manifest,
        implementation,
        keys.get("predict_fn", _PREDICT),
        keys.get("predict_stream_fn", _PREDICT_STREAM) if keys.get("streamable") else None,
        manifest.model_id,
        lambda: manifest.load_input_example(folder),
    )


def load_native(folder: str | Path, flavor: str, *, trust: Trust | None = None, **options: Any) -> Any:
    """Load the library's own object from a model's folder.

    Args:
        flavor: Its name.
        options: What the flavor takes besides.

    Raises:
        NotFound: there is no model, or it is not of that flavor.
        Corrupt: the manifest or a file of the model is cut off or garbled; the message names it.
        Untrusted: loading it would run code that the caller does not trust.
    """
    folder = Path(folder)
    keys = _keys(folder, Model.load(folder), flavor)
    add_code(folder, keys, flavor)
    return flavors.find(flavor).load(folder, keys, Loading(trust or Trust(), options=options))


def add_code(folder: Path, keys: Mapping[str, Any], flavor: str) -> None:
    """Let modules that were saved with a model be imported, before any others of their names."""
    if keys.get("code") is None:
        return
    place = str(inside(folder, keys["code"], f"flavors.{flavor}.code").absolute())
    with _lock:
        if place not in sys.path:
            sys.path.insert(0, place)
            importlib.invalidate_caches()
    if others := sorted(_imported_otherwise(Path(place))):
        _log.warning(
            "the model in %s comes with other code for %s than this process has imported already, and runs with that;"
            " to have its own, load it in another process",
            folder,
            ", ".join(others),
        )


def forget_code(folder: Path) -> None:
    """Take back what `add_code` did for a folder that is about to be another, and modules that were imported from it.

    A path that is no longer there would stay first among those that Python imports from, for anybody to fill.
    """
    root = os.path.abspath(folder) + os.sep
    with _lock:
        sys.path[:] = [entry for entry in sys.path if not entry.startswith(root)]
        for name, module in list(sys.modules.items()):
            if (getattr(module, "__file__", None) or "").startswith(root):
                del sys.modules[name]
                sys.path_importer_cache.pop(os.path.dirname(str(module.__file__)), None)


def _imported_otherwise(place: Path) -> Iterator[str]:
    """Name modules that are imported, and are others in a folder: there is one of each name in a process."""
    own = {entry.stem for entry in place.iterdir()} if place.is_dir() else set()
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] not in own:
            continue
        path, file = place.joinpath(*name.split(".")), getattr(module, "__file__", None)
        came = next((each for each in (path.with_suffix(".py"), path / "__init__.py") if each.is_file()), None)
        if came is not None and file and os.path.isfile(file) and not filecmp.cmp(file, came, shallow=False):
            yield name


def _keys(folder: Path, manifest: Model, flavor: str) -> Mapping[str, Any]:
    keys: Mapping[str, Any] | None = manifest.flavors.get(flavor)
    if keys is None:
        raise NotFound(
            f"the model in {folder} has no flavor {flavor!r}",
            hint=f"it has {', '.join(sorted(manifest.flavors)) or 'none'}",
        )
    return keys


def _implementation(folder: Path, manifest: Model, keys: Mapping[str, Any], how: Loading) -> Any:
    module = keys.get("loader_module")
    if not isinstance(module, str) or not module or module.startswith("."):
        raise Corrupt(
            f"the manifest {folder / 'MLmodel'} names no module under 'flavors.{PYTHON_FUNCTION}.loader_module'"
        )
    flavor = flavors.of_loader(module)
    if flavor is None:
        return _by_module(folder, module, keys, how)
    own = keys if flavor.name == PYTHON_FUNCTION else _keys(folder, manifest, flavor.name)
    return flavor.load_function(folder, own, keys, how)


def _by_module(folder: Path, module: str, keys: Mapping[str, Any], how: Loading) -> Any:
    """Have a module load the model that is no flavor's here: one of the user's, or of MLflow's."""
    if module.partition(".")[0] == "mlflow" and not how.trust.pickle:
        raise Untrusted(
            f"the model in {folder} is loaded by {module!r}, and such modules of MLflow unpickle what is in a model",
            hint="if you know who wrote it, load it with trust_pickle=True",
        )
    try:
        loader = importlib.import_module(module)
    except ModuleNotFoundError as error:
        missing = (error.name or module).partition(".")[0]
        raise MissingExtra(
            f"the model in {folder} is loaded by the module {module!r}, and {error.name!r} is not installed",
            hint=f"pip install {missing}" if missing in ("mlflow", "runlake") else "it may be missing in code_paths",
        ) from error
    if not callable(function := getattr(loader, "_load_pyfunc", None)):
        raise Corrupt(f"the model in {folder} is loaded by the module {module!r}, which has no _load_pyfunc")
    data = folder if keys.get("data") is None else inside(folder, keys["data"], f"flavors.{PYTHON_FUNCTION}.data")
    config = {**(keys.get("config") or {}), **(how.model_config or {})}
    return function(str(data), config) if config else function(str(data))
