"""What a column of Python values holds, in the types of MLflow."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

_ANY: dict[str, Any] = {"type": "any"}
_LIMIT = 10_000
"""Values that are looked at; of more, evenly spread ones."""


def kind_of_values(values: list[Any]) -> dict[str, Any]:
    """Give the type that all values have, missing ones aside: {"type": ...}, "any" if they differ."""
    present = [value for value in values[:: 1 + len(values) // _LIMIT] if not _is_missing(value)]
    return _common([_kind(value) for value in present])


def _is_missing(value: Any) -> bool:
    """Tell None, NaN, NA and NaT."""
    return type(value).__name__ in ("NoneType", "NAType", "NaTType") or (isinstance(value, float) and value != value)


def _kind(value: Any) -> dict[str, Any]:
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, Mapping):
        return {
            "type": "object",
            "properties": {str(name): {**_kind(item), "required": True} for name, item in value.items()},
        }
    if isinstance(value, list | tuple):
        return {"type": "array", "items": _common([_kind(item) for item in value if not _is_missing(item)])}
    for types, name in _SCALARS:
        if isinstance(value, types):
            return {"type": name}
    return _ANY


_SCALARS: tuple[tuple[type | tuple[type, ...], str], ...] = (
    (str, "string"),
    (bool, "boolean"),
    (int, "long"),
    (float, "double"),
    ((bytes, bytearray), "binary"),
    (dt.date, "datetime"),
)


def _common(kinds: list[dict[str, Any]]) -> dict[str, Any]:
    if not kinds:
        return _ANY
    first = kinds[0]
    if all(kind == first for kind in kinds):
        return first
    if all(kind["type"] == "object" for kind in kinds):
        return {"type": "object", "properties": _merged_properties([kind["properties"] for kind in kinds])}
    return _ANY


def _merged_properties(objects: list[dict[str, dict[str, Any]]]) -> dict[str, dict[str, Any]]:
    names = dict.fromkeys(name for properties in objects for name in properties)
    merged = {}
    for name in names:
        found = [properties[name] for properties in objects if name in properties]
        kind = _common([{key: part for key, part in spec.items() if key != "required"} for spec in found])
        merged[name] = {**kind, "required": len(found) == len(objects)}
    return merged
