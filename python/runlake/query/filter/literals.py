"""Literals as written, read in the light of the field that they are compared with.

A quoted literal is text, but for a time it is a date; an unquoted one is a number, a flag or, with a unit, a length of
time, which for a time means that long before now.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from runlake.errors import InvalidInput
from runlake.query.filter.nodes import Field, Form, Literal
from runlake.query.filter.tokens import Source, Token, TokenKind, shown
from runlake.query.filter.vocabulary import Vocabulary

UNITS_MS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}
"""Units of time and their milliseconds."""
FORM_NAMES = {Form.TEXT: "quoted text", Form.NUMBER: "a number", Form.FLAG: "TRUE or FALSE"}

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DATE = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}([ T][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?(Z|[+-][0-9]{2}:[0-9]{2})?)?"
)
_TIMES = "a time is '2026-01-31', '2026-01-31 12:00', '2026-01-31T12:00:00Z', -7d, or milliseconds since 1970"


@dataclass(frozen=True, slots=True)
class LiteralReader:
    """Reads the literals of one source; `now_ms`, milliseconds since 1970, is what relative times count from."""

    source: Source
    vocabulary: Vocabulary
    now_ms: int

    def read(self, token: Token, field: Field) -> Literal:
        """The value of a token that is compared with a field.

        Raises:
            InvalidInput: it is no value, or none that the field can be compared with.
        """
        literal = Literal(self._value(token, field), token.column)
        if literal.form not in self.vocabulary.compared_as(field):
            raise self._not_comparable(token, field)
        return literal

    def _value(self, token: Token, field: Field) -> str | int | float | bool:
        match token.kind:
            case TokenKind.TEXT if field in self.vocabulary.times:
                return self._date(token)
            case TokenKind.TEXT if field in self.vocabulary.quoted_numbers and token.text[1:-1].isdecimal():
                return _number(token.text[1:-1])
            case TokenKind.TEXT:
                return token.text[1:-1]
            case TokenKind.NUMBER:
                return _number(token.text)
            case TokenKind.DURATION if field in self.vocabulary.durations:
                return _milliseconds(token.text)
            case TokenKind.DURATION if field in self.vocabulary.times:
                return self._relative_time(token)
            case TokenKind.DURATION:
                raise self._not_comparable(token, field)
        if token.is_word("TRUE", "FALSE"):
            return token.text.upper() == "TRUE"
        raise self._no_value(token)

    def _date(self, token: Token) -> int:
        text = token.text[1:-1]
        try:
            if not _DATE.fullmatch(text):
                raise ValueError("it is written year-month-day")
            moment = datetime.fromisoformat(text)
        except ValueError as error:
            raise self.source.mistake(f"{shown(token.text)} is not a time: {error}", token, hint=_TIMES) from None
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return (moment - _EPOCH) // timedelta(milliseconds=1)

    def _relative_time(self, token: Token) -> int | float:
        if not token.text.startswith("-"):
            length = shown(token.text.removeprefix("+"))
            hint = f"-{length} is the time that long ago"
            raise self.source.mistake(f"{length} is a length of time and not a time", token, hint=hint)
        return self.now_ms + _milliseconds(token.text)

    def _not_comparable(self, token: Token, field: Field) -> InvalidInput:
        allowed = self.vocabulary.compared_as(field)
        wanted = " or ".join(FORM_NAMES[form] for form in Form if form in allowed)
        hint = None
        if field in self.vocabulary.times:
            hint = _TIMES
        elif field in self.vocabulary.durations:
            hint = "a length of time is 90s, 1.5h, 2d, or milliseconds"
        elif token.kind is TokenKind.DURATION:
            hint = f"text is written in quotes: '{shown(token.text)}'" if Form.TEXT in allowed else None
        return self.source.mistake(
            f"{shown(field.name)} is compared with {wanted}, not {shown(token.text)}", token, hint=hint
        )

    def _no_value(self, token: Token) -> InvalidInput:
        hint = None
        if token.is_word("NULL", "NONE"):
            hint = "what a run does not have is found with IS NULL"
        elif token.kind is TokenKind.NAME:
            hint = "text is written in quotes"
        got = shown(token.text) if token.kind is not TokenKind.END else "the end"
        return self.source.mistake(f"{self.source.title} needs a value here, not {got}", token, hint=hint)


def _number(text: str) -> int | float:
    # NOTE: int() of thousands of digits is slow, and no column holds such a number: a float says as much.
    whole = text.lstrip("+-").isdigit() and len(text) <= 20
    return int(text) if whole else float(text)


def _milliseconds(text: str) -> int | float:
    """The length of "-1.5h"; whole unless it is beyond every calendar."""
    unit = text.lstrip("+-.0123456789")
    length = _number(text.removesuffix(unit)) * UNITS_MS[unit]
    return round(length) if abs(length) < 2**63 else float(length)
