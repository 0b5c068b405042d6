"""Typed parameters: the column type that fits every value of a key.

The catalog keeps each value as text, exactly, with the kind that the text reads as. A column is Int64, Float64 or
Boolean where every value reads as one, and String otherwise; 'None', 'null' and '' fit every type, as null.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import polars as pl

TEXT: Final = 0
INT: Final = 1
FLOAT: Final = 2
BOOL: Final = 3
NULL: Final = 4

_FLAGS: Final = {"True": True, "true": True, "False": False, "false": False}


def is_number() -> pl.Expr:
    """Whether a parameter is a number."""
    return pl.col("kind").is_in([INT, FLOAT])


def is_flag() -> pl.Expr:
    """Whether a parameter is true or false."""
    return pl.col("kind") == BOOL


_TYPES: Final[dict[frozenset[int], pl.DataType]] = {
    frozenset({INT}): pl.Int64(),
    frozenset({FLOAT}): pl.Float64(),
    frozenset({INT, FLOAT}): pl.Float64(),
    frozenset({BOOL}): pl.Boolean(),
}


def column_type(kinds: Iterable[int]) -> pl.DataType:
    """The type of a column whose values have these kinds."""
    return _TYPES.get(frozenset(kinds) - {NULL}, pl.String())


def number_type(kinds: pl.Series) -> pl.DataType:
    """The type of a column of numbers of these kinds: integers stay exact where they are alone."""
    return pl.Int64() if (kinds == INT).all() else pl.Float64()


def reading(texts: pl.Series, dtype: pl.DataType) -> pl.Series:
    """Read texts of fitting kinds as `dtype`; those that stand for nothing are null, unless the column stays text."""
    if dtype == pl.String():
        return texts
    if dtype == pl.Boolean():
        return texts.replace_strict(_FLAGS, default=None, return_dtype=pl.Boolean)
    return texts.cast(dtype, strict=False)
