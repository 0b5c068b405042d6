"""Typed parameters: the column type that fits every value of a key.

The catalog keeps each value as text, exactly, with the kind that the text reads as. A column is Int64, Float64 or
Boolean where every value reads as one, and String otherwise; 'None', 'null' and '' fit every type, as null.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import polars as pl

from runlake.catalog import read_typed
from runlake.query.filter.nodes import Form

TEXT: Final = 0
INT: Final = 1
FLOAT: Final = 2
BOOL: Final = 3
NULL: Final = 4

FLAGS: Final = {"True": True, "true": True, "False": False, "false": False}


_TYPES: Final[dict[frozenset[int], pl.DataType]] = {
    frozenset({INT}): pl.Int64(),
    frozenset({FLOAT}): pl.Float64(),
    frozenset({INT, FLOAT}): pl.Float64(),
    frozenset({BOOL}): pl.Boolean(),
}


def mask_of(kinds: Iterable[int]) -> int:
    """Put kinds into one number: bit k is set where kind k is among them."""
    return sum(1 << kind for kind in set(kinds))


def column_type(mask: int) -> pl.DataType:
    """The type of a column whose values have the kinds of a mask."""
    return _TYPES.get(frozenset(kind for kind in range(NULL) if mask >> kind & 1), pl.String())


def numbers(texts: pl.Series, kinds: pl.Series) -> pl.Series:
    """The numbers among some texts, null elsewhere: Int64 where all are integers, which stay exact, else Float64."""
    whole, broken = kinds == INT, kinds == FLOAT
    chosen = texts.set(~(whole | broken).fill_null(False), None)
    return reading(chosen, pl.Float64() if broken.any() else pl.Int64())


def flags(texts: pl.Series, kinds: pl.Series) -> pl.Series:
    """The truth values among some texts, null elsewhere."""
    return reading(texts.set((kinds != BOOL).fill_null(True), None), pl.Boolean())


def kinds_of(texts: pl.Series) -> pl.Series:
    """What texts read as, null for null; see `catalog.typed`, which says it for parameters."""
    known = texts.drop_nulls().unique()
    kinds = pl.Series([int(read_typed(text)[0]) for text in known], dtype=pl.UInt8)
    return texts.replace_strict(known, kinds, default=None, return_dtype=pl.UInt8)


def reading_as(texts: Sequence[str | None], form: Form) -> pl.Series:
    """What texts say in a form that a filter compares, null where they say nothing in it."""
    column = pl.Series(texts, dtype=pl.String)
    if form is Form.TEXT:
        return column
    return (numbers if form is Form.NUMBER else flags)(column, kinds_of(column))


def reading(texts: pl.Series, dtype: pl.DataType) -> pl.Series:
    """Read texts of fitting kinds as `dtype`; those that stand for nothing are null, unless the column stays text."""
    if dtype == pl.String():
        return texts
    if dtype == pl.Boolean():
        return texts.replace_strict(FLAGS, default=None, return_dtype=pl.Boolean)
    return texts.cast(dtype, strict=False)
