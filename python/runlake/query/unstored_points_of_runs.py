"""Unstored points of runs: what of the curves of a chart was merged with other points, dropped, or is missing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import polars as pl

from runlake.query.ledger import run_ledger
from runlake.query.reader import Lake

_LEDGER: Final = pl.Schema({"run": pl.UInt32, "key": pl.UInt16, "merged": pl.UInt64, "dropped": pl.UInt64})
_GAPS: Final = pl.Schema({"run": pl.UInt32, "points": pl.Int64, "exact": pl.Boolean, "reason": pl.String})


def unstored_of_runs(lake: Lake, run_ids: Sequence[str], keys: Sequence[str]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return a row for each curve of which points were merged or dropped, and one for each gap that is proven.

    Returns:
        `run: u32` and `key: u16` (places in what was given), `merged`, `dropped: u64`; and `run: u32`, `points: i64`,
        `exact` (whether they are all of this run), `reason`.
    """
    numbers = {key: number for number, key in enumerate(keys)}
    ledger, gaps = [], []
    for run, run_id in enumerate(run_ids):
        for entry in run_ledger(lake, run_id).keys:
            if entry.key in numbers and (entry.merged or entry.dropped):
                ledger.append((run, numbers[entry.key], entry.merged, sum(entry.dropped.values())))
        gaps += [(run, lost.points, lost.exact, lost.reason) for lost in lake.catalog.missing_points(run_id)]
    return pl.DataFrame(ledger, _LEDGER, orient="row"), pl.DataFrame(gaps, _GAPS, orient="row")
