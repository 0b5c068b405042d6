"""Runs as entities, made from rows of the run table."""

from __future__ import annotations

from typing import Any

import polars as pl

from runlake.entities import Run, RunData, RunInfo, RunInputs
from runlake.query.filter.nodes import Field, Form, Kind
from runlake.query.reader import Lake
from runlake.query.table import RunTable

_INFO = (
    *("run_id", "experiment_id", "user_id", "status", "start_time", "end_time"),
    *("lifecycle_stage", "artifact_uri", "run_name"),
)


def assemble(lake: Lake, table: RunTable, rows: pl.Series) -> list[Run]:
    """Make the runs of some rows, in that order, with their latest metrics, parameters, tags and data sets."""
    attributes = zip(*(_values(table, Field(Kind.ATTRIBUTE, name), rows) for name in _INFO), strict=True)
    data = [_by_run(table, kind, rows) for kind in (Kind.METRIC, Kind.PARAM, Kind.TAG)]
    inputs = _inputs(lake, table, rows)
    return [
        Run(RunInfo(*info), RunData(*of_run), inputs.get(info[0], RunInputs()))
        for info, *of_run in zip(attributes, *data, strict=True)
    ]


def _values(table: RunTable, field: Field, rows: pl.Series) -> list[Any]:
    form = Form.NUMBER if field.kind is Kind.METRIC else Form.TEXT
    return table.field(field, form)[rows].to_list()


def _by_run(table: RunTable, kind: Kind, rows: pl.Series) -> list[dict[str, Any]]:
    """What each run has, by key."""
    found: list[dict[str, Any]] = [{} for _ in range(len(rows))]
    for key in sorted(table.keys(kind)):
        for of_run, value in zip(found, _values(table, Field(kind, key), rows), strict=True):
            if value is not None:
                of_run[key] = value
    return found


def _inputs(lake: Lake, table: RunTable, rows: pl.Series) -> dict[str, RunInputs]:
    """Data sets by run id. The table has what filters compare, the catalog has the rest."""
    names = table.field(Field(Kind.DATASET, "name"), Form.TEXT)[rows]
    ids = table.field(Field(Kind.ATTRIBUTE, "run_id"), Form.TEXT)[rows.filter(names.is_not_null())].to_list()
    return {run.info.run_id: run.inputs for run in lake.catalog.get_runs(ids)} if ids else {}
