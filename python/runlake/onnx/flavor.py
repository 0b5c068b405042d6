"""The flavor `onnx`: models of the ONNX format, whose predictions ONNX Runtime makes from the file itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from runlake.errors import InvalidType
from runlake.extras import import_extra
from runlake.models.flavors import Flavor, Loading, payload, reading
from runlake.onnx.files import MODEL_FILE, WHAT, checked, complete, write
from runlake.onnx.sessions import ONNX_EXECUTION_PROVIDERS, Predictor, check_session_options, session

FLAVOR_NAME: Final = "onnx"


class _Onnx(Flavor):
    """Models of the ONNX format."""

    name = FLAVOR_NAME
    loader_module = "mlflow.onnx"
    requirements = ("onnx", "onnxruntime")

    def save(
        self,
        model: Any,
        folder: Path,
        *,
        onnx_execution_providers: Sequence[Any] | None = None,
        onnx_session_options: Mapping[str, Any] | None = None,
        save_as_external_data: bool = True,
        save_options: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> dict[str, Any]:
        """Write the model, with its large tensors in a file beside it, and check what was written."""
        del options
        onnx = import_extra("onnx", "to save a model of it")
        if not isinstance(model, onnx.ModelProto):
            raise InvalidType(f"onnx_model is an onnx.ModelProto, not {type(model).__name__}")
        check_session_options(onnx_session_options or {})
        providers = ONNX_EXECUTION_PROVIDERS if onnx_execution_providers is None else onnx_execution_providers
        write(onnx, model, folder / MODEL_FILE, save_as_external_data, save_options or {})
        return {
            "onnx_version": onnx.__version__,
            "data": MODEL_FILE,
            "providers": [entry if isinstance(entry, str) else list(entry) for entry in providers],
            "onnx_session_options": None if onnx_session_options is None else dict(onnx_session_options),
        }

    def load(self, folder: Path, keys: Mapping[str, Any], how: Loading) -> Any:
        """Load the model with all its tensors."""
        onnx = import_extra("onnx", "to load a model of it")
        file = payload(folder, keys, "data", flavor=FLAVOR_NAME)
        model = checked(onnx, folder, file, keys)
        with reading(file, WHAT):
            complete(onnx, model, file.parent)
        return model

    def load_function(self, folder: Path, own: Mapping[str, Any], keys: Mapping[str, Any], how: Loading) -> Any:
        """Open a session on the file, so that its tensors are read once."""
        file = payload(folder, own, "data", flavor=FLAVOR_NAME)
        checked(import_extra("onnx", "to check a model of it"), folder, file, own)
        return Predictor(session(file, {**own, **(how.model_config or {})}, how.trust))

    def python_function(self, model: Any, keys: Mapping[str, Any], **options: Any) -> dict[str, Any]:
        """Return which file MLflow loads."""
        return {"data": keys["data"]}


FLAVOR: Final = _Onnx()
