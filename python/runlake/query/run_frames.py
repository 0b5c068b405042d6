"""Run frames: the columns of what runs have, and all runs of one experiment as the catalog gives them.

`run` and `key` are the catalog's numbers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Final

import polars as pl

if TYPE_CHECKING:
    from runlake.catalog import ChangedRuns

RUNS: Final = pl.Schema(
    {
        "run": pl.Int64,
        "run_id": pl.String,
        "run_name": pl.String,
        "user_id": pl.String,
        "status": pl.String,
        "start_time": pl.Int64,
        "end_time": pl.Int64,
        "deleted": pl.UInt8,
        "artifact_uri": pl.String,
    }
)
SUMMARY: Final = pl.Schema(
    {
        "count": pl.Int64,
        "nan_count": pl.Int64,
        "first_step": pl.Int64,
        "first_timestamp": pl.Int64,
        "first_value": pl.Float64,
        "last_step": pl.Int64,
        "last_timestamp": pl.Int64,
        "last_value": pl.Float64,
        "min": pl.Float64,
        "min_step": pl.Int64,
        "max": pl.Float64,
        "max_step": pl.Int64,
        "sum": pl.Float64,
        "max_timestamp": pl.Int64,
    }
)
"""What is known of a metric of a run."""
VALUES: Final = ("first_value", "last_value", "min", "max", "sum")
"""What is NaN where the catalog, which has no NaN, says None; a sum is where infinities of both signs met."""
LATEST: Final = ("last_value", "last_step", "last_timestamp")
_OWNER: Final = pl.Schema({"run": pl.Int64(), "key": pl.Int32()})
PARAMS: Final = pl.Schema({"value": pl.String, "kind": pl.UInt8})
TAGS: Final = pl.Schema({"value": pl.String})
DATASETS: Final = pl.Schema({"name": pl.String, "digest": pl.String, "context": pl.String})

KEYED: Final = {
    "params": PARAMS,
    "metrics": pl.Schema({name: SUMMARY[name] for name in LATEST}),
    "summaries": pl.Schema({name: dtype for name, dtype in SUMMARY.items() if name not in LATEST}),
    "tags": TAGS,
}
"""The kinds of things that runs have under keys, with the columns of each. Metrics are in two pieces, what nearly every
query wants and the rest of the summary."""


def kind_of(column: str) -> str:
    """The kind that holds a column of a summary."""
    return "metrics" if column in LATEST else "summaries"


@dataclass(frozen=True)
class RunFrames:
    """Runs and what they have, each frame sorted by `run`; `params`, `metrics` and `tags` have a `key` as well."""

    runs: pl.DataFrame
    params: pl.DataFrame
    metrics: pl.DataFrame
    tags: pl.DataFrame
    datasets: pl.DataFrame

    @classmethod
    def of(cls, changed: ChangedRuns) -> RunFrames:
        """Take over what the catalog has read."""
        metrics = _frame(changed.metrics, {**_OWNER, **SUMMARY})
        if metrics.select(VALUES).null_count().row(0) != (0,) * len(VALUES):
            metrics = metrics.with_columns(pl.col(VALUES).fill_null(float("nan")))
        return cls(
            runs=_frame(changed.runs, RUNS),
            params=_from_arrays(changed.params, PARAMS),
            metrics=_by_run(metrics),
            tags=_from_arrays(changed.tags, TAGS),
            datasets=_by_run(_frame(changed.inputs, {"run": pl.Int64(), **DATASETS})),
        )

    def of_kind(self, kind: str) -> pl.DataFrame:
        """The frame of one of the kinds in `KEYED`: `run`, `key` and its columns."""
        if kind in ("metrics", "summaries"):
            return self.metrics.select(*_OWNER, *KEYED[kind])
        return self.params if kind == "params" else self.tags

    @property
    def height(self) -> int:
        """Number of runs."""
        return self.runs.height


def concatenated(pieces: Sequence[RunFrames]) -> RunFrames:
    """Frames of runs that follow each other."""
    if len(pieces) == 1:
        return pieces[0]
    names = [field.name for field in fields(RunFrames)]
    return RunFrames(**{name: pl.concat([getattr(piece, name) for piece in pieces]) for name in names})


def _frame(columns: Mapping[str, Sequence[Any]], schema: Mapping[str, pl.DataType | type[pl.DataType]]) -> pl.DataFrame:
    # NOTE: strict=False, because a value of SQLite's may be an integer where a float is meant.
    return pl.DataFrame([pl.Series(name, columns[name], dtype, strict=False) for name, dtype in schema.items()])


def _from_arrays(columns: Mapping[str, Sequence[Any]], schema: pl.Schema) -> pl.DataFrame:
    """Take apart arrays as JSON."""
    arrays = {**_OWNER, **schema}
    frame = _frame(columns, dict.fromkeys(arrays, pl.String()))
    lists = (pl.col(name).str.json_decode(pl.List(dtype)) for name, dtype in arrays.items())
    return _by_run(frame.select(*lists).explode(*arrays, empty_as_null=False))


def _by_run(frame: pl.DataFrame) -> pl.DataFrame:
    return frame if frame["run"].is_sorted() else frame.sort("run", maintain_order=True)
