"""Parser of the filter language, by recursive descent.

    condition  = and_chain { OR and_chain }
    and_chain  = negation { AND negation }
    negation   = { NOT } ( "(" condition ")" | predicate )
    predicate  = name ( operator value
                      | [NOT] (LIKE | ILIKE) text
                      | [NOT] IN "(" value { "," value } ")"
                      | [NOT] BETWEEN number AND number
                      | IS [NOT] NULL )

What MLflow accepts means here what it means there, but for a missing, leading or trailing AND: MLflow passes over it,
this parser takes it for the mistake that it is.
"""

from __future__ import annotations

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
)
from runlake.query.filter.tokens import Source, Token, TokenKind, tokenize
from runlake.query.filter.vocabulary import RUNS, Vocabulary

# Each level costs three Python frames; real filters have a handful.
MAX_DEPTH = 100

_SYMBOLS = {"=", "!=", "<", "<=", ">", ">="}
_ORDERED = {Operator.LT, Operator.LE, Operator.GT, Operator.GE}
_PATTERN = {Operator.LIKE, Operator.ILIKE}
_FORM_NAMES = {Form.TEXT: "quoted text", Form.NUMBER: "a number", Form.FLAG: "TRUE or FALSE"}


def parse_filter(text: str | None, vocabulary: Vocabulary = RUNS) -> Condition | None:
    """Read a filter; None when it asks for everything.

    Raises:
        InvalidInput: a mistake in the filter, shown with a caret under it.
    """
    if text is None or not text.strip():
        return None
    return _Parser(Source(text), vocabulary).filter()


