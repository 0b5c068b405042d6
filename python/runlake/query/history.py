"""History of a metric as MLflow hands it out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import polars as pl

from runlake.entities import Metric
from runlake.errors import NotFound
from runlake.query.points import points
from runlake.query.reader import Lake

# NOTE: MLflow keeps NaN as the value 0 with a mark, and sorts by that value.
_MLFLOW_VALUE = pl.col("value").fill_nan(0.0)


Place: TypeAlias = tuple[float, int, int]
"""Value, timestamp and step of a point."""


def metric_history(lake: Lake, run_id: str, key: str) -> list[Metric]:
    """Return every point of a metric by (timestamp, step, value); an empty list when there is none, or no such run."""
    try:
        places = metric_places(lake, run_id, key)
    except NotFound:  # as MLflow has it
        return []
    return [Metric(key, value, timestamp, step) for value, timestamp, step in places]


def metric_places(lake: Lake, run_id: str, key: str, *, by_step: bool = False) -> list[Place]:
    """Return the points of a metric as plain tuples, by (timestamp, step, value) or by (step, timestamp, value).

    Raises:
        NotFound: no such run.
    """
    first, second = ("step", "timestamp") if by_step else ("timestamp", "step")
    return (
        points(lake, run_id, [key])
        .sort(first, second, _MLFLOW_VALUE, "writer", "seq")
        .select("value", "timestamp", "step")
        .collect()
        .rows()
    )


def stored_points(
    lake: Lake, run_id: str, wanted: Sequence[tuple[str, float, int, int]]
) -> list[tuple[str, float, int, int]]:
    """Return the points of a run that are where some others are: key, value, step and timestamp, repeats included.

    Args:
        wanted: Points as they are returned; their values do not matter.

    Raises:
        NotFound: no such run.
    """
    schema = {"key": pl.String, "value": pl.Float64, "step": pl.Int64, "timestamp": pl.Int64}
    places = pl.DataFrame(wanted, schema=schema, orient="row").drop("value")
    steps = places["step"]
    return (
        points(lake, run_id, places["key"].unique().to_list())
        .filter(pl.col("step").is_between(steps.min(), steps.max()))
        .select(list(schema))
        .collect()
        .join(places, on=["key", "step", "timestamp"], how="semi")
        .rows()
    )
