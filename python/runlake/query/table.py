"""Run table: one row a run of the chosen experiments, its columns made only when they are asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import polars as pl

from runlake.entities import LifecycleStage, ViewType
from runlake.query.experiment_runs import ExperimentRuns
from runlake.query.filter.compile import column_name, compile_filter
from runlake.query.filter.nodes import Condition, Field, Form, Function, Kind, forms
from runlake.query.live import LiveMetrics, merged_column
from runlake.query.parameters import column_type
from runlake.query.run_frames import KEYED, SUMMARY, kind_of

TIME: Final = pl.Datetime("ms", "UTC")
"""Type of the times in the wide frame; for filters they are milliseconds since 1970."""

ATTRIBUTES: Final = pl.Schema(
    {
        "run_id": pl.String,
        "run_name": pl.String,
        "experiment_id": pl.String,
        "status": pl.String,
        "start_time": pl.Int64,
        "end_time": pl.Int64,
        "duration": pl.Int64,
        "user_id": pl.String,
        "lifecycle_stage": pl.String,
        "artifact_uri": pl.String,
    }
)
_SHOWN: Final = {"start_time": TIME, "end_time": TIME, "duration": pl.Duration("ms")}
_SUMMARIES: Final = {
    Function.LAST: "last_value",
    Function.FIRST: "first_value",
    Function.MIN: "min",
    Function.MAX: "max",
    Function.COUNT: "count",
    Function.ARGMIN: "min_step",
    Function.ARGMAX: "max_step",
}


@dataclass(frozen=True)
class Shape:
    """Which runs a table has, whatever is live: it serves every query until one of the experiments changes.

    Args:
        parts: The chosen experiments.
        artifacts: The folder of the artifacts of each.
        view: A `ViewType`.
    """

    parts: tuple[ExperimentRuns, ...]
    artifacts: Mapping[str, str]
    view: int

    @cached_property
    def rows(self) -> pl.Series | None:
        """The places of the runs that are seen, oldest first, in the runs of all parts; None when it is all of them."""
        rows: pl.Series | None = None
        if self.view != ViewType.ALL and self._some_deleted(self.view):
            deleted = pl.concat([part.attribute("deleted") for part in self.parts])
            rows = ((deleted == 0) if self.view == ViewType.ACTIVE_ONLY else (deleted != 0)).arg_true()
        if len(self.parts) > 1:
            runs = pl.concat([part.attribute("run") for part in self.parts])
            chosen = rows if rows is not None else pl.int_range(len(runs), dtype=pl.UInt32, eager=True)
            rows = chosen.gather(runs.gather(chosen).arg_sort())
        return rows

    @cached_property
    def height(self) -> int:
        """Number of runs that are seen."""
        return sum(part.height for part in self.parts) if self.rows is None else len(self.rows)

    @cached_property
    def keys(self) -> dict[str, frozenset[str]]:
        """The keys of each kind that some run of the experiments has, what is live left out."""
        return {kind: frozenset().union(*(part.keys[kind] for part in self.parts)) for kind in KEYED}

    @cached_property
    def param_types(self) -> dict[str, pl.DataType]:
        """The type of each parameter: the one that every value in the experiments reads as."""
        return {key: column_type(mask) for key, mask in self.param_kinds.items()}

    @cached_property
    def param_kinds(self) -> dict[str, int]:
        """What the values of each parameter read as, as masks."""
        kinds: dict[str, int] = {}
        for part in self.parts:
            for key, mask in part.param_kinds.items():
                kinds[key] = kinds.get(key, 0) | mask
        return kinds

    def schema(self, metrics: frozenset[str]) -> pl.Schema:
        """Names and types of the wide frame with these metrics."""
        if metrics == self.keys["metrics"]:
            return self._own_schema
        return self._schema(metrics)

    @cached_property
    def _own_schema(self) -> pl.Schema:
        return self._schema(self.keys["metrics"])

    def _schema(self, metrics: frozenset[str]) -> pl.Schema:
        return pl.Schema(
            {
                **{name: _SHOWN.get(name, dtype) for name, dtype in ATTRIBUTES.items()},
                **{f"params.{key}": self.param_types[key] for key in sorted(self.param_types)},
                **{f"metrics.{key}": pl.Float64() for key in sorted(metrics)},
                **{f"tags.{key}": pl.String() for key in sorted(self.keys["tags"])},
            }
        )

    def _some_deleted(self, view: int) -> bool:
        return view == ViewType.DELETED_ONLY or any((part.attribute("deleted") != 0).any() for part in self.parts)


@dataclass(frozen=True)
class RunTable:
    """The runs of the chosen experiments, with the metrics of live runs as they are in the journals."""

    shape: Shape
    live: LiveMetrics

    @property
    def height(self) -> int:
        """Number of runs."""
        return self.shape.height

    @cached_property
    def metric_keys(self) -> frozenset[str]:
        """The keys of metrics, live ones included."""
        live = (self.live.keys.get(part.experiment_id, ()) for part in self.shape.parts)
        known = self.shape.keys["metrics"]
        more = {key for keys in live for key in keys if key not in known}
        return known | more if more else known

    def keys(self, kind: Kind) -> frozenset[str]:
        """The keys of parameters, metrics or tags that some run has."""
        return self.metric_keys if kind is Kind.METRIC else self.shape.keys[kind.value]

    @property
    def schema(self) -> pl.Schema:
        """Names and types of the wide frame: attributes, then `params.*`, `metrics.*` and `tags.*`, each sorted."""
        return self.shape.schema(self.metric_keys)

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
                return self._attribute(field.key)
            case Kind.METRIC:
                return self._metric(field.key, field.function or Function.LAST)
            case Kind.DATASET:
                return self._dataset(field.key)
            case _:
                return self._text(field.kind.value, field.key, form)

    def wide(self, columns: Sequence[str] | None = None, rows: pl.Series | None = None) -> pl.DataFrame:
        """One row a run. Only the columns that are asked for are made; None is all of them.

        Args:
            rows: Only these rows of the table, in that order.
        """
        wanted = list(self.schema) if columns is None else list(columns)
        made = [self._shown(name).alias(name) for name in wanted]
        if rows is not None:
            made = [column.gather(rows) for column in made]
        return pl.DataFrame(made) if wanted else pl.DataFrame(height=self.height if rows is None else len(rows))

    def _shown(self, name: str) -> pl.Series:
        if name in ATTRIBUTES:
            column = self._attribute(name)
            return column.cast(_SHOWN[name]) if name in _SHOWN else column
        kind, _, key = name.partition(".")
        if kind == "metrics":
            return self._metric(key, Function.LAST)
        if kind == "tags":
            return self._text(kind, key, Form.TEXT)
        dtype = self.shape.param_types[key]
        form = {pl.String(): Form.TEXT, pl.Boolean(): Form.FLAG}.get(dtype, Form.NUMBER)
        return self._text(kind, key, form).cast(dtype)

    # -- columns

    def _attribute(self, name: str) -> pl.Series:
        match name:
            case "experiment_id":
                return self._column(
                    pl.String(), lambda part: pl.repeat(part.experiment_id, part.height, dtype=pl.String, eager=True)
                )
            case "duration":
                return self._attribute("end_time") - self._attribute("start_time")
            case "lifecycle_stage":
                deleted = self._column(pl.UInt8(), lambda part: part.attribute("deleted")) != 0
                stages = pl.Series([LifecycleStage.ACTIVE, LifecycleStage.DELETED])
                return stages.gather(deleted.cast(pl.UInt32))
            case "artifact_uri":
                return self._column(pl.String(), self._artifact_uris)
            case _:
                return self._column(ATTRIBUTES[name], lambda part: part.attribute(name))

    def _artifact_uris(self, part: ExperimentRuns) -> pl.Series:
        own, ids = part.attribute("artifact_uri"), part.attribute("run_id")
        default = pl.concat_str(pl.lit(self.shape.artifacts[part.experiment_id] + "/"), ids)
        return pl.select(pl.coalesce(own, default)).to_series()

    def _text(self, kind: str, key: str, form: Form) -> pl.Series:
        match form:
            case Form.TEXT:
                return self._column(pl.String(), lambda part: part.column(kind, key, "value"))
            case Form.FLAG:
                return self._column(pl.Boolean(), lambda part: part.flags(kind, key))
            case Form.NUMBER:
                return self._column(pl.Int64(), lambda part: part.numbers(kind, key))

    def _metric(self, key: str, function: Function) -> pl.Series:
        if function is Function.MEAN:
            return self._summary(key, "sum") / (self._summary(key, "count") - self._summary(key, "nan_count"))
        column = self._summary(key, _SUMMARIES[function])
        if function in (Function.ARGMIN, Function.ARGMAX):  # a series of NaN alone has no extreme
            extreme = self._summary(key, "min" if function is Function.ARGMIN else "max")
            return pl.select(pl.when(extreme.is_not_nan()).then(column)).to_series()
        return column

    def _summary(self, key: str, name: str) -> pl.Series:
        return self._column(SUMMARY[name], lambda part: self._summary_of(part, key, name))

    def _summary_of(self, part: ExperimentRuns, key: str, name: str) -> pl.Series | None:
        column = part.column(kind_of(name), key, name)
        live = self.live.of(part.experiment_id, key)
        if live is None:
            return column
        rows = part.rows_of(live["run"])
        # NOTE: a run that was made after the catalog had been asked is in no row yet.
        live, rows = live.filter(rows.is_not_null()), rows.drop_nulls()
        if column is None:
            return pl.repeat(None, part.height, dtype=SUMMARY[name], eager=True).scatter(rows, live[name])

        def sealed(name: str) -> pl.Series:
            whole = part.column(kind_of(name), key, name)
            assert whole is not None
            return whole.gather(rows)

        return column.clone().scatter(rows, merged_column(name, sealed, live))

    def _dataset(self, name: str) -> pl.Series:
        def lists(part: ExperimentRuns) -> pl.Series:
            of_runs = part.datasets.group_by("row").agg(pl.col(name).drop_nulls())
            rows = pl.DataFrame({"row": pl.int_range(part.height, dtype=pl.UInt32, eager=True)})
            return rows.join(of_runs, on="row", how="left", maintain_order="left")[name]

        return self._column(pl.List(pl.String), lists)

    def _column(self, dtype: pl.DataType, column_of: Callable[[ExperimentRuns], pl.Series | None]) -> pl.Series:
        """A column of all parts, some of which may have nothing; numbers are Float64 as soon as one has such ones."""
        parts = self.shape.parts
        columns = [column_of(part) for part in parts]
        dtypes = {column.dtype for column in columns if column is not None}
        if dtypes:
            dtype = dtypes.pop() if len(dtypes) == 1 else pl.Float64()
        whole = [
            pl.repeat(None, part.height, dtype=dtype, eager=True) if column is None else column.cast(dtype).alias("")
            for part, column in zip(parts, columns, strict=True)
        ]
        made = pl.concat(whole) if len(whole) > 1 else (whole or [pl.Series("", [], dtype)])[0]
        return made if self.shape.rows is None else made.gather(self.shape.rows)
