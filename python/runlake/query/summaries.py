"""Summaries of metrics, those of live runs included: count, latest, extremes and where they are, by run and key."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import polars as pl

from runlake.query.live import order
from runlake.query.reader import Hook, Lake, ReadStep, arrow_frame, no_hook, open_journals, writers_of
from runlake.query.unstored import Entries, Known, unstored_frame, unstored_summaries

if TYPE_CHECKING:
    from runlake.catalog import RunRows

SUMMARY: Final = pl.Schema(
    {
        "run_id": pl.String,
        "key": pl.String,
        "count": pl.Int64,
        "nan_count": pl.Int64,
        "last_value": pl.Float64,
        "last_step": pl.Int64,
        "last_timestamp": pl.Int64,
        "min": pl.Float64,
        "min_step": pl.Int64,
        "max": pl.Float64,
        "max_step": pl.Int64,
        "sum": pl.Float64,
    }
)
"""`min` and `max` are null, and their steps mean nothing, where every value is NaN; `sum` is over all others."""

_ATTEMPTS: Final = 10


def rows_and_summaries(lake: Lake, run_ids: Sequence[str], *, hook: Hook = no_hook) -> tuple[RunRows, pl.DataFrame]:
    """Return what the catalog has of at most 500 runs, and a summary of each of their metrics.

    A point counts once, though it may be sealed meanwhile: the catalog's rows are read between two looks at what is
    sealed and what it has of unstored points, and again while these differ.
    """
    journals = open_journals(lake, run_ids, hook)
    writers, entries = writers_of(journals), journals.ledger()
    sealed, known = _told(lake, writers, entries)
    hook(ReadStep.PLANNED)
    for _ in range(_ATTEMPTS):
        rows = lake.catalog.run_rows(run_ids=run_ids)
        hook(ReadStep.SEGMENTS)
        before = sealed, known
        sealed, known = _told(lake, writers, entries)
        if before == (sealed, known):
            break
    live = arrow_frame(journals.summaries(sealed, list(run_ids)))
    unstored = unstored_frame(unstored_summaries(entries, known, run_ids))
    parts = [part.select(pl.col(name).cast(dtype) for name, dtype in SUMMARY.items()) for part in (live, unstored)]
    return rows, merged(pl.concat([_sealed(rows), *parts]))


def _told(lake: Lake, writers: Sequence[str], entries: Entries) -> tuple[dict[str, int], Known]:
    """Return what tells whether the catalog has taken up more of some writers."""
    return lake.catalog.plan([], writers=writers).sealed, lake.catalog.known_unstored(list(entries))


def merged(summaries: pl.DataFrame) -> pl.DataFrame:
    """Make one summary of those of a run and key; the latest is the largest by (step, timestamp, value), NaN lowest."""
    latest = (pl.col("last_step"), pl.col("last_timestamp"), *order(pl.col("last_value")))
    lowest, highest = order(pl.col("min"))[1:], order(-pl.col("max"))[1:]
    return (
        summaries.with_columns(pl.col("min", "max").fill_nan(None))
        .group_by("run_id", "key", maintain_order=True)
        .agg(
            pl.col("count", "nan_count", "sum").sum(),
            pl.col("last_value", "last_step", "last_timestamp").sort_by(*latest).last(),
            pl.col("min", "min_step").sort_by(*lowest, "min_step", nulls_last=True).first(),
            pl.col("max", "max_step").sort_by(*highest, "max_step", nulls_last=True).first(),
        )
        .select(*SUMMARY)
    )


def _sealed(rows: RunRows) -> pl.DataFrame:
    ids = dict(zip(rows.runs["run"], rows.runs["run_id"], strict=True))
    columns = {
        "run_id": [ids[run] for run in rows.metrics["run"]],
        "key": [rows.names[key] for key in rows.metrics["key"]],
        **{name: list(rows.metrics[name]) for name in SUMMARY if name not in ("run_id", "key")},
    }
    # The catalog has no NaN and says None.
    return pl.DataFrame(columns, schema=SUMMARY).with_columns(pl.col("last_value", "sum").fill_null(float("nan")))
