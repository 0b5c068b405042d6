"""Searching registered models and their versions."""

from __future__ import annotations

from typing import Final

from runlake.cli.paging import collected
from runlake.entities import ModelVersion, RegisteredModel
from runlake.registry import operations
from runlake.stores import AnyStore

_NOT_IN_TEXT: Final = "'\"\\"
"""Characters that quoted text of a filter cannot have, or not everywhere."""


def models(
    store: AnyStore, where: str | None, limit: int, sorts: tuple[str, ...] = ()
) -> tuple[list[RegisteredModel], bool]:
    """Return models that a filter selects and whether there are more than `limit`; 0 is no limit."""
    return collected(
        lambda size, token: operations.search_registered_models(store, where, size, list(sorts) or None, token), limit
    )


def versions(
    store: AnyStore, where: str | None, limit: int, sorts: tuple[str, ...] = ()
) -> tuple[list[ModelVersion], bool]:
    """Return versions that a filter selects and whether there are more than `limit`; 0 is no limit."""
    return collected(
        lambda size, token: operations.search_model_versions(store, where, size, list(sorts) or None, token), limit
    )


def versions_of(store: AnyStore, name: str, limit: int) -> tuple[list[ModelVersion], bool]:
    """Return the versions of a model, the latest first, and whether there are more than `limit`."""
    found, more = versions(store, _is_named(name), limit, ("version_number DESC",))
    return [version for version in found if version.name == name], more


def _is_named(name: str) -> str:
    """Return a filter for a name; one with quotes is found by a pattern, and what else fits that by a look at it."""
    pattern = "".join("_" if letter in _NOT_IN_TEXT else letter for letter in name)
    return f"name = '{name}'" if pattern == name else f"name LIKE '{pattern}'"
