"""Predicate: what a filter around a lazy frame says of runs, keys, steps and times before any row is read.

Polars hands a source the filter as an expression. Its parts that are joined by AND are recognised by rebuilding them:
an expression that equals `pl.col("step") >= x`, made from its own operands, is that comparison. Nothing here depends on
how Polars writes expressions down, and what is not recognised is not used.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace
from itertools import permutations
from typing import Any, Final, Literal, NamedTuple

import polars as pl


class Interval(NamedTuple):
    """The integers from `low` to `high`, both included; None is no bound."""

    low: int | None = None
    high: int | None = None

    def within(self, other: Interval) -> Interval:
        """The integers that both hold."""
        lows = [low for low in (self.low, other.low) if low is not None]
        highs = [high for high in (self.high, other.high) if high is not None]
        return Interval(max(lows, default=None), min(highs, default=None))

    def meets(self, low: int, high: int) -> bool:
        """Whether some integer from `low` to `high` is in it."""
        return (self.low is None or self.low <= high) and (self.high is None or self.high >= low)

    def conditions(self, column: str) -> list[pl.Expr]:
        """What a column of integers in it has to meet."""
        low = [] if self.low is None else [pl.col(column) >= self.low]
        return low if self.high is None else [*low, pl.col(column) <= self.high]


_ANYWHERE: Final = Interval()


@dataclass(frozen=True)
class Narrowed:
    """What every row that passes a filter has; None is anything.

    Args:
        run_conditions: Further conditions on `run_id` alone, to be asked of ids.
    """

    runs: frozenset[str] | None = None
    keys: frozenset[str] | None = None
    step: Interval = _ANYWHERE
    timestamp: Interval = _ANYWHERE
    run_conditions: tuple[pl.Expr, ...] = ()

    def passing(self, run_ids: Collection[str]) -> list[str]:
        """The ids that may pass, in their order; all of them when a condition cannot be asked of ids alone."""
        found = [run_id for run_id in run_ids if self.runs is None or run_id in self.runs]
        try:
            return (
                pl.DataFrame({"run_id": found}, schema={"run_id": pl.String})
                .filter(*self.run_conditions)["run_id"]
                .to_list()
            )
        except pl.exceptions.PolarsError:  # such as a number read from an id that is none: an error of rows, if of any
            return found


def narrowed(conditions: Collection[pl.Expr]) -> Narrowed:
    """Return what conditions, all of which a row has to meet, say of it."""
    known = Narrowed()
    for part in conditions:
        known = _with(known, part)
    return known


def conjuncts(predicate: pl.Expr | None) -> list[pl.Expr]:
    """Return conditions all of which a row has to meet, as small as they can be told apart."""
    waiting, found = [] if predicate is None else [predicate], []
    while waiting:
        part = waiting.pop()
        operands = part.meta.pop()
        orders = permutations(operands) if len(operands) == 2 else ()
        if any(part.meta == (first & second) for first, second in orders):
            waiting += operands
        else:
            found.append(part)
    return found


def _with(known: Narrowed, part: pl.Expr) -> Narrowed:
    match sorted(set(part.meta.root_names())):
        case ["run_id"]:
            values = _members(part, "run_id")
            if values is None:
                return replace(known, run_conditions=(*known.run_conditions, part))
            return replace(known, runs=values if known.runs is None else known.runs & values)
        case ["key"]:
            values = _members(part, "key")
            both = values if known.keys is None or values is None else known.keys & values
            return known if values is None else replace(known, keys=both)
        case ["step"]:
            return replace(known, step=known.step.within(_interval(part, "step")))
        case ["timestamp"]:
            return replace(known, timestamp=known.timestamp.within(_interval(part, "timestamp")))
    return known


def _members(part: pl.Expr, column: str) -> frozenset[str] | None:
    """The values of which the column must have one, when `part` is `==` or `is_in`."""
    for subject, (value,) in _operands(part, column, 1):
        if part.meta == (subject == value) or part.meta == (value == subject):
            return frozenset(_values(value)) - {None}
        if part.meta == subject.is_in(value):
            return frozenset(member for members in _values(value) for member in members or ()) - {None}
    return None


_Bounds = Callable[[int], Interval]
_Compare = Callable[[Any, Any], Any]
# as it is written with the column first, and with the number first
_COMPARISONS: Final[tuple[tuple[_Compare, _Compare, _Bounds], ...]] = (
    (operator.eq, operator.eq, lambda value: Interval(value, value)),
    (operator.ge, operator.le, lambda value: Interval(low=value)),
    (operator.gt, operator.lt, lambda value: Interval(low=value + 1)),
    (operator.le, operator.ge, lambda value: Interval(high=value)),
    (operator.lt, operator.gt, lambda value: Interval(high=value - 1)),
)
_CLOSED: Final[tuple[tuple[Literal["both", "left", "right", "none"], int, int], ...]] = (
    ("both", 0, 0),
    ("left", 0, -1),
    ("right", 1, 0),
    ("none", 1, -1),
)


def _interval(part: pl.Expr, column: str) -> Interval:
    """Where the column's integers must be, when `part` is a comparison with one, or `is_between`."""
    for subject, (value,) in _operands(part, column, 1):
        for compare, mirrored, bounds in _COMPARISONS:
            if part.meta == compare(subject, value) or part.meta == mirrored(value, subject):
                number = _integer(value)
                return _ANYWHERE if number is None else bounds(number)
    for subject, (low, high) in _operands(part, column, 2):
        for closed, more, less in _CLOSED:
            if part.meta == subject.is_between(low, high, closed=closed):
                first, last = _integer(low), _integer(high)
                return Interval(None if first is None else first + more, None if last is None else last + less)
    return _ANYWHERE


def _operands(part: pl.Expr, column: str, literals: int) -> Iterator[tuple[pl.Expr, tuple[pl.Expr, ...]]]:
    """The operands of `part` as the column itself and literals, in each order that they may have."""
    for subject, *others in permutations(part.meta.pop(), literals + 1):
        if subject.meta == pl.col(column) and all(other.meta.is_literal(allow_aliasing=True) for other in others):
            yield subject, tuple(others)


def _values(literal: pl.Expr) -> list[Any]:
    return pl.select(literal).to_series().to_list()


def _integer(literal: pl.Expr) -> int | None:
    values = _values(literal)
    return values[0] if len(values) == 1 and type(values[0]) is int else None
