"""Unstored points of runs: what of the curves of a chart was merged with other points, dropped, or is missing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import polars as pl

from runlake.catalog import UnstoredPoints, unstored_points
from runlake.query.reader import Lake, open_journals

_LEDGER: Final = pl.Schema({"run": pl.UInt32, "key": pl.UInt16, "merged": pl.UInt64, "dropped": pl.UInt64})
_GAPS: Final = pl.Schema({"run": pl.UInt32, "points": pl.Int64, "exact": pl.Boolean, "reason": pl.String})


def unstored_of_runs(lake: Lake, run_ids: Sequence[str], keys: Sequence[str]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return a row for each curve of which points were merged or dropped, and one for each gap that is proven.

    Returns:
        `run: u32` and `key: u16` (places in what was given), `merged`, `dropped: u64`; and `run: u32`, `points: i64`,
        `exact` (whether they are all of this run), `reason`.
    """
    places = {run_id: place for place, run_id in enumerate(run_ids)}
    numbers = {key: number for number, key in enumerate(keys)}
    counts: dict[tuple[int, int], tuple[int, int]] = {}
    for entry in _newest(lake, run_ids, keys).values():
        series = places[entry.run_id], numbers[entry.key]
        merged, dropped = counts.get(series, (0, 0))
        counts[series] = merged + entry.merged, dropped + sum(entry.dropped.values())
    ledger = [(*series, *found) for series, found in sorted(counts.items()) if any(found)]
    gaps = [
        (places[run_id], lost.points, lost.exact, lost.reason)
        for run_id in run_ids
        for lost in lake.catalog.missing_points(run_id)
    ]
    return pl.DataFrame(ledger, _LEDGER, orient="row"), pl.DataFrame(gaps, _GAPS, orient="row")


def _newest(lake: Lake, run_ids: Sequence[str], keys: Sequence[str]) -> dict[tuple[str, str, str], UnstoredPoints]:
    """What each writer says of a series; of what it has said to the catalog and in its journal the later one."""
    if not run_ids or not keys:
        return {}
    live = open_journals(lake, run_ids).ledger()
    runs, wanted = set(run_ids), set(keys)
    found: dict[tuple[str, str, str], UnstoredPoints] = {}
    known: Mapping[str, Sequence[UnstoredPoints]] = lake.catalog.ledger_of_runs(run_ids, keys)
    for writer, entries in (*known.items(), *live.items()):
        for entry in entries:
            series = writer, entry.run_id, entry.key
            if entry.run_id in runs and entry.key in wanted:
                before = found.get(series)
                if before is None or unstored_points(entry) > unstored_points(before):
                    found[series] = entry
    return found
