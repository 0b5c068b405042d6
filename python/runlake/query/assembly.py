"""Runs as entities, made from rows of the run table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, TypeAlias

import polars as pl

from runlake.catalog import RunModels
from runlake.entities import Metric, Run, RunData, RunInfo, RunInputs, RunOutputs
from runlake.query.filter.nodes import Field, Form, Kind
from runlake.query.live_latest import place_of
from runlake.query.reader import Lake
from runlake.query.table import RunTable

_INFO = (
    *("run_id", "experiment_id", "user_id", "status", "start_time", "end_time"),
    *("lifecycle_stage", "artifact_uri", "run_name"),
)
_LATEST = ("last_step", "last_timestamp", "last_value")

_Point: TypeAlias = tuple[int, int, float]


def assemble(lake: Lake, table: RunTable, rows: pl.Series) -> list[Run]:
    """Make the runs of some rows, in that order, with their latest metrics, parameters, tags and data sets."""
    metrics = [{key: point[-1] for key, point in of_run.items()} for of_run in _latest(table, rows, whole=False)]
    return _runs(lake, table, rows, metrics)


def assemble_latest(lake: Lake, table: RunTable, rows: pl.Series) -> list[tuple[Run, list[Metric]]]:
    """Make the runs of some rows, each with the latest point of its metrics, by key."""
    found = [
        [Metric(key, value, timestamp, step) for key, (step, timestamp, value) in of_run.items()]
        for of_run in _latest(table, rows, whole=True)
    ]
    runs = _runs(lake, table, rows, [{metric.key: metric.value for metric in of_run} for of_run in found])
    return list(zip(runs, found, strict=True))


def _runs(lake: Lake, table: RunTable, rows: pl.Series, metrics: Sequence[dict[str, float]]) -> list[Run]:
    attributes = zip(*(_values(table, Field(Kind.ATTRIBUTE, name), rows) for name in _INFO), strict=True)
    params, tags = (_by_run(table, kind, rows) for kind in (Kind.PARAM, Kind.TAG))
    inputs = _inputs(lake, table, rows)
    runs = [
        Run(RunInfo(*info), RunData(*data), inputs.get(info[0], RunInputs()))
        for info, *data in zip(attributes, metrics, params, tags, strict=True)
    ]
    models = lake.catalog.models_of_runs([run.info.run_id for run in runs])
    return [_with_models(run, models[run.info.run_id]) if run.info.run_id in models else run for run in runs]


def _with_models(run: Run, models: RunModels) -> Run:
    inputs = RunInputs(run.inputs.dataset_inputs, models.inputs)
    return replace(run, inputs=inputs, outputs=RunOutputs(models.outputs) if models.outputs else None)


def _latest(table: RunTable, rows: pl.Series, *, whole: bool) -> list[dict[str, _Point]]:
    """Return step, timestamp and value of the latest point of each metric of some runs, by key.

    Sealed points come a column at a time, the few live ones of these runs one by one: an expression for each key would
    take longer than all of that.

    Args:
        whole: Whether steps and timestamps are wanted of metrics, too, that have no live points.
    """
    found: list[dict[str, _Point]] = [{} for _ in range(len(rows))]
    numbers = table.numbers(rows)
    live = table.live.latest_of(numbers)
    keys_live = {key for _, key, *_ in live}
    for key in sorted(table.shape.keys["metrics"]):
        names = _LATEST if whole or key in keys_live else _LATEST[-1:]
        columns = [table.sealed(key, name, rows).to_list() for name in names]
        for of_run, *point in zip(found, *columns, strict=True):
            if point[-1] is not None:
                of_run[key] = (0, 0, point[-1]) if len(point) == 1 else (point[0], point[1], point[2])
    places = {number: place for place, number in enumerate(numbers.to_list())}
    for run, key, *point in live:
        of_run, later = found[places[run]], (point[0], point[1], point[2])
        if key not in of_run or place_of(later) >= place_of(of_run[key]):
            of_run[key] = later
    return [dict(sorted(of_run.items())) for of_run in found] if live else found


def _values(table: RunTable, field: Field, rows: pl.Series) -> list[Any]:
    return table.field(field, Form.TEXT, rows).to_list()


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
    names = table.field(Field(Kind.DATASET, "name"), Form.TEXT, rows)
    ids = table.field(Field(Kind.ATTRIBUTE, "run_id"), Form.TEXT, rows.filter(names.is_not_null())).to_list()
    return {run.info.run_id: run.inputs for run in lake.catalog.get_runs(ids)} if ids else {}
