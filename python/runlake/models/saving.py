"""Saving: one way for models of every flavor into a folder that is whole or not there."""

from __future__ import annotations

import logging
import os
import platform
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from runlake.errors import AlreadyExists, InvalidInput, InvalidType, NoSuchFile
from runlake.models import contract, loading
from runlake.models.flavors import PYTHON_FUNCTION, Flavor, Loading
from runlake.models.manifest import FORMAT, MANIFEST_FILE, Model
from runlake.models.trust import EVERYTHING

if TYPE_CHECKING:
    from runlake.models.environment import Environment
    from runlake.models.predicting import PyFuncModel

_log = logging.getLogger("runlake")

CODE: Final = "code"
EXTRA_FILES: Final = "extra_files"
_ENVIRONMENT: Final = {"conda": "conda.yaml", "virtualenv": "python_env.yaml"}
_MOST_SAID: Final = 1000


def save(
    folder: str | os.PathLike[str],
    flavor: Flavor,
    model: Any,
    *,
    mlflow_model: Model | None = None,
    signature: Any = None,
    input_example: Any = None,
    conda_env: Any = None,
    pip_requirements: Any = None,
    extra_pip_requirements: Any = None,
    code_paths: Sequence[str] | None = None,
    metadata: dict[str, Any] | None = None,
    extra_files: Sequence[str] | None = None,
    **options: Any,
) -> Model:
    """Save a model with its contract into a new folder, and return its manifest.

    With an example the saved model is loaded and has to predict on it before anything is at `folder`.

    Args:
        folder: Where to; not there yet, or empty.
        mlflow_model: A manifest to fill in; it is returned.
        signature: None is inferred from the example; False is none.
        input_example: An input, or a pair of an input and a dictionary of parameters.
        conda_env: A conda environment, as a dictionary or a file, instead of what is captured.
        pip_requirements: Requirements instead of what is captured.
        extra_pip_requirements: Requirements besides what is captured.
        code_paths: Files and folders with code that the model imports; they are saved with it.
        metadata: Whatever else is to be in the manifest.
        extra_files: Files that are saved with the model.
        options: What the flavor takes besides.

    Raises:
        AlreadyExists: there is something in the folder.
        InvalidInput: the model cannot be saved, or rejects the example. Nothing is left then.
    """
    manifest = Model() if mlflow_model is None else mlflow_model
    given = {"pip_requirements": pip_requirements, "extra": extra_pip_requirements, "conda_env": conda_env}
    with _appearing(Path(folder)) as new:
        keys = flavor.save(model, new, **options)
        keys[CODE] = _copied(code_paths, new, CODE)
        if extra_files:
            keys[EXTRA_FILES] = _extra(extra_files, new)
        _describe(manifest, flavor, model, keys, options)
        if metadata is not None:
            manifest.metadata = metadata
        if signature is not None and signature is not False:
            manifest.signature = contract.as_signature(signature)
        if input_example is not None:
            manifest.saved_input_example_info = contract.write_example(new, input_example)
        manifest.save(new / MANIFEST_FILE)
        wanted = contract.Wanted(flavor.requires(keys), {**given, "code_paths": code_paths})
        trial = _Trial(flavor, keys, input_example, infer=signature is None)
        environment = _tried(new, manifest, trial, wanted)
        environment.write(new)
        manifest.others["runlake"]["lock_hash"] = environment.lock_hash
        manifest.model_size_bytes = _size(new)
        manifest.save(new / MANIFEST_FILE)
    return manifest


def _describe(manifest: Model, flavor: Flavor, model: Any, keys: dict[str, Any], options: Mapping[str, Any]) -> None:
    """Write into the manifest how the model is loaded."""
    function = {} if flavor.name == PYTHON_FUNCTION else flavor.python_function(model, keys, **options)
    if flavor.name != PYTHON_FUNCTION:
        manifest.add_flavor(flavor.name, **keys)
    if function is not None:
        common = {"loader_module": flavor.loader_module, "python_version": platform.python_version()}
        given = keys if flavor.name == PYTHON_FUNCTION else {CODE: keys[CODE], **function}
        manifest.add_flavor(PYTHON_FUNCTION, **{**common, "env": dict(_ENVIRONMENT), **given})
    manifest.others["runlake"] = {"format": FORMAT}


# -- trying


