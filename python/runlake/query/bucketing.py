"""Bucketing: points, or parts of buckets, of which several have one number, as one row each."""

from __future__ import annotations

import polars as pl

_BUCKET = ["run_id", "key", "bucket"]


def are_in_parts(frame: pl.DataFrame) -> bool:
    """Tell whether some bucket has several rows: where there are few places, the engine gives each a row of its own."""
    return bool(frame.select(pl.struct(_BUCKET).is_duplicated().any()).item())


def one_a_bucket(parts: pl.DataFrame) -> pl.DataFrame:
    """Put together what the engine keeps apart.

    Args:
        parts: Besides what the engine gives, `finite`: of how many values `mean` is the mean.
    """
    return (
        parts.group_by(_BUCKET, maintain_order=True)
        .agg(
            (pl.col("mean") * pl.col("finite")).sum() / pl.col("finite").sum(),
            pl.col("min").min(),
            pl.col("max").max(),
            pl.col("last").last(),
            pl.col("count").sum(),
            pl.col("non_finite").bitwise_or(),
        )
        .with_columns(pl.col("mean").fill_nan(None))
    )


def reduced(points: pl.DataFrame) -> pl.DataFrame:
    """Reduce points with a bucket to a row a bucket."""
    value = pl.col("value")
    finite = value.filter(value.is_finite())
    flags = (value.is_nan() * 1) | ((value == float("inf")) * 2) | ((value == -float("inf")) * 4)
    return (
        points.sort("step")
        .group_by("run_id", "key", "bucket", maintain_order=True)
        .agg(
            finite.mean().alias("mean"),
            finite.min().alias("min"),
            finite.max().alias("max"),
            value.last().alias("last"),
            pl.len().alias("count"),
            flags.cast(pl.UInt8).bitwise_or().alias("non_finite"),
        )
    )
