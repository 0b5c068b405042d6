"""Compiler: syntax tree -> Polars expression over the columns that `column_name` names.

A condition is true, false or unknown; unknown is null, comes from things that a run does not have, and is not a match.
NaN is a number that differs from every number: it matches `!=` and nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import polars as pl

from runlake.errors import InvalidInput
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

# A pattern becomes a regular expression; one of this length compiles in well under a millisecond.
MAX_PATTERN_CHARACTERS = 2000
_MIN_I64, _MAX_I64 = -(2**63), 2**63 - 1


def column_name(field: Field, form: Form) -> str:
    """The column that a filter reads: `params.lr` as text, `params.lr (number)` or `params.lr (flag)`."""
    name = f"{field.kind.value}.{field.key}"
    return name if form is Form.TEXT else f"{name} ({form.value})"


def compile_filter(condition: Condition) -> pl.Expr:
    """Turn a filter into a Boolean expression, null where the answer is unknown.

    Every column of `nodes.forms(condition)` must be in the frame, under `column_name`: text as String, numbers as
    Int64 or Float64, flags as Boolean; fields of data sets as List(String), null for a run without data sets.

    Raises:
        InvalidInput: a LIKE pattern of more than 2,000 characters.
    """
    match condition:
        case AllOf(parts):
            return pl.all_horizontal(compile_filter(part) for part in parts)
        case AnyOf(parts):
            return pl.any_horizontal(compile_filter(part) for part in parts)
        case Not(part):
            return ~compile_filter(part)
        case Missing(field, negated):
            column = pl.col(column_name(field, form_of(condition)))
            return column.is_not_null() if negated else column.is_null()
        case _:
            return _on_field(condition)


def _on_field(leaf: Comparison | Between | Among) -> pl.Expr:
    column = pl.col(column_name(leaf.field, form_of(leaf)))
    if leaf.field.kind is Kind.DATASET:
        return column.list.eval(_test(pl.element(), leaf)).list.any()
    return _test(column, leaf)


def _test(value: pl.Expr, leaf: Comparison | Between | Among) -> pl.Expr:
    match leaf:
        case Between(low=low, high=high):
            tested = _compare(value, Operator.GE, low) & _compare(value, Operator.LE, high)
        case Among(literals=literals):
            tested = _among(value, literals)
        case Comparison(operator=operator, literal=literal):
            tested = _compare(value, operator, literal)
    return ~tested if leaf.negated else tested


def _compare(value: pl.Expr, operator: Operator, literal: Literal) -> pl.Expr:
    constant = _constant(literal)
    match operator:
        case Operator.EQ:
            return value == constant
        case Operator.NE:
            return value != constant
        case Operator.LT:
            return value < constant
        case Operator.LE:
            return value <= constant
        # NOTE: Polars puts NaN above every number, in order that it can sort.
        case Operator.GT:
            return (value > constant) & value.is_not_nan()
        case Operator.GE:
            return (value >= constant) & value.is_not_nan()
        case Operator.LIKE | Operator.ILIKE:
            return value.str.contains(_like_regex(literal, ignore_case=operator is Operator.ILIKE))


def _among(value: pl.Expr, literals: Sequence[Literal]) -> pl.Expr:
    if literals[0].form is Form.NUMBER:
        # NOTE: is_in would bring integers and floats to one type; comparing one by one keeps large integers exact.
        return pl.any_horizontal(_compare(value, Operator.EQ, literal) for literal in literals)
    return value.is_in([literal.value for literal in literals])


def _constant(literal: Literal) -> pl.Expr:
    value = literal.value
    if isinstance(value, int) and not isinstance(value, bool) and not _MIN_I64 <= value <= _MAX_I64:
        return pl.lit(float(value))
    return pl.lit(value)


def _like_regex(literal: Literal, *, ignore_case: bool) -> str:
    pattern = str(literal.value)
    if len(pattern) > MAX_PATTERN_CHARACTERS:
        raise InvalidInput(f"a LIKE pattern has {len(pattern):,} characters; the limit is {MAX_PATTERN_CHARACTERS:,}")
    wild = {"%": ".*", "_": "."}
    body = "".join(wild.get(part) or re.escape(part) for part in re.split("([%_])", pattern) if part)
    return f"(?s{'i' if ignore_case else ''})^{body}$"
