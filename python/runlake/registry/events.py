"""Events of the registry, read to their end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from runlake.entities import RegistryEvent

if TYPE_CHECKING:
    from runlake.stores import AnyStore

_A_PAGE: Final = 1000


def log(store: AnyStore, name: str | None = None) -> list[RegistryEvent]:
    """Return who did what when, oldest first: to all models, or to those that have or had a name."""
    found = list[RegistryEvent]()
    while page := store.catalog.registry_events(name, after=found[-1].number if found else 0, limit=_A_PAGE):
        found += page
    return found
