"""Run table: one row a run of the chosen experiments, its columns made only when they are asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final, TypeAlias

import polars as pl

from runlake.entities import LifecycleStage, ViewType
from runlake.query.experiment_runs import ExperimentRuns
from runlake.query.filter.compile import column_name, compile_filter
from runlake.query.filter.nodes import Condition, Field, Form, Function, Kind, forms
from runlake.query.live import LiveMetrics, merged_column
from runlake.query.parameters import column_type
from runlake.query.run_frames import KEYED, RUNS, SUMMARY, kind_of
from runlake.query.run_part import nothing

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
_KEPT_COLUMNS: Final = 32  # of one table: a question that is asked again has a few, an export has all
_SUMMARIES: Final = {
    Function.LAST: "last_value",
    Function.FIRST: "first_value",
    Function.MIN: "min",
    Function.MAX: "max",
    Function.COUNT: "count",
    Function.ARGMIN: "min_step",
    Function.ARGMAX: "max_step",
}


class KeptSchema(pl.Schema):
    """A schema whose empty frame is made once.

    Polars asks a source for its schema at each collection and makes the frame of it: 65 ms for 12,000 columns.
    """

    @cached_property
    def _empty(self) -> pl.DataFrame:
        return pl.DataFrame(schema=dict(self))

    def to_frame(self, *, eager: bool = True) -> Any:
        return self._empty if eager else self._empty.lazy()


@dataclass(frozen=True)
class Shape:
    """Which runs a table has, whatever is live: it serves every query until one of the experiments changes.

    Args:
        parts: The chosen experiments.
        artifacts: The folder of the artifacts of each.
        view: A `ViewType`.
        schemas: The last schema that was made, by the keys of metrics: for a shape with the same keys as well.
    """

    parts: tuple[ExperimentRuns, ...]
    artifacts: Mapping[str, str]
    view: int
    schemas: dict[frozenset[str], KeptSchema] = field(default_factory=dict, compare=False, repr=False)

    @cached_property
    def rows(self) -> pl.Series | None:
        """The places of the runs that are seen, oldest first, in the runs of all parts; None when it is all of them."""
        rows: pl.Series | None = None
        if self.parts and self.view != ViewType.ALL and self._some_deleted(self.view):
            deleted = pl.concat([part.attribute("deleted") for part in self.parts])
            rows = ((deleted == 0) if self.view == ViewType.ACTIVE_ONLY else (deleted != 0)).arg_true()
        if len(self.parts) > 1:
            runs = pl.concat([part.attribute("run") for part in self.parts])
            chosen = rows if rows is not None else pl.int_range(len(runs), dtype=pl.UInt32, eager=True)
            rows = chosen[runs[chosen].arg_sort()]
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
        schema = self.schemas.get(metrics)
        if schema is None:
            schema = KeptSchema(
                {
                    "run_name": ATTRIBUTES["run_name"],
                    **{f"params.{key}": self.param_types[key] for key in sorted(self.param_types)},
                    **{name: _SHOWN.get(name, dtype) for name, dtype in ATTRIBUTES.items()},
                    **{f"tags.{key}": pl.String() for key in sorted(self.keys["tags"])},
                    **{f"metrics.{key}": pl.Float64() for key in sorted(metrics)},
                }
            )
            self.schemas.clear()  # metrics that come up live are few: the last set is the next one
            self.schemas[metrics] = schema
        return schema

    def like(self, earlier: Shape) -> bool:
        """Whether an earlier shape has the same columns."""
        return self.keys == earlier.keys and self.param_types == earlier.param_types

    def _some_deleted(self, view: int) -> bool:
        return view == ViewType.DELETED_ONLY or any((part.attribute("deleted") != 0).any() for part in self.parts)


@dataclass(frozen=True)
class RunTable:
    """The runs of the chosen experiments, with the metrics of live runs as they are in the journals."""

    shape: Shape
    live: LiveMetrics
    _merged: dict[tuple[str, str, str], pl.Series] = field(default_factory=dict, compare=False, repr=False)

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
        """Names and types of the wide frame: name, `params.*`, other attributes, `tags.*`, `metrics.*`, each sorted.

        Polars prints the first and the last columns: what a run was given, and what came of it.
        """
        return self.shape.schema(self.metric_keys)

    def rows_matching(self, condition: Condition | None) -> pl.Series | None:
        """The rows that a filter selects, in the table's order; None when there is no filter."""
        if condition is None:
            return None
        needed = pl.DataFrame([pl.int_range(self.height, dtype=pl.UInt32, eager=True).alias("")])
        columns = (self.field(field, form).alias(column_name(field, form)) for field, form in forms(condition))
        needed = needed.with_columns(columns)
        return needed.filter(compile_filter(condition)).to_series()

    def matches(self, condition: Condition, rows: pl.Series) -> pl.Series:
        """Tell of some rows whether a filter selects them."""
        columns = [self.field(field, form, rows).alias(column_name(field, form)) for field, form in forms(condition)]
        return pl.DataFrame(columns).select(compile_filter(condition).fill_null(False)).to_series()

    def field(self, field: Field, form: Form, rows: pl.Series | None = None) -> pl.Series:
        """One field of every run, or of some rows, as filters see it: times as milliseconds, data sets as lists."""
        at = self._places(rows)
        match field.kind:
            case Kind.ATTRIBUTE:
                return self._attribute(field.key, at)
            case Kind.METRIC:
                return self._metric(field.key, field.function or Function.LAST, at)
            case Kind.DATASET:
                return self._dataset(field.key, at)
            case _:
                return self._text(field.kind.value, field.key, form, at)

    def sealed(self, key: str, name: str, rows: pl.Series) -> pl.Series:
        """A column of the summaries of a metric, such as `last_step`, of some rows, without what is live."""

        def of_part(part: ExperimentRuns, at: pl.Series | None) -> pl.Series | None:
            return part.column(kind_of(name), key, name, at)

        return self._column(SUMMARY[name], of_part, self._places(rows))

    def summary(self, key: str, name: str, rows: pl.Series) -> pl.Series:
        """A column of the summaries of a metric, such as `last_step`, of some rows, with what is live."""

        def of_part(part: ExperimentRuns, at: pl.Series | None) -> pl.Series | None:
            return self._summary(part, key, name, at)

        return self._column(SUMMARY[name], of_part, self._places(rows))

    def numbers(self, rows: pl.Series) -> pl.Series:
        """The catalog's numbers of the runs in some rows."""
        return self._attribute("run", self._places(rows))

    def wide(self, columns: Sequence[str] | None = None, rows: pl.Series | None = None) -> pl.DataFrame:
        """One row a run. Only the columns that are asked for are made; None is all of them.

        Args:
            rows: Only these rows of the table, in that order.
        """
        wanted = list(self.schema) if columns is None else list(columns)
        at = self._places(rows)
        made = [self._shown(name, at).alias(name) for name in wanted]
        return pl.DataFrame(made) if wanted else pl.DataFrame(height=self.height if rows is None else len(rows))

    def typed(self, key: str) -> pl.Series:
        """A parameter of every run, in the type of its column in the wide frame."""
        return self._param(key, self._places(None))

    def raw(self, name: str, rows: pl.Series | None = None) -> pl.Series:
        """A column of parameters or tags as the texts that were recorded, or of metrics as Float64; null without it."""
        kind, _, key = name.partition(".")
        if kind == "metrics":
            return self._metric(key, Function.LAST, self._places(rows))
        return self._text(kind, key, Form.TEXT, self._places(rows))

    def _shown(self, name: str, at: pl.Series | None) -> pl.Series:
        if name in ATTRIBUTES:
            column = self._attribute(name, at)
            return column.cast(_SHOWN[name]) if name in _SHOWN else column
        kind, _, key = name.partition(".")
        if kind == "metrics":
            return self._metric(key, Function.LAST, at)
        if kind == "tags":
            return self._text(kind, key, Form.TEXT, at)
        return self._param(key, at)

    def _places(self, rows: pl.Series | None) -> pl.Series | None:
        """The places in the runs of all parts of some rows of the table, None for all that there are."""
        seen = self.shape.rows
        return rows if seen is None else seen if rows is None else seen[rows]

    # -- columns; `at` are places in the runs of all parts

    def _attribute(self, name: str, at: pl.Series | None) -> pl.Series:
        match name:
            case "experiment_id":
                return self._column(pl.String(), _experiment_ids, at)
            case "duration":
                return self._attribute("end_time", at) - self._attribute("start_time", at)
            case "lifecycle_stage":
                deleted = self._attribute("deleted", at) != 0
                stages = pl.Series([LifecycleStage.ACTIVE, LifecycleStage.DELETED])
                return stages[deleted.cast(pl.UInt32)]
            case "artifact_uri":
                return self._column(pl.String(), self._artifact_uris, at)
            case _:
                return self._column(RUNS[name], lambda part, at: part.attribute(name, at), at)

    def _artifact_uris(self, part: ExperimentRuns, at: pl.Series | None) -> pl.Series:
        own, ids = part.attribute("artifact_uri", at), part.attribute("run_id", at)
        default = pl.concat_str(pl.lit(self.shape.artifacts[part.experiment_id] + "/"), ids)
        return pl.select(pl.coalesce(own, default)).to_series()

    def _text(self, kind: str, key: str, form: Form, at: pl.Series | None) -> pl.Series:
        match form:
            case Form.TEXT:
                return self._column(pl.String(), lambda part, at: part.column(kind, key, "value", at), at)
            case Form.FLAG:
                return self._column(pl.Boolean(), lambda part, at: part.flags(kind, key, at), at)
            case Form.NUMBER:
                return self._column(pl.Int64(), lambda part, at: part.numbers(kind, key, at), at)

    def _param(self, key: str, at: pl.Series | None) -> pl.Series:
        dtype = self.shape.param_types.get(key, pl.String())
        form = {pl.String(): Form.TEXT, pl.Boolean(): Form.FLAG}.get(dtype, Form.NUMBER)
        return self._text(Kind.PARAM.value, key, form, at).cast(dtype)

    def _metric(self, key: str, function: Function, at: pl.Series | None) -> pl.Series:
        def summary(name: str) -> pl.Series:
            return self._column(SUMMARY[name], lambda part, at: self._summary(part, key, name, at), at)

        if function is Function.MEAN:
            return summary("sum") / (summary("count") - summary("nan_count"))
        column = summary(_SUMMARIES[function])
        if function in (Function.ARGMIN, Function.ARGMAX):  # a series of NaN alone has no extreme
            extreme = summary("min" if function is Function.ARGMIN else "max")
            return pl.select(pl.when(extreme.is_not_nan()).then(column)).to_series()
        return column

    def _summary(self, part: ExperimentRuns, key: str, name: str, at: pl.Series | None) -> pl.Series | None:
        kind, live = kind_of(name), self.live.of(part.experiment_id, key)
        if live is None:
            return part.column(kind, key, name, at)
        kept = self._merged.get((part.experiment_id, key, name))
        if kept is None:
            kept = self._whole_summary(part, key, name, live)
            if len(self._merged) < _KEPT_COLUMNS:
                self._merged[part.experiment_id, key, name] = kept
        return kept if at is None else kept[at]

    def _whole_summary(self, part: ExperimentRuns, key: str, name: str, live: pl.DataFrame) -> pl.Series:
        """A column of the summaries of a metric that has live points, of all runs."""
        kind = kind_of(name)
        places = part.places_of(live["run"])
        # NOTE: a run that was made after the catalog had been asked is in no row yet.
        live, places = live.filter(places.is_not_null()), places.drop_nulls()
        column = part.column(kind, key, name)
        if column is None:
            column = nothing(part.height, SUMMARY[name])

        def sealed(name: str) -> pl.Series:
            whole = part.column(kind_of(name), key, name, places)
            return nothing(len(places), SUMMARY[name]) if whole is None else whole

        return column.clone().scatter(places, merged_column(name, sealed, live))

    def _dataset(self, name: str, at: pl.Series | None) -> pl.Series:
        def lists(part: ExperimentRuns, at: pl.Series | None) -> pl.Series:
            of_runs = part.datasets.group_by("row").agg(pl.col(name).drop_nulls())
            rows = pl.DataFrame({"row": pl.int_range(part.height, dtype=pl.UInt32, eager=True)})
            column = rows.join(of_runs, on="row", how="left", maintain_order="left")[name]
            return column if at is None else column[at]

        return self._column(pl.List(pl.String), lists, at)

    def _column(self, dtype: pl.DataType, column_of: ColumnOf, at: pl.Series | None) -> pl.Series:
        """A column of all parts, some of which may have nothing; numbers are Float64 as soon as one has such ones."""
        parts = self.shape.parts
        if len(parts) == 1:
            column = column_of(parts[0], at)
            return nothing(parts[0].height if at is None else len(at), dtype) if column is None else column
        columns = [column_of(part, None) for part in parts]
        dtypes = {column.dtype for column in columns if column is not None}
        if dtypes:
            dtype = dtypes.pop() if len(dtypes) == 1 else pl.Float64()
        whole = [
            nothing(part.height, dtype) if column is None else column.cast(dtype).alias("")
            for part, column in zip(parts, columns, strict=True)
        ]
        made = pl.concat(whole) if whole else pl.Series("", [], dtype)
        return made if at is None else made[at]


ColumnOf: TypeAlias = Callable[[ExperimentRuns, pl.Series | None], pl.Series | None]
"""Gives a column of the runs of a part, or of the runs at some places of it; None where no run has it."""


def _experiment_ids(part: ExperimentRuns, at: pl.Series | None) -> pl.Series:
    return pl.repeat(part.experiment_id, part.height if at is None else len(at), dtype=pl.String, eager=True)
