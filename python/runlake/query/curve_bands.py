"""Chart bands: curves of a chart as the mean and the spread of groups of runs, over all runs of each group."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import polars as pl

from runlake.errors import InvalidInput
from runlake.query.curves import Chart
from runlake.query.filter.written import field_text
from runlake.query.run_window import grouping, values_of

MOST_GROUPED: Final = 20_000
MOST_GROUPS: Final = 200
_DEVIATION: Final = "std"


@dataclass(frozen=True)
class Band:
    """How far runs of a group are apart: their standard deviation around the mean, or two quantiles."""

    low: float | None = None
    high: float | None = None

    @classmethod
    def of(cls, given: str | Sequence[float] | None) -> Band:
        """Read what a client gave: "std", or two quantiles from 0 to 1.

        Raises:
            InvalidInput: it is neither.
        """
        if given is None or given == _DEVIATION:
            return cls()
        if isinstance(given, str) or len(given) != 2 or not 0 <= given[0] <= given[1] <= 1:
            raise InvalidInput(f"band is {given!r}; it must be 'std' or two quantiles such as [0.1, 0.9]")
        return cls(float(given[0]), float(given[1]))

    def ends(self) -> tuple[pl.Expr, pl.Expr]:
        """The ends of the band, over the means of runs in a bucket."""
        mean = pl.col("mean")
        if self.low is None or self.high is None:
            return mean.mean() - mean.std().fill_null(0.0), mean.mean() + mean.std().fill_null(0.0)
        return mean.quantile(self.low, "linear"), mean.quantile(self.high, "linear")


def grouped(
    chart: Chart, by: Sequence[str], band: Band, *, most: int = MOST_GROUPS
) -> tuple[pl.DataFrame, pl.DataFrame, int]:
    """Return the curves of the first `most` groups, these groups, and how many there are.

    A run counts once in a bucket, with its mean there; a run without a finite value there does not.

    Returns:
        `key: u16`, `group: u32`, `bucket: u32`, `mean`, `low`, `high`, `min`, `max: f64`, `runs: u32`, sorted; and a
        row a group: `group: u32`, the fields of `by`, `runs: u32`, in the order of their first run.

    Raises:
        InvalidInput: there is no such field, or runs cannot be grouped by it.
    """
    fields = grouping(by)
    values = [values_of(chart.found.table, field, chart.rows).alias(str(n)) for n, field in enumerate(fields)]
    names = [column.name for column in values]
    members = pl.DataFrame(values).with_row_index("run")
    groups = members.group_by(names, maintain_order=True).agg(pl.len().cast(pl.UInt32).alias("runs"))
    total, groups = len(groups), groups.head(most).with_row_index("group")
    members = members.join(groups.drop("runs"), on=names, nulls_equal=True).select("run", "group")
    low, high = band.ends()
    curves = (
        chart.frame.filter(pl.col("mean").is_not_null())
        .join(members, on="run")
        .group_by("key", "group", "bucket")
        .agg(
            low.alias("low"),
            high.alias("high"),
            pl.col("min").min(),
            pl.col("max").max(),
            pl.len().cast(pl.UInt32).alias("runs"),
            pl.col("mean").mean().alias("centre"),
        )
        .select("key", "group", "bucket", pl.col("centre").alias("mean"), "low", "high", "min", "max", "runs")
        .sort("key", "group", "bucket")
    )
    return curves, groups.rename({name: field_text(field) for name, field in zip(names, fields, strict=True)}), total
