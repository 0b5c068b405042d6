"""A nested configuration as flat, dotted parameters: `{"optim": {"lr": 0.1}}` becomes `optim.lr = 0.1`.

Mappings, dataclass instances, `argparse.Namespace`, OmegaConf containers and objects with a `model_dump` (Pydantic)
nest. A sequence is one value when it holds plain values only (`layers = [64, 32]`), else its items nest by position
(`stages.0.lr`).
"""

from __future__ import annotations

import dataclasses
import sys
from argparse import Namespace
from collections.abc import Iterator, Mapping
from pathlib import PurePath
from typing import Any

from runlake.errors import InvalidInput, InvalidType

_MAX_DEPTH = 64  # deeper than any configuration a person writes; a structure that holds itself ends here


def flatten(config: object, *, prefix: str = "") -> dict[str, Any]:
    """Return the leaves of `config` by dotted key, in the order of the configuration.

    Args:
        prefix: Put in front of every key, with a dot between.

    Raises:
        InvalidType: `config` is not something that has named fields.
        InvalidInput: two leaves get one key, a key is empty, or the nesting has no end.
    """
    fields = _fields(config)
    if fields is None:
        raise InvalidType(
            f"a configuration is a mapping, a dataclass instance, an argparse.Namespace or an OmegaConf container, "
            f"not {type(config).__name__}"
        )
    flat: dict[str, Any] = {}
    for key, value in _leaves(fields, prefix, _MAX_DEPTH):
        if key in flat:
            raise InvalidInput(f"two values of the configuration have the key {key!r}: {flat[key]!r} and {value!r}")
        flat[key] = value
    return flat


def _leaves(fields: Mapping[Any, Any], prefix: str, depth: int) -> Iterator[tuple[str, Any]]:
    if depth == 0:
        raise InvalidInput(f"the configuration is nested deeper than {_MAX_DEPTH} levels at {prefix!r}")
    for name, value in fields.items():
        if str(name) == "":
            raise InvalidInput(f"the configuration has an empty key under {prefix or 'its root'!r}")
        key = f"{prefix}.{name}" if prefix else str(name)
        inner = _fields(value)
        if inner is None and isinstance(value, list | tuple) and any(_fields(item) is not None for item in value):
            inner = dict(enumerate(value))
        if inner:
            yield from _leaves(inner, key, depth - 1)
        else:
            yield key, _plain(value) if inner is None else {}


def _fields(value: object) -> Mapping[Any, Any] | None:
    """Return the named fields of a container; None for a plain value."""
    if isinstance(value, Mapping):
        return _resolved(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if isinstance(value, Namespace):
        return vars(value)
    dump = getattr(value, "model_dump", None)
    if callable(dump) and not isinstance(value, type):
        dumped = dump()
        return dumped if isinstance(dumped, Mapping) else None
    return None


def _resolved(value: Any) -> Mapping[Any, Any]:
    """Give an OmegaConf container as plain Python, interpolations resolved; other mappings as they are."""
    omegaconf = sys.modules.get("omegaconf")  # whoever passes one has imported it
    if omegaconf is None or not isinstance(value, omegaconf.DictConfig):
        return value  # type: ignore[no-any-return]
    resolved = omegaconf.OmegaConf.to_container(value, resolve=True, throw_on_missing=False)
    return resolved if isinstance(resolved, Mapping) else {}


def _plain(value: object) -> object:
    """Give a leaf the form that reads best as text."""
    if isinstance(value, PurePath):
        return str(value)
    if isinstance(value, tuple):
        return list(value)
    item = getattr(value, "item", None)  # a NumPy or torch scalar is its number
    if callable(item) and getattr(value, "ndim", None) == 0:
        plain: object = item()
        return plain
    return value
