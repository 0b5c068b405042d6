"""Syntax tree of a filter: what was asked, with the columns where it was written, and nothing about how it is answered.

    Condition = Comparison | Between | Among | Missing | Not | AllOf | AnyOf

The first four are leaves: conditions on one field.

`AllOf` and `AnyOf` hold any number of parts, so that a chain of a thousand ANDs is one level deep.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias


class Kind(Enum):
    """Where a field's value is found."""

    ATTRIBUTE = "attributes"
    METRIC = "metrics"
    PARAM = "params"
    TAG = "tags"
    DATASET = "datasets"


class Function(Enum):
    """What a filter can ask of all points that a run has logged of a metric.

    MIN, MAX, MEAN, ARGMIN and ARGMAX pass over NaN; ARGMIN and ARGMAX are steps. LAST is the metric itself, so the
    parser gives a field without a function for it.
    """

    MIN = "min"
    MAX = "max"
    FIRST = "first"
    LAST = "last"
    MEAN = "mean"
    COUNT = "count"
    ARGMIN = "argmin"
    ARGMAX = "argmax"


class Form(Enum):
    """How a field's value is read."""

    TEXT = "text"
    NUMBER = "number"
    FLAG = "flag"


@dataclass(frozen=True, slots=True)
class Field:
    """One thing that a run has, such as `params.lr` or `min(metrics.loss)`; only metrics have a function.

    Fields with the same name are equal wherever they are written.
    """

    kind: Kind
    key: str
    function: Function | None = None

    @property
    def name(self) -> str:
        """The field as a filter says it, without the quotes that its key may need."""
        plain = f"{self.kind.value}.{self.key}"
        return plain if self.function is None else f"{self.function.value}({plain})"


class Operator(Enum):
    """Comparisons with one value."""

    EQ = "="
    NE = "!="
    LT = "<"
    LE = "<="
    GT = ">"
    GE = ">="
    LIKE = "LIKE"
    ILIKE = "ILIKE"
    RLIKE = "RLIKE"


@dataclass(frozen=True, slots=True)
class Literal:
    """A value: quoted text, a number (an integer stays one), or TRUE and FALSE; times are milliseconds since 1970."""

    value: str | int | float | bool
    column: int

    @property
    def form(self) -> Form:
        """How a field must be read to be compared with this."""
        if isinstance(self.value, str):
            return Form.TEXT
        return Form.FLAG if isinstance(self.value, bool) else Form.NUMBER


@dataclass(frozen=True, slots=True)
class Comparison:
    """`field operator literal`. `negated` is NOT LIKE, NOT ILIKE and NOT RLIKE."""

    field: Field
    operator: Operator
    literal: Literal
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Between:
    """`field BETWEEN low AND high`, both ends included."""

    field: Field
    low: Literal
    high: Literal
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Among:
    """`field IN (literals)`; all literals have one form."""

    field: Field
    literals: tuple[Literal, ...]
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Missing:
    """`field IS NULL`: the run has no such thing."""

    field: Field
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Not:
    """`NOT part`. Unknown stays unknown: a run without the key matches neither `params.a = 1` nor its negation."""

    part: Condition


@dataclass(frozen=True, slots=True)
class AllOf:
    """Parts joined by AND."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """Parts joined by OR."""

    parts: tuple[Condition, ...]


Leaf: TypeAlias = Comparison | Between | Among | Missing
Condition: TypeAlias = Leaf | Not | AllOf | AnyOf


def leaves(condition: Condition) -> Iterator[Leaf]:
    """The conditions on one field that a filter consists of, from left to right."""
    match condition:
        case Not(part):
            yield from leaves(part)
        case AllOf(parts) | AnyOf(parts):
            for part in parts:
                yield from leaves(part)
        case _:
            yield condition


def forms(condition: Condition) -> set[tuple[Field, Form]]:
    """The columns that a filter needs: nothing else has to be read to answer it."""
    return {(leaf.field, form_of(leaf)) for leaf in leaves(condition)}


def form_of(leaf: Leaf) -> Form:
    """How the field of a condition has to be read."""
    match leaf:
        case Comparison():
            return leaf.literal.form
        case Between():
            return leaf.low.form
        case Among():
            return leaf.literals[0].form
        case Missing():
            return Form.NUMBER if leaf.field.kind is Kind.METRIC else Form.TEXT
