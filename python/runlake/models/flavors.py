"""Flavors: one small record for each library that models come from, and the list that finds them by name.

A third party adds its own as an entry point of the group `runlake.flavors`: the name is the flavor's, the object a
`Flavor` or a class of one without arguments.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import logging
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, ClassVar, Final

from runlake.errors import Corrupt, InvalidInput, MissingExtra, NotFound, RunlakeError
from runlake.models.manifest import inside
from runlake.models.trust import Trust

PYTHON_FUNCTION: Final = "python_function"
GROUP: Final = "runlake.flavors"

_BUILT_IN: Final = {
    PYTHON_FUNCTION: "runlake.pyfunc.flavor:FLAVOR",
    "lightgbm": "runlake.lightgbm:FLAVOR",
    "onnx": "runlake.onnx.flavor:FLAVOR",
    "pytorch": "runlake.pytorch.flavor:FLAVOR",
    "sklearn": "runlake.sklearn:FLAVOR",
    "xgboost": "runlake.xgboost:FLAVOR",
}
"""Flavors of our own, as entry points name objects."""

_LOADERS: Final = {
    "mlflow.pyfunc.model": PYTHON_FUNCTION,
    "mlflow.pyfunc.loaders.code_model": PYTHON_FUNCTION,
    "mlflow.lightgbm": "lightgbm",
    "mlflow.onnx": "onnx",
    "mlflow.pytorch": "pytorch",
    "runlake.pytorch": "pytorch",
    "mlflow.sklearn": "sklearn",
    "mlflow.xgboost": "xgboost",
}
"""Flavors by the modules that MLflow loads them with as python functions."""

_log = logging.getLogger("runlake")
_registered: dict[str, Flavor] = {}
_lock = threading.RLock()


@dataclass(frozen=True)
class Loading:
    """How a model is to be loaded.

    Attributes:
        trust: What the caller takes responsibility for.
        model_config: Settings that go before those that were saved with the model.
        options: What else the caller says to the flavor.
    """

    trust: Trust = field(default_factory=Trust)
    model_config: Mapping[str, Any] | None = None
    options: Mapping[str, Any] = field(default_factory=dict)


class Flavor(ABC):
    """How models of one library are saved, loaded and asked for predictions.

    Attributes:
        name: Of the flavor in manifests.
        loader_module: The module whose `_load_pyfunc` MLflow calls to load such a model as a python function.
        requirements: Distributions that every such model needs, whatever it is seen to import.
    """

    name: ClassVar[str]
    loader_module: ClassVar[str]
    requirements: ClassVar[tuple[str, ...]] = ()

    @abstractmethod
    def save(self, model: Any, folder: Path, **options: Any) -> dict[str, Any]:
        """Write the model's own files into a folder, and return the flavor's keys of the manifest.

        Raises:
            InvalidInput: it is no such model, or cannot be saved this way.
        """

    @abstractmethod
    def load(self, folder: Path, keys: Mapping[str, Any], how: Loading) -> Any:
        """Load the library's own object.

        Args:
            keys: The flavor's in the manifest, which may say anything.

        Raises:
            Corrupt: a file is cut off or garbled; the message names it.
            Untrusted: loading runs code, or makes types, that the caller does not trust.
        """

    def python_function(self, model: Any, keys: Mapping[str, Any], **options: Any) -> dict[str, Any] | None:
        """Return the keys with which the model is a python function too; None when it cannot predict.

        Args:
            keys: What `save` has returned.
            options: What `save` was given.
        """
        return {} if hasattr(model, "predict") else None

    def predictor(self, model: Any, keys: Mapping[str, Any]) -> Any:
        """Return an object with `predict(data)` or `predict(data, params)`.

        Args:
            model: What `load` has returned.
            keys: Those of the python function.
        """
        return model

    def load_function(self, folder: Path, own: Mapping[str, Any], keys: Mapping[str, Any], how: Loading) -> Any:
        """Load what predicts: by default what `predictor` makes of what `load` returns.

        A flavor whose predictions are made from the file itself need not load the library's own object for them.

        Args:
            own: The flavor's keys.
            keys: Those of the python function.
        """
        return self.predictor(self.load(folder, own, how), keys)

    def requires(self, keys: Mapping[str, Any]) -> tuple[str, ...]:
        """Return the distributions that a model with such keys needs, besides those that it is seen to import."""
        return self.requirements


# -- finding flavors


def register(flavor: Flavor) -> None:
    """Add a flavor to this process, or put it in the place of another of that name."""
    with _lock:
        _registered[flavor.name] = flavor


def find(name: str) -> Flavor:
    """Return the flavor of a name.

    Raises:
        NotFound: nobody has one.
    """
    with _lock:
        if name not in _registered:
            _registered[name] = _made(name)
        return _registered[name]


def names() -> list[str]:
    """Return the names of all flavors that there are, of ours and of others."""
    return sorted({*_BUILT_IN, *_entry_points(), *_registered})


def of_loader(module: str) -> Flavor | None:
    """Return the flavor whose models MLflow loads with a module; None when there is no such flavor."""
    if (name := _LOADERS.get(module)) is not None:
        return find(name)
    for name in (*_registered, *_entry_points()):
        if find(name).loader_module == module:
            return find(name)
    return None


def _made(name: str) -> Flavor:
    if (place := _BUILT_IN.get(name)) is not None:
        module, _, attribute = place.partition(":")
        made = getattr(importlib.import_module(module), attribute)
    elif name in _entry_points():
        made = _entry_points()[name].load()
        made = made() if isinstance(made, type) else made
    else:
        raise NotFound(f"there is no flavor {name!r}", hint=f"there are {', '.join(names())}")
    if not isinstance(made, Flavor):
        raise InvalidInput(f"the entry point {name!r} of {GROUP} is {made!r}, which is no runlake.models.Flavor")
    return made


@cache
def _entry_points() -> Mapping[str, Any]:
    from importlib.metadata import entry_points

    return {point.name: point for point in entry_points(group=GROUP)}


# -- reading files of a model


def payload(folder: Path, keys: Mapping[str, Any], key: str, *, flavor: str) -> Path:
    """Return the path of the file that the keys of a flavor name.

    Raises:
        Corrupt: the key is missing, or leads out of the folder.
        NotFound: there is no such file.
    """
    if key not in keys:
        raise Corrupt(f"the manifest {folder / 'MLmodel'} has no key 'flavors.{flavor}.{key}'")
    return inside(folder, keys[key], f"flavors.{flavor}.{key}")


def digest(file: Path) -> dict[str, str]:
    """Return the key of a flavor with which `require_intact` knows a file again."""
    with open(file, "rb") as stream:
        return {"data_sha256": hashlib.file_digest(stream, "sha256").hexdigest()}


def require_intact(file: Path, keys: Mapping[str, Any]) -> None:
    """Return if a file is what was saved, or if nobody has noted that; for readers that end the process on others.

    Raises:
        Corrupt: it is another.
    """
    noted = keys.get("data_sha256")
    if noted is not None and noted != digest(file)["data_sha256"]:
        raise Corrupt(f"{file} is cut off or garbled: it is not what was saved, whose SHA-256 the manifest has")


def warn_if_newer(folder: Path, library: str, saved: object, installed: str) -> None:
    """Say so when a later version of the library than the installed one has saved the model."""
    from packaging.version import InvalidVersion, Version

    try:
        newer = Version(str(saved)) > Version(installed)
    except InvalidVersion:
        return
    if newer:
        _log.warning(
            "the model in %s was saved with %s %s, which is newer than the %s that is installed here; it may not load,"
            " or predict otherwise",
            folder,
            library,
            saved,
            installed,
        )


@contextlib.contextmanager
def reading(file: Path, what: str) -> Iterator[None]:
    """Say which file is at fault when what is read from it makes no sense.

    Args:
        what: What the file should hold, for the message.

    Raises:
        Corrupt: something went wrong in the block.
        MissingExtra: a module is not installed.
    """
    try:
        yield
    except RunlakeError:
        raise
    except ModuleNotFoundError as error:
        raise MissingExtra(
            f"{file} needs the module {error.name!r}, which is not installed",
            hint=f"pip install -r {file.parent / 'requirements.txt'}",
        ) from error
    except Exception as error:
        said = f"{type(error).__name__}: {error}".splitlines()[0][:200]
        raise Corrupt(f"{file} is cut off or garbled, or holds no {what}: {said}") from error
