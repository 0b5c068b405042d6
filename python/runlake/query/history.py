"""History of a metric as MLflow hands it out."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from runlake.entities import Metric
from runlake.errors import NotFound
from runlake.query.places import Places
from runlake.query.points import points
from runlake.query.reader import Lake

# NOTE: MLflow keeps NaN as the value 0 with a mark, and sorts by that value.
_MLFLOW_VALUE = pl.col("value").fill_nan(0.0)
_SHOWN = {"step": pl.Int64, "timestamp": pl.Int64, "value": pl.Float64}
_FEW = 8


def metric_history(lake: Lake, run_id: str, key: str) -> list[Metric]:
    """Return every point of a metric by (timestamp, step, value); an empty list when there is none, or no such run."""
    return metrics_of(history_frame(lake, run_id, key), key)


def metrics_of(history: pl.DataFrame, key: str) -> list[Metric]:
    """Return the points of a `history_frame` as entities."""
    return [Metric(key, value, timestamp, step) for value, timestamp, step in history.rows()]


def metric_places(lake: Lake, run_id: str, key: str, *, by_step: bool = False) -> Places:
    """Return the points of a metric by (timestamp, step, value) or by (step, timestamp, value).

    Raises:
        NotFound: no such run.
    """
    return Places(_sorted(lake, run_id, key, by_step=by_step))


def history_frame(lake: Lake, run_id: str, key: str) -> pl.DataFrame:
    """Return what `metric_history` does as a frame with the columns `value`, `timestamp` and `step`."""
    try:
        return _sorted(lake, run_id, key, by_step=False)
    except NotFound:  # as MLflow has it
        return pl.DataFrame(schema={"value": pl.Float64, "timestamp": pl.Int64, "step": pl.Int64})


def _sorted(lake: Lake, run_id: str, key: str, *, by_step: bool) -> pl.DataFrame:
    first, second = ("step", "timestamp") if by_step else ("timestamp", "step")
    return (
        points(lake, run_id, [key])
        .sort(first, second, _MLFLOW_VALUE, "writer", "seq")
        .select("value", "timestamp", "step")
        .collect()
    )


def points_from(
    lake: Lake, run_id: str, key: str, step: int | None, offset: int, limit: int
) -> tuple[pl.DataFrame, int]:
    """Return some points of a metric by (step, timestamp, value), and how many there are.

    Args:
        step: The first step that counts; None is the first of all.
        limit: At least 1.

    Returns:
        `step`, `timestamp` (ms since 1970): Int64; `value`: Float64.

    Raises:
        NotFound: no such run.
    """
    found = points(lake, run_id, [key])
    found = found if step is None else found.filter(pl.col("step") >= step)
    steps = found.select("step").collect()["step"]
    if offset >= len(steps):
        return pl.DataFrame(schema=_SHOWN), len(steps)
    # NOTE: all columns of a long series take ten times as much memory as its steps, of which a few are looked at.
    low, high = _steps_at(steps, offset, limit)
    part = found.filter(pl.col("step").is_between(low, high)).sort("step", "timestamp", _MLFLOW_VALUE, "writer", "seq")
    return part.slice(offset - int((steps < low).sum()), limit).select(*_SHOWN).collect(), len(steps)


def _steps_at(steps: pl.Series, offset: int, limit: int) -> tuple[int, int]:
    """Return the first and the last step of a part of the points in order."""
    end = min(offset + limit, len(steps))
    ordered = steps.sort() if end * _FEW > len(steps) else steps.bottom_k(end).sort()
    return int(ordered[offset]), int(ordered[end - 1])


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
