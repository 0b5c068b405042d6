"""Run table: one row a run, its columns made only when they are asked for.

Attributes are a frame. Parameters, metrics, tags and data sets are tuples (row, key, value…), from which a query cuts
the few columns that it names: a store with 12,000 metrics costs nothing to a filter on three.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import polars as pl

from runlake.query.filter.compile import column_name, compile_filter
from runlake.query.filter.nodes import Condition, Field, Form, Kind, forms
from runlake.query.parameters import column_type, is_flag, is_number, number_type, reading

ATTRIBUTES: Final = pl.Schema(
    {
        "run_id": pl.String,
        "run_name": pl.String,
        "experiment_id": pl.String,
        "status": pl.String,
        "start_time": pl.Int64,
        "end_time": pl.Int64,
        "user_id": pl.String,
        "lifecycle_stage": pl.String,
        "artifact_uri": pl.String,
    }
)
TIME: Final = pl.Datetime("ms", "UTC")
"""Type of the times in the wide frame; in the table they are milliseconds since 1970."""
_TIMES = ("start_time", "end_time")


@dataclass(frozen=True)
class Tuples:
    """What runs have under keys: `row` (UInt32, the run's place in the table), `key` (String), then values."""

    frame: pl.DataFrame
    height: int

    @cached_property
    def keys(self) -> list[str]:
        """Every key that some run has, sorted."""
        return self.frame["key"].unique().sort().to_list()

    def columns(self, keys: Sequence[str], value: str) -> dict[str, pl.Series]:
        """One column for each key that some run has: a value a run, null where it has none."""
        chosen = self.frame if len(keys) == len(self.keys) else self.frame.filter(pl.col("key").is_in(list(keys)))
        parts = chosen.select("row", "key", value).partition_by("key", as_dict=True, include_key=False)
        return {str(key): self.spread(part["row"], part[value]) for (key,), part in parts.items()}

    def of(self, key: str) -> pl.DataFrame:
        """The tuples of one key."""
        return self.frame.filter(pl.col("key") == key)

    def spread(self, rows: pl.Series, values: pl.Series) -> pl.Series:
        """Put values at rows of a column as long as the table; null elsewhere."""
        column = pl.repeat(None, self.height, dtype=values.dtype, eager=True)
        return column.scatter(rows, values) if len(rows) else column


@dataclass(frozen=True)
class RunTable:
    """Runs and what they have.

    Args:
        attributes: One row a run, with the columns of `ATTRIBUTES`.
        params: `value` (String), `kind` (what the text reads as: see the module parameters).
        metrics: `value` (Float64, the latest), `step`, `timestamp` (Int64).
        tags: `value` (String).
        datasets: `key` is the data set's name; `digest`, `context` (String, null where it has none).
    """

    attributes: pl.DataFrame
    params: Tuples
    metrics: Tuples
    tags: Tuples
    datasets: Tuples

    @property
    def height(self) -> int:
        """Number of runs."""
        return self.attributes.height

    def rows_matching(self, condition: Condition | None) -> pl.Series | None:
        """The rows that a filter selects, in the table's order; None when there is no filter."""
        if condition is None:
            return None
        needed = pl.DataFrame([pl.int_range(self.height, dtype=pl.UInt32, eager=True).alias("")])
        columns = (self.field(field, form).alias(column_name(field, form)) for field, form in forms(condition))
        needed = needed.with_columns(columns)
        return needed.filter(compile_filter(condition)).to_series()

    def field(self, field: Field, form: Form) -> pl.Series:
        """One field of every run, for filters and sorting: times as milliseconds, data sets as lists."""
        match field.kind:
            case Kind.ATTRIBUTE:
                return self.attributes[field.key]
            case Kind.METRIC:
                of_key = self.metrics.of(field.key)
                return self.metrics.spread(of_key["row"], of_key["value"])
            case Kind.TAG:
                of_key = self.tags.of(field.key)
                return self.tags.spread(of_key["row"], of_key["value"])
            case Kind.PARAM:
                return self._param(field.key, form)
            case Kind.DATASET:
                return self._dataset(field.key)

    def _param(self, key: str, form: Form) -> pl.Series:
        of_key = self.params.of(key)
        dtype: pl.DataType = pl.String()
        if form is Form.NUMBER:
            of_key = of_key.filter(is_number())
            dtype = number_type(of_key["kind"])
        elif form is Form.FLAG:
            of_key = of_key.filter(is_flag())
            dtype = pl.Boolean()
        return self.params.spread(of_key["row"], reading(of_key["value"], dtype))

    def _dataset(self, name: str) -> pl.Series:
        column = "key" if name == "name" else name
        lists = self.datasets.frame.group_by("row").agg(pl.col(column).drop_nulls().alias(name))
        rows = pl.DataFrame({"row": pl.int_range(self.height, dtype=pl.UInt32, eager=True)})
        return rows.join(lists, on="row", how="left", maintain_order="left")[name]

    @cached_property
    def schema(self) -> pl.Schema:
        """Names and types of the wide frame: attributes, then `params.*`, `metrics.*` and `tags.*`, each sorted."""
        attributes = {name: TIME if name in _TIMES else dtype for name, dtype in ATTRIBUTES.items()}
        params = {f"params.{key}": dtype for key, dtype in self._param_types.items()}
        metrics = dict.fromkeys((f"metrics.{key}" for key in self.metrics.keys), pl.Float64())
        tags = dict.fromkeys((f"tags.{key}" for key in self.tags.keys), pl.String())
        return pl.Schema({**attributes, **params, **metrics, **tags})

    def wide(self, columns: Sequence[str] | None = None) -> pl.DataFrame:
        """One row a run. Only the columns that are asked for are made; None is all of them."""
        wanted = list(self.schema) if columns is None else list(columns)
        made = {name: self._attribute(name) for name in wanted if name in ATTRIBUTES}
        for name, column in self._keyed(wanted):
            made[name] = column.alias(name)
        return pl.DataFrame([made[name] for name in wanted]) if wanted else pl.DataFrame(height=self.height)

    def _attribute(self, name: str) -> pl.Series:
        column = self.attributes[name]
        return column.cast(TIME) if name in _TIMES else column

    def _keyed(self, wanted: Sequence[str]) -> Iterator[tuple[str, pl.Series]]:
        for group, tuples in (("params", self.params), ("metrics", self.metrics), ("tags", self.tags)):
            prefix = group + "."
            keys = [name.removeprefix(prefix) for name in wanted if name.startswith(prefix)]
            for key, column in tuples.columns(keys, "value").items():
                dtype = self._param_types[key] if group == "params" else None
                yield prefix + key, column if dtype is None else reading(column, dtype)

    @cached_property
    def _param_types(self) -> dict[str, pl.DataType]:
        kinds = self.params.frame.group_by("key").agg(pl.col("kind").unique()).sort("key")
        return {key: column_type(of_key) for key, of_key in kinds.iter_rows()}
