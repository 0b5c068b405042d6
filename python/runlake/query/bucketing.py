"""Bucketing: points, or parts of buckets, of which several have one number, as one row each."""

from __future__ import annotations

import polars as pl


def one_a_bucket(frame: pl.DataFrame) -> pl.DataFrame:
    """Put together what the engine keeps apart: where there are few places, each has a bucket of its own."""
    by = ["run_id", "key", "bucket"]
    if not frame.select(pl.struct(by).is_duplicated().any()).item():
        return frame
    weight = pl.col("count").filter(pl.col("mean").is_not_null())
    return (
        frame.group_by(by, maintain_order=True)
        .agg(
            (pl.col("mean") * pl.col("count")).sum() / weight.sum(),
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
