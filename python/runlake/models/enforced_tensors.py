"""Tensors that are to have a dtype and a shape: taken as they are or refused; lists and columns become tensors."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from runlake.errors import InvalidInput
from runlake.extras import import_extra, is_loaded_instance
from runlake.models.tables import column_of, is_arrow, is_lazy, is_pandas, is_polars, names_of, only
from runlake.types.columns import Schema, TensorSpec
from runlake.types.tensors import is_tensor, tensor_dtype
from runlake.types.values import is_array


def enforced_tensors(schema: Schema, data: Any) -> Any:
    """Give data as the tensors of a schema: one, or a dictionary by name.

    Raises:
        InvalidInput: a tensor is missing, or has another dtype or shape.
    """
    specs: list[Any] = list(schema.inputs)
    if is_loaded_instance(data, "pandas", "Series") or is_loaded_instance(data, "polars", "Series"):
        data = data.to_frame()
    if not schema.has_input_names():
        return _single(data, specs[0])
    if len(specs) == 1 and (is_tensor(data) or isinstance(data, list | tuple)):
        data = {specs[0].name: data}
    return _named(data, specs)


def _single(data: Any, spec: TensorSpec) -> Any:
    if _is_table(data):
        names = names_of(data)
        table = only(data, names)
        if len(names) == 1:
            return _tensor_of_column(column_of(table, names[0]), spec)
        return _tensor_of_columns([column_of(table, name) for name in names], spec)
    return _tensor(data, spec)


def _named(data: Any, specs: list[TensorSpec]) -> dict[Any, Any]:
    wanted = [spec.name for spec in specs]
    if not _is_table(data) and not isinstance(data, Mapping):
        raise InvalidInput(
            f"the signature has the tensors {wanted!r}, and the data is {type(data).__name__}",
            hint="pass a dictionary of tensors by name",
        )
    names = names_of(data) if _is_table(data) else list(data)
    if missing := [name for name in wanted if name not in names]:
        raise InvalidInput(f"the data has no tensor {', '.join(map(repr, missing))}; it has {names!r}")
    if isinstance(data, Mapping):
        return {spec.name: _tensor(data[spec.name], spec) for spec in specs}
    table = only(data, wanted)
    return {spec.name: _tensor_of_column(column_of(table, spec.name), spec) for spec in specs}


def _tensor(value: Any, spec: TensorSpec) -> Any:
    """Check a tensor, or make one of a list."""
    if isinstance(value, list | tuple):
        value = _cast(_array_of(value, spec), spec, "same_kind")
    if not is_tensor(value):
        raise InvalidInput(f"{_called(spec)} is a tensor, and the data is {type(value).__name__}")
    if _is_ragged(value, spec):
        return value
    if len(value.shape) != len(spec.shape) or any(
        expected not in (-1, found) for expected, found in zip(spec.shape, value.shape, strict=True)
    ):
        raise _shape(tuple(value.shape), spec)
    if (dtype := tensor_dtype(value)) != spec.dtype_name:
        raise InvalidInput(
            f"{_called(spec)} has dtype {spec.dtype_name} in the signature, and the data has {dtype}",
            hint=f"convert it: .astype({spec.dtype_name!r}), or in PyTorch .to(torch.{spec.dtype_name})",
        )
    return value


def _tensor_of_columns(columns: list[Any], spec: TensorSpec) -> Any:
    """Make a matrix of columns of numbers."""
    numpy = import_extra("numpy", "to hand tensors to a model")
    if spec.shape not in ((-1, len(columns)), (-1, -1)):
        raise _shape((len(columns[0]) if columns else 0, len(columns)), spec)
    return _cast(numpy.column_stack([column.to_numpy() for column in columns]), spec, "safe")


def _tensor_of_column(column: Any, spec: TensorSpec) -> Any:
    """Make a tensor of a column whose cells are scalars, or the rows of the tensor, flat or nested."""
    if spec.shape[:1] != (-1,) or -1 in spec.shape[1:]:
        raise InvalidInput(
            f"{_called(spec)} has the shape {spec.shape} in the signature, and columns are tensors of which the first"
            " dimension alone is free"
        )
    cells = column.tolist() if column.dtype.kind == "O" else column.to_numpy()
    nested = len(cells) > 0 and (is_array(cells[0]))
    if not nested and math.prod(spec.shape[1:]) != 1:
        raise _shape((len(cells),), spec)
    array = _array_of(cells, spec)
    if array.size != len(cells) * math.prod(spec.shape[1:]):
        raise _shape(array.shape, spec)
    typed = nested and hasattr(cells[0], "dtype")
    return _cast(array.reshape((len(cells), *spec.shape[1:])), spec, "safe" if typed else "same_kind")


def _array_of(values: Any, spec: TensorSpec) -> Any:
    numpy = import_extra("numpy", "to hand tensors to a model")
    try:
        return numpy.asarray(values)
    except ValueError as error:
        raise InvalidInput(f"the rows for {_called(spec)} have different shapes: {error}") from error


def _cast(array: Any, spec: TensorSpec, casting: str) -> Any:
    """Convert an array whose dtype says little: that of Python's values is the widest."""
    numpy = import_extra("numpy", "to hand tensors to a model")
    dtype = spec.type
    if dtype.kind in "US" and array.dtype.kind == dtype.kind:
        return array
    if dtype.kind == "O" or (array.dtype.kind != "O" and numpy.can_cast(array.dtype, dtype, casting)):
        return array.astype(dtype, copy=False)
    raise InvalidInput(
        f"{_called(spec)} has dtype {spec.dtype_name} in the signature, and the data has {array.dtype}",
        hint=f"convert it: numpy.asarray(data, dtype={spec.dtype_name!r})",
    )


def _is_ragged(value: Any, spec: TensorSpec) -> bool:
    """Tell objects that stand for samples of different shapes, of which nothing is checked."""
    if spec.dtype_name == "object" and spec.shape == (-1,):
        return True
    return -1 in spec.shape[1:] and len(value.shape) == 1 and tensor_dtype(value) == "object"


def _is_table(data: Any) -> bool:
    return is_pandas(data) or is_polars(data) or is_lazy(data) or is_arrow(data)


def _shape(found: tuple[int, ...], spec: TensorSpec) -> InvalidInput:
    return InvalidInput(
        f"{_called(spec)} has the shape {spec.shape} in the signature (-1 is any), and the data has {found}"
    )


def _called(spec: TensorSpec) -> str:
    return "the input" if spec.name is None else f"tensor {spec.name!r}"
