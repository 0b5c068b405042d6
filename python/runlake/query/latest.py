"""Latest: of several points that a series has at one step, the one that counts.

It is the largest by (timestamp, seq, writer). `seq` counts within a writer, where it is the order of logging; between
writers it means nothing, but makes the choice the same each time.
"""

from __future__ import annotations

from typing import Final

import polars as pl

OF_A_STEP: Final = ("run_id", "key", "step")
"""Columns in which the points of one series and step agree."""

ORDER: Final = ("timestamp", "seq", "writer")
"""Columns by which the largest of them is the latest."""

_SAME: Final = ("series", "step")
_RUN, _KEY, _STEP, _SERIES = (pl.col(name) for name in ("run_id", "key", "step", "series"))


def latest_at_steps(points: pl.DataFrame) -> pl.DataFrame:
    """Return one point a run, key and step; rows are in no order.

    Points come from sorted files as a rule, so that repeats lie side by side. Series that are spread over files are
    sorted first, and only the repeats themselves are compared.
    """
    frame, repeated = _marked(points)
    if not repeated.any():
        return points
    latest = frame.filter(repeated).sort(*_SAME, *ORDER).filter(~_equals_neighbour(-1))
    return pl.concat([frame.filter(~repeated), latest]).drop("series")


def has_repeats(points: pl.DataFrame) -> bool:
    """Tell whether a run and key has several points at one step; the columns of `ORDER` are not needed for it."""
    return bool(_marked(points)[1].any())


def _marked(points: pl.DataFrame) -> tuple[pl.DataFrame, pl.Series]:
    """Bring repeats side by side, add the column `series`, and say which rows are repeats."""
    # In pieces, comparing with the row before takes four times as long.
    frame = _side_by_side(_with_series(points.rechunk()))
    return frame, frame.select(repeated=_equals_neighbour(1) | _equals_neighbour(-1))["repeated"]


def _with_series(points: pl.DataFrame) -> pl.DataFrame:
    """Add the column `series`: a number for each run and key."""
    begins = points.select(begins=_RUN.ne_missing(_RUN.shift(1)) | _KEY.ne_missing(_KEY.shift(1)))["begins"]
    stretches = points.select("run_id", "key").filter(begins)
    numbers = stretches.unique(maintain_order=True).with_row_index("series")
    of_stretch = stretches.join(numbers, on=["run_id", "key"], maintain_order="left")["series"]
    return points.with_columns(of_stretch.gather(begins.cum_sum() - 1).alias("series"))


def _side_by_side(frame: pl.DataFrame) -> pl.DataFrame:
    """Bring points of a series and step together, by sorting the series where they may be apart."""
    begins = _SERIES.ne_missing(_SERIES.shift(1))
    falls = ~begins & (_STEP.shift(1) > _STEP)
    torn = frame.filter(begins)["series"]
    apart = pl.concat([torn.filter(torn.is_duplicated()), frame.filter(falls)["series"]]).unique()
    if apart.is_empty():
        return frame
    is_apart = _SERIES.is_in(apart.implode())
    return pl.concat([frame.filter(~is_apart), frame.filter(is_apart).sort(*_SAME)], rechunk=True)


def _equals_neighbour(places: int) -> pl.Expr:
    same = [pl.col(name).eq(pl.col(name).shift(places)) for name in _SAME]
    return pl.all_horizontal(same).fill_null(False)
