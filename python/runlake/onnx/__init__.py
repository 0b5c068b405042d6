"""ONNX: models as ONNX files, checked, and run by ONNX Runtime; under the names of `mlflow.onnx`."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from runlake import lazy
from runlake.models import loading, logged, saving, trust
from runlake.onnx.flavor import FLAVOR, FLAVOR_NAME

if TYPE_CHECKING:
    from runlake.models.info import ModelInfo
    from runlake.models.manifest import Model

__all__ = ["FLAVOR", "FLAVOR_NAME", "load_model", "log_model", "save_model"]


def save_model(
    onnx_model: Any,
    path: str | os.PathLike[str],
    conda_env: Any = None,
    code_paths: list[str] | None = None,
    mlflow_model: Model | None = None,
    signature: Any = None,
    input_example: Any = None,
    pip_requirements: Any = None,
    extra_pip_requirements: Any = None,
    onnx_execution_providers: list[Any] | None = None,
    onnx_session_options: dict[str, Any] | None = None,
    metadata: dict[str, Any] | None = None,
    save_as_external_data: bool = True,
    extra_files: list[str] | None = None,
    **kwargs: Any,
) -> None:
    """Save an ONNX model into a new folder; see `runlake.models.saving.save` for what all flavors take.

    Args:
        onnx_execution_providers: Names of providers of ONNX Runtime, or pairs of a name and its options; those that
            there are where the model is loaded are used. By default CUDA, else the processor.
        onnx_session_options: Numbers of threads, execution mode and the like of the session that predicts.
        save_as_external_data: Whether tensors from 1 KiB go into a file of their own, which a model over 2 GiB needs.
        kwargs: Arguments of `onnx.save_model`.

    Raises:
        InvalidType: it is no ONNX model.
        InvalidInput: it is not valid.
    """
    saving.save(
        path,
        FLAVOR,
        onnx_model,
        conda_env=conda_env,
        code_paths=code_paths,
        mlflow_model=mlflow_model,
        signature=signature,
        input_example=input_example,
        pip_requirements=pip_requirements,
        extra_pip_requirements=extra_pip_requirements,
        onnx_execution_providers=onnx_execution_providers,
        onnx_session_options=onnx_session_options,
        metadata=metadata,
        save_as_external_data=save_as_external_data,
        extra_files=extra_files,
        save_options=kwargs,
    )


def log_model(
    onnx_model: Any,
    artifact_path: str | None = None,
    conda_env: Any = None,
    code_paths: list[str] | None = None,
    registered_model_name: str | None = None,
    signature: Any = None,
    input_example: Any = None,
    await_registration_for: int | None = logged.AWAIT_S,
    pip_requirements: Any = None,
    extra_pip_requirements: Any = None,
    onnx_execution_providers: list[Any] | None = None,
    onnx_session_options: dict[str, Any] | None = None,
    metadata: dict[str, Any] | None = None,
    save_as_external_data: bool = True,
    extra_files: list[str] | None = None,
    name: str | None = None,
    params: dict[str, Any] | None = None,
    tags: dict[str, Any] | None = None,
    model_type: str | None = None,
    step: int = 0,
    model_id: str | None = None,
    **kwargs: Any,
) -> ModelInfo:
    """Log an ONNX model as a model of the active run; see `save_model` and `runlake.models.logged.log`."""
    return logged.log(
        FLAVOR,
        onnx_model,
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
        onnx_execution_providers=onnx_execution_providers,
        onnx_session_options=onnx_session_options,
        metadata=metadata,
        save_as_external_data=save_as_external_data,
        extra_files=extra_files,
        save_options=kwargs,
    )


def load_model(model_uri: str, dst_path: str | None = None) -> Any:
    """Load an ONNX model, as an `onnx.ModelProto`; `runlake.pyfunc.load_model` gives one that predicts.

    Args:
        model_uri: A local path, or a URI of a run's, a logged or a registered model.
        dst_path: Folder to copy the model's files into.

    Raises:
        NotFound: there is no such model.
        Corrupt: a file is cut off or garbled, or names one outside of the model; the message names it.
    """
    folder = loading.fetch(model_uri, dst_path)
    return loading.load_native(folder, FLAVOR_NAME, trust=trust.given())


__getattr__ = lazy.attributes(__name__)
