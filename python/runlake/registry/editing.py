"""Editing: description and tags of a model or a version at once, checked before anything is changed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from runlake import names
from runlake.catalog import Stamp
from runlake.lifecycle import now_ms
from runlake.registry.operations import checked_description, checked_tags

if TYPE_CHECKING:
    from runlake.store import Store


def edit_model(
    store: Store,
    name: str,
    *,
    description: str | None = None,
    tags: Mapping[str, Any] | None = None,
    user_id: str | None = None,
) -> None:
    """Change what is said of a registered model; only differences are written, each as an event.

    Args:
        description: Another one; None leaves it.
        tags: Values to be set, by key; a key with None is removed.

    Raises:
        NotFound: no registered model has that name.
        InvalidInput: the description or a tag is not legal; then nothing is changed.
    """
    name, text, wanted = names.check_model_name(name), checked_description(description), _checked(tags or {})
    found, stamp = store.catalog.get_registered_model(name), Stamp(user_id, now_ms())
    if text is not None and text != (found.description or ""):
        store.catalog.update_registered_model(name, text, stamp)
    for key, value in _differences(found.tags, wanted):
        if value is None:
            store.catalog.delete_registered_model_tag(name, key, stamp)
        else:
            store.catalog.set_registered_model_tag(name, key, value, stamp)


def edit_version(
    store: Store,
    name: str,
    version: int,
    *,
    description: str | None = None,
    tags: Mapping[str, Any] | None = None,
    user_id: str | None = None,
) -> None:
    """Change what is said of a version, as `edit_model` does of a model."""
    name, text, wanted = names.check_model_name(name), checked_description(description), _checked(tags or {})
    found, stamp = store.catalog.get_version(name, version), Stamp(user_id, now_ms())
    if text is not None and text != (found.description or ""):
        store.catalog.update_version(name, version, text, stamp)
    for key, value in _differences(found.tags, wanted):
        if value is None:
            store.catalog.delete_version_tag(name, version, key, stamp)
        else:
            store.catalog.set_version_tag(name, version, key, value, stamp)


def _checked(tags: Mapping[str, Any]) -> dict[str, str | None]:
    kept = checked_tags({key: value for key, value in tags.items() if value is not None})
    return {**kept, **{names.check_key(key, "tag"): None for key, value in tags.items() if value is None}}


def _differences(there: Mapping[str, str], wanted: Mapping[str, str | None]) -> list[tuple[str, str | None]]:
    return [(key, value) for key, value in wanted.items() if there.get(key) != value]
