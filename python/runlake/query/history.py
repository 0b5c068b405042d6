"""History of a metric as MLflow hands it out."""

from __future__ import annotations

import polars as pl

from runlake.entities import Metric
from runlake.errors import NotFound
from runlake.query.points import points
from runlake.query.reader import Lake

# NOTE: MLflow keeps NaN as the value 0 with a mark, and sorts by that value.
_MLFLOW_VALUE = pl.col("value").fill_nan(0.0)


def metric_history(lake: Lake, run_id: str, key: str) -> list[Metric]:
    """Return every point of a metric by (timestamp, step, value); an empty list when there is none, or no such run."""
    try:
        rows = (
            points(lake, run_id, [key])
            .sort("timestamp", "step", _MLFLOW_VALUE, "writer", "seq")
            .select("value", "timestamp", "step")
            .collect()
        )
    except NotFound:  # as MLflow has it
        return []
    return [Metric(key, value, timestamp, step) for value, timestamp, step in rows.iter_rows()]
