"""Descriptions: what a store has, as values for JSON and as cells for tables."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from runlake.entities import Entity, ModelVersion

_TIMES: Final = {"at_ms": "at", "set_ms": "set_at"}
_UNITS_S: Final = (("days", 86_400), ("h", 3600), ("min", 60), ("s", 1))


def described(entity: Entity) -> dict[str, Any]:
    """Return an entity for JSON: times are times."""
    return {_TIMES.get(name, name): _value(name, value) for name, value in entity.to_dictionary().items()}


def moment(time_ms: int) -> datetime:
    """Return milliseconds since 1970 as a time."""
    return datetime.fromtimestamp(time_ms / 1000, UTC)


def since(time_ms: int) -> str | datetime:
    """Return how long ago something was, for people; for pipes, which are read later, when."""
    if not sys.stdout.isatty():
        return moment(time_ms)
    passed_s = max(0, int(time.time() - time_ms / 1000))
    unit, seconds = next((pair for pair in _UNITS_S if passed_s >= 2 * pair[1]), _UNITS_S[-1])
    return f"{passed_s // seconds} {unit}"


def joined(tags: Mapping[str, str]) -> str:
    """Return tags in a cell."""
    return ", ".join(f"{key}={value}" for key, value in sorted(tags.items()))


def aliases_of(version: ModelVersion) -> str:
    """Return in a cell which aliases mean a version."""
    return ", ".join(f"@{alias}" for alias in sorted(version.aliases))


def given(values: dict[str, Any]) -> dict[str, Any]:
    """Return values that there are."""
    return {name: value for name, value in values.items() if value not in (None, "")}


def _value(name: str, value: Any) -> Any:
    if (name in _TIMES or name.endswith("_timestamp")) and isinstance(value, int):
        return moment(value)
    return value
