"""Kinds of Arrow columns; pyarrow itself is not imported, as whoever has a column has done that."""

from __future__ import annotations

import sys
from typing import Any

from runlake.errors import InvalidInput, InvalidType
from runlake.types.kinds import AnyType, Array, DataType, Kind, Map, Object, Property, merged_all

_PREDICATES = {
    "is_boolean": DataType.boolean,
    "is_string": DataType.string,
    "is_large_string": DataType.string,
    "is_string_view": DataType.string,
    "is_binary": DataType.binary,
    "is_large_binary": DataType.binary,
    "is_binary_view": DataType.binary,
    "is_fixed_size_binary": DataType.binary,
    "is_date": DataType.datetime,
    "is_timestamp": DataType.datetime,
    "is_float16": DataType.float,
    "is_float32": DataType.float,
    "is_float64": DataType.double,
    "is_int8": DataType.integer,
    "is_int16": DataType.integer,
    "is_int32": DataType.integer,
    "is_uint8": DataType.integer,
    "is_uint16": DataType.integer,
    "is_int64": DataType.long,
    "is_uint32": DataType.long,
}
_LISTS = ("is_list", "is_large_list", "is_fixed_size_list", "is_list_view", "is_large_list_view")


def arrow_kind(values: Any) -> Kind:
    """Give the kind of an array or a chunked array.

    Keys of structs are required if no value is missing under them.

    Raises:
        InvalidInput: chunks have nothing in common.
        InvalidType: a signature has no type for it.
    """
    if hasattr(values, "chunks"):
        if not values.chunks:
            return arrow_kind(sys.modules["pyarrow"].array([], values.type))
        return merged_all([arrow_kind(chunk) for chunk in values.chunks])
    kind, types = values.type, sys.modules["pyarrow"].types
    if hasattr(kind, "storage_type"):
        return arrow_kind(values.storage)
    if types.is_null(kind):
        return AnyType()
    if types.is_dictionary(kind):
        return arrow_kind(values.dictionary)
    if types.is_map(kind):
        return Map(arrow_kind(values.items))
    if any(_is(types, name, kind) for name in _LISTS):
        return Array(arrow_kind(values.flatten()))
    return _object(values) if types.is_struct(kind) else _scalar(types, kind)


def _scalar(types: Any, kind: Any) -> Kind:
    for name, scalar in _PREDICATES.items():
        if _is(types, name, kind):
            return scalar
    raise InvalidType(f"a signature has no type for values of {kind}")


def _object(values: Any) -> Kind:
    fields = [values.type.field(place) for place in range(values.type.num_fields)]
    if not fields:
        raise InvalidInput("a signature has no type for a struct without fields")
    # Flattened columns are null where the struct is.
    columns = zip(fields, values.flatten(), strict=True)
    return Object([Property(field.name, arrow_kind(column), column.null_count == 0) for field, column in columns])


def _is(types: Any, predicate: str, kind: Any) -> bool:
    tell = getattr(types, predicate, None)
    return bool(tell and tell(kind))
