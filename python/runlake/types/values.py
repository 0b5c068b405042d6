"""Kinds of Python's values, and of NumPy's that stand among them."""

from __future__ import annotations

import datetime as dt
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from runlake.errors import InvalidType
from runlake.extras import is_loaded_instance
from runlake.types.kinds import AnyType, Array, DataType, Kind, Object, Property, merged_all

_SCALARS: dict[type, DataType] = {
    bool: DataType.boolean,
    int: DataType.long,
    float: DataType.double,
    str: DataType.string,
    bytes: DataType.binary,
    bytearray: DataType.binary,
    dt.date: DataType.datetime,
    dt.datetime: DataType.datetime,
}


def kind_of(value: Any) -> Kind:
    """Give the kind of a value: what is missing or empty is of any kind.

    Raises:
        InvalidInput: values of a list have nothing in common.
        InvalidType: there is no kind for it.
    """
    if is_missing(value) or (isinstance(value, list | tuple | Mapping) and not value):
        return AnyType()
    if isinstance(value, Mapping):
        return Object([_property(name, item) for name, item in value.items()])
    if is_ndarray(value):
        return _kind_of_array(value)
    if isinstance(value, list | tuple):
        return Array(kind_of_all(value))
    return scalar_kind(type(value))


def kind_of_all(values: Sequence[Any]) -> Kind:
    """Give the kind that all values have; of any kind if all are missing.

    Raises:
        InvalidInput: they have nothing in common.
        InvalidType: there is no kind for one of them.
    """
    types = set(map(type, values))
    if not types <= _SCALARS.keys() | {type(None)}:
        return merged_all(_distinct(kind_of(value) for value in values))
    types.discard(type(None))
    if float in types and all(
        value is None or value != value for value in values if type(value) in (float, type(None))
    ):
        types.discard(float)  # NaN stands for what is missing, whatever the others are
    return merged_all([_SCALARS[each] for each in types])


def scalar_kind(kind: type) -> DataType:
    """Give the kind of a scalar's type, Python's or NumPy's.

    Raises:
        InvalidType: it is none of those that a signature can have.
    """
    if kind in _SCALARS:
        return _SCALARS[kind]
    numpy = sys.modules.get("numpy")
    if numpy is not None and issubclass(kind, numpy.generic):
        return kind_of_dtype(numpy.dtype(kind))
    for base in (bool, str, bytes, dt.date):
        if issubclass(kind, base):
            return _SCALARS[base]
    raise InvalidType(f"a signature has no type for {kind.__name__}")


def kind_of_dtype(dtype: Any) -> DataType:
    """Give the kind of values of a dtype of NumPy, other than object.

    Raises:
        InvalidType: it is none of those that a signature can have; the message says what to convert to.
    """
    kind, size = dtype.kind, dtype.itemsize
    if kind in _BY_LETTER:
        return _BY_LETTER[kind]
    if kind == "f" and size <= 8:
        return DataType.float if size <= 4 else DataType.double
    if kind in "iu":
        bits = size * 8 if kind == "i" else size * 8 + 1  # an unsigned integer needs one bit more with a sign
        if bits <= 64:
            return DataType.integer if bits <= 32 else DataType.long
    raise InvalidType(f"a signature has no type for values of {dtype}")


_BY_LETTER = {
    "b": DataType.boolean,
    "U": DataType.string,
    "T": DataType.string,
    "S": DataType.binary,
    "M": DataType.datetime,
}


def is_missing(value: Any) -> bool:
    """Tell None, NaN, NA and NaT."""
    return (
        value is None or (isinstance(value, float) and value != value) or type(value).__name__ in ("NAType", "NaTType")
    )


def is_ndarray(value: Any) -> bool:
    """Tell an array of NumPy."""
    return is_loaded_instance(value, "numpy", "ndarray")


def is_array(value: Any) -> bool:
    """Tell a list, a tuple, or an array of NumPy."""
    return isinstance(value, list | tuple) or is_ndarray(value)


def is_datetime(value: Any) -> bool:
    """Tell a date or a time on a date, Python's, NumPy's or pandas's."""
    return isinstance(value, dt.date) or is_loaded_instance(value, "numpy", "datetime64")


def plain(value: Any) -> Any:
    """Give Python's own value for a scalar of NumPy; others as they are."""
    return value.item() if is_loaded_instance(value, "numpy", "generic") else value


def _property(name: Any, value: Any) -> Property:
    kind = kind_of(value)
    return Property(name, kind, required=not isinstance(kind, AnyType))


def _kind_of_array(array: Any) -> Kind:
    if array.ndim == 0:
        return kind_of(array.item())
    if array.dtype.kind == "O":
        return Array(kind_of_all([_unboxed(item) for item in array]))
    # NumPy gives arrays without values some dtype, as it must have one.
    kind: Kind = AnyType() if array.size == 0 else kind_of_dtype(array.dtype)
    for _ in range(array.ndim):
        kind = Array(kind)
    return kind


def _unboxed(item: Any) -> Any:
    return item.item() if is_ndarray(item) and item.ndim == 0 else item


def _distinct(kinds: Iterable[Kind]) -> list[Kind]:
    """Give each kind once, in their order: rows mostly look alike, and merging is dearer than comparing."""
    found: list[Kind] = []
    for kind in kinds:
        if kind not in found:
            found.append(kind)
    return found
