"""Kinds of values: scalars, arrays, objects, maps and anything, with the JSON that MLflow stores of them.

The names are MLflow's. All kinds are values: they compare by content, and `to_dict` and `kind_from_dict` are inverse.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

from runlake.errors import InvalidInput, InvalidType
from runlake.extras import import_extra

MAX_DEPTH: Final = 100
"""Levels of arrays, objects and maps that a type of a manifest may have: no reader runs out of stack at that."""

_NUMPY = {
    "boolean": "bool",
    "integer": "int32",
    "long": "int64",
    "float": "float32",
    "double": "float64",
    "string": "str",
    "binary": "bytes",
    "datetime": "datetime64[ns]",
}
_PYTHON: dict[str, type] = {
    "boolean": bool,
    "integer": int,
    "long": int,
    "float": float,
    "double": float,
    "string": str,
    "binary": bytes,
    "datetime": dt.date,
}


class DataType(Enum):
    """A scalar: booleans, signed integers of 32 and 64 bits, floats of 32 and 64 bits, text, bytes, points in time."""

    boolean = 1
    integer = 2
    long = 3
    float = 4
    double = 5
    string = 6
    binary = 7
    datetime = 8

    def __repr__(self) -> str:
        return self.name

    def to_numpy(self) -> Any:
        """Give NumPy's dtype."""
        return import_extra("numpy", "for NumPy's dtypes").dtype(_NUMPY[self.name])

    def to_pandas(self) -> Any:
        """Give the dtype of a pandas column: NumPy's, and `object` for texts and bytes."""
        return object if self in (DataType.string, DataType.binary) else self.to_numpy()

    def to_python(self) -> type:
        """Give Python's type."""
        return _PYTHON[self.name]

    def to_dict(self) -> dict[str, Any]:
        """Give the form that is JSON."""
        return {"type": self.name}

    @classmethod
    def all_types(cls) -> list[DataType]:
        """Give all scalars."""
        return list(cls)

    @classmethod
    def from_numpy_type(cls, np_type: Any) -> DataType | None:
        """Find the scalar of one of NumPy's dtypes; None if it is none's."""
        return next((kind for kind in cls if kind.to_numpy() == np_type), None)


@dataclass(frozen=True, slots=True)
class AnyType:
    """Anything, missing values too: nothing is checked."""

    def __repr__(self) -> str:
        return "Any"

    def to_dict(self) -> dict[str, Any]:
        """Give the form that is JSON."""
        return {"type": "any"}


@dataclass(frozen=True, slots=True)
class Array:
    """A list of values of one kind.

    Args:
        dtype: The kind of the items, or the name of a scalar.
    """

    dtype: Kind

    def __post_init__(self) -> None:
        object.__setattr__(self, "dtype", kind_of_name(self.dtype))

    def __repr__(self) -> str:
        return f"Array({self.dtype!r})"

    def to_dict(self) -> dict[str, Any]:
        """Give the form that is JSON."""
        return {"type": "array", "items": self.dtype.to_dict()}


class SparkMLVector(Array):
    """A vector of Spark ML, which is an array of doubles to all others."""

    __slots__ = ()

    def __init__(self) -> None:
        super().__init__(DataType.double)

    def __repr__(self) -> str:
        return "SparkML vector"

    def to_dict(self) -> dict[str, Any]:
        """Give the form that is JSON."""
        return {"type": "sparkml_vector"}


@dataclass(frozen=True, slots=True)
class Map:
    """Values of one kind under keys that are texts and not known beforehand.

    Args:
        value_type: The kind of the values, or the name of a scalar.
    """

    value_type: Kind

    def __post_init__(self) -> None:
        object.__setattr__(self, "value_type", kind_of_name(self.value_type))

    def __repr__(self) -> str:
        return f"Map(str -> {self.value_type!r})"

    def to_dict(self) -> dict[str, Any]:
        """Give the form that is JSON."""
        return {"type": "map", "values": self.value_type.to_dict()}


@dataclass(frozen=True, slots=True)
class Property:
    """One key of an object.

    Args:
        name: The key.
        dtype: The kind of its value, or the name of a scalar.
        required: Whether it is always there and never missing.
    """

    name: str
    dtype: Kind
    required: bool = True

    def __post_init__(self) -> None:
        if not isinstance(self.name, str):
            raise InvalidType(f"the key of a property is text, not {type(self.name).__name__} ({self.name!r})")
        object.__setattr__(self, "dtype", kind_of_name(self.dtype))

    def __repr__(self) -> str:
        return f"{self.name}: {self.dtype!r} ({'required' if self.required else 'optional'})"

    def to_dict(self) -> dict[str, Any]:
        """Give the form that is JSON: the key with what is known of its value."""
        return {self.name: {**self.dtype.to_dict(), "required": self.required}}


