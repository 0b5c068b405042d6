"""Functions of the registry that MLflow has at its top level; all others are in `runlake.registry`."""

from __future__ import annotations

from typing import Any, Final

from runlake import pages
from runlake.client import MlflowClient
from runlake.entities import ModelVersion, RegisteredModel

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
    found = pages.collected(
        lambda size, token: client.search_registered_models(filter_string, size, order_by, token),
        max_results,
        _MODELS_A_PAGE,
    )
    return found.to_list()


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
    found = pages.collected(
        lambda size, token: client.search_model_versions(filter_string, size, order_by, token),
        max_results,
        _VERSIONS_A_PAGE,
    )
    return found.to_list()


def set_model_version_tag(name: str, version: str | None = None, key: str | None = None, value: Any = None) -> None:
    """Set a tag of a version to `str(value)`."""
    MlflowClient().set_model_version_tag(name, version, key, value)
