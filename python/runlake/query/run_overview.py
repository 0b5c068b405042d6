"""Overview of one run: its metrics summed up, and the runs that are nested in it."""

from __future__ import annotations

from typing import Any, Final

import polars as pl

from runlake.errors import NotFound
from runlake.query.filter.parser import parse_filter
from runlake.query.reader import Hook, Lake, no_hook
from runlake.query.run_tables import answer, load_table
from runlake.query.streams import to_rows
from runlake.query.summaries import rows_and_summaries
from runlake.query.table import RunTable

_STEPS: Final = ("last_step", "min_step", "max_step")


def metric_summaries(lake: Lake, run_id: str, *, hook: Hook = no_hook) -> list[dict[str, Any]]:
    """Return one row a metric of a run, by key, as JSON can hold it.

    Returns:
        `key`; `last`, `last_step`, `last_time` (ms since 1970); `min`, `min_step`, `max`, `max_step`, null where every
        value is NaN; `mean` of all others; `count` of points and `nan` of those that are NaN. Steps are texts, for
        a step may be a number that JavaScript does not have.

    Raises:
        NotFound: there is no such run.
    """
    rows, metrics = rows_and_summaries(lake, [run_id], hook=hook)
    if not rows.runs["run_id"]:
        raise NotFound(f"there is no run {run_id!r}")
    steps = [pl.col(name).cast(pl.String) for name in _STEPS]
    known = pl.col("min").is_not_null()
    frame = metrics.sort("key").select(
        "key",
        pl.col("last_value").alias("last"),
        steps[0],
        pl.col("last_timestamp").alias("last_time"),
        "min",
        pl.when(known).then(steps[1]).alias(_STEPS[1]),
        "max",
        pl.when(known).then(steps[2]).alias(_STEPS[2]),
        pl.when(known).then(pl.col("sum") / (pl.col("count") - pl.col("nan_count"))).alias("mean"),
        "count",
        pl.col("nan_count").alias("nan"),
    )
    return to_rows(frame)


def runs_with_tag(lake: Lake, experiment_id: str, tag: str, value: str, limit: int) -> tuple[list[dict[str, Any]], int]:
    """Return the first active runs of an experiment that have a value of a tag, oldest first, and how many there are.

    Args:
        value: Text without quotes.

    Returns:
        `run_id`, `run_name` and `status` of each.
    """
    condition = parse_filter(f"tags.`{tag}` = '{value}'")

    def find(table: RunTable) -> tuple[list[dict[str, Any]], int]:
        rows = table.rows_matching(condition)
        assert rows is not None
        return to_rows(table.wide(["run_id", "run_name", "status"], rows.head(limit))), len(rows)

    return answer(lake, lambda: load_table(lake, [experiment_id]), find)
