"""Parser of the filter language, by recursive descent.

    condition  = and_chain { OR and_chain }
    and_chain  = negation { AND negation }
    negation   = { NOT } ( "(" condition ")" | predicate )
    predicate  = field ( operator value
                       | [NOT] (LIKE | ILIKE | RLIKE) text
                       | [NOT] IN "(" value { "," value } ")"
                       | [NOT] BETWEEN number AND number
                       | IS [NOT] NULL )
    field      = name | function "(" name ")"

What MLflow accepts means here what it means there, but for a missing, leading or trailing AND: MLflow passes over it,
this parser takes it for the mistake that it is.
"""

from __future__ import annotations

import time

from runlake.errors import InvalidInput, InvalidType
from runlake.query.filter.cursor import Cursor
from runlake.query.filter.fields import read_field
from runlake.query.filter.literals import FORM_NAMES, LiteralReader
from runlake.query.filter.nearest import did_you_mean
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
)
from runlake.query.filter.patterns import PatternBudget
from runlake.query.filter.tokens import Source, Token, TokenKind, shown
from runlake.query.filter.vocabulary import RUNS, Vocabulary

# Each level costs four Python frames; real filters have a handful.
MAX_DEPTH = 100
# A condition costs a Boolean column and about 20 µs over 100,000 runs, a field a column of values.
MAX_CONDITIONS = 10_000
MAX_FIELDS = 1_000

_SYMBOLS = {"=", "!=", "<", "<=", ">", ">="}
_ORDERED = {Operator.LT, Operator.LE, Operator.GT, Operator.GE}
_PATTERN = {Operator.LIKE, Operator.ILIKE, Operator.RLIKE}
_PATTERN_WORDS = tuple(operator.value for operator in _PATTERN)
_OPERATOR_WORDS = ("LIKE", "ILIKE", "RLIKE", "IN", "BETWEEN", "IS", "NOT")
_FOREIGN_SYMBOLS = {
    "==": "equality is written =",
    "<>": "inequality is written !=",
    "=<": "less or equal is written <=",
    "=>": "greater or equal is written >=",
}


def parse_filter(text: str | None, vocabulary: Vocabulary = RUNS, *, now_ms: int | None = None) -> Condition | None:
    """Read a filter; None when it asks for everything.

    Args:
        now_ms: What relative times such as `start_time > -7d` count from, milliseconds since 1970; None is now.

    Raises:
        InvalidInput: a mistake in the filter, shown with a caret under it.
        InvalidType: it is no string.
    """
    if text is None:
        return None
    if not isinstance(text, str):
        raise InvalidType(f"a filter has type {type(text).__name__}: {text!r}; it must be a string")
    if not text.strip():
        return None
    now_ms = time.time_ns() // 1_000_000 if now_ms is None else now_ms
    return _Parser(Source(text), vocabulary, now_ms).filter()


