"""Schemas that a dataclass declares with its annotations."""

from __future__ import annotations

import datetime as dt
from dataclasses import fields, is_dataclass
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from runlake.errors import InvalidType
from runlake.types.columns import ColSpec, Schema
from runlake.types.kinds import AnyType, Array, DataType, Kind, Map, Object, Property

_SCALARS: dict[Any, DataType] = {
    bool: DataType.boolean,
    int: DataType.long,
    # MLflow's choice for dataclasses; values of Python are doubles.
    float: DataType.float,
    str: DataType.string,
    bytes: DataType.binary,
    dt.date: DataType.datetime,
    dt.datetime: DataType.datetime,
}


def convert_dataclass_to_schema(dataclass: Any) -> Schema:
    """Give the schema whose columns are the fields of a dataclass, or of an instance of one.

    Fields are scalars, lists, dictionaries with texts as keys, or dataclasses; with `| None` they are optional.

    Raises:
        InvalidType: it is no dataclass, or a field is annotated with something else.
    """
    if not is_dataclass(dataclass):
        raise InvalidType(f"{dataclass!r} is not a dataclass")
    return Schema([ColSpec(kind, name, required) for name, kind, required in _fields(dataclass)])


def _fields(dataclass: Any) -> list[tuple[str, Kind, bool]]:
    owner = dataclass if isinstance(dataclass, type) else type(dataclass)
    hints = get_type_hints(owner)
    return [(field.name, *_kind(hints[field.name], f"{owner.__name__}.{field.name}")) for field in fields(owner)]


def _kind(hint: Any, place: str) -> tuple[Kind, bool]:
    """Give the kind that an annotation stands for, and whether a value is required."""
    if get_origin(hint) in (Union, UnionType):
        kinds = [each for each in get_args(hint) if each is not NoneType]
        if len(kinds) == 1:
            return _kind(kinds[0], place)[0], False
    elif hint in _SCALARS:
        return _SCALARS[hint], True
    elif hint is Any:
        return AnyType(), True
    elif is_dataclass(hint):
        return Object([Property(name, kind, required) for name, kind, required in _fields(hint)]), True
    elif get_origin(hint) is list:
        return Array(_kind(get_args(hint)[0], place)[0]), True
    elif get_origin(hint) is dict and get_args(hint)[0] is str:
        return Map(_kind(get_args(hint)[1], place)[0]), True
    raise InvalidType(
        f"{place} is annotated with {hint!r}, for which a signature has no type",
        hint="use a scalar, list[...], dict[str, ...], a dataclass, or one of these with | None",
    )
