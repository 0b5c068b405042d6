"""Native calls on the registry that MLflow's wire does not have, as functions in one table; see `native_calls`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from runlake import names
from runlake.entities import ChainHead, RegistryEvent, VersionLineage
from runlake.errors import InvalidInput
from runlake.registry import origins
from runlake.store import Store

_MOST_EVENTS: Final = 10_000


def version_lineage(store: Store, name: str, version: int) -> VersionLineage:
    """Return where a version comes from."""
    return origins.lineage(store, name, version)


def model_events(store: Store, name: str, after: int, limit: int) -> list[RegistryEvent]:
    """Return what was done to a registered model that is there."""
    return store.catalog.model_events(names.check_model_name(name), after=after, limit=_checked(limit))


def registry_events(store: Store, name: str | None, after: int, limit: int) -> list[RegistryEvent]:
    """Return what was done to all models, or to all that have or had a name."""
    return store.catalog.registry_events(name, after=after, limit=_checked(limit))


def verify_registry_events(store: Store) -> ChainHead:
    """Check the chain of events, and return where it ends."""
    return store.catalog.verify_registry_events()


REGISTRY_CALLS: Final[Mapping[str, Callable[..., Any]]] = {
    call.__name__: call for call in (model_events, registry_events, verify_registry_events, version_lineage)
}
"""Every call, by the name under which it is made."""


def _checked(limit: int) -> int:
    if not 0 < limit <= _MOST_EVENTS:
        raise InvalidInput(f"limit is {limit}; it must be from 1 to {_MOST_EVENTS:,}")
    return limit
