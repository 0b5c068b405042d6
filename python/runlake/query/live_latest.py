"""The latest metrics of a few runs, those of live processes included."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from runlake.entities import Metric
from runlake.query.live import order
from runlake.query.reader import Hook, Lake, ReadStep, arrow_frame, no_hook, open_journals, writers_of

_LATEST = pl.Schema(
    {"run_id": pl.String, "key": pl.String, "value": pl.Float64, "step": pl.Int64, "timestamp": pl.Int64}
)
_MOST_RUNS = 500


def latest_metrics(lake: Lake, run_ids: Sequence[str], *, hook: Hook = no_hook) -> dict[str, dict[str, Metric]]:
    """Return the latest value of every metric of some runs, by run and key; runs without metrics are left out.

    It follows the protocol of the module reader. What is sealed between its steps is seen in both places, which changes
    nothing: the later of two equal points is the same point.
    """
    live = _live(lake, run_ids, hook)
    found: dict[str, dict[str, Metric]] = {}
    for start in range(0, len(run_ids), _MOST_RUNS):
        part = run_ids[start : start + _MOST_RUNS]
        both = pl.concat([_sealed(lake, part), live.filter(pl.col("run_id").is_in(list(part)))])
        latest = both.sort("step", "timestamp", *order(pl.col("value"))).unique(
            ["run_id", "key"], keep="last", maintain_order=True
        )
        for run_id, key, value, step, timestamp in latest.sort("run_id", "key").iter_rows():
            found.setdefault(run_id, {})[key] = Metric(key, value, timestamp, step)
    return found


def _live(lake: Lake, run_ids: Sequence[str], hook: Hook) -> pl.DataFrame:
    journals = open_journals(lake, run_ids, hook)
    sealed = lake.catalog.plan([], writers=writers_of(journals)).sealed
    hook(ReadStep.PLANNED)
    live = arrow_frame(journals.summaries(sealed, list(run_ids)))
    hook(ReadStep.TAIL)
    return live.select(
        pl.col("run_id").cast(pl.String),
        pl.col("key").cast(pl.String),
        value="last_value",
        step="last_step",
        timestamp="last_timestamp",
    )


def _sealed(lake: Lake, run_ids: Sequence[str]) -> pl.DataFrame:
    rows = lake.catalog.run_rows(run_ids=run_ids)
    ids = dict(zip(rows.runs["run"], rows.runs["run_id"], strict=True))
    metrics = rows.metrics
    columns = {
        "run_id": [ids[run] for run in metrics["run"]],
        "key": [rows.names[key] for key in metrics["key"]],
        "value": metrics["last_value"],
        "step": metrics["last_step"],
        "timestamp": metrics["last_timestamp"],
    }
    # The catalog has no NaN and says None.
    return pl.DataFrame(columns, schema=_LATEST, strict=False).with_columns(pl.col("value").fill_null(float("nan")))
