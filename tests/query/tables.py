"""Run tables made from plain dictionaries."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import polars as pl

from runlake.catalog.typed import read_typed
from runlake.entities import ViewType
from runlake.query.changed_part import ChangedPart
from runlake.query.experiment_runs import ExperimentRuns
from runlake.query.live import LiveMetrics
from runlake.query.loaded_part import LoadedPart
from runlake.query.run_frames import DATASETS, PARAMS, RUNS, SUMMARY, TAGS, RunFrames
from runlake.query.run_part import KeyNames
from runlake.query.table import RunTable, Shape


@dataclass(frozen=True)
class PlainRun:
    """A run as a test writes it down."""

    name: str
    params: Mapping[str, str] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    datasets: Sequence[tuple[str, str, str | None]] = ()
    start_time: int = 0
    end_time: int | None = None


def table_of(runs: Sequence[PlainRun]) -> RunTable:
    """Make the table of an experiment "0" with these runs."""
    keys = sorted({key for run in runs for what in (run.params, run.metrics, run.tags) for key in what})
    numbers = {key: number for number, key in enumerate(keys, start=1)}
    names = KeyNames({number: key for key, number in numbers.items()}, numbers)

    def frame(schema: Mapping[str, pl.DataType], rows: list[tuple[object, ...]]) -> pl.DataFrame:
        return pl.DataFrame(rows, schema=dict(schema), orient="row")

    owner = {"run": pl.Int64(), "key": pl.Int32()}
    attributes = [
        (row, run.name, run.name, "user", "FINISHED", run.start_time, run.end_time, 0, f"/artifacts/{run.name}")
        for row, run in enumerate(runs)
    ]
    params = [
        (row, numbers[key], text, int(read_typed(text)[0]))
        for row, run in enumerate(runs)
        for key, text in run.params.items()
    ]
    metrics = [
        (row, numbers[key], 1, int(math.isnan(value)), 0, 0, value, 0, 0, value, value, 0, value, 0, value, 0)
        for row, run in enumerate(runs)
        for key, value in run.metrics.items()
    ]
    tags = [(row, numbers[key], value) for row, run in enumerate(runs) for key, value in run.tags.items()]
    datasets = [(row, *dataset) for row, run in enumerate(runs) for dataset in run.datasets]
    frames = RunFrames(
        frame(RUNS, attributes),
        frame({**owner, **PARAMS}, params),
        frame({**owner, **SUMMARY}, metrics),
        frame({**owner, **TAGS}, tags),
        frame({"run": pl.Int64(), **DATASETS}, datasets),
    )
    part = ExperimentRuns("0", 1, LoadedPart(frames, names), ChangedPart({}, names))
    return RunTable(Shape((part,), {"0": "/artifacts"}, ViewType.ACTIVE_ONLY), LiveMetrics.none())
