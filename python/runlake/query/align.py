"""Align: points side by side, one row a step and one column a series."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

import polars as pl
from polars.io.plugins import register_io_source

from runlake.errors import InvalidInput
from runlake.query.labels import run_labels
from runlake.query.reader import Lake

MOST_COLUMNS: Final = 20_000

Naming = Callable[[pl.DataFrame], pl.Series]
"""Gives each series, a row with `run_id` and `key`, the name of its column."""


class Aligned:
    """Source of a wide lazy frame.

    Its columns are known when the points have been read. Polars asks for the schema when a query is collected, and for
    the rows right after; both are answered from one reading, which is let go of then.
    """

    def __init__(self, points: pl.LazyFrame, naming: Naming) -> None:
        self._points = points.select("run_id", "key", "step", "value")
        self._naming = naming
        self._wide: pl.DataFrame | None = None

    def frame(self) -> pl.LazyFrame:
        """The lazy frame."""
        return register_io_source(self._rows, schema=self._schema, explain_name="runlake points, aligned")

    def _schema(self) -> pl.Schema:
        self._wide = wide(self._points.collect(), self._naming)
        return self._wide.schema

    def _rows(
        self, columns: list[str] | None, predicate: pl.Expr | None, limit: int | None, _batch_size: int | None
    ) -> Iterator[pl.DataFrame]:
        read, self._wide = self._wide, None
        frame = wide(self._points.collect(), self._naming) if read is None else read
        frame = frame if limit is None else frame.head(limit)
        frame = frame if predicate is None else frame.filter(predicate)
        yield frame if columns is None else frame.select(columns)


def wide(points: pl.DataFrame, naming: Naming) -> pl.DataFrame:
    """Put each series into a column of its own; points have at most one row a run, key and step.

    Returns:
        `step: i64`, sorted, then a `f64` column a series, sorted by name; null where a series has no point.

    Raises:
        InvalidInput: there are more than 20,000 series.
    """
    parts = points.partition_by("run_id", "key", as_dict=True, include_key=False)
    if len(parts) > MOST_COLUMNS:
        raise InvalidInput(
            f"aligning takes {len(parts):,} columns, one a series; the limit is {MOST_COLUMNS:,}",
            hint="choose fewer runs or keys",
        )
    steps = points["step"].unique().sort()
    series = pl.DataFrame(list(parts), schema={"run_id": pl.String, "key": pl.String}, orient="row")
    columns = {name: _spread(steps, part) for name, part in zip(naming(series).to_list(), parts.values(), strict=True)}
    return pl.DataFrame({"step": steps, **{name: columns[name] for name in sorted(columns)}})


def by_key(series: pl.DataFrame) -> pl.Series:
    """Name columns by key, where all are of one run; the key `step` becomes `step (metric)`, which no key can be."""
    return series["key"].replace("step", "step (metric)")


def by_run(lake: Lake) -> Naming:
    """Name columns by run, where all are of one key."""

    def names(series: pl.DataFrame) -> pl.Series:
        return _runs_of(lake, series, ["step"])

    return names


def by_run_and_key(lake: Lake) -> Naming:
    """Name columns `run/key`; runs are called by their ids when two columns would be called the same."""

    def names(series: pl.DataFrame) -> pl.Series:
        named = _runs_of(lake, series, []) + "/" + series["key"]
        return series["run_id"] + "/" + series["key"] if named.is_duplicated().any() else named

    return names


def _runs_of(lake: Lake, series: pl.DataFrame, taken: list[str]) -> pl.Series:
    labels = run_labels(lake, series["run_id"].unique().to_list(), taken)
    return pl.Series([labels[run_id] for run_id in series["run_id"]], dtype=pl.String)


def _spread(steps: pl.Series, points: pl.DataFrame) -> pl.Series:
    column = pl.repeat(None, len(steps), dtype=pl.Float64, eager=True)
    return column.scatter(steps.search_sorted(points["step"]), points["value"])
