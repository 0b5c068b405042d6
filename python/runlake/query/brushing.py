"""Cross-filter: histograms of axes and of neighbouring axes under brushes, of all runs of a question.

Lines between two axes depend on nothing but the pairs of bins, so that the counts of pairs draw what 100,000 lines
would. A brush is a filter; each axis shows what the brushes of the others leave.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import partial
from itertools import pairwise
from typing import Final

import polars as pl

from runlake.errors import InvalidInput
from runlake.query.binning import Axis, Binned, binned
from runlake.query.filter.parser import parse_filter
from runlake.query.filter.written import written
from runlake.query.ordered import OrderedRuns, Question, ordered_runs
from runlake.query.reader import Lake
from runlake.query.run_window import values_of

MOST_AXES: Final = 64
MOST_TOP: Final = 500
COUNTS: Final = pl.Schema({"kind": pl.UInt8, "axis": pl.UInt8, "a": pl.UInt16, "b": pl.UInt16, "count": pl.UInt32})


class Histogram(IntEnum):
    """What counts are of; a pair is of the axis and of the next one."""

    ALL = 0
    UNDER_OTHERS = 1
    ALL_PAIRS = 2
    LEFT_PAIRS = 3


@dataclass(frozen=True)
class Crossfilter:
    """The answer: `total` runs of the question, of which the brushes leave `left`.

    `counts` has a row a bin or pair of bins that is not empty; `top` are the first of the runs that are left.
    """

    found: OrderedRuns
    axes: tuple[Binned, ...]
    total: int
    left: int
    counts: pl.DataFrame
    top: pl.DataFrame


def crossfilter(
    lake: Lake,
    question: Question,
    axes: Sequence[Axis],
    brush: Sequence[str | None] = (),
    *,
    top: int = 0,
    everything: bool = True,
) -> Crossfilter:
    """Count runs in the bins of axes.

    Args:
        brush: For each axis the filter that is brushed there, or None; missing ones are None.
        top: How many runs to return, in the order of the question, with their values.
        everything: Count what is there without brushes as well, which does not change while one is moved.

    Returns:
        `counts`: `kind: u8` (a `Histogram`), `axis: u8`, `a: u16` and, of pairs, `b: u16` (bins, 0 otherwise),
        `count: u32`. `top`: `run_id`, `run_name`, and a column an axis, called by its number.

    Raises:
        InvalidInput: a filter cannot be read, or there are too many axes, brushes or rows.
        NotFound: an experiment does not exist.
    """
    if not 1 <= len(axes) <= MOST_AXES:
        raise InvalidInput(f"axes has {len(axes)} entries; it must have from 1 to {MOST_AXES}")
    if len(brush) > len(axes):
        raise InvalidInput(f"brush has {len(brush)} entries for {len(axes)} axes")
    if not 0 <= top <= MOST_TOP:
        raise InvalidInput(f"top is {top}; it must be from 0 to {MOST_TOP}")
    found = ordered_runs(lake, question)
    bins = tuple(binned(found, axis) for axis in axes)
    masks = {place: mask for place, text in enumerate(brush) if (mask := _mask(found, text)) is not None}
    left = _all_of(list(masks.values()))
    pieces = [*_everything(found, bins)] if everything else []
    pieces += _under(found, bins, masks, left)
    rows = found.rows if left is None else found.rows.filter(left)
    counts = pl.concat([COUNTS.to_frame(), *pieces])
    return Crossfilter(found, bins, len(found.rows), len(rows), counts, _top(found, axes, rows.head(top)))


def _mask(found: OrderedRuns, text: str | None) -> pl.Series | None:
    condition = parse_filter(text)
    if condition is None:
        return None
    return found.kept(("mask", written(condition)), lambda: found.table.matches(condition, found.rows))


def _all_of(masks: Sequence[pl.Series]) -> pl.Series | None:
    both: pl.Series | None = None
    for mask in masks:
        both = mask if both is None else both & mask
    return both


def _everything(found: OrderedRuns, bins: Sequence[Binned]) -> Iterator[pl.DataFrame]:
    """Counts without brushes."""
    for place, one in enumerate(bins):
        counted = found.kept(("counts", one.axis), partial(_counted, one.codes))
        yield _rows(counted, Histogram.ALL, place, 1)
    for place, (one, other) in enumerate(pairwise(bins)):
        pairs = pairs_of(found, one, other)
        counted = found.kept(("counts", one.axis, other.axis), partial(_counted, pairs))
        yield _rows(counted, Histogram.ALL_PAIRS, place, other.bins + 1)


def _under(
    found: OrderedRuns, bins: Sequence[Binned], masks: dict[int, pl.Series], left: pl.Series | None
) -> Iterator[pl.DataFrame]:
    """Counts under brushes, and of each axis under those of the others."""
    for place, one in enumerate(bins):
        others = left
        if place in masks:
            others = _all_of([mask for axis, mask in masks.items() if axis != place])
        codes = one.codes if others is None else one.codes.filter(others)
        yield _rows(_counted(codes), Histogram.UNDER_OTHERS, place, 1)
    for place, (one, other) in enumerate(pairwise(bins)):
        pairs = pairs_of(found, one, other)
        counted = _counted(pairs if left is None else pairs.filter(left))
        yield _rows(counted, Histogram.LEFT_PAIRS, place, other.bins + 1)


def pairs_of(found: OrderedRuns, one: Binned, other: Binned) -> pl.Series:
    """Return the pair of bins of each run as one number: `a * (other.bins + 1) + b`."""

    def make() -> pl.Series:
        return one.codes.cast(pl.UInt32) * (other.bins + 1) + other.codes.cast(pl.UInt32)

    return found.kept(("pairs", one.axis, other.axis), make)


def _counted(codes: pl.Series) -> pl.DataFrame:
    return codes.alias("code").value_counts(name="count").sort("code")  # in order they take half as many bytes packed


def _rows(counted: pl.DataFrame, kind: Histogram, axis: int, bins: int) -> pl.DataFrame:
    """Counts as rows of the answer; a code is `a * bins + b`."""
    code = pl.col("code")
    return counted.select(
        pl.lit(kind, pl.UInt8).alias("kind"),
        pl.lit(axis, pl.UInt8).alias("axis"),
        (code // bins).cast(pl.UInt16).alias("a"),
        (code % bins).cast(pl.UInt16).alias("b"),
        pl.col("count").cast(pl.UInt32),
    )


def _top(found: OrderedRuns, axes: Sequence[Axis], rows: pl.Series) -> pl.DataFrame:
    columns = [values_of(found.table, axis.field, rows).alias(str(place)) for place, axis in enumerate(axes)]
    return found.table.wide(["run_id", "run_name"], rows).with_columns(columns)
