"""Overview: the registered models of a store as a list that is searched, sorted and looked at in pieces."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from runlake.catalog import PROMPT_TAG
from runlake.errors import InvalidInput

if TYPE_CHECKING:
    from runlake.entities import RegisteredModel
    from runlake.store import Store

_COLUMNS: Final = {"name": "name", "creation_time": "creation_timestamp", "last_updated": "last_updated_timestamp"}
SORTS: Final = (*_COLUMNS, "versions")
"""What models can be sorted by."""


@dataclass(frozen=True)
class ListedModel:
    """A registered model, and how many versions it has."""

    model: RegisteredModel
    versions: int


def list_models(
    store: Store,
    q: str = "",
    sort: str | None = None,
    *,
    offset: int = 0,
    limit: int = 100,
    may_read: Callable[[str], bool] | None = None,
) -> tuple[list[ListedModel], int]:
    """Return a piece of the models whose names or descriptions have every word of `q` in them, and how many they are.

    What is registered as a prompt is no model and is left out.

    Args:
        sort: One of `SORTS`, perhaps with " DESC" behind it; ties are by name. None is what changed last first.
        may_read: Tells by its name whether a model may be found; None is all.

    Raises:
        InvalidInput: there is no such order.
    """
    by, descending = _order(sort)
    words = q.casefold().split()
    columns = store.catalog.model_columns([*_COLUMNS.values(), *(["description"] if words else [])], [PROMPT_TAG])
    prompts, names = columns[f"tags.{PROMPT_TAG}"], columns["name"]
    described = columns.get("description", [None] * len(names))
    rows = [
        row
        for row, name in enumerate(names)
        if (prompts[row] or "").lower() != "true"
        and _has(f"{name} {described[row] or ''}", words)
        and (may_read is None or may_read(name))
    ]
    counts = store.catalog.version_counts()
    keys = [counts.get(model, 0) for model in columns["model"]] if by == "versions" else columns[_COLUMNS[by]]
    piece = _ordered(rows, keys, names, descending=descending)[offset : offset + limit]
    numbers = [columns["model"][row] for row in piece]
    found = {model.name: model for model in store.catalog.get_registered_models(numbers)}
    listed = [(found.get(names[row]), counts.get(columns["model"][row], 0)) for row in piece]
    return [ListedModel(model, versions) for model, versions in listed if model is not None], len(rows)


def _order(sort: str | None) -> tuple[str, bool]:
    if sort is None:
        return "last_updated", True
    by, _, direction = sort.strip().partition(" ")
    if by not in SORTS or direction.strip().upper() not in ("", "ASC", "DESC"):
        raise InvalidInput(
            f"sort is {sort[:100]!r}; models are sorted by {', '.join(SORTS)}",
            hint="write DESC behind it for downwards",
        )
    return by, direction.strip().upper() == "DESC"


def _has(text: str, words: Sequence[str]) -> bool:
    folded = text.casefold() if words else ""
    return all(word in folded for word in words)


def _ordered(rows: list[int], keys: Sequence[Any], names: Sequence[str], *, descending: bool) -> list[int]:
    by_name = sorted(rows, key=lambda row: (names[row].casefold(), names[row]))
    if keys is names:
        return by_name[::-1] if descending else by_name
    return sorted(by_name, key=lambda row: keys[row], reverse=descending)
