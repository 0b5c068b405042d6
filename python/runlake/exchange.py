"""Exchange: what calls to a server take and give, as JSON that both sides turn back into the same values.

Entities are objects with the name of their class under `$`. NaN and infinities are objects as well, for JSON has no
numbers for them; all else is what JSON has. Keys of dictionaries are text and none is `$`: no key may have that name.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import fields
from typing import Any, Final

from runlake import entities, promotion
from runlake.entities import PagedList
from runlake.errors import InvalidInput

KIND: Final = "$"
"""The key of an object under which the name of its class is."""

_NUMBER: Final = "number"
_PAGE: Final = "page"
_CLASSES: Final[Mapping[str, Any]] = {
    kind.__name__: kind
    for kind in (
        entities.ChainHead,
        entities.Dataset,
        entities.DatasetInput,
        entities.DatasetUse,
        entities.DroppedStretch,
        entities.Experiment,
        entities.FileInfo,
        entities.InputTag,
        entities.KeyLedger,
        entities.LoggedModelInput,
        entities.LoggedModelOutput,
        entities.Metric,
        entities.MissingPoints,
        entities.ModelVersion,
        entities.Param,
        entities.RegistryEvent,
        entities.Run,
        entities.RunData,
        entities.RunInfo,
        entities.RunInputs,
        entities.RunLedger,
        entities.RunOutputs,
        entities.RunTag,
        entities.VersionLineage,
        promotion.Approval,
        promotion.CheckResult,
        promotion.Gate,
        promotion.GateReport,
        promotion.RuleOutcome,
    )
}
_NUMBERS: Final = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
_MOST_DEPTH: Final = 32


def to_json(value: Any) -> Any:
    """Return a value as what JSON has: entities, pages of them, and what they are made of.

    Raises:
        InvalidInput: it has something else in it.
    """
    match value:
        case None | bool() | int() | str():
            return value
        case float():
            return value if math.isfinite(value) else {KIND: _NUMBER, "is": _name_of(value)}
        case PagedList():
            return {KIND: _PAGE, "items": [to_json(item) for item in value], "token": value.token}
        case list() | tuple():
            return [to_json(item) for item in value]
        case Mapping():
            return {str(key): to_json(item) for key, item in value.items()}
    kind = type(value).__name__
    if _CLASSES.get(kind) is not type(value):
        raise InvalidInput(f"a {kind} cannot be sent to a server")
    return {KIND: kind, **{entry.name: to_json(getattr(value, entry.name)) for entry in fields(value)}}


def from_json(value: Any, _depth: int = 0) -> Any:
    """Return the value that `to_json` was given.

    Raises:
        InvalidInput: it was not made by `to_json`, or is nested deeper than any value of ours.
    """
    if _depth > _MOST_DEPTH:
        raise InvalidInput(f"a value is nested more than {_MOST_DEPTH} levels deep")
    if isinstance(value, list):
        return [from_json(item, _depth + 1) for item in value]
    if not isinstance(value, dict):
        return value
    found = {key: from_json(item, _depth + 1) for key, item in value.items() if key != KIND}
    return _made(value[KIND], found) if KIND in value else found


def _made(kind: Any, found: dict[str, Any]) -> Any:
    if kind == _NUMBER and found.get("is") in _NUMBERS:
        return _NUMBERS[found["is"]]
    if kind == _PAGE and isinstance(found.get("items"), list):
        return PagedList(found["items"], found.get("token"))
    known = _CLASSES.get(kind) if isinstance(kind, str) else None
    if known is None:
        raise InvalidInput(f"there is no kind of value {str(kind)[:50]!r}", hint="both sides must be of one version")
    names = [entry.name for entry in fields(known)]
    try:
        return known(**{name: found[name] for name in names if name in found})  # what a later version adds is left out
    except TypeError:
        raise InvalidInput(f"a {kind} came without some of {', '.join(names)}") from None


def _name_of(value: float) -> str:
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
