"""Exporting: the program of a module, traced with an example in the mode in which it predicts, for any batch size."""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from runlake.errors import InvalidInput
from runlake.extras import import_extra
from runlake.models import contract
from runlake.pytorch.predicting import is_tensor_like, tensor_of

_HINT: Final = (
    "input_example= has to be what forward takes: a tensor, an array, a frame, a dictionary of these by argument;"
    " serialization_format='safetensors' keeps the weights, 'pickle' the object"
)


def has_several_inputs(example: Any) -> bool:
    """Tell whether an example is a list of tensors, one for each argument of forward."""
    return isinstance(example, list | tuple) and bool(example) and all(map(is_tensor_like, example))


def write(model: Any, file: Path, example: Any, signature: Any) -> None:
    """Export a module into a file.

    Raises:
        InvalidInput: it cannot be exported, or there is no example to trace it with.
    """
    torch = import_extra("torch", "to export a model of PyTorch")
    name = type(model).__name__
    if isinstance(model, torch.jit.ScriptModule):
        raise InvalidInput(
            f"this {name} is scripted and cannot be exported", hint="serialization_format='pickle' saves it"
        )
    if example is None:
        raise InvalidInput(f"this {name} cannot be exported without an example", hint=_HINT)
    failure: Exception | None = None
    for widened in (True, False):
        args, kwargs = _inputs(example, widened)
        shapes = _shapes(torch, model, args, kwargs, signature)
        try:
            with _predicting(model):
                exported = torch.export.export(model, args, kwargs, dynamic_shapes=shapes)
            torch.export.save(exported, str(file))
            return
        except Exception as error:  # whatever the module, or one of PyTorch's compilers, raises
            failure = failure or error
    said = str(failure).strip().splitlines()
    raise InvalidInput(
        f"this {name} cannot be exported: {type(failure).__name__}: {said[0][:300] if said else ''}", hint=_HINT
    ) from failure


@contextlib.contextmanager
def _predicting(model: Any) -> Iterator[None]:
    """Have dropout and the like off in the block."""
    modes = [(part, part.training) for part in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for part, training in modes:
            part.training = training


def _inputs(example: Any, widened: bool) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Return the arguments of forward that an example stands for.

    Args:
        widened: Whether a batch of one becomes one of two: of what is one, exporting takes it that it always is.
    """
    data, params = contract.example_parts(example)
    args: tuple[Any, ...]
    if isinstance(data, Mapping):
        args, kwargs = (), {str(name): tensor_of(value) for name, value in data.items()}
    elif has_several_inputs(data):
        args, kwargs = tuple(map(tensor_of, data)), {}
    else:
        args, kwargs = (tensor_of(data),), {}
    if widened:
        args, kwargs = tuple(map(_doubled, args)), {name: _doubled(value) for name, value in kwargs.items()}
    return args, {**kwargs, **(params or {})}


def _doubled(tensor: Any) -> Any:
    return tensor.repeat(2, *[1] * (tensor.dim() - 1)) if tensor.dim() and tensor.shape[0] == 1 else tensor


def _shapes(torch: Any, model: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any], signature: Any) -> dict[str, Any]:
    """Return which dimensions of each argument are free: those of the signature, by default the first."""
    names = list(inspect.signature(model.forward).parameters)
    given = {**dict(zip(names, args, strict=False)), **kwargs}
    specs = getattr(getattr(signature, "inputs", None), "inputs", None) or []
    free = [
        [at for at, size in enumerate(shape) if size == -1]
        for shape in (getattr(s, "shape", None) for s in specs)
        if shape
    ]
    shapes: dict[str, Any] = {}
    for at, (name, value) in enumerate(given.items()):
        if not isinstance(value, torch.Tensor):
            shapes[name] = None
            continue
        dimensions = free[at] if at < len(free) else [0]
        shapes[name] = {dim: torch.export.Dim.AUTO for dim in dimensions if dim < value.dim()}
    return shapes
