"""Conditions as text: a filter, or a part of one, as it could have been written."""

from __future__ import annotations

import re
from types import UnionType
from typing import Final

from runlake.query.filter.nodes import (
    AllOf,
    Among,
    AnyOf,
    Between,
    Comparison,
    Condition,
    Field,
    Kind,
    Literal,
    Missing,
    Not,
)

_PLAIN: Final = re.compile(r"[\w/:\-]+(?:\.[\w/:\-]+)*")
_IN_SINGLE_QUOTES: Final = re.compile(r"(?:''|\\'|[^'])*")  # quoted text has no escapes, but may have these in it


def written(condition: Condition) -> str:
    """Return a condition as text; what the parser reads of it is the same condition."""
    match condition:
        case Comparison(field, operator, literal, negated):
            return f"{field_text(field)} {'NOT ' if negated else ''}{operator.value} {literal_text(literal)}"
        case Between(field, low, high, negated):
            return (
                f"{field_text(field)} {'NOT ' if negated else ''}BETWEEN {literal_text(low)} AND {literal_text(high)}"
            )
        case Among(field, literals, negated):
            return f"{field_text(field)} {'NOT ' if negated else ''}IN ({', '.join(map(literal_text, literals))})"
        case Missing(field, negated):
            return f"{field_text(field)} IS {'NOT ' if negated else ''}NULL"
        case Not(part):
            return f"NOT ({written(part)})"
        case AllOf(parts):
            return " AND ".join(_within(part, AllOf | AnyOf) for part in parts)
        case AnyOf(parts):
            return " OR ".join(_within(part, AnyOf) for part in parts)


def _within(part: Condition, in_parentheses: UnionType | type) -> str:
    return f"({written(part)})" if isinstance(part, in_parentheses) else written(part)


def field_text(field: Field) -> str:
    """Return a field as a filter says it; attributes without a prefix."""
    quote = '"' if "`" in field.key else "`"
    key = field.key if _PLAIN.fullmatch(field.key) else f"{quote}{field.key}{quote}"
    plain = key if field.kind is Kind.ATTRIBUTE else f"{field.kind.value}.{key}"
    return plain if field.function is None else f"{field.function.value}({plain})"


def literal_text(literal: Literal) -> str:
    """Return a value as a filter says it."""
    if isinstance(literal.value, bool):
        return str(literal.value).upper()
    if isinstance(literal.value, str):
        quote = "'" if _IN_SINGLE_QUOTES.fullmatch(literal.value) else '"'
        return f"{quote}{literal.value}{quote}"
    return repr(literal.value)