@dataclass(frozen=True)
class _Trial:
    """A model to be loaded as whoever uses it does, and run on its example.

    Attributes:
        example: None when there is none.
        infer: Whether the signature comes of it.
    """

    flavor: Flavor
    keys: Mapping[str, Any]
    example: Any
    infer: bool

    def load(self, folder: Path, manifest: Model) -> PyFuncModel | None:
        """Load the model; None when it is no python function."""
        if PYTHON_FUNCTION in manifest.flavors:
            return loading.load(folder, trust=EVERYTHING, manifest=manifest)
        self.flavor.load(folder, self.keys, Loading(EVERYTHING))
        return None


def _tried(folder: Path, manifest: Model, trial: _Trial, wanted: contract.Wanted) -> Environment:
    """Load what was saved, have it predict on its example, and return what that needed.

    Raises:
        InvalidInput: the model rejects the example. A model without one is taken even if it cannot be loaded here.
    """
    failure: Exception | None = None
    with contract.recorded() as seen:
        try:
            loaded = trial.load(folder, manifest)
        except Exception as error:
            if trial.example is not None:
                raise
            failure = error
        else:
            if loaded is not None:
                _sign(loaded, manifest, trial)
                contract.read_as_served(folder, manifest)

    def fail(_folder: Path) -> None:
        assert failure is not None
        raise failure

    return contract.environment_of(folder, wanted, seen=seen if failure is None else None, run=fail)


def _sign(loaded: PyFuncModel, manifest: Model, trial: _Trial) -> None:
    """Give the manifest the signature that the model declares, or else that its example shows, and try the example."""
    declared = loaded.declared_signature() if trial.infer or manifest.signature is not None else None
    if declared is not None:
        if manifest.signature is not None and manifest.signature != declared:
            _log.warning("the type hints of predict are the model's signature; the one that was given is another")
        manifest.signature = declared
    if trial.example is None:
        return
    data, params = contract.example_parts(trial.example)
    try:
        output = loaded.predict(data, params)
    except Exception as error:  # the model's own code
        said = error.message if isinstance(error, InvalidInput) else f"{type(error).__name__}: {error}"
        raise InvalidInput(
            f"the model rejects its input example: {said[:_MOST_SAID]}",
            hint="give an example that predict() takes, or leave input_example out; nothing was saved",
        ) from error
    if trial.infer and manifest.signature is None:
        manifest.signature = contract.infer_signature(data, output, params)


# -- files


@contextmanager
def _appearing(folder: Path) -> Iterator[Path]:
    """Make a folder beside another one that takes its place when the block ends; an error leaves nothing behind.

    Raises:
        AlreadyExists: there is something in the way.
    """
    folder = Path(os.path.abspath(folder))
    if os.path.lexists(folder) and (not folder.is_dir() or any(folder.iterdir())):
        raise AlreadyExists(f"Path '{folder}' already exists and is not empty", hint="save the model to a new folder")
    folder.parent.mkdir(parents=True, exist_ok=True)
    new = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}-"))
    try:
        yield new
        _tidy(new)
        os.chmod(new, 0o755)
        os.replace(new, folder)
    except BaseException:
        shutil.rmtree(new, ignore_errors=True)
        raise
    finally:
        loading.forget_code(new)


def _tidy(folder: Path) -> None:
    """Remove what importing code from the folder has left in it."""
    for cache in list(folder.rglob("__pycache__")):
        shutil.rmtree(cache, ignore_errors=True)


def _copied(paths: Sequence[str] | None, folder: Path, name: str) -> str | None:
    """Copy files and folders into a folder of the model, and return its name; None when there are none.

    Raises:
        NoSuchFile: one is not there.
    """
    if not paths:
        return None
    if isinstance(paths, str) or not isinstance(paths, Sequence):
        raise InvalidType(f"code_paths and extra_files are lists of paths, not {type(paths).__name__}")
    target = folder / name
    target.mkdir(exist_ok=True)
    for path in map(os.path.abspath, paths):
        if not os.path.exists(path):
            raise NoSuchFile(f"there is no file or folder {path!r} to save with the model")
        to = target / os.path.basename(path)
        if to.exists():
            raise InvalidInput(f"two of the paths to save with the model end in {to.name!r}")
        if os.path.isdir(path):
            shutil.copytree(path, to, ignore=shutil.ignore_patterns("__pycache__", "*.pyc"))
        else:
            shutil.copyfile(path, to)
    return name


def _extra(files: Sequence[str], folder: Path) -> list[dict[str, str]]:
    """Copy extra files, and return how manifests name them."""
    _copied(files, folder, EXTRA_FILES)
    return [{"path": f"{EXTRA_FILES}/{os.path.basename(os.path.abspath(file))}"} for file in files]


def _size(folder: Path) -> int:
    return sum(entry.stat().st_size for entry in folder.rglob("*") if entry.is_file())
