"""Predicting with a module: frames, arrays and tensors in, the same kind out, without gradients."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runlake.errors import InvalidInput
from runlake.extras import import_extra, is_loaded_instance
from runlake.types.values import is_ndarray


class Predictor:
    """A module on a device as a python function."""

    def __init__(self, model: Any, device: Any) -> None:
        self.pytorch_model = model
        self.device = device

    def get_raw_model(self) -> Any:
        return self.pytorch_model

    def predict(self, data: Any, params: dict[str, Any] | None = None) -> Any:
        """Return what the module gives: arrays, and for a frame a frame with its index.

        Args:
            data: A frame, whose values become 32-bit floats; an array or tensor as it is; a dictionary of these by
                argument of the module.
            params: Further arguments of the module.
        """
        torch = import_extra("torch", "to predict with a model of PyTorch")
        if params and "device" in params:
            raise InvalidInput(
                "the device is no parameter of a prediction",
                hint="name it when the model is loaded: model_config={'device': 'cuda'}",
            )
        with torch.no_grad():
            if isinstance(data, Mapping):
                named = {str(name): tensor_of(value).to(self.device) for name, value in data.items()}
                found = self.pytorch_model(**named, **(params or {}))
            else:
                found = self.pytorch_model(tensor_of(data).to(self.device), **(params or {}))
        arrays = _arrays(torch, found)
        if is_loaded_instance(data, "pandas", "DataFrame") and is_ndarray(arrays) and arrays.ndim in (1, 2):
            pandas = import_extra("pandas", "to predict for a frame")
            return pandas.DataFrame(arrays, index=data.index if len(arrays) == len(data) else None)
        return arrays


def is_tensor_like(value: Any) -> bool:
    """Tell whether a value is a tensor or an array."""
    return is_ndarray(value) or is_loaded_instance(value, "torch", "Tensor")


def tensor_of(data: Any) -> Any:
    """Return data as a tensor: arrays and tensors as they are, columns and numbers of Python as 32-bit floats."""
    torch = import_extra("torch", "to predict with a model of PyTorch")
    if isinstance(data, torch.Tensor):
        return data
    numpy = import_extra("numpy", "to predict with a model of PyTorch")
    if not is_ndarray(data):
        data = numpy.asarray(data, dtype=numpy.float32)
    return torch.from_numpy(numpy.ascontiguousarray(data) if data.flags.writeable else data.copy())


def _arrays(torch: Any, found: Any) -> Any:
    if isinstance(found, torch.Tensor):
        return found.cpu().numpy()
    if isinstance(found, Mapping):
        return {name: _arrays(torch, part) for name, part in found.items()}
    return [_arrays(torch, part) for part in found] if isinstance(found, list | tuple) else found
