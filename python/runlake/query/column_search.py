"""Column search: which columns runs have, by a part of their names, with what is known of their values."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Iterator, Sequence
from typing import Any, Final

import polars as pl

from runlake.errors import InvalidInput
from runlake.query.filter.nodes import Field, Kind
from runlake.query.filter.vocabulary import RUNS
from runlake.query.filter.written import field_text
from runlake.query.ordered import OrderedRuns, Question, ordered_runs
from runlake.query.reader import Lake
from runlake.query.run_window import values_of
from runlake.query.table import RunTable

MOST_COLUMNS: Final = 1000
MOST_NAMES: Final = 50_000
_KINDS: Final = {kind.value: kind for kind in (Kind.ATTRIBUTE, Kind.PARAM, Kind.METRIC, Kind.TAG)}
_COLUMNS: Final = pl.Schema(
    {
        "name": pl.String,
        "kind": pl.String,
        "key": pl.String,
        "type": pl.String,
        "runs": pl.UInt32,
        "min": pl.Float64,
        "max": pl.Float64,
        "distinct": pl.UInt32,
    }
)


def search_columns(
    lake: Lake,
    question: Question,
    q: str = "",
    *,
    kind: Sequence[str] = (),
    differs: bool = False,
    offset: int = 0,
    limit: int = 100,
    values: bool = True,
    tx: int | None = None,
) -> tuple[OrderedRuns, int, pl.DataFrame]:
    """Return the columns whose names have every word of `q` in them, capitals or not, the best match first.

    Args:
        kind: Of `attributes`, `params`, `metrics` and `tags`; none is all of them.
        differs: Leave out columns that all runs of the question have alike.
        offset: How many of the best to leave out.
        limit: Most rows, from 0 to 1000, or 50,000 without values; these are looked at of these columns only.
        values: Say what is known of the values; else all but `name`, `kind` and `key` are null.

    Returns:
        The runs of the question, how many columns have such names, and a row a column: `name` (as a filter has it),
        `kind`, `key`, `type`, `runs: u32` (how many have a value), `min` and `max: f64` of the finite numbers,
        `distinct: u32` values. With `differs` the number is of columns that may differ.

    Raises:
        InvalidInput: a kind is none, or a bound is out of range.
    """
    if unknown := [name for name in kind if name not in _KINDS]:
        raise InvalidInput(f"kind is {unknown[0][:40]!r}; it must be one of {', '.join(_KINDS)}")
    most = MOST_COLUMNS if values or differs else MOST_NAMES
    for name, given, bound in (("limit", limit, most), ("offset", offset, MOST_NAMES)):
        if not 0 <= given <= bound:
            raise InvalidInput(f"{name} is {given}; it must be from 0 to {bound}")
    found = ordered_runs(lake, question, tx)
    chosen = [_KINDS[name] for name in dict.fromkeys(kind)] or list(_KINDS.values())
    words = q.lower().split()
    ranked = [(rank, key, field) for rank, key, field in _ranked(found.table, chosen, words)]
    end = offset + limit
    if differs:
        fields = [field for _, _, field in sorted(ranked, key=_by_rank)]
        rows = list(itertools.islice((row for row in _each(found, fields) if _may_differ(row, found)), end))[offset:]
    else:
        fields = [field for _, _, field in heapq.nsmallest(end, ranked, key=_by_rank)[offset:]]
        rows = list(_each(found, fields)) if values else [_named(field) for field in fields]
    return found, len(ranked), pl.DataFrame(rows, _COLUMNS)


def _by_rank(place: tuple[tuple[int, int, int], str, Field]) -> tuple[tuple[int, int, int], str]:
    return place[:2]


def _each(found: OrderedRuns, fields: Sequence[Field]) -> Iterator[dict[str, Any]]:
    return (_described(found, field) for field in fields)


def _may_differ(row: dict[str, Any], found: OrderedRuns) -> bool:
    return bool(row["distinct"] > 1 or 0 < row["runs"] < len(found.rows))


def _named(field: Field) -> dict[str, Any]:
    return {"name": field_text(field), "kind": field.kind.value, "key": field.key}


def names_with(table: RunTable, kinds: Sequence[Kind], text: str, most: int) -> list[Field]:
    """Return the fields whose names have a text in them, the best match first."""
    ranked = _ranked(table, kinds, text.lower().split())
    return [field for _, _, field in heapq.nsmallest(most, ranked, key=_by_rank)]


def _ranked(
    table: RunTable, kinds: Sequence[Kind], words: Sequence[str]
) -> Iterator[tuple[tuple[int, int, int], str, Field]]:
    """Rank names: the whole key first, then its beginning, the beginning of a part, and anywhere; short ones first."""
    for order, kind in enumerate(kinds):
        keys = RUNS.attributes if kind is Kind.ATTRIBUTE else table.keys(kind)
        for place, key in enumerate(keys):
            if not words:  # attributes are in an order of their own
                yield (order, place if kind is Kind.ATTRIBUTE else 0, 0), key, Field(kind, key)
                continue
            lowered = key.lower()
            full = lowered if kind is Kind.ATTRIBUTE else f"{kind.value}.{lowered}"
            if all(word in full for word in words):
                yield (_rank(lowered, words[0]), len(key), order), key, Field(kind, key)


def _rank(key: str, word: str) -> int:
    place = key.find(word)
    if place <= 0:
        return (0 if key == word else 1) if place == 0 else 4
    return 3 if key[place - 1].isalnum() else 2


def _described(found: OrderedRuns, field: Field) -> dict[str, Any]:
    place = ("column", field)
    if place not in found.made:
        values = values_of(found.table, field, found.rows)
        low = high = None
        if values.dtype.is_numeric():
            finite = values.filter(values.is_finite()) if values.dtype.is_float() else values.drop_nulls()
            low, high = finite.min(), finite.max()
        found.made[place] = {
            **_named(field),
            "type": str(values.dtype),
            "runs": len(values) - values.null_count(),
            "min": low,
            "max": high,
            "distinct": values.drop_nulls().n_unique(),
        }
    row: dict[str, Any] = found.made[place]
    return row
