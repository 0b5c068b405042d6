"""PyTorch: modules as programs of torch.export or as weights in safetensors files; under the names of `mlflow.pytorch`.

A program needs no code of the model's to run. It is looked through before it is loaded, see `runlake.pytorch.program`.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runlake import lazy
from runlake.errors import InvalidInput
from runlake.models import loading, logged, saving, trust
from runlake.pytorch.exporting import has_several_inputs
from runlake.pytorch.flavor import (
    FLAVOR,
    FLAVOR_NAME,
    SERIALIZATION_FORMAT_PICKLE,
    SERIALIZATION_FORMAT_PT2,
    SERIALIZATION_FORMAT_SAFETENSORS,
)

if TYPE_CHECKING:
    from runlake.models.info import ModelInfo
    from runlake.models.manifest import Model

__all__ = [
    "FLAVOR",
    "FLAVOR_NAME",
    "SERIALIZATION_FORMAT_PICKLE",
    "SERIALIZATION_FORMAT_PT2",
    "SERIALIZATION_FORMAT_SAFETENSORS",
    "load_model",
    "log_model",
    "save_model",
]


def save_model(
    pytorch_model: Any,
    path: str | os.PathLike[str],
    conda_env: Any = None,
    mlflow_model: Model | None = None,
    code_paths: list[str] | None = None,
    pickle_module: Any = None,
    signature: Any = None,
    input_example: Any = None,
    extra_files: list[str] | None = None,
    pip_requirements: Any = None,
    extra_pip_requirements: Any = None,
    metadata: dict[str, Any] | None = None,
    export_model: bool = False,
    serialization_format: str | None = None,
    *,
    model_kwargs: dict[str, Any] | None = None,
    **kwargs: Any,
) -> None:
    """Save a module into a new folder; see `runlake.models.saving.save` for what all flavors take.

    Args:
        input_example: What the module is traced with: a tensor, an array, a frame, a dictionary of these by argument of
            forward, or a list of tensors, one for each; a model with such a list is no python function.
        serialization_format: "pt2", a program of torch.export; "safetensors", weights, which need the class to be
            loaded; "pickle". None is a program where there is an example and the module can be exported with it, else
            weights.
        export_model: The older word for "pt2".
        pickle_module: What pickles; None is cloudpickle.
        model_kwargs: Arguments of the class, values of JSON, with which a module for the weights is made.
        kwargs: Arguments of `torch.save`.

    Raises:
        InvalidType: it is no module.
        InvalidInput: it cannot be saved in that format, or rejects the example.
    """
    saving.save(
        path,
        FLAVOR,
        pytorch_model,
        conda_env=conda_env,
        mlflow_model=mlflow_model,
        code_paths=code_paths,
        signature=signature,
        extra_files=extra_files,
        pip_requirements=pip_requirements,
        extra_pip_requirements=extra_pip_requirements,
        metadata=metadata,
        pickle_module=pickle_module,
        model_kwargs=model_kwargs,
        save_options=kwargs,
        **_traced(signature, input_example, serialization_format, export_model),
    )


def log_model(
    pytorch_model: Any,
    artifact_path: str | None = None,
    conda_env: Any = None,
    code_paths: list[str] | None = None,
    pickle_module: Any = None,
    registered_model_name: str | None = None,
    signature: Any = None,
    input_example: Any = None,
    await_registration_for: int | None = logged.AWAIT_S,
    extra_files: list[str] | None = None,
    pip_requirements: Any = None,
    extra_pip_requirements: Any = None,
    metadata: dict[str, Any] | None = None,
    name: str | None = None,
    params: dict[str, Any] | None = None,
    tags: dict[str, Any] | None = None,
    model_type: str | None = None,
    step: int = 0,
    model_id: str | None = None,
    export_model: bool = False,
    serialization_format: str | None = None,
    *,
    model_kwargs: dict[str, Any] | None = None,
    **kwargs: Any,
) -> ModelInfo:
    """Log a module as a model of the active run; see `save_model` and `runlake.models.logged.log`."""
    return logged.log(
        FLAVOR,
        pytorch_model,
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
        extra_files=extra_files,
        pip_requirements=pip_requirements,
        extra_pip_requirements=extra_pip_requirements,
        metadata=metadata,
        pickle_module=pickle_module,
        model_kwargs=model_kwargs,
        save_options=kwargs,
        **_traced(signature, input_example, serialization_format, export_model),
    )


def load_model(
    model_uri: str,
    dst_path: str | None = None,
    *,
    trust_pickle: bool | None = None,
    trusted_types: list[str] | None = None,
    model_class: Any = None,
    device: Any = None,
    map_location: Any = None,
    **kwargs: Any,
) -> Any:
    """Load a module, in the mode in which it predicts.

    Args:
        model_uri: A local path, or a URI of a run's, a logged or a registered model.
        dst_path: Folder to copy the model's files into.
        trust_pickle: Whether code that is in the model may run; None is what RUNLAKE_TRUST_PICKLE says, else no.
        trusted_types: Classes, by module and name, of which a module for the weights may be made.
        model_class: For weights: a module to load them into, or a class or function that makes one.
        device: Where the module is to be.
        map_location: The same as `torch.load` has it.
        kwargs: Arguments of `torch.load`, for a pickle.

    Raises:
        NotFound: there is no such model.
        Untrusted: the model is a pickle, a program with something unknown, or of a class that is not trusted.
        InvalidInput: the weights do not fit the class.
        Corrupt: a file is cut off or garbled; the message names it.
    """
    return loading.load_native(
        loading.fetch(model_uri, dst_path),
        FLAVOR_NAME,
        trust=trust.given(trust_pickle, trusted_types),
        model_class=model_class,
        device=device,
        map_location=map_location,
        load_options=kwargs,
    )


def _load_pyfunc(path: str, model_config: dict[str, Any] | None = None) -> Any:
    """Load weights as a python function for MLflow, which knows no safetensors files."""
    return loading.load(Path(path).parent, trust=trust.given(), model_config=model_config)._model_impl


def _traced(signature: Any, example: Any, form: str | None, export_model: bool) -> dict[str, Any]:
    """Return what the flavor is told of the example, and what all are: not a list of tensors, which is no input."""
    if export_model and form == SERIALIZATION_FORMAT_PICKLE:
        raise InvalidInput("export_model=True is the format 'pt2', and serialization_format is 'pickle'")
    return {
        "serialization_format": SERIALIZATION_FORMAT_PT2 if export_model else form,
        "example": example,
        "example_signature": signature,
        "input_example": None if has_several_inputs(example) else example,
    }


__getattr__ = lazy.attributes(__name__)