class _Parser:
    def __init__(self, source: Source, vocabulary: Vocabulary) -> None:
        self._source = source
        self._vocabulary = vocabulary
        self._tokens = tokenize(source)
        self._next = 0
        self._depth = 0

    def filter(self) -> Condition:
        condition = self._condition()
        token = self._peek()
        if token.kind is TokenKind.CLOSE:
            raise self._source.mistake("filter has a ')' that nothing opened", token)
        if token.kind is not TokenKind.END:
            raise self._source.mistake("filter needs AND or OR between two conditions", token)
        return condition

    def _condition(self) -> Condition:
        parts = [self._and_chain()]
        while self._take_word("OR"):
            parts.append(self._and_chain())
        return parts[0] if len(parts) == 1 else AnyOf(tuple(parts))

    def _and_chain(self) -> Condition:
        parts = [self._negation()]
        while self._take_word("AND"):
            parts.append(self._negation())
        return parts[0] if len(parts) == 1 else AllOf(tuple(parts))

    def _negation(self) -> Condition:
        negated = False
        while self._take_word("NOT"):
            negated = not negated
        part = self._parenthesised() if self._peek().kind is TokenKind.OPEN else self._predicate()
        return Not(part) if negated else part

    def _parenthesised(self) -> Condition:
        opened = self._take()
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise self._source.mistake(f"filter is nested deeper than {MAX_DEPTH} parentheses", opened)
        condition = self._condition()
        self._expect(TokenKind.CLOSE, "')'")
        self._depth -= 1
        return condition

    def _predicate(self) -> Condition:
        token = self._peek()
        # A whole name may stand in double quotes, as in MLflow: "run name" = 'a'.
        is_name = token.kind is TokenKind.NAME or token.text.startswith('"')
        if not is_name or token.is_word("AND", "OR"):
            raise self._not_a_name(token)
        field = self._vocabulary.resolve(self._take(), self._source)
        if self._take_word("IS"):
            negated = self._take_word("NOT")
            if not self._take_word("NULL"):
                raise self._source.mistake("IS must be followed by NULL or NOT NULL", self._peek())
            return Missing(field, negated)
        negated = self._take_word("NOT")
        if self._take_word("IN"):
            return Among(field, self._list(field), negated)
        if self._take_word("BETWEEN"):
            return self._between(field, negated)
        return self._comparison(field, negated)

    def _between(self, field: Field, negated: bool) -> Between:
        low = self._literal(field)
        if low.form is not Form.NUMBER:
            raise self._wrong_form(low, "BETWEEN needs numbers")
        if not self._take_word("AND"):
            raise self._source.mistake("BETWEEN needs two numbers with AND between them", self._peek())
        high = self._literal(field)
        if high.form is not Form.NUMBER:
            raise self._wrong_form(high, "BETWEEN needs numbers")
        return Between(field, low, high, negated)

    def _comparison(self, field: Field, negated: bool) -> Comparison:
        token = self._peek()
        operator = self._operator(negated)
        literal = self._literal(field)
        if operator in _PATTERN and literal.form is not Form.TEXT:
            raise self._wrong_form(literal, f"{operator.value} needs quoted text")
        if operator in _ORDERED and literal.form is not Form.NUMBER:
            hint = "text has no order here; write the number without quotes" if field.kind is Kind.PARAM else None
            raise self._source.mistake(
                f"{operator.value} compares numbers, not {_FORM_NAMES[literal.form]}", token, hint=hint
            )
        return Comparison(field, operator, literal, negated)

    def _operator(self, negated: bool) -> Operator:
        token = self._peek()
        if token.is_word("LIKE", "ILIKE"):
            return Operator(self._take().text.upper())
        if negated:
            raise self._source.mistake("NOT after a name must be followed by IN, BETWEEN, LIKE or ILIKE", token)
        if token.kind is TokenKind.OPERATOR and token.text in _SYMBOLS:
            return Operator(self._take().text)
        hint = {"==": "equality is written =", "<>": "inequality is written !="}.get(token.text)
        raise self._source.mistake(
            f"filter needs an operator after {self._tokens[self._next - 1].text}",
            token,
            hint=hint or "=, !=, <, <=, >, >=, LIKE, ILIKE, IN, BETWEEN, IS NULL",
        )

    def _list(self, field: Field) -> tuple[Literal, ...]:
        self._expect(TokenKind.OPEN, "'(' and a list of values after IN")
        literals = [self._literal(field)]
        while self._peek().kind is TokenKind.COMMA:
            self._take()
            if self._peek().kind is TokenKind.CLOSE:  # ('a',) is how Python writes a tuple of one
                break
            literals.append(self._literal(field))
            if literals[-1].form is not literals[0].form:
                raise self._wrong_form(literals[-1], "values of one list are all text or all numbers")
        self._expect(TokenKind.CLOSE, "',' or ')'")
        return tuple(literals)

    def _literal(self, field: Field) -> Literal:
        token = self._peek()
        literal = _read_literal(token)
        if literal is None:
            hint = "text is written in quotes" if token.kind is TokenKind.NAME else None
            raise self._source.mistake(f"filter needs a value here, not {token.text or 'the end'}", token, hint=hint)
        allowed = self._vocabulary.compared_as(field)
        if literal.form not in allowed:
            wanted = " or ".join(_FORM_NAMES[form] for form in Form if form in allowed)
            raise self._source.mistake(
                f"{field.kind.value}.{field.key} is compared with {wanted}, not {token.text}", token
            )
        self._take()
        return literal

    def _peek(self) -> Token:
        return self._tokens[self._next]

    def _take(self) -> Token:
        token = self._tokens[self._next]
        self._next += 1
        return token

    def _take_word(self, word: str) -> bool:
        if self._peek().is_word(word):
            self._next += 1
            return True
        return False

    def _expect(self, kind: TokenKind, what: str) -> None:
        token = self._peek()
        if token.kind is not kind:
            raise self._source.mistake(f"filter needs {what} here", token)
        self._next += 1

    def _not_a_name(self, token: Token) -> InvalidInput:
        got = token.text if token.kind is not TokenKind.END else "the end"
        return self._source.mistake(
            f"filter needs a name here, not {got}",
            token,
            hint="a condition reads: metrics.loss < 0.1, params.lr = 0.01, tags.team = 'a'",
        )

    def _wrong_form(self, literal: Literal, message: str) -> InvalidInput:
        token = next(token for token in self._tokens if token.column == literal.column)
        return self._source.mistake(message, token)


def _read_literal(token: Token) -> Literal | None:
    if token.kind is TokenKind.TEXT:
        return Literal(token.text[1:-1], token.column)
    if token.kind is TokenKind.NUMBER:
        whole = token.text.lstrip("+-").isdigit()
        # NOTE: int() of thousands of digits is slow, and no column holds such a number: a float says as much.
        value = int(token.text) if whole and len(token.text) <= 20 else float(token.text)
        return Literal(value, token.column)
    if token.is_word("TRUE", "FALSE"):
        return Literal(token.text.upper() == "TRUE", token.column)
    return None
