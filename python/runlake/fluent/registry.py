"""Functions of the registry that MLflow has at its top level; all others are in `runlake.registry`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeVar

from runlake.client import MlflowClient
from runlake.entities import ModelVersion, PagedList, RegisteredModel

T = TypeVar("T")

_MODELS_A_PAGE: Final = 1000
_VERSIONS_A_PAGE: Final = 10_000


def search_registered_models(
    max_results: int | None = None, filter_string: str | None = None, order_by: list[str] | None = None
) -> list[RegisteredModel]:
    """Return the registered models that a filter selects, by name unless `order_by` says otherwise.

    Args:
        max_results: At most so many; None is all.

    Raises:
        InvalidInput: the filter or the order cannot be read.
    """
    client = MlflowClient()
    return _pages(
        lambda size, token: client.search_registered_models(filter_string, size, order_by, token),
        max_results,
        _MODELS_A_PAGE,
    )


def search_model_versions(
    max_results: int | None = None, filter_string: str | None = None, order_by: list[str] | None = None
) -> list[ModelVersion]:
    """Return the versions of registered models that a filter selects, what changed last first.

    Args:
        max_results: At most so many; None is all.

    Raises:
        InvalidInput: the filter or the order cannot be read.
    """
    client = MlflowClient()
    return _pages(
        lambda size, token: client.search_model_versions(filter_string, size, order_by, token),
        max_results,
        _VERSIONS_A_PAGE,
    )


def set_model_version_tag(name: str, version: str | None = None, key: str | None = None, value: Any = None) -> None:
    """Set a tag of a version to `str(value)`."""
    MlflowClient().set_model_version_tag(name, version, key, value)


def _pages(page: Callable[[int, str | None], PagedList[T]], wanted: int | None, largest: int) -> list[T]:
    found: list[T] = []
    token: str | None = None
    while wanted is None or len(found) < wanted:
        got = page(largest if wanted is None else min(largest, wanted - len(found)), token)
        found += got
        token = got.token
        if not token:
            break
    return found
