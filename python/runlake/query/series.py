"""One metric of one run in few buckets, so that a long curve can be drawn and no spike is lost."""

from __future__ import annotations

import polars as pl

from runlake.errors import InvalidInput, InvalidType, NotFound
from runlake.query.points import points as read_points
from runlake.query.reader import Lake

# Steps further apart than this do not fit a signed 64-bit difference.
_MAX_SPAN = 2**63 - 1

_VALUE, _IS_NAN = pl.col("value"), pl.col("value").is_nan()
_FINITE = _VALUE.filter(_VALUE.is_finite())
# P6: the latest point is the largest by (step, timestamp, value), NaN being below every number.
_LATEST = _VALUE.sort_by("step", "timestamp", ~_IS_NAN, "value").last()


def series(lake: Lake, run_id: str, key: str, *, points: int = 1000) -> pl.DataFrame:
    """Reduce one metric of one run to at most `points` buckets without losing a spike.

    Buckets are equally wide in steps, so that the curves of two runs with the same steps lie side by side; where there
    are no points there is no bucket.

    Args:
        points: Number of buckets, at least 1.

    Returns:
        One row a bucket, sorted by `step`: `step: i64` (first step of the bucket), `min`, `max`, `mean`, `last: f64`,
        `count: u32`, `non_finite: u8` (bit 0 NaN, bit 1 +inf, bit 2 -inf); shape (≤ points, 7). `min`, `max` and `mean`
        are over finite values, exact, and null where a bucket has none; `last` is the value of the latest point.

    Raises:
        NotFound: no such run, or the run never logged `key`.
        InvalidInput: `points` is below 1.

    Source: min-max decimation; docs/design.md, "Downsampling".
    """
    if isinstance(points, bool) or not isinstance(points, int):
        raise InvalidType(f"points has type {type(points).__name__}: {points!r}; it must be an integer")
    if points < 1:
        raise InvalidInput(f"points is {points}; it must be at least 1")
    rows = read_points(lake, run_id, [key]).select("step", "timestamp", "value").collect()
    if rows.is_empty():
        raise NotFound(f"run {run_id} has no points of the metric {key!r}")
    return buckets(rows, points)


def buckets(rows: pl.DataFrame, points: int) -> pl.DataFrame:
    """Put points, which have `step`, `timestamp` and `value`, into at most `points` buckets; see `series`."""
    bucket = pl.col("step") if points >= rows["step"].n_unique() else _bucket_number(rows, points)
    return (
        rows.lazy()
        .group_by(bucket.alias("bucket"))
        .agg(
            step=pl.col("step").min(),
            min=_FINITE.min(),
            max=_FINITE.max(),
            mean=_FINITE.mean(),
            last=_LATEST,
            count=pl.len().cast(pl.UInt32),
            non_finite=_non_finite(),
        )
        .drop("bucket")
        .sort("step")
        .collect()
    )


def _bucket_number(rows: pl.DataFrame, points: int) -> pl.Expr:
    low, high = rows["step"].min(), rows["step"].max()
    assert isinstance(low, int)
    assert isinstance(high, int)
    width = -(-(high - low + 1) // points)
    step = pl.col("step") if high - low <= _MAX_SPAN else pl.col("step").cast(pl.Int128)
    return (step - low) // width


def _non_finite() -> pl.Expr:
    present = (_IS_NAN, _VALUE.eq(float("inf")), _VALUE.eq(float("-inf")))
    return pl.sum_horizontal(is_there.any().cast(pl.UInt8) * 2**bit for bit, is_there in enumerate(present)).cast(
        pl.UInt8
    )
