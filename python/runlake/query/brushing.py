"""Cross-filter: histograms of axes and of neighbouring axes under brushes, of all runs of a question.

Lines between two axes depend on nothing but the pairs of bins, so that the counts of pairs draw what 100,000 lines
would. A brush is a filter; each axis shows what the brushes of the others leave.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import partial
from typing import Final, TypeAlias

import polars as pl

from runlake.errors import InvalidInput
from runlake.query.binning import Axis, Binned, binned, is_text, numbers_of, texts_of
from runlake.query.drawn import drawn_rows
from runlake.query.filter.nodes import Field
from runlake.query.filter.parser import parse_filter
from runlake.query.filter.written import written
from runlake.query.ordered import OrderedRuns, Question, ordered_runs
from runlake.query.reader import Lake

MOST_AXES: Final = 64
MOST_PAIRS: Final = 128
MOST_TOP: Final = 500
MOST_COUNTS: Final = 4_000_000  # of 14 bytes, twice where those without brushes are wanted
COUNTS: Final = pl.Schema(
    {"kind": pl.UInt8, "axis": pl.UInt8, "a": pl.UInt16, "b": pl.UInt16, "count": pl.UInt32, "mean": pl.Float32}
)

Pairs: TypeAlias = Sequence[tuple[int, int]]
"""Pairs of axes by their places."""


class Histogram(IntEnum):
    """What counts are of; a pair is of an axis and, where nothing else is said, of the next one."""

    ALL = 0
    UNDER_OTHERS = 1
    ALL_PAIRS = 2
    LEFT_PAIRS = 3


@dataclass(frozen=True)
class Best:
    """Which runs are wanted one by one: the first `top` of those that are left, pinned ones before, none hidden."""

    top: int = 0
    pins: tuple[str, ...] = ()
    hides: tuple[str, ...] = ()


@dataclass(frozen=True)
class Crossfilter:
    """The answer: `total` runs of the question, of which the brushes leave `left`.

    `counts` has a row a bin or pair of bins that is not empty; `best` are the runs that were wanted one by one; `ends`
    are the least and the largest of the finite values that colour is of, None without any.
    """

    found: OrderedRuns
    axes: tuple[Binned, ...]
    total: int
    left: int
    counts: pl.DataFrame
    best: pl.DataFrame
    ends: tuple[float | None, float | None] | None


def crossfilter(
    lake: Lake,
    question: Question,
    axes: Sequence[Axis],
    brush: Sequence[str | None] = (),
    *,
    best: Best | None = None,
    everything: bool = True,
    pairs: Pairs | None = None,
    color: Field | None = None,
) -> Crossfilter:
    """Count runs in the bins of axes.

    Args:
        brush: For each axis the filter that is brushed there, or None; missing ones are None.
        best: Which runs to return with their values; None is no run.
        everything: Count what is there without brushes as well, which does not change while one is moved.
        pairs: The axes whose bins are counted together; None is each with the next one.
        color: A field whose mean over the runs of a pair of bins is wanted, if it is one of numbers.

    Returns:
        `counts`: `kind: u8` (a `Histogram`), `axis: u8` (or the place of a pair), `a: u16` and, of pairs, `b: u16`
        (bins, 0 otherwise), `count: u32`, `mean: f32` of the finite values of `color`, under all brushes. `best`:
        `run_id`, `run_name`, a column an axis, called by its number, of numbers or of texts, and `color`.

    Raises:
        InvalidInput: a filter cannot be read, or there are too many axes, brushes, pairs or rows.
        NotFound: an experiment does not exist.
    """
    wanted = best or Best()
    coupled = [(place, place + 1) for place in range(len(axes) - 1)] if pairs is None else pairs
    _check(axes, brush, coupled, wanted)
    found = ordered_runs(lake, question)
    bins = tuple(binned(found, axis) for axis in axes)
    _check_counts(len(found.rows), _axes_of(bins, coupled))
    masks = {place: mask for place, text in enumerate(brush) if (mask := _mask(found, text)) is not None}
    left = _all_of(list(masks.values()))
    shades = None if color is None or is_text(found, color) else _shades(found, color)
    pieces = [*_everything(found, bins, coupled)] if everything else []
    pieces += [*_under(bins, masks, left), *_pairs_under(found, bins, coupled, left, shades)]
    rows = found.rows if left is None else found.rows.filter(left)
    return Crossfilter(
        found,
        bins,
        len(found.rows),
        len(rows),
        pl.concat([COUNTS.to_frame(), *pieces], how="diagonal"),
        _best(found, bins, color, drawn_rows(found, rows, wanted.top, wanted.pins, wanted.hides)),
        None if shades is None else _ends(shades),
    )


def _check(axes: Sequence[Axis], brush: Sequence[str | None], pairs: Pairs, best: Best) -> None:
    if not 1 <= len(axes) <= MOST_AXES:
        raise InvalidInput(f"axes has {len(axes)} entries; it must have from 1 to {MOST_AXES}")
    if len(brush) > len(axes):
        raise InvalidInput(f"brush has {len(brush)} entries for {len(axes)} axes")
    if len(pairs) > MOST_PAIRS:
        raise InvalidInput(f"pairs has {len(pairs)} entries; it may have {MOST_PAIRS}")
    for pair in pairs:
        if not all(0 <= place < len(axes) for place in pair):
            raise InvalidInput(f"pairs has {list(pair)}; these must be places of two of the {len(axes)} axes")
    if not 0 <= best.top <= MOST_TOP:
        raise InvalidInput(f"top is {best.top}; it must be from 0 to {MOST_TOP}")


def _check_counts(runs: int, pairs: Sequence[tuple[Binned, Binned]]) -> None:
    """Refuse what would count more than there is room for; a pair has no more bins than runs that are in them."""
    if (counts := sum(min(runs, (one.bins + 1) * (other.bins + 1)) for one, other in pairs)) > MOST_COUNTS:
        raise InvalidInput(
            f"the bins of {len(pairs)} pairs of axes may be {counts:,}; the limit is {MOST_COUNTS:,}",
            hint="ask for fewer bins or pairs at once",
        )


def _shades(found: OrderedRuns, color: Field) -> pl.Series:
    return found.kept(("numbers", color), lambda: numbers_of(found, color, found.rows))


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


def _everything(found: OrderedRuns, bins: Sequence[Binned], pairs: Pairs) -> Iterator[pl.DataFrame]:
    """Counts without brushes."""
    for place, one in enumerate(bins):
        counted = found.kept(("counts", one.axis), partial(_counted, one.codes))
        yield _rows(counted, Histogram.ALL, place, 1)
    for place, (one, other) in enumerate(_axes_of(bins, pairs)):
        codes = pairs_of(found, one, other)
        counted = found.kept(("counts", one.axis, other.axis), partial(_pairs_counted, codes))
        yield _rows(counted, Histogram.ALL_PAIRS, place, other.bins + 1)


def _under(bins: Sequence[Binned], masks: dict[int, pl.Series], left: pl.Series | None) -> Iterator[pl.DataFrame]:
    """Counts of each axis under the brushes of the others."""
    for place, one in enumerate(bins):
        others = left
        if place in masks:
            others = _all_of([mask for axis, mask in masks.items() if axis != place])
        codes = one.codes if others is None else one.codes.filter(others)
        yield _rows(_counted(codes), Histogram.UNDER_OTHERS, place, 1)


def _pairs_under(
    found: OrderedRuns, bins: Sequence[Binned], pairs: Pairs, left: pl.Series | None, shades: pl.Series | None
) -> Iterator[pl.DataFrame]:
    """Counts of pairs under all brushes."""
    kept = shades if shades is None or left is None else shades.filter(left)
    for place, (one, other) in enumerate(_axes_of(bins, pairs)):
        codes = pairs_of(found, one, other)
        counted = _pairs_counted(codes if left is None else codes.filter(left), kept)
        yield _rows(counted, Histogram.LEFT_PAIRS, place, other.bins + 1)


def _axes_of(bins: Sequence[Binned], pairs: Pairs) -> list[tuple[Binned, Binned]]:
    return [(bins[one], bins[other]) for one, other in pairs]


def pairs_of(found: OrderedRuns, one: Binned, other: Binned) -> pl.Series:
    """Return the pair of bins of each run as one number: `a * (other.bins + 1) + b`."""

    def make() -> pl.Series:
        return one.codes.cast(pl.UInt32) * (other.bins + 1) + other.codes.cast(pl.UInt32)

    return found.kept(("pairs", one.axis, other.axis), make)


def _counted(codes: pl.Series) -> pl.DataFrame:
    """Count each code, of which there are few; in order."""
    return codes.alias("code").value_counts(name="count").sort("code")


def _pairs_counted(codes: pl.Series, shades: pl.Series | None = None) -> pl.DataFrame:
    """Count each pair of bins, of which there are thousands; in order, which takes half as many bytes packed."""
    if shades is None:
        # By one thread, for several questions are answered at once; what is sorted is counted without hashing.
        runs = codes.sort(multithreaded=False).rle().struct.unnest()
        return runs.select(pl.col("value").alias("code"), pl.col("len").alias("count"))
    shade = pl.col("shade")
    means = shade.filter(shade.is_finite()).mean().cast(pl.Float32).alias("mean")
    frame = pl.DataFrame([codes.alias("code"), shades.alias("shade")])
    return frame.group_by("code").agg(pl.len().alias("count"), means).sort("code")


def _rows(counted: pl.DataFrame, kind: Histogram, axis: int, bins: int) -> pl.DataFrame:
    """Counts as rows of the answer; a code is `a * bins + b`."""
    code = pl.col("code")
    return counted.select(
        pl.lit(kind, pl.UInt8).alias("kind"),
        pl.lit(axis, pl.UInt8).alias("axis"),
        (code // bins).cast(pl.UInt16).alias("a"),
        (code % bins).cast(pl.UInt16).alias("b"),
        pl.col("count").cast(pl.UInt32),
        *([pl.col("mean")] if "mean" in counted.columns else []),
    )


def _best(found: OrderedRuns, bins: Sequence[Binned], color: Field | None, rows: pl.Series) -> pl.DataFrame:
    columns = [
        (numbers_of if one.values is None else texts_of)(found, one.axis.field, rows).alias(str(place))
        for place, one in enumerate(bins)
    ]
    if color is not None:
        columns.append((texts_of if is_text(found, color) else numbers_of)(found, color, rows).alias("color"))
    return found.table.wide(["run_id", "run_name"], rows).with_columns(columns)


def _ends(shades: pl.Series) -> tuple[float | None, float | None]:
    finite = shades.filter(shades.is_finite())
    return finite.min(), finite.max()  # type: ignore[return-value]
