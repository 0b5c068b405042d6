"""Scatter: two fields of runs against each other, as points where these are few and as counts of bins where not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import polars as pl

from runlake.errors import InvalidInput
from runlake.query.binning import Axis, Binned, binned
from runlake.query.brushing import pairs_of
from runlake.query.filter.nodes import Field, Form, Kind
from runlake.query.ordered import OrderedRuns, Question, ordered_runs
from runlake.query.reader import Lake
from runlake.query.run_window import values_of

MOST_POINTS: Final = 20_000
MOST_TOP: Final = 500


@dataclass(frozen=True)
class Scatter:
    """The answer: `left` of `total` runs have a place. `cells` is None where every run is among the `points`."""

    found: OrderedRuns
    axes: tuple[Binned, Binned]
    total: int
    left: int
    points: pl.DataFrame
    cells: pl.DataFrame | None


def scatter(
    lake: Lake,
    question: Question,
    x: Axis,
    y: Axis,
    color: Field | None = None,
    *,
    most: int = MOST_POINTS,
    top: int = 200,
) -> Scatter:
    """Return runs as points, or counts of cells with the first `top` of the runs where there are more than `most`.

    A run that lacks one of the two values, or has one that the scale has not, has no place.

    Returns:
        `points`: `run_id`, `run_name`, `x`, `y` and, where it is asked for, `color`, in the order of the question;
        `cells`: `x`, `y: u16` (bins), `count: u32` and `color: f64`, the mean of the finite ones.

    Raises:
        InvalidInput: the filter cannot be read, or a bound is out of range.
    """
    if not 0 <= most <= MOST_POINTS:
        raise InvalidInput(f"most is {most}; it must be from 0 to {MOST_POINTS:,}")
    if not 0 <= top <= MOST_TOP:
        raise InvalidInput(f"top is {top}; it must be from 0 to {MOST_TOP}")
    found = ordered_runs(lake, question)
    axes = binned(found, x), binned(found, y)
    placed = (axes[0].codes < axes[0].bins) & (axes[1].codes < axes[1].bins)
    rows = found.rows.filter(placed)
    fields = {"x": x.field, "y": y.field} | ({} if color is None else {"color": color})
    few = len(rows) <= most
    points = _points(found, fields, rows if few else rows.head(top))
    cells = None if few else _cells(found, axes, placed, color)
    return Scatter(found, axes, len(found.rows), len(rows), points, cells)


def _points(found: OrderedRuns, fields: dict[str, Field], rows: pl.Series) -> pl.DataFrame:
    columns = [values_of(found.table, field, rows).alias(name) for name, field in fields.items()]
    return found.table.wide(["run_id", "run_name"], rows).with_columns(columns)


def _cells(found: OrderedRuns, axes: Sequence[Binned], placed: pl.Series, color: Field | None) -> pl.DataFrame:
    code, wide = pl.col("code"), axes[1].bins + 1
    frame = pl.DataFrame([pairs_of(found, axes[0], axes[1]).filter(placed).alias("code")])
    counts = [pl.len().cast(pl.UInt32).alias("count")]
    if color is not None:
        form = Form.NUMBER if color.kind is not Kind.DATASET else Form.TEXT
        values = found.table.field(color, form, found.rows.filter(placed)).cast(pl.Float64, strict=False)
        frame = frame.with_columns(values.alias("color"))
        counts.append(pl.col("color").filter(pl.col("color").is_finite()).mean())
    cells = frame.group_by("code").agg(counts).sort("code")
    places = [(code // wide).cast(pl.UInt16).alias("x"), (code % wide).cast(pl.UInt16).alias("y")]
    return cells.select(*places, pl.exclude("code"))
