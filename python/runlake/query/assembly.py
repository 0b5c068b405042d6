"""Runs as entities, made from rows of the run table."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import polars as pl

from runlake.entities import Run, RunData, RunInfo, RunInputs
from runlake.query.reader import Lake
from runlake.query.table import RunTable, Tuples


def assemble(lake: Lake, table: RunTable, rows: pl.Series) -> list[Run]:
    """Make the runs of some rows, in that order, with their latest metrics, parameters, tags and data sets."""
    attributes = table.attributes[rows].rows(named=True)
    params, metrics, tags = (_by_row(tuples, rows) for tuples in (table.params, table.metrics, table.tags))
    inputs = _inputs(lake, table, rows)
    return [
        Run(RunInfo(**info), RunData(metrics[row], params[row], tags[row]), inputs.get(info["run_id"], RunInputs()))
        for row, info in zip(rows, attributes, strict=True)
    ]


def _by_row(tuples: Tuples, rows: pl.Series) -> dict[int, dict[str, Any]]:
    """What each run has, by key."""
    found: dict[int, dict[str, Any]] = defaultdict(dict)
    wanted = tuples.frame.filter(pl.col("row").is_in(rows.implode())) if len(rows) < tuples.height else tuples.frame
    for row, key, value in wanted.select("row", "key", "value").sort("row", "key").iter_rows():
        found[row][key] = value
    return found


def _inputs(lake: Lake, table: RunTable, rows: pl.Series) -> dict[str, RunInputs]:
    """Data sets by run id. The table has what filters compare, the catalog has the rest."""
    with_inputs = rows.filter(rows.is_in(table.datasets.frame["row"].implode()))
    ids = table.attributes["run_id"][with_inputs].to_list()
    return {run.info.run_id: run.inputs for run in lake.catalog.get_runs(ids)} if ids else {}
