"""Models from code: a script that says which object is its model, and the settings that it asks for."""

from __future__ import annotations

import importlib.util
import os
import sys
import threading
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from runlake.errors import Corrupt, InvalidInput, MissingExtra, NoSuchFile, RunlakeError

_THEIRS: Final = "mlflow.models.model"
_THEIR_CONFIG: Final = "mlflow.models.model_config"
_THEIR_MODEL: Final = "__mlflow_model__"
_THEIR_SETTINGS: Final = "__mlflow_model_config__"
_lock = threading.RLock()  # one script at a time: what it sets is the process's


class _Script:
    """What the script that runs has set, and what it is given."""

    model: Any = None
    config: Mapping[str, Any] | None = None


def set_model(model: Any) -> None:
    """Say which object is the model of this script: a `PythonModel` or a function.

    Raises:
        InvalidInput: it can neither predict nor be called.
    """
    if isinstance(model, str) or not (callable(getattr(model, "predict", None)) or callable(model)):
        raise InvalidInput(f"set_model takes a PythonModel or a function, not {type(model).__name__}")
    _Script.model = model
    # MLflow may be who runs the script, and looks there; it takes no classes but its own from anybody else.
    if (theirs := sys.modules.get(_THEIRS)) is not None:
        setattr(theirs, _THEIR_MODEL, model)


class ModelConfig:
    """The settings of a model from code: those it was logged or loaded with, else those that the script itself has.

    Args:
        development_config: A dictionary or the path of a YAML file, for running the script by itself.

    Raises:
        FileNotFoundError: there are no settings, or no such file.
    """

    def __init__(self, *, development_config: str | dict[str, Any] | None = None) -> None:
        theirs = getattr(sys.modules.get(_THEIR_CONFIG), _THEIR_SETTINGS, None)
        self.config = _Script.config or theirs or development_config
        if not self.config:
            raise NoSuchFile("the model has no settings", hint="give model_config when it is logged or loaded")
        if not isinstance(self.config, Mapping) and not os.path.isfile(self.config):
            raise NoSuchFile(f"there is no file {self.config!r} with the settings of the model")

    def to_dict(self) -> dict[str, Any]:
        """Return the settings."""
        return dict(read_config(self.config) or {})

    def get(self, key: str) -> Any:
        """Return a setting.

        Raises:
            KeyError: there is none of that name.
        """
        settings = self.to_dict()
        if key not in settings:
            raise KeyError(f"the model's settings have no {key!r}, but {', '.join(map(str, settings)) or 'none'}")
        return settings[key]


def read_config(config: str | os.PathLike[str] | Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Return settings that are given as a dictionary or as a YAML file.

    Raises:
        InvalidInput: they are no dictionary with text for keys.
        NoSuchFile: there is no such file.
    """
    if config is None:
        return None
    read = config if isinstance(config, Mapping) else _file(os.fspath(config))
    if not isinstance(read, Mapping) or not all(isinstance(key, str) for key in read):
        raise InvalidInput(f"model_config is a dictionary with names for keys, or a YAML file of one, not {config!r}")
    return dict(read)


def run_script(file: Path, config: Mapping[str, Any] | None) -> Any:
    """Run a script and return the object that it has set as its model.

    Raises:
        Corrupt: it fails, or sets none.
        MissingExtra: it imports a module that is not installed.
    """
    with _lock, _given(config):
        _run(file)
        theirs = getattr(sys.modules.get(_THEIRS), _THEIR_MODEL, None)
        found = _Script.model if _Script.model is not None else theirs
    if found is None:
        raise Corrupt(f"the script {file} sets no model", hint="end it with set_model(...) from runlake.models")
    return found


@contextmanager
def _given(config: Mapping[str, Any] | None) -> Iterator[None]:
    """Give a script its settings, in the place where MLflow's own class looks for them as well."""
    places = [module for name in (_THEIR_CONFIG,) if (module := sys.modules.get(name)) is not None]
    _Script.model, _Script.config = None, config
    if (theirs := sys.modules.get(_THEIRS)) is not None:
        setattr(theirs, _THEIR_MODEL, None)
    for place in places:
        setattr(place, _THEIR_SETTINGS, config)
    try:
        yield
    finally:
        _Script.model = _Script.config = None
        for place in places:
            setattr(place, _THEIR_SETTINGS, None)


def _run(file: Path) -> None:
    name = f"runlake_model_{uuid.uuid4().hex}"  # a second model of the same file name is another module
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise InvalidInput(f"the model {str(file)!r} is no Python script")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException as error:
        del sys.modules[name]
        if isinstance(error, ModuleNotFoundError):
            raise MissingExtra(
                f"the model {file} imports {error.name!r}, which is not installed",
                hint=f"pip install -r {file.parent / 'requirements.txt'}",
            ) from error
        if isinstance(error, RunlakeError) or not isinstance(error, Exception):
            raise
        raise Corrupt(f"the script {file} fails: {type(error).__name__}: {error}") from error


def _file(path: str) -> Any:
    from runlake.plain_yaml import NotPlain, read_yaml

    try:
        return read_yaml(Path(path).read_bytes(), "to read the settings of a model")
    except FileNotFoundError:
        raise NoSuchFile(f"there is no file {path!r} with the settings of the model") from None
    except NotPlain as error:
        raise InvalidInput(f"the settings {path!r} are no YAML: {error}") from error
