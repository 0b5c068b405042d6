"""Run tables made from plain dictionaries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import polars as pl

from runlake.catalog.typed import read_typed
from runlake.query.table import ATTRIBUTES, RunTable, Tuples


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
    attributes = pl.DataFrame(
        {
            "run_id": [run.name for run in runs],
            "run_name": [run.name for run in runs],
            "experiment_id": ["0"] * len(runs),
            "status": ["FINISHED"] * len(runs),
            "start_time": [run.start_time for run in runs],
            "end_time": [run.end_time for run in runs],
            "user_id": ["user"] * len(runs),
            "lifecycle_stage": ["active"] * len(runs),
            "artifact_uri": [f"/artifacts/{run.name}" for run in runs],
        },
        schema=ATTRIBUTES,
    )
    params = [
        (row, key, text, int(read_typed(text)[0])) for row, run in enumerate(runs) for key, text in run.params.items()
    ]
    metrics = [(row, key, value) for row, run in enumerate(runs) for key, value in run.metrics.items()]
    tags = [(row, key, value) for row, run in enumerate(runs) for key, value in run.tags.items()]
    datasets = [(row, *dataset) for row, run in enumerate(runs) for dataset in run.datasets]
    first = {"row": pl.UInt32, "key": pl.String}

    def tuples(rows: list[tuple[object, ...]], **values: type[pl.DataType]) -> Tuples:
        return Tuples(pl.DataFrame(rows, schema={**first, **values}, orient="row"), len(runs))

    return RunTable(
        attributes,
        params=tuples(params, value=pl.String, kind=pl.UInt8),
        metrics=tuples(metrics, value=pl.Float64),
        tags=tuples(tags, value=pl.String),
        datasets=tuples(datasets, digest=pl.String, context=pl.String),
    )
