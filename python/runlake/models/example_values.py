"""Values of examples, as JSON and back: what JSON has no type for is told again by the signature."""

from __future__ import annotations

import base64
import datetime as dt
from collections.abc import Mapping
from typing import Any

from runlake.errors import InvalidType
from runlake.extras import import_extra, is_loaded_instance
from runlake.models.enforced_columns import in_nanoseconds
from runlake.types.columns import Schema, TensorSpec
from runlake.types.kinds import Array, DataType, Kind, Map, Object
from runlake.types.values import is_missing, is_ndarray

_PLAIN = (str, bool, int, float)


def jsonable(value: Any) -> Any:
    """Give a value as JSON has it: missing ones as null, times as ISO texts, bytes as base64.

    Raises:
        InvalidType: there is no JSON for it.
    """
    if type(value) is list and set(map(type, value)) <= {str, bool, int}:
        return value
    if is_missing(value):
        return None
    if isinstance(value, Mapping):
        return {str(name): jsonable(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [jsonable(item) for item in value]
    if is_ndarray(value):
        return _jsonable_array(value)
    if isinstance(value, bytes | bytearray):
        return base64.encodebytes(value).decode("ascii")
    if isinstance(value, dt.date | dt.time):
        return value.isoformat()
    if is_loaded_instance(value, "numpy", "generic"):
        return _jsonable_array(import_extra("numpy", "for an example").asarray(value))
    if isinstance(value, _PLAIN):
        return value
    raise InvalidType(
        f"a value of type {type(value).__name__} in an input example cannot be written as JSON: {str(value)[:60]!r}",
        hint="examples have numbers, texts, booleans, bytes, times, lists and dictionaries of these",
    )


def revived_value(content: Any, schema: Schema | None) -> Any:
    """Give back a dictionary, a list or a scalar: bytes and times where a schema of columns has them."""
    if schema is None or schema.is_tensor_spec():
        return content
    kinds: dict[Any, Kind] = {spec.name: spec.type for spec in schema.inputs}
    if None in kinds:
        kind = kinds[None]
        return [_revived(item, kind) for item in content] if isinstance(content, list) else _revived(content, kind)
    if isinstance(content, list):
        return [revived_value(item, schema) for item in content]
    if isinstance(content, dict):
        return {name: _revived(item, kinds[name]) if name in kinds else item for name, item in content.items()}
    return content


def revived_array(values: Any, spec: TensorSpec | None) -> Any:
    """Give back an array, of the dtype that a specification has, else of the one that NumPy finds."""
    numpy = import_extra("numpy", "to read an example")
    if spec is None:
        array = numpy.array(values)
        return array.astype("float64") if array.dtype == object and _is_floats(array) else array
    if spec.dtype_name == "bytes":
        return numpy.array(_map_leaves(values, _decoded), dtype="bytes")
    return numpy.array(values, dtype=spec.type)


def revived_frame(rows: list[list[Any]], names: list[Any] | None, schema: Schema | None) -> Any:
    """Give back a frame, with the dtypes that a schema of columns has."""
    pandas = import_extra("pandas", "to read an example that is a data frame")
    frame = pandas.DataFrame(rows, columns=names)
    if schema is None:
        return frame
    if schema.is_tensor_spec():
        return frame
    specs: list[Any] = list(schema.inputs)
    labels = [spec.name for spec in specs] if schema.has_input_names() else list(frame.columns)
    kinds = dict(zip(labels, [spec.type for spec in specs], strict=False))
    columns = {}
    for place, label in enumerate(frame.columns):
        values = [row[place] for row in rows]
        columns[label] = _column(values, kinds[label]) if label in kinds else frame[label]
    return pandas.DataFrame(columns, index=frame.index)


def _column(values: list[Any], kind: Kind) -> Any:
    pandas = import_extra("pandas", "to read an example that is a data frame")
    values = [_revived(value, kind) for value in values]
    missing = any(value is None for value in values)
    if not isinstance(kind, DataType):
        return pandas.Series(values, dtype=object)
    if kind in (DataType.integer, DataType.long) and missing:
        return pandas.Series(values, dtype="float64")  # NumPy has no integers that are missing
    if kind is DataType.string:
        return pandas.Series(values, dtype=None if values else object)
    if kind is DataType.datetime:
        times = pandas.Series(pandas.to_datetime(values))
        return times if times.dt.tz is not None else in_nanoseconds(times)
    if kind in (DataType.binary, DataType.boolean) and (missing or kind is DataType.binary):
        return pandas.Series(values, dtype=object)
    return pandas.Series(values).astype(kind.to_numpy())


def _revived(value: Any, kind: Kind) -> Any:
    """Give back bytes and times that are texts in JSON; what is not what the kind says is left as it is."""
    match kind:
        case Array() if isinstance(value, list):
            return [_revived(item, kind.dtype) for item in value]
        case Map() if isinstance(value, dict):
            return {name: _revived(item, kind.value_type) for name, item in value.items()}
        case Object() if isinstance(value, dict):
            kinds = {each.name: each.dtype for each in kind.properties}
            return {name: _revived(item, kinds[name]) if name in kinds else item for name, item in value.items()}
        case DataType.binary if isinstance(value, str):
            return _decoded(value)
        case DataType.datetime if isinstance(value, str):
            return dt.datetime.fromisoformat(value)
    return value


def _jsonable_array(array: Any) -> Any:
    numpy = import_extra("numpy", "for an example")
    if array.dtype.kind == "M":
        texts = numpy.datetime_as_string(array)
        return numpy.where(numpy.isnat(array), None, texts).tolist()
    if array.dtype.kind in "biu":
        return array.tolist()
    return jsonable(array.tolist())


def _map_leaves(values: Any, change: Any) -> Any:
    return [_map_leaves(item, change) for item in values] if isinstance(values, list) else change(values)


def _decoded(text: str) -> bytes:
    return base64.b64decode(text)


def _is_floats(array: Any) -> bool:
    return all(value is None or isinstance(value, int | float) for value in array.flat)
