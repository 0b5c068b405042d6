"""Binning: the value of a field of each run as the number of a bin, for histograms of one axis and of two.

Bins are numbered from 0; a run without a value, or without one that the scale has (NaN, infinities, zero on a log
scale), is in the bin behind the last one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, Final

import polars as pl

from runlake.errors import InvalidInput
from runlake.query.filter.nodes import Field, Form, Function, Kind
from runlake.query.filter.vocabulary import RUNS
from runlake.query.filter.written import field_text
from runlake.query.ordered import OrderedRuns
from runlake.query.run_window import STEPS, field_of, has_field

MOST_BINS: Final = 512
MOST_CATEGORIES: Final = 128
MOST_EACH: Final = 64
"""Whole numbers within so many have a bin each, so that no bin is between two of them."""
LONGEST_SHOWN: Final = 500
"""Bytes of the longest text that has a bin of its own: a page repeats it, and a filter has to."""
SCALES: Final = ("auto", "linear", "log", "category")


@dataclass(frozen=True)
class Axis:
    """An axis as it is asked for: a field, a scale, and the number of bins of a scale of numbers."""

    field: Field
    scale: str = "auto"
    bins: int = 64

    @classmethod
    def of(cls, key: str, scale: str = "auto", bins: int = 64, reduce: str | None = None) -> Axis:
        """Read what a client gave; `reduce` is the function of a metric, such as "min".

        Raises:
            InvalidInput: a name, a scale or a function means nothing, or `bins` is out of range.
        """
        field = field_of(key)
        if scale not in SCALES:
            raise InvalidInput(f"scale is {scale[:40]!r}; it must be one of {', '.join(SCALES)}")
        if not 1 <= bins <= MOST_BINS:
            raise InvalidInput(f"bins is {bins}; it must be from 1 to {MOST_BINS}")
        if reduce is not None and reduce not in [function.value for function in Function]:
            raise InvalidInput(f"reduce is {reduce[:40]!r}; it must be one of {', '.join(f.value for f in Function)}")
        if field.kind is Kind.DATASET or (field.key == "artifact_uri" and field.kind is Kind.ATTRIBUTE):
            raise InvalidInput(f"{field_text(field)} is no axis; no two runs have the same, or a run has many")
        if reduce not in (None, "last") and field.kind is Kind.METRIC:
            field = replace(field, function=Function(reduce))
        return cls(field, scale, bins)


@dataclass(frozen=True)
class Binned:
    """The bins of the runs of a question, in their order.

    Args:
        codes: u16; `bins` is the bin of what is missing.
        low: Where the first bin begins, `high` where the last one ends; None of categories.
        values: The texts of categories, of which the last is None where it is all others.
        whole: Whether the values are whole numbers.
        unplaced: How many runs have a value that the scale has not.
    """

    axis: Axis
    scale: str
    bins: int
    codes: pl.Series
    low: float | None = None
    high: float | None = None
    values: tuple[str | None, ...] | None = None
    whole: bool = False
    unplaced: int = 0

    def said(self) -> dict[str, Any]:
        """The axis as JSON says it."""
        said = {"key": field_text(self.axis.field), "scale": self.scale, "bins": self.bins}
        if self.values is not None:
            return {**said, "values": list(self.values)}
        return {**said, "low": self.low, "high": self.high, "whole": self.whole, "unplaced": self.unplaced}


def binned(found: OrderedRuns, axis: Axis) -> Binned:
    """Put the runs of a question into bins; what was put there is kept."""

    def make() -> Binned:
        if axis.scale == "category" or (axis.scale == "auto" and is_text(found, axis.field)):
            return _categories(found, axis)
        return _numbers(found, axis)

    return found.kept(("bins", axis), make)


def is_text(found: OrderedRuns, field: Field) -> bool:
    """Whether a field is one of texts in the runs of a question."""
    if field.kind is Kind.PARAM:
        dtype = found.table.shape.param_types.get(field.key, pl.Float64())
        return dtype in (pl.String(), pl.Boolean())
    return field.kind is Kind.TAG or (field.kind is Kind.ATTRIBUTE and RUNS.attributes[field.key] is Form.TEXT)


def _is_whole(found: OrderedRuns, field: Field) -> bool:
    if field.kind is Kind.PARAM:
        return found.table.shape.param_types.get(field.key, pl.Float64()).is_integer()
    return field.kind is Kind.ATTRIBUTE or field.function in STEPS


def _numbers(found: OrderedRuns, axis: Axis) -> Binned:
    scale = "linear" if axis.scale == "auto" else axis.scale
    if is_text(found, axis.field) and axis.field.kind is Kind.ATTRIBUTE:
        raise InvalidInput(f"{axis.field.key} has texts; its scale must be 'category' or 'auto'")
    values = numbers_of(found, axis.field, found.rows).alias("value")
    value = pl.col("value")
    usable = value.is_finite() & (value > 0) if scale == "log" else value.is_finite()
    shown = pl.when(usable).then(value)
    low, high = values.to_frame().select(shown.min().alias("low"), shown.max().alias("high")).row(0)
    whole, bins = _is_whole(found, axis.field), axis.bins
    if whole and scale == "linear" and low is not None and high - low < min(MOST_EACH, bins):
        low, high, bins = low - 0.5, high + 0.5, round(high - low) + 1
    place = shown.log10() if scale == "log" else shown
    first, last = (low, high) if low is None or scale != "log" else (math.log10(low), math.log10(high))
    # NOTE: halves, because the difference of two large numbers may be infinite; that of two neighbours may be nothing.
    if low is None or (length := last * 0.5 - first * 0.5) == 0:
        number = pl.when(usable).then(0).otherwise(bins)
    else:
        number = ((place * 0.5 - first * 0.5) / length * bins).floor().clip(0, bins - 1).fill_null(bins)
    codes = values.to_frame().select(number.cast(pl.UInt16)).to_series()
    unplaced = int((codes == bins).sum()) - values.null_count()
    return Binned(axis, scale, bins, codes, low, high, whole=whole, unplaced=unplaced)


def _categories(found: OrderedRuns, axis: Axis) -> Binned:
    if not has_field(found.table, axis.field):
        return Binned(axis, "category", 0, pl.repeat(0, len(found.rows), dtype=pl.UInt16, eager=True), values=())
    texts = texts_of(found, axis.field, found.rows)
    counted = texts.drop_nulls().value_counts(name="runs").sort("runs", "text", descending=[True, False])
    short = counted.filter(pl.col("text").str.len_bytes() <= LONGEST_SHOWN)["text"].head(MOST_CATEGORIES)
    shown = sorted(short.to_list(), key=_in_order)
    values = (*shown, None) if counted.height > len(shown) else tuple(shown)
    codes = pl.DataFrame({"text": shown, "code": range(len(shown))}, {"text": pl.String, "code": pl.UInt16})
    known = texts.to_frame().join(codes, on="text", how="left", maintain_order="left")
    others = pl.when(pl.col("text").is_null()).then(len(values)).otherwise(len(shown))
    number = known.select(pl.coalesce("code", others.cast(pl.UInt16))).to_series()
    return Binned(axis, "category", len(values), number, values=values)


def texts_of(found: OrderedRuns, field: Field, rows: pl.Series) -> pl.Series:
    """Return a field of some rows as the texts that categories are called by."""
    form = Form.NUMBER if field.kind is Kind.METRIC else Form.TEXT
    return found.table.field(field, form, rows).cast(pl.String).alias("text")


def numbers_of(found: OrderedRuns, field: Field, rows: pl.Series) -> pl.Series:
    """Return a field of some rows as 64-bit floating point numbers."""
    return found.table.field(field, Form.NUMBER, rows).cast(pl.Float64, strict=False)


def _in_order(text: str) -> tuple[bool, float, str]:
    """Numbers by their size, before texts."""
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    return (math.isnan(number), 0.0 if math.isnan(number) else number, text)
