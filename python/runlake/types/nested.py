"""Values that are to be of a kind, checked one by one: cells with nested values, and parameters that are objects."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from runlake.errors import InvalidInput, InvalidType
from runlake.types.kinds import AnyType, Array, DataType, Kind, Map, Object
from runlake.types.values import is_array, is_missing, is_ndarray, scalar_kind

_INT32 = range(-(2**31), 2**31)
_INT64 = range(-(2**63), 2**63)
_EXACT = range(-(2**53), 2**53 + 1)
_WIDENED: dict[DataType, frozenset[DataType]] = {
    DataType.long: frozenset({DataType.integer}),
    DataType.double: frozenset({DataType.integer, DataType.float}),
}


class Mismatch(InvalidInput):
    """A value is not of the kind that it is to be of; `path` leads to it: keys and places, from the outside."""

    def __init__(self, fact: str) -> None:
        super().__init__(fact)
        self.path: list[str] = []


def conforming(value: Any, kind: Kind, *, required: bool = True) -> Any:
    """Give a value that is of a kind, with numbers widened and texts read as times where that is asked for.

    Python's numbers have no width: an int is of every type of numbers that holds it, a float of both floating ones.

    Args:
        value: The value; it is not changed.
        kind: What it is to be.
        required: Whether it may not be missing.

    Raises:
        InvalidInput: it is not; the message says where in the value, what is expected there and what was found.
    """
    try:
        return _checked(value, kind, required)
    except Mismatch as error:
        place = "".join(reversed(error.path))
        raise InvalidInput(f"{place} {error.message}" if place else error.message) from None


def _checked(value: Any, kind: Kind, required: bool) -> Any:
    if isinstance(kind, AnyType):
        return value
    if is_missing(value):
        if required:
            raise Mismatch(f"is missing, and {kind!r} is expected")
        return None
    if not required and isinstance(value, list | tuple | Mapping) and not value:
        return value  # what is empty says as little of its kind as what is missing
    match kind:
        case Array():
            return _array(value, kind)
        case Object():
            return _object(value, kind)
        case Map():
            return _map(value, kind)
    return _scalar(value, kind)


def _array(values: Any, kind: Array) -> Any:
    if not is_array(values):
        raise _mismatch(kind, values)
    items, same = [], True
    for place, value in enumerate(values):
        try:
            items.append(_checked(value, kind.dtype, required=False))
        except Mismatch as error:
            error.path.append(f"[{place}]")
            raise
        same = same and items[-1] is value
    if same or is_ndarray(values):
        return values
    return items


def _object(value: Any, kind: Object) -> Any:
    if not isinstance(value, Mapping):
        raise _mismatch(kind, value)
    properties = {each.name: each for each in kind.properties}
    if missing := [each.name for each in kind.properties if each.required and each.name not in value]:
        raise Mismatch(f"has no key {missing[0]!r}, which is required; its keys are {list(value)}")
    if unknown := [name for name in value if name not in properties]:
        raise Mismatch(f"has the key {unknown[0]!r}, which the signature has not; it has {list(properties)}")
    return {name: _at(name, item, properties[name].dtype, properties[name].required) for name, item in value.items()}


def _map(value: Any, kind: Map) -> Any:
    if not isinstance(value, Mapping):
        raise _mismatch(kind, value)
    if other := [key for key in value if not isinstance(key, str)]:
        raise Mismatch(f"has the key {other[0]!r}, and the keys of a map are texts")
    return {name: _at(name, item, kind.value_type, required=False) for name, item in value.items()}


def _at(name: Any, item: Any, kind: Kind, required: bool) -> Any:
    try:
        return _checked(item, kind, required)
    except Mismatch as error:
        error.path.append(f"[{name!r}]")
        raise


def _scalar(value: Any, kind: DataType) -> Any:
    found: DataType | None = None
    try:
        found = scalar_kind(type(value))
    except InvalidType:
        raise _mismatch(kind, value) from None
    if type(value) is int:
        return _whole(value, kind)
    if found is kind or (type(value) is float and kind is DataType.float):
        return value
    if found in _WIDENED.get(kind, ()):
        return kind.to_python()(value)
    if kind is DataType.datetime and found is DataType.string:
        try:
            return dt.datetime.fromisoformat(value)
        except ValueError:
            raise _mismatch(kind, value) from None
    raise _mismatch(kind, value)


def _whole(value: int, kind: DataType) -> Any:
    """Give an int as what it is to be, if that can hold it exactly."""
    if kind is DataType.double and value in _EXACT:
        return float(value)
    if (kind is DataType.integer and value in _INT32) or (kind is DataType.long and value in _INT64):
        return value
    raise _mismatch(kind, value)


def _mismatch(kind: Kind, value: Any) -> Mismatch:
    text = repr(value)
    return Mismatch(f"is {text if len(text) <= 60 else text[:57] + '...'} of type {type(value).__name__}, not {kind!r}")