class _Parser:
    def __init__(self, source: Source, vocabulary: Vocabulary, now_ms: int) -> None:
        self._cursor = Cursor(source)
        self._vocabulary = vocabulary
        self._literals = LiteralReader(source, vocabulary, now_ms)
        self._patterns = PatternBudget()
        self._fields: set[Field] = set()
        self._conditions = 0
        self._depth = 0

    def filter(self) -> Condition:
        condition = self._condition()
        token = self._cursor.peek()
        if token.kind is TokenKind.CLOSE:
            raise self._cursor.mistake("filter has a ')' that nothing opened")
        if token.kind is not TokenKind.END:
            hint = did_you_mean(token.text, ("AND", "OR")) if token.kind is TokenKind.NAME else None
            if token.kind is TokenKind.COMMA:
                hint = "a number is written with a point, 0.1, and a list IN (1, 2)"
            raise self._cursor.mistake("filter needs AND or OR between two conditions", hint=hint)
        return condition

    def _condition(self) -> Condition:
        parts = [self._and_chain()]
        while self._cursor.take_word("OR"):
            parts.append(self._and_chain())
        return parts[0] if len(parts) == 1 else AnyOf(tuple(parts))

    def _and_chain(self) -> Condition:
        parts = [self._negation()]
        while self._cursor.take_word("AND"):
            parts.append(self._negation())
        return parts[0] if len(parts) == 1 else AllOf(tuple(parts))

    def _negation(self) -> Condition:
        negated = False
        while self._cursor.take_word("NOT"):
            negated = not negated
        part = self._parenthesised() if self._cursor.peek().kind is TokenKind.OPEN else self._predicate()
        return Not(part) if negated else part

    def _parenthesised(self) -> Condition:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise self._cursor.mistake(f"filter is nested deeper than {MAX_DEPTH} parentheses")
        self._cursor.take()
        condition = self._condition()
        self._cursor.expect(TokenKind.CLOSE, "')'")
        self._depth -= 1
        return condition

    def _predicate(self) -> Condition:
        field = self._field()
        if self._cursor.take_word("IS"):
            negated = self._cursor.take_word("NOT")
            if not self._cursor.take_word("NULL"):
                raise self._cursor.mistake("IS must be followed by NULL or NOT NULL")
            return Missing(field, negated)
        negated = self._cursor.take_word("NOT")
        if self._cursor.take_word("IN"):
            return Among(field, self._list(field), negated)
        if self._cursor.take_word("BETWEEN"):
            return self._between(field, negated)
        return self._comparison(field, negated)

    def _field(self) -> Field:
        token = self._cursor.peek()
        field = read_field(self._cursor, self._vocabulary)
        self._conditions += 1
        if self._conditions > MAX_CONDITIONS:
            hint = "a list counts as one: params.seed IN (1, 2, 3)"
            raise self._cursor.mistake(f"filter has more than {MAX_CONDITIONS:,} conditions", token, hint=hint)
        self._fields.add(field)
        if len(self._fields) > MAX_FIELDS:
            raise self._cursor.mistake(f"filter names more than {MAX_FIELDS:,} fields", token)
        return field

    def _between(self, field: Field, negated: bool) -> Between:
        low = self._bound(field)
        if not self._cursor.take_word("AND"):
            raise self._cursor.mistake("BETWEEN needs two numbers with AND between them")
        return Between(field, low, self._bound(field), negated)

    def _bound(self, field: Field) -> Literal:
        token = self._cursor.peek()
        literal = self._literal(field)
        if literal.form is not Form.NUMBER:
            raise self._cursor.mistake("BETWEEN needs numbers", token)
        return literal

    def _comparison(self, field: Field, negated: bool) -> Comparison:
        sign = self._cursor.peek()
        operator = self._operator(negated)
        if operator in _PATTERN:
            return Comparison(field, operator, self._pattern(field, operator, sign), negated)
        literal = self._literal(field)
        if operator in _ORDERED and literal.form is not Form.NUMBER:
            typed = field.kind in (Kind.PARAM, Kind.TAG)
            hint = "text has no order here; write the number without quotes" if typed else None
            message = f"{operator.value} compares numbers, not {FORM_NAMES[literal.form]}"
            raise self._cursor.mistake(message, sign, hint=hint)
        return Comparison(field, operator, literal)

    def _pattern(self, field: Field, operator: Operator, sign: Token) -> Literal:
        if Form.TEXT not in self._vocabulary.compared_as(field):
            raise self._cursor.mistake(f"{operator.value} compares text, and {shown(field.name)} is a number", sign)
        token = self._cursor.peek()
        literal = self._literal(field)
        if not isinstance(literal.value, str):
            raise self._cursor.mistake(f"{operator.value} needs quoted text", token)
        fault = self._patterns.fault(operator, literal.value)
        if fault is not None:
            raise self._cursor.mistake(fault, token)
        return literal

    def _operator(self, negated: bool) -> Operator:
        token = self._cursor.peek()
        if token.is_word(*_PATTERN_WORDS):
            return Operator(self._cursor.take().text.upper())
        if negated:
            raise self._cursor.mistake("NOT after a name must be followed by IN, BETWEEN, LIKE, ILIKE or RLIKE")
        if token.kind is TokenKind.OPERATOR and token.text in _SYMBOLS:
            return Operator(self._cursor.take().text)
        raise self._no_operator(token)

    def _no_operator(self, token: Token) -> InvalidInput:
        hint = _FOREIGN_SYMBOLS.get(token.text)
        if token.kind is TokenKind.NAME:
            hint = did_you_mean(token.text, _OPERATOR_WORDS)
        return self._cursor.mistake(
            f"filter needs an operator after {shown(self._cursor.before().text)}",
            hint=hint or "=, !=, <, <=, >, >=, LIKE, ILIKE, RLIKE, IN, BETWEEN, IS NULL",
        )

    def _list(self, field: Field) -> tuple[Literal, ...]:
        self._cursor.expect(TokenKind.OPEN, "'(' and a list of values after IN")
        literals = [self._literal(field)]
        while self._cursor.peek().kind is TokenKind.COMMA:
            self._cursor.take()
            token = self._cursor.peek()
            if token.kind is TokenKind.CLOSE:  # ('a',) is how Python writes a tuple of one
                break
            literals.append(self._literal(field))
            if literals[-1].form is not literals[0].form:
                raise self._cursor.mistake("values of one list are all text or all numbers", token)
        self._cursor.expect(TokenKind.CLOSE, "',' or ')'")
        return tuple(literals)

    def _literal(self, field: Field) -> Literal:
        literal = self._literals.read(self._cursor.peek(), field)
        self._cursor.take()
        return literal
