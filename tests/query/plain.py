"""Runs written down plainly, as the frame that a filter is compiled for and as what plain Python makes of them.

The evaluation shares nothing with the compiler but the syntax tree: three-valued logic over one run at a time.
"""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import polars as pl

from runlake.catalog.typed import read_typed
from runlake.query.filter.compile import column_name, compile_filter
from runlake.query.filter.nodes import (
    AllOf,
    Among,
    AnyOf,
    Between,
    Comparison,
    Condition,
    Field,
    Form,
    Function,
    Kind,
    Leaf,
    Missing,
    Not,
    Operator,
    form_of,
    forms,
)

Value: TypeAlias = Any
"""A str, int, float or bool; a list of them for data sets; None for what a run does not have."""

_INTEGERS = {Function.COUNT, Function.ARGMIN, Function.ARGMAX}


@dataclass(frozen=True)
class PlainRun:
    """A run as a test writes it down; metrics are the values of steps 0, 1, 2…"""

    name: str
    params: Mapping[str, str] = field(default_factory=dict)
    metrics: Mapping[str, Sequence[float]] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    datasets: Sequence[Mapping[str, str]] = ()
    attributes: Mapping[str, str | int] = field(default_factory=dict)

    def value(self, wanted: Field) -> Value:
        """What the run has, as it was logged."""
        match wanted.kind:
            case Kind.ATTRIBUTE:
                return self._attribute(wanted.key)
            case Kind.METRIC:
                values = self.metrics.get(wanted.key)
                return None if values is None else summary(values, wanted.function or Function.LAST)
            case Kind.PARAM:
                return self.params.get(wanted.key)
            case Kind.TAG:
                return self.tags.get(wanted.key)
            case Kind.DATASET:
                # Null without data sets, an empty list when none of them has the field.
                return [each[wanted.key] for each in self.datasets if wanted.key in each] if self.datasets else None

    def _attribute(self, key: str) -> Value:
        if key == "duration":
            start, end = self.attributes.get("start_time"), self.attributes.get("end_time")
            return end - start if isinstance(start, int) and isinstance(end, int) else None
        return {"run_id": self.name, "run_name": self.name, **self.attributes}.get(key)


def summary(values: Sequence[float], function: Function) -> float | None:
    """What a function makes of the values of steps 0, 1, 2…"""
    if function in OF_ALL:
        return OF_ALL[function](values)
    numbers = [(value, step) for step, value in enumerate(values) if not math.isnan(value)]
    if not numbers:
        return None if function in (Function.ARGMIN, Function.ARGMAX) else math.nan
    return OF_NUMBERS[function](numbers)


OF_ALL: dict[Function, Callable[[Sequence[float]], float]] = {
    Function.COUNT: len,
    Function.FIRST: lambda values: values[0],
    Function.LAST: lambda values: values[-1],
}
OF_NUMBERS: dict[Function, Callable[[Sequence[tuple[float, int]]], float]] = {
    Function.MIN: lambda numbers: min(numbers)[0],
    Function.MAX: lambda numbers: max(numbers)[0],
    Function.MEAN: lambda numbers: sum(value for value, _ in numbers) / len(numbers),
    Function.ARGMIN: lambda numbers: min(numbers)[1],
    Function.ARGMAX: lambda numbers: max(numbers, key=lambda number: number[0])[1],
}


def column(runs: Sequence[PlainRun], wanted: Field, form: Form) -> tuple[list[Value], pl.DataType]:
    """One field of every run, read in a form, and the type that it has in the frame."""
    values = [run.value(wanted) for run in runs]
    match wanted.kind:
        case Kind.ATTRIBUTE:
            numeric = wanted.key in ("start_time", "end_time", "duration")
            return values, pl.Int64() if numeric else pl.String()
        case Kind.METRIC:
            return values, pl.Int64() if wanted.function in _INTEGERS else pl.Float64()
        case Kind.DATASET:
            return values, pl.List(pl.String)
    if form is Form.TEXT:
        return values, pl.String()
    read = [(None, None) if text is None else read_typed(text) for text in values]
    if form is Form.FLAG:
        return [bool(value) if kind == 3 else None for kind, value in read], pl.Boolean()
    numbers = [(math.nan if value is None else value) if kind in (1, 2) else None for kind, value in read]
    if any(kind == 2 for kind, _ in read):
        return [None if number is None else float(number) for number in numbers], pl.Float64()
    return numbers, pl.Int64()


