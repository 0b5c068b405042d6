"""Kinds of Polars columns; Polars itself is not imported, as whoever has a column has done that."""

from __future__ import annotations

import re
from typing import Any

from runlake.errors import InvalidInput, InvalidType
from runlake.types.kinds import AnyType, Array, DataType, Kind, Object, Property
from runlake.types.values import kind_of_all

_SCALARS = {
    "Boolean": DataType.boolean,
    "String": DataType.string,
    "Categorical": DataType.string,
    "Enum": DataType.string,
    "Binary": DataType.binary,
    "Date": DataType.datetime,
    "Datetime": DataType.datetime,
    "Float16": DataType.float,
    "Float32": DataType.float,
    "Float64": DataType.double,
    "Int8": DataType.integer,
    "Int16": DataType.integer,
    "Int32": DataType.integer,
    "UInt8": DataType.integer,
    "UInt16": DataType.integer,
    "Int64": DataType.long,
    "UInt32": DataType.long,
}


def polars_kind(series: Any) -> Kind:
    """Give the kind of a column.

    Keys of structs are required if no value is missing under them.

    Raises:
        InvalidInput: Python's objects in it have nothing in common.
        InvalidType: a signature has no type for it.
    """
    dtype = series.dtype
    base = base_name(dtype)
    if base in _SCALARS:
        return _SCALARS[base]
    if base == "Null":
        return AnyType()
    if base == "List":
        # An empty list would become a missing value.
        return Array(polars_kind(series.filter(series.list.len() > 0).explode()))
    if base == "Array":
        return Array(polars_kind(series.drop_nulls().explode()))
    if base == "Struct":
        if not dtype.fields:
            raise InvalidInput("a signature has no type for a struct without fields")
        return Object([_property(field.name, series.struct.field(field.name)) for field in dtype.fields])
    if base == "Object":
        return kind_of_all(series.to_list())
    raise InvalidType(f"a signature has no type for values of {dtype}")


def is_nested(dtype: Any) -> bool:
    """Tell a dtype whose kind depends on the values."""
    return re.match("List|Array|Struct|Object", base_name(dtype)) is not None


def base_name(dtype: Any) -> str:
    """Give the name of a dtype without its parameters."""
    return str(dtype.base_type().__name__)


def _property(name: str, series: Any) -> Property:
    return Property(name, polars_kind(series), series.null_count() == 0)
