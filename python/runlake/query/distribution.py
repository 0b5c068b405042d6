"""Distribution: how values are spread over the runs of each group, at each step or over a bucket of steps."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from typing import Final

import polars as pl

KEPT: Final = pl.Schema({"group": pl.UInt32, "run": pl.UInt32, "step": pl.Int64, "value": pl.Float64})
"""What is kept of a point until all are there: 24 bytes."""

STATISTICS: Final = ("runs", "count", "non_finite", "mean", "std", "min", "max")
STRETCH_POINTS: Final = 2_000_000

_SAMPLED: Final = 1_000
# Steps further apart than this do not fit a signed 64-bit difference.
_MOST_SPAN: Final = 2**63 - 1


def distribution(
    left: pl.DataFrame, levels: Mapping[str, float], points: int | None = None, *, stretch_points: int = STRETCH_POINTS
) -> pl.DataFrame:
    """Reduce the points of each group and step to a row, a stretch of steps at a time.

    Args:
        left: The columns of `KEPT`, at most one point a run and step.
        levels: Quantiles, from 0 to 1, by the names of their columns.
        points: The most buckets of equal width into which steps are put; None keeps every step.
        stretch_points: How many points are reduced at once, about.

    Returns:
        `group`, `step` (the first of the bucket, whether or not it has points), `runs`, `count`, `non_finite`: u32;
        `mean`, `std` (n − 1), `min`, `max` and a column a quantile: f64, over finite values. Rows are in no order.
    """
    step, several = _buckets(left, points)
    finite = pl.when(pl.col("value").is_finite()).then(pl.col("value"))
    value = pl.col("value")
    columns = {
        "runs": (pl.col("run").n_unique() if several else pl.len()).cast(pl.UInt32),
        "count": pl.len().cast(pl.UInt32),
        "non_finite": value.null_count().cast(pl.UInt32),
        "mean": value.mean(),
        "std": value.std(),
        "min": value.min(),
        "max": value.max(),
        **{name: value.quantile(level, "linear") for name, level in levels.items()},
    }
    prepared = left.select("group", "run", step, finite.alias("value"))
    return pl.concat(
        part.lazy().group_by("group", "step").agg(**columns).collect() for part in _stretches(prepared, stretch_points)
    )


def _stretches(left: pl.DataFrame, stretch_points: int) -> Iterator[pl.DataFrame]:
    """Cut points by step into parts of about so many; where they are cut, a sample of the steps says."""
    parts = -(-left.height // stretch_points)
    if parts < 2:
        yield left
        return
    sample = left["step"].gather_every(-(-left.height // (_SAMPLED * parts))).sort()
    cuts = sample.gather_every(_SAMPLED).unique().sort().to_list()[1:]
    for low, high in itertools.pairwise([None, *cuts, None]):
        conditions = [pl.col("step") >= low] if low is not None else []
        yield left.filter(*conditions, *([pl.col("step") < high] if high is not None else []))


def _buckets(left: pl.DataFrame, points: int | None) -> tuple[pl.Expr, bool]:
    """The expression that takes a step to the first of its bucket, and whether a bucket may have several steps."""
    step = pl.col("step")
    if points is None or left.is_empty() or left["step"].n_unique() <= points:
        return step, False
    low, high = int(left["step"].min()), int(left["step"].max())  # type: ignore[arg-type]
    width = -(-(high - low + 1) // points)
    wide = step if high - low <= _MOST_SPAN else step.cast(pl.Int128)
    return ((wide - low) // width * width + low).cast(pl.Int64), True
