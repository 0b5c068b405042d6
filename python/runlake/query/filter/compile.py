"""Compiler: syntax tree -> Polars expression over the columns that `column_name` names.

A condition is true, false or unknown; unknown is null, comes from things that a run does not have, and is not a match.
NaN is a number that differs from every number: it matches `!=` and nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from runlake.query.filter.nodes import (
    AllOf,
    Among,
    AnyOf,
    Between,
    Comparison,
    Condition,
    Field,
    Form,
    Kind,
    Literal,
    Missing,
    Not,
    Operator,
    form_of,
)
from runlake.query.filter.patterns import like_regex

# Whole numbers below this are exact as Float64.
_EXACT = 2**53
_OF_RUNS = frozenset({Kind.DATASET})


def column_name(field: Field, form: Form) -> str:
    """The column that a filter reads, such as `params.lr (text)`, `params.lr (number)` or `min(metrics.loss) (number)`.

    Every form is in the name, so that no key, whatever its text is, has the column of another.
    """
    return f"{field.name} ({form.value})"


def compile_filter(condition: Condition, many: frozenset[Kind] = _OF_RUNS) -> pl.Expr:
    """Turn a filter into a Boolean expression, null where the answer is unknown.

    Every column of `nodes.forms(condition)` must be in the frame, under `column_name`: text as String, numbers as
    Int64 or Float64, flags as Boolean; attributes as they are in either form. Whole numbers are compared exactly with
    Int64; any number is compared with Float64 as the double nearest to it.

    Args:
        many: Kinds of fields that have any number of values in a row, one of which is enough: their columns are lists,
            null or empty where there are none.
    """
    match condition:
        case AllOf(parts):
            return pl.all_horizontal(compile_filter(part, many) for part in parts)
        case AnyOf(parts):
            return pl.any_horizontal(compile_filter(part, many) for part in parts)
        case Not(part):
            return ~compile_filter(part, many)
        case Missing(field, negated):
            column = _column(field, form_of(condition), many)
            return column.is_not_null() if negated else column.is_null()
        case _:
            return _on_field(condition, many)


def _column(field: Field, form: Form, many: frozenset[Kind]) -> pl.Expr:
    column = pl.col(column_name(field, form))
    return pl.when(column.list.len() > 0).then(column) if field.kind in many else column


def _on_field(leaf: Comparison | Between | Among, many: frozenset[Kind]) -> pl.Expr:
    column = _column(leaf.field, form_of(leaf), many)
    if leaf.field.kind in many:
        return column.list.eval(_test(pl.element(), leaf)).list.any()
    return _test(column, leaf)


def _test(value: pl.Expr, leaf: Comparison | Between | Among) -> pl.Expr:
    match leaf:
        case Between(low=low, high=high):
            tested = _compare(value, Operator.LE, high) & _compare(value, Operator.GE, low)
        case Among(literals=literals):
            tested = _among(value, literals)
        case Comparison(operator=operator, literal=literal):
            tested = _compare(value, operator, literal)
    return ~tested if leaf.negated else tested


def _compare(value: pl.Expr, operator: Operator, literal: Literal) -> pl.Expr:
    match operator:
        case Operator.EQ:
            return value == _constant(literal.value)
        case Operator.NE:
            return value != _constant(literal.value)
        case Operator.LT:
            return value < _constant(literal.value)
        case Operator.LE:
            return value <= _constant(literal.value)
        # NOTE: Polars puts NaN above every number, in order that it can sort.
        case Operator.GT:
            return (value > _constant(literal.value)) & value.is_not_nan()
        case Operator.GE:
            return (value >= _constant(literal.value)) & value.is_not_nan()
        case Operator.LIKE | Operator.ILIKE:
            return value.str.contains(like_regex(str(literal.value), ignore_case=operator is Operator.ILIKE))
        case Operator.RLIKE:
            return value.str.contains(str(literal.value))


def _among(value: pl.Expr, literals: Sequence[Literal]) -> pl.Expr:
    values = dict.fromkeys(literal.value for literal in literals)
    if literals[0].form is not Form.NUMBER:
        return value.is_in(list(values))
    # NOTE: is_in refuses Int64 in a list of Float64 and the reverse. As Float64, no Int64 falls on a whole number below
    # 2**53 that it is not, nor on a fraction; larger whole numbers are compared one by one.
    large = {number for number in values if _is_whole(number) and abs(float(number)) >= _EXACT}
    small = [float(number) for number in values if number not in large]
    return pl.any_horizontal(value.cast(pl.Float64).is_in(small), *(value == _constant(number) for number in large))


def _is_whole(value: str | float) -> bool:
    return isinstance(value, int) or (isinstance(value, float) and value.is_integer())


def _constant(value: str | float | bool) -> pl.Expr:
    """A literal of the widest integer type that it needs, so that an Int64 column is compared exactly."""
    if isinstance(value, bool) or not _is_whole(value):
        return pl.lit(value)
    whole = int(value)
    if -(2**63) <= whole < 2**63:
        return pl.lit(whole, dtype=pl.Int64)
    return pl.lit(whole, dtype=pl.Int128) if abs(whole) < 2**127 else pl.lit(float(value))