def selected(condition: Condition | None, runs: Sequence[PlainRun]) -> list[int]:
    """The runs that the compiled filter selects."""
    if condition is None:
        return list(range(len(runs)))
    frame = pl.DataFrame({"": range(len(runs))})
    columns = {column_name(*wanted): column(runs, *wanted) for wanted in forms(condition)}
    frame = frame.with_columns(pl.Series(name, *made) for name, made in columns.items())
    return frame.filter(compile_filter(condition))[""].to_list()


def evaluated(condition: Condition, runs: Sequence[PlainRun]) -> list[int]:
    """The runs that a plain evaluation selects."""
    columns = {wanted: column(runs, *wanted)[0] for wanted in forms(condition)}
    rows = [{wanted: values[row] for wanted, values in columns.items()} for row in range(len(runs))]
    return [number for number, row in enumerate(rows) if evaluate(condition, row) is True]


def evaluate(condition: Condition, row: Mapping[tuple[Field, Form], Value]) -> bool | None:
    """True, False or None, which is unknown."""
    match condition:
        case Not(part):
            inner = evaluate(part, row)
            return None if inner is None else not inner
        case AllOf(parts):
            answers = [evaluate(part, row) for part in parts]
            return False if False in answers else None if None in answers else True
        case AnyOf(parts):
            answers = [evaluate(part, row) for part in parts]
            return True if True in answers else None if None in answers else False
    value = row[condition.field, form_of(condition)]
    value = None if value == [] else value
    if isinstance(condition, Missing):
        return (value is None) != condition.negated
    if value is None:
        return None
    return any(holds(condition, each) for each in value) if isinstance(value, list) else holds(condition, value)


def holds(leaf: Leaf, value: Value) -> bool:
    """Whether a value that is there meets a condition."""
    match leaf:
        case Between(low=low, high=high):
            met = bool(beside(low.value, value) <= value <= beside(high.value, value))
        case Among(literals=literals):
            met = any(value == beside(literal.value, value) for literal in literals)
        case Comparison(operator=sign, literal=literal):
            met = COMPARE[sign](value, beside(literal.value, value))
        case Missing():
            raise AssertionError("a value that is there is not missing")
    return met != leaf.negated


def beside(literal: Value, value: Value) -> Value:
    """A literal as it is compared with a value: with a double it is the nearest double."""
    return float(literal) if isinstance(value, float) else literal


def like(text: str, pattern: str, flags: re.RegexFlag) -> bool:
    wild = {"%": ".*", "_": "."}
    return re.fullmatch("".join(wild.get(letter) or re.escape(letter) for letter in pattern), text, flags) is not None


COMPARE: dict[Operator, Callable[[Any, Any], bool]] = {
    Operator.EQ: operator.eq,
    Operator.NE: operator.ne,
    Operator.LT: operator.lt,
    Operator.LE: operator.le,
    Operator.GT: operator.gt,
    Operator.GE: operator.ge,
    Operator.LIKE: lambda text, pattern: like(text, pattern, re.DOTALL),
    Operator.ILIKE: lambda text, pattern: like(text, pattern, re.DOTALL | re.IGNORECASE),
    # In Python $ matches before a last line break as well.
    Operator.RLIKE: lambda text, pattern: re.search(pattern.replace("$", r"\Z"), text) is not None,
}


def written(condition: Condition) -> str:
    """A filter that is read as this condition."""
    match condition:
        case Not(part):
            return f"NOT ({written(part)})"
        case AllOf(parts):
            return " AND ".join(f"({written(part)})" for part in parts)
        case AnyOf(parts):
            return "(" + " OR ".join(written(part) for part in parts) + ")"
    name = f"{condition.field.kind.value}.`{condition.field.key}`"
    if condition.field.function is not None:
        name = f"{condition.field.function.value}({name})"
    no = "NOT " if condition.negated else ""
    match condition:
        case Missing():
            return f"{name} IS {no}NULL"
        case Between(low=low, high=high):
            return f"{name} {no}BETWEEN {spelled(low.value)} AND {spelled(high.value)}"
        case Among(literals=literals):
            return f"{name} {no}IN ({', '.join(spelled(literal.value) for literal in literals)})"
        case Comparison(operator=sign, literal=literal):
            return f"{name} {no}{sign.value} {spelled(literal.value)}"


def spelled(value: str | float | bool) -> str:
    if not isinstance(value, str):
        return repr(value).upper()
    return f'"{value}"' if "'" in value else f"'{value}'"