@dataclass(frozen=True, slots=True)
class Object:
    """Values of several kinds under known keys.

    Args:
        properties: The keys, at least one and each once; they are kept in the order of their names.
    """

    properties: list[Property]

    def __post_init__(self) -> None:
        if not isinstance(self.properties, list) or not all(isinstance(each, Property) for each in self.properties):
            raise InvalidType(f"the properties of an object are a list of Property, not {self.properties!r}")
        if not self.properties:
            raise InvalidInput("an object has at least one property; Map and AnyType describe dictionaries of any keys")
        if twice := [name for name, count in Counter(each.name for each in self.properties).items() if count > 1]:
            raise InvalidInput(f"properties of an object are there twice: {', '.join(map(repr, twice))}")
        object.__setattr__(self, "properties", sorted(self.properties, key=lambda each: each.name))

    def __repr__(self) -> str:
        return "{" + ", ".join(map(repr, self.properties)) + "}"

    def to_dict(self) -> dict[str, Any]:
        """Give the form that is JSON."""
        return {
            "type": "object",
            "properties": {name: spec for each in self.properties for name, spec in each.to_dict().items()},
        }


Kind = DataType | AnyType | Array | Map | Object
"""What a column or a nested value can be."""


def kind_of_name(kind: Kind | str) -> Kind:
    """Give a kind as it is, and that of the name of a scalar.

    Raises:
        InvalidInput: no scalar has this name.
        InvalidType: neither a kind nor a name.
    """
    if isinstance(kind, str):
        if kind in DataType.__members__:
            return DataType[kind]
        raise InvalidInput(f"there is no type {kind!r}; the scalar types are {', '.join(DataType.__members__)}")
    if isinstance(kind, DataType | AnyType | Array | Map | Object):
        return kind
    raise InvalidType(f"a type is a DataType, Array, Object, Map, AnyType or the name of a DataType, not {kind!r}")


def kind_from_dict(fields: Any, depth: int = 0) -> Kind:
    """Read a kind from the form that `to_dict` gives; keys that it does not know are left out.

    Args:
        fields: The form.
        depth: Kinds that it is nested in.

    Raises:
        InvalidInput: a part is missing, a later version of the format has written it, or it is nested too deeply.
    """
    if depth > MAX_DEPTH:
        raise InvalidInput(f"a type is nested more than {MAX_DEPTH} levels deep")
    name = _part(fields, "type")
    match name:
        case "array":
            return Array(kind_from_dict(_part(fields, "items"), depth + 1))
        case "map":
            return Map(kind_from_dict(_part(fields, "values"), depth + 1))
        case "object":
            properties = _part(fields, "properties")
            if not isinstance(properties, Mapping):
                raise InvalidInput(f"the properties of an object are a JSON object, not {properties!r}")
            return Object([_property_from_dict(key, spec, depth + 1) for key, spec in properties.items()])
        case "sparkml_vector":
            return SparkMLVector()
        case "any":
            return AnyType()
    return kind_of_name(name)


def is_required(fields: Mapping[str, Any]) -> bool:
    """Read whether a value has to be there; old files say `optional` instead."""
    required = fields.get("required")
    return not fields.get("optional", False) if required is None else bool(required)


def merged(first: Kind, second: Kind) -> Kind:
    """Give the kind that values of both kinds have.

    Numbers widen; keys of objects that one of them lacks become optional; what is missing (`AnyType`) has every kind
    and makes the keys of an object optional.

    Raises:
        InvalidInput: they have nothing in common but being values.
    """
    if first == second:
        return first
    if isinstance(second, AnyType):
        return _with_optional_keys(first)
    if isinstance(first, AnyType):
        return _with_optional_keys(second)
    match first, second:
        case Array(), Array():
            return Array(merged(first.dtype, second.dtype))
        case Map(), Map():
            return Map(merged(first.value_type, second.value_type))
        case Object(), Object():
            return _merged_objects(first, second)
        case DataType(), DataType() if first in _WIDTHS and second in _WIDTHS:
            return _wider(first, second)
    raise InvalidInput(f"values are partly {first!r} and partly {second!r}")


def merged_all(kinds: Sequence[Kind]) -> Kind:
    """Give the kind that values of all kinds have; anything, if there are none.

    Raises:
        InvalidInput: they have nothing in common.
    """
    common = kinds[0] if kinds else AnyType()
    for kind in kinds[1:]:
        common = merged(common, kind)
    return common


_WIDTHS = {DataType.integer: 0, DataType.long: 1, DataType.float: 0, DataType.double: 2}


def _wider(first: DataType, second: DataType) -> DataType:
    widths = {_WIDTHS[first], _WIDTHS[second]}
    if widths == {0, 1} and DataType.float not in (first, second):
        return DataType.long
    return DataType.double


def _with_optional_keys(kind: Kind) -> Kind:
    if isinstance(kind, Object):
        return Object([Property(each.name, each.dtype, required=False) for each in kind.properties])
    return kind


def _merged_objects(first: Object, second: Object) -> Object:
    ones, others = ({each.name: each for each in one.properties} for one in (first, second))
    both = [
        Property(name, merged(one.dtype, others[name].dtype), one.required and others[name].required)
        for name, one in ones.items()
        if name in others
    ]
    either = [Property(name, {**ones, **others}[name].dtype, required=False) for name in ones.keys() ^ others.keys()]
    return Object(both + either)


def _property_from_dict(name: str, fields: Any, depth: int) -> Property:
    return Property(name, kind_from_dict(fields, depth), is_required(fields))


def _part(fields: Any, key: str) -> Any:
    if not isinstance(fields, Mapping):
        raise InvalidInput(f"a type is a JSON object, not {fields!r}")
    if key not in fields:
        raise InvalidInput(f"a type has no {key!r}: {dict(fields)!r}")
    return fields[key]
