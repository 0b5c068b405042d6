"""Judging runs: whether one fulfils each part of a filter, and what it has instead; the values of a metric of some."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import polars as pl

from runlake.entities import ViewType
from runlake.query.filter.better import BetterThan
from runlake.query.filter.compile import column_name, compile_filter
from runlake.query.filter.nodes import AllOf, Condition, Field, Form, Function, Kind, forms
from runlake.query.filter.parser import parse_filter
from runlake.query.filter.written import field_text, written
from runlake.query.reader import Lake
from runlake.query.run_tables import answer, load_table
from runlake.query.table import RunTable

T = TypeVar("T")

_ABSENT: Final = {Kind.METRIC: "is not logged", Kind.PARAM: "is not logged", Kind.TAG: "is not set"}
_RUN_ID: Final = Field(Kind.ATTRIBUTE, "run_id")


@dataclass(frozen=True)
class Judged:
    """A part of a filter before a run: as text, whether it is met, and what the run has."""

    demanded: str
    met: bool
    actual: str


def judge_run(lake: Lake, run_id: str, filter_string: str) -> list[Judged] | None:
    """Hold a run, deleted or not, against the parts of a filter that are joined by AND.

    Metrics are those that readers see, of live runs as well.

    Returns:
        None when there is no such run.

    Raises:
        InvalidInput: the filter cannot be read.
    """
    parts = _parts(filter_string)
    return _of_run(lake, run_id, lambda table, row: [_judged(table, row, part) for part in parts])


def parts_of(filter_string: str) -> list[str]:
    """Return the parts of a filter that are joined by AND, as texts."""
    return [written(part) for part in _parts(filter_string)]


def metric_of_run(lake: Lake, run_id: str, better: BetterThan) -> float | None:
    """Return the latest value of the metric that is compared; None when the run is not there or did not log it."""
    return _of_run(lake, run_id, lambda table, row: _value(table, row, better.metric, Form.NUMBER))


def _parts(filter_string: str) -> Sequence[Condition]:
    condition = parse_filter(filter_string)
    if condition is None:
        return ()
    return condition.parts if isinstance(condition, AllOf) else (condition,)


def _of_run(lake: Lake, run_id: str, ask: Callable[[RunTable, pl.Series], T]) -> T | None:
    experiment_id = lake.catalog.run_experiment([run_id]).get(run_id)
    if experiment_id is None:
        return None

    def asked(table: RunTable) -> T | None:
        row = (table.field(_RUN_ID, Form.TEXT) == run_id).arg_true()
        return ask(table, row) if len(row) else None

    return answer(lake, lambda: load_table(lake, [experiment_id], ViewType.ALL), asked)


def _judged(table: RunTable, row: pl.Series, part: Condition) -> Judged:
    needed = sorted(forms(part), key=lambda entry: column_name(*entry))
    frame = pl.DataFrame([table.field(field, form, row).alias(column_name(field, form)) for field, form in needed])
    met = frame.select(compile_filter(part)).to_series()[0] is True
    fields = dict.fromkeys(field for field, _ in needed)
    return Judged(written(part), met, ", ".join(_told(table, row, field) for field in fields))


def _told(table: RunTable, row: pl.Series, field: Field) -> str:
    form = Form.NUMBER if field.kind is Kind.METRIC else Form.TEXT
    value = _value(table, row, field, form)
    name = field_text(field)
    if value is None:
        plain = field_text(Field(field.kind, field.key)) if field.function not in (None, Function.LAST) else name
        return f"{plain} {_ABSENT.get(field.kind, 'is not known')}"
    return f"{name} is {value!r}" if not isinstance(value, list) else f"{name} is one of {value!r}"


def _value(table: RunTable, row: pl.Series, field: Field, form: Form) -> Any:
    value = table.field(field, form, row)[0]
    return value.to_list() if isinstance(value, pl.Series) else value
