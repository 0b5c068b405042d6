"""Expected: what may stand at a place of a filter that is being written, judged by what stands before it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final

from runlake.errors import InvalidInput
from runlake.query.filter.nodes import Field, Function
from runlake.query.filter.tokens import Source, Token, TokenKind, tokenize
from runlake.query.filter.vocabulary import RUNS, Vocabulary

_FUNCTIONS: Final = frozenset(function.value for function in Function)


class Slot(Enum):
    """A place in the grammar."""

    FIELD = "a name"
    METRIC = "a metric in the parentheses of a function"
    OPERATOR = "an operator"
    NULL = "NULL or NOT NULL"
    VALUE = "a value"
    LIST = "'(' and values"
    AND = "the AND of BETWEEN"
    CONNECTIVE = "AND, OR or the end"


_BY_WORD: Final = {
    (Slot.OPERATOR, "NOT"): Slot.OPERATOR,
    (Slot.OPERATOR, "IS"): Slot.NULL,
    (Slot.OPERATOR, "IN"): Slot.LIST,
    (Slot.NULL, "NULL"): Slot.CONNECTIVE,
    (Slot.AND, "AND"): Slot.VALUE,
    (Slot.CONNECTIVE, "AND"): Slot.FIELD,
    (Slot.CONNECTIVE, "OR"): Slot.FIELD,
}
_BY_KIND: Final = {
    (Slot.METRIC, TokenKind.CLOSE): Slot.OPERATOR,
    (Slot.LIST, TokenKind.CLOSE): Slot.CONNECTIVE,
}


@dataclass(frozen=True)
class Expected:
    """What may stand at a place.

    Args:
        start: Where the word begins that is being written; what is chosen takes its place.
        word: That word as far as it is there.
        field: The field that a value or an operator is for, if its name means one.
    """

    slot: Slot
    start: int
    word: str
    field: Field | None = None


def expected_at(text: str, at: int, vocabulary: Vocabulary = RUNS) -> Expected:
    """Return what may stand at a place, counted in characters from 0; what follows it is not looked at."""
    before = text[: max(0, min(at, len(text)))]
    tokens, end = _tokens(before)
    rest = before[end:].lstrip()
    start = len(before) - len(rest)
    if tokens and start == tokens[-1].column + len(tokens[-1].text) and _goes_on(tokens[-1], rest):
        start = tokens.pop().column
    slot, name = _after(tokens)
    return Expected(slot, start, before[start:], _field(name, before, vocabulary))


def _tokens(text: str) -> tuple[list[Token], int]:
    """The tokens of a text up to where it cannot be read, such as a quotation mark that is still open."""
    found: list[Token] = []
    try:
        found += (token for token in tokenize(Source(text)) if token.kind is not TokenKind.END)
    except InvalidInput:
        found = _readable(text)
    return found, found[-1].column + len(found[-1].text) if found else 0


def _readable(text: str) -> list[Token]:
    found: list[Token] = []
    try:
        for token in tokenize(Source(text)):
            found.append(token)
    except InvalidInput:
        pass
    return found


def _goes_on(token: Token, rest: str) -> bool:
    """Whether a word that ends at the place, or goes on in an open quotation there, is still being written."""
    if token.kind is TokenKind.NAME:
        return not rest or rest.startswith(".")
    return not rest and token.kind in (TokenKind.NUMBER, TokenKind.DURATION, TokenKind.OPERATOR, TokenKind.TEXT)


def _after(tokens: list[Token]) -> tuple[Slot, Token | None]:
    """Walk the grammar from slot to slot; what is wrong leaves it where it is."""
    slot, name, between = Slot.FIELD, None, False
    for place, token in enumerate(tokens):
        if slot in (Slot.FIELD, Slot.METRIC) and token.kind is TokenKind.NAME and not token.is_word("NOT"):
            name = token
            opens = place + 1 < len(tokens) and tokens[place + 1].kind is TokenKind.OPEN
            if slot is Slot.FIELD:
                slot = Slot.METRIC if opens and token.text.lower() in _FUNCTIONS else Slot.OPERATOR
        elif slot is Slot.VALUE:
            slot = Slot.AND if between else Slot.CONNECTIVE
        else:
            between = slot is Slot.OPERATOR and token.is_word("BETWEEN")
            slot = _next(slot, token)
    return slot, name


def _next(slot: Slot, token: Token) -> Slot:
    by_kind = _BY_KIND.get((slot, token.kind), Slot.VALUE if slot is Slot.OPERATOR else slot)
    return _BY_WORD.get((slot, token.text.upper()), by_kind)


def _field(name: Token | None, text: str, vocabulary: Vocabulary) -> Field | None:
    if name is None:
        return None
    try:
        return vocabulary.resolve(name, Source(text))
    except InvalidInput:
        return None
