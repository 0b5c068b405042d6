"""PyFuncModel: a loaded model of any flavor, which predicts under the contract of its manifest."""

from __future__ import annotations

import functools
import inspect
import logging
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from runlake.errors import Corrupt, InvalidInput
from runlake.models import contract
from runlake.models.flavors import PYTHON_FUNCTION
from runlake.models.manifest import Model

if TYPE_CHECKING:
    from runlake.models.signature import ModelSignature

_log = logging.getLogger("runlake")


class PyFuncModel:
    """A model as a python function: `predict` enforces the signature and calls what the flavor has loaded.

    Args:
        model_meta: The manifest.
        model_impl: What predicts.
        predict_fn: Name of its method.
        predict_stream_fn: Name of the method that gives its answer in pieces; None when there is none.
        model_id: Of the logged model.
        read_example: Reads what was saved as an example.
    """

    def __init__(
        self,
        model_meta: Model,
        model_impl: Any,
        predict_fn: str = "predict",
        predict_stream_fn: str | None = None,
        model_id: str | None = None,
        read_example: Callable[[], Any] = lambda: None,
    ) -> None:
        self._model_meta = model_meta
        self._model_impl = model_impl
        self._predict_fn = _method(model_impl, predict_fn)
        self._predict_stream_fn = None if predict_stream_fn is None else _method(model_impl, predict_stream_fn)
        self._model_id = model_id
        self._read_example = read_example

    def predict(self, data: Any, params: dict[str, Any] | None = None) -> Any:
        """Return the predictions for `data`, in whatever the model gives.

        Args:
            data: What the signature says: a frame, an array, a list, a dictionary.
            params: Parameters of the prediction; what is not given has the signature's defaults.

        Raises:
            InvalidInput: the data or a parameter does not fit the signature.
        """
        data, params = self._enforced(data, params)
        return _called(self._predict_fn, data, params)

    def predict_stream(self, data: Any, params: dict[str, Any] | None = None) -> Iterator[Any]:
        """Return an iterator over the pieces of the answer for one input.

        Raises:
            InvalidInput: the model does not answer in pieces, or the data does not fit the signature.
        """
        if self._predict_stream_fn is None:
            raise InvalidInput("this model does not answer in pieces: it has no predict_stream")
        data, params = self._enforced(data, params)
        pieces: Iterator[Any] = _called(self._predict_stream_fn, data, params)
        return pieces

    def declared_signature(self) -> ModelSignature | None:
        """Return the signature that the model itself declares, with type hints; None when it declares none."""
        declares = getattr(self._model_impl, "declared_signature", None)
        return declares() if callable(declares) else None

    def unwrap_python_model(self) -> Any:
        """Return the `PythonModel` that was saved.

        Raises:
            InvalidInput: the model is none.
        """
        if (found := getattr(self._model_impl, "python_model", None)) is None:
            raise InvalidInput(
                f"the model is of {self.loader_module} and has no PythonModel in it",
                hint="get_raw_model() returns the library's own object",
            )
        return found

    def get_raw_model(self) -> Any:
        """Return the library's own object.

        Raises:
            NotImplementedError: the flavor has none.
        """
        if not hasattr(self._model_impl, "get_raw_model"):
            raise NotImplementedError(f"models of {self.loader_module} have no raw model")
        return self._model_impl.get_raw_model()

    @property
    def metadata(self) -> Model:
        """The manifest."""
        return self._model_meta

    @property
    def model_id(self) -> str | None:
        """The id of the logged model; None when it was only saved to a folder."""
        return self._model_id

    @functools.cached_property
    def input_example(self) -> Any:
        """The example that was saved with the model, without its parameters; None when there is none."""
        return self._read_example()

    @property
    def input_schema(self) -> Any:
        """The schema of the input; None when nobody has said."""
        return self._model_meta.get_input_schema()

    @property
    def params_schema(self) -> Any:
        """The schema of the parameters; None when there are none."""
        return self._model_meta.get_params_schema()

    @property
    def model_config(self) -> dict[str, Any]:
        """The settings that were saved with the model."""
        return self._keys.get("config") or {}

    @property
    def loader_module(self) -> str | None:
        """The module that MLflow loads such a model with."""
        return self._keys.get("loader_module")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PyFuncModel) and self._model_meta == other._model_meta

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        known = {
            "artifact_path": self._model_meta.artifact_path,
            "flavor": self.loader_module,
            "run_id": self._model_meta.run_id,
        }
        lines = [f"  {name}: {value}" for name, value in known.items() if value is not None]
        return "\n".join(["mlflow.pyfunc.loaded_model:", *lines, ""])

    @property
    def _keys(self) -> Mapping[str, Any]:
        keys: Mapping[str, Any] = self._model_meta.flavors.get(PYTHON_FUNCTION) or {}
        return keys

    def _enforced(self, data: Any, params: dict[str, Any] | None) -> tuple[Any, dict[str, Any] | None]:
        signature = self._model_meta.signature
        if signature is None:
            return data, params
        return contract.enforce(signature, data, params)


def _method(implementation: Any, name: object) -> Any:
    found = getattr(implementation, name, None) if isinstance(name, str) else None
    if not callable(found):
        raise Corrupt(f"the model has no function {name!r}, which its manifest names for predictions")
    return found


def _called(function: Any, data: Any, params: dict[str, Any] | None) -> Any:
    """Call a model with parameters if it takes some."""
    try:
        taken = inspect.signature(function).parameters.get("params")
    except (TypeError, ValueError):  # written in C: it says nothing of itself
        taken = None
    if taken is not None and taken.kind is not inspect.Parameter.VAR_KEYWORD:
        return function(data, params=params)
    if params:
        _log.warning("the model takes no parameters: %s had no effect", ", ".join(sorted(params)))
    return function(data)
