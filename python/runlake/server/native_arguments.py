"""Arguments of native calls: what a client has sent, held against the parameters of the function that answers."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from types import NoneType, UnionType
from typing import Any, Final, Union, get_args, get_origin, get_type_hints

from runlake.access import Caller
from runlake.errors import InvalidInput, InvalidType
from runlake.names import shortened

_WHOLE: Final = re.compile(r"-?[0-9]{1,19}")


def bound(function: Callable[..., Any], given: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what a client has given, if `function`, whose first parameter is the store, can be called with it.

    Raises:
        InvalidInput: a parameter is missing or unknown.
        InvalidType: one has a value of another type.
    """
    required, hints = parameters(function)
    if unknown := [name for name in given if name not in hints]:
        raise InvalidInput(f"there is no field {unknown[0]!r}", hint=f"fields are {', '.join(hints) or 'none'}")
    if absent := [name for name in required if name not in given]:
        raise InvalidInput(f"the field {absent[0]!r} is missing")
    for name, value in given.items():
        if not _fits(value, hints[name]):
            raise InvalidType(f"the field {name!r} is {shortened(repr(value))}; it must be {_shown(hints[name])}")
    return given


def from_query(function: Callable[..., Any], texts: Mapping[str, list[str]]) -> dict[str, Any]:
    """Return what stands behind the `?` of a URL as values of the types that `function` wants.

    A list is its parameter said several times. What cannot be read stays text, for `bound` to refuse.
    """
    _, hints = parameters(function)
    return {name: _read(given, hints.get(name)) for name, given in texts.items()}


def _read(given: list[str], hint: Any) -> Any:
    wanted = get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)
    if any(get_origin(one) is list for one in wanted):
        return given
    text = given[-1]
    if bool in wanted and text.lower() in ("true", "false", "1", "0"):
        return text.lower() in ("true", "1")
    if int in wanted and _WHOLE.fullmatch(text):
        return int(text)
    return text


@cache
def parameters(function: Callable[..., Any]) -> tuple[tuple[str, ...], Mapping[str, Any]]:
    """Return the names that have no default, and all with their types; but for the first, and who is asking."""
    hints = get_type_hints(function)
    found = [parameter for parameter in _behind_store(function) if hints[parameter.name] is not Caller]
    required = tuple(parameter.name for parameter in found if parameter.default is parameter.empty)
    return required, {parameter.name: hints[parameter.name] for parameter in found}


def asking(function: Callable[..., Any], caller: Caller) -> dict[str, Caller]:
    """Return the argument that tells a function who is asking, where it has a parameter of that type."""
    name = _asked_by(function)
    return {} if name is None else {name: caller}


@cache
def _asked_by(function: Callable[..., Any]) -> str | None:
    hints = get_type_hints(function)
    return next((parameter.name for parameter in _behind_store(function) if hints[parameter.name] is Caller), None)


def _behind_store(function: Callable[..., Any]) -> list[inspect.Parameter]:
    return list(inspect.signature(function).parameters.values())[1:]


def _fits(value: Any, hint: Any) -> bool:
    origin, inner = get_origin(hint), get_args(hint)
    if hint is Any:
        return True
    if origin in (Union, UnionType):
        return any(_fits(value, one) for one in inner)
    if origin is list:
        return isinstance(value, list) and all(_fits(item, inner[0]) for item in value)
    if origin is dict:
        return isinstance(value, dict) and all(_fits(item, inner[1]) for item in value.values())
    if hint is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    if hint is int:
        return isinstance(value, int) and not isinstance(value, bool) and -(2**63) <= value < 2**63
    if isinstance(hint, type) and is_dataclass(hint):
        return isinstance(value, hint) and all(_fits(getattr(value, name), inner) for name, inner in _fields(hint))
    return isinstance(value, hint)


@cache
def _fields(entity: Any) -> tuple[tuple[str, Any], ...]:
    """Return names and types of an entity's fields; there are as many entities as functions name."""
    hints = get_type_hints(entity)
    return tuple((entry.name, hints[entry.name]) for entry in fields(entity))


def _shown(hint: Any) -> str:
    origin, inner = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        return " or ".join(_shown(one) for one in inner)
    if origin is list:
        return f"a list, each {_shown(inner[0])}"
    if origin is dict:
        return f"an object of {_shown(inner[1])}"
    names = {str: "text", int: "a whole number", float: "a number", bool: "true or false", NoneType: "null"}
    return names.get(hint, f"a {getattr(hint, '__name__', hint)}")
