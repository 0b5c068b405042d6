"""Python functions: models of any flavor behind one `predict`, and models that are Python; as `mlflow.pyfunc`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from runlake import lazy
from runlake.models import code, loading, locating, logged, saving, trust
from runlake.models.flavors import PYTHON_FUNCTION as FLAVOR_NAME
from runlake.models.info import ModelInfo
from runlake.models.manifest import Model
from runlake.models.predicting import PyFuncModel
from runlake.pyfunc.flavor import FLAVOR
from runlake.pyfunc.python_model import PythonModel, PythonModelContext

__all__ = [
    "FLAVOR_NAME",
    "PyFuncModel",
    "PythonModel",
    "PythonModelContext",
    "add_to_model",
    "get_model_dependencies",
    "load_model",
    "log_model",
    "save_model",
]


def save_model(
    path: str | os.PathLike[str],
    loader_module: str | None = None,
    data_path: str | None = None,
    code_paths: list[str] | None = None,
    conda_env: Any = None,
    mlflow_model: Model | None = None,
    python_model: Any = None,
    artifacts: dict[str, str] | None = None,
    signature: Any = None,
    input_example: Any = None,
    pip_requirements: Any = None,
    extra_pip_requirements: Any = None,
    metadata: dict[str, Any] | None = None,
    model_config: Any = None,
    streamable: bool | None = None,
) -> None:
    """Save a model that is Python into a new folder; see `runlake.models.saving.save` for what all flavors take.

    Args:
        loader_module: A module whose `_load_pyfunc(path)` gives an object with `predict`; it loads `data_path`.
        data_path: File or folder that is saved for the loader.
        python_model: A `PythonModel`, a function, or the path of a script that ends with `set_model(...)`.
        artifacts: URIs of files and folders that the model finds in its context, by name.
        model_config: Settings that the model finds in its context: a dictionary, or the path of a YAML file.
        streamable: Whether it has `predict_stream`; None looks.

    Raises:
        InvalidInput: neither or both of loader and model are given, the model cannot be saved, or rejects its example.
    """
    saving.save(
        path,
        FLAVOR,
        python_model,
        loader_module=loader_module,
        data_path=data_path,
        code_paths=code_paths,
        conda_env=conda_env,
        mlflow_model=mlflow_model,
        artifacts=artifacts,
        signature=signature,
        input_example=input_example,
        pip_requirements=pip_requirements,
        extra_pip_requirements=extra_pip_requirements,
        metadata=metadata,
        model_config=model_config,
        streamable=streamable,
    )


def log_model(
    artifact_path: str | None = None,
    loader_module: str | None = None,
    data_path: str | None = None,
    code_paths: list[str] | None = None,
    conda_env: Any = None,
    python_model: Any = None,
    artifacts: dict[str, str] | None = None,
    registered_model_name: str | None = None,
    signature: Any = None,
    input_example: Any = None,
    await_registration_for: int | None = logged.AWAIT_S,
    pip_requirements: Any = None,
    extra_pip_requirements: Any = None,
    metadata: dict[str, Any] | None = None,
    model_config: Any = None,
    streamable: bool | None = None,
    name: str | None = None,
    params: dict[str, Any] | None = None,
    tags: dict[str, Any] | None = None,
    model_type: str | None = None,
    step: int = 0,
    model_id: str | None = None,
) -> ModelInfo:
    """Log a model that is Python as a model of the active run; see `save_model` and `runlake.models.logged.log`."""
    return logged.log(
        FLAVOR,
        python_model,
        name=name,
        artifact_path=artifact_path,
        registered_model_name=registered_model_name,
        await_registration_for=await_registration_for,
        params=params,
        tags=tags,
        model_type=model_type,
        step=step,
        model_id=model_id,
        loader_module=loader_module,
        data_path=data_path,
        code_paths=code_paths,
        conda_env=conda_env,
        artifacts=artifacts,
        signature=signature,
        input_example=input_example,
        pip_requirements=pip_requirements,
        extra_pip_requirements=extra_pip_requirements,
        metadata=metadata,
        model_config=model_config,
        streamable=streamable,
    )


def load_model(
    model_uri: str,
    suppress_warnings: bool = False,
    dst_path: str | None = None,
    model_config: Any = None,
    *,
    trust_pickle: bool | None = None,
    trusted_types: list[str] | None = None,
) -> PyFuncModel:
    """Load a model of any flavor as a python function.

    Args:
        model_uri: A local path, or a URI of a run's, a logged or a registered model.
        suppress_warnings: Whether to say nothing of packages that differ from those it was saved with.
        dst_path: Folder to copy the model's files into.
        model_config: Settings that go before those that were saved with it: a dictionary, or the path of a YAML file.
        trust_pickle: Whether pickles may be loaded, which run code; None is what RUNLAKE_TRUST_PICKLE says, else only
            what this process has saved.
        trusted_types: Types in the model that are not known to be harmless, and are.

    Raises:
        NotFound: there is no such model, or it is no python function.
        Untrusted: the model is a pickle, or has types that are not trusted; the message names them.
        Corrupt: a file is cut off or garbled; the message names it.
    """
    folder = loading.fetch(model_uri, dst_path, warn=not suppress_warnings)
    return loading.load(
        folder, trust=trust.given(trust_pickle, trusted_types), model_config=code.read_config(model_config)
    )


def add_to_model(
    model: Model,
    loader_module: str,
    data: str | None = None,
    code: str | None = None,
    conda_env: Any = None,
    python_env: Any = None,
    model_config: Any = None,
    model_code_path: str | None = None,
    **kwargs: Any,
) -> Model:
    """Write into a manifest that a module loads the model as a python function; for flavors of third parties.

    Args:
        data: Path, in the model's folder, of what the module loads.
        code: Path there of code that it imports.
        conda_env: Name there of the conda environment, or a dictionary of environments by their kind.
        python_env: Name there of the Python environment.
    """
    import platform

    keys = {**kwargs, "loader_module": loader_module, "python_version": platform.python_version()}
    known = {"data": data, "code": code, "config": model_config, "model_code_path": model_code_path}
    keys |= {name: value for name, value in known.items() if value is not None}
    env = conda_env if isinstance(conda_env, dict) else {"conda": conda_env, "virtualenv": python_env}
    if named := {name: value for name, value in env.items() if value is not None}:
        keys["env"] = named
    return model.add_flavor(FLAVOR_NAME, **keys)


def get_model_dependencies(model_uri: str, format: str = "pip") -> str:  # as MLflow has it
    """Return the local path of a model's requirements.txt, or of its conda.yaml when `format` is "conda".

    Raises:
        NotFound: the model has none.
        InvalidInput: there is no such format.
    """
    from runlake.errors import InvalidInput, NotFound

    names = {"pip": "requirements.txt", "conda": "conda.yaml"}
    if format not in names:
        raise InvalidInput(f"format is {format!r}; it must be 'pip' or 'conda'")
    file = Path(locating.locate(model_uri)) / names[format]
    if not file.is_file():
        raise NotFound(f"the model {model_uri!r} has no {file.name}")
    return str(file)


__getattr__ = lazy.attributes(__name__)
