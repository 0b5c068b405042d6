"""Searching: as many models or versions as are asked for, page by page."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar

from runlake.entities import ModelVersion, PagedList, RegisteredModel
from runlake.registry import operations
from runlake.stores import AnyStore

T = TypeVar("T")

_A_PAGE: Final = 1000
_NOT_IN_TEXT: Final = "'\"\\"
"""Characters that quoted text of a filter cannot have, or not everywhere."""


def models(
    store: AnyStore, where: str | None, limit: int, sorts: tuple[str, ...] = ()
) -> tuple[list[RegisteredModel], bool]:
    """Return models that a filter selects and whether there are more than `limit`; 0 is no limit."""
    return _collected(
        lambda size, token: operations.search_registered_models(store, where, size, list(sorts) or None, token), limit
    )


def versions(
    store: AnyStore, where: str | None, limit: int, sorts: tuple[str, ...] = ()
) -> tuple[list[ModelVersion], bool]:
    """Return versions that a filter selects and whether there are more than `limit`; 0 is no limit."""
    return _collected(
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


def _collected(page: Callable[[int, str | None], PagedList[T]], limit: int) -> tuple[list[T], bool]:
    found: list[T] = []
    token: str | None = None
    while True:
        size = min(_A_PAGE, limit - len(found)) if limit else _A_PAGE
        read = page(size, token)
        found, token = [*found, *read], read.token
        if token is None or (limit and len(found) >= limit):
            return found, token is not None
