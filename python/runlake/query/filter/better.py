"""Better than: which metric of a run has to be better than that of what a target means.

    better_than = target BY ( MAX | MIN ) "(" metric ")"        @champion by max(metrics.val_auc)

MAX is that a larger value is better, MIN a smaller one; what is compared is the latest value.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from runlake.errors import InvalidType
from runlake.query.filter.cursor import Cursor
from runlake.query.filter.fields import read_field
from runlake.query.filter.nodes import Field, Function
from runlake.query.filter.tokens import Source, Token, TokenKind
from runlake.query.filter.vocabulary import RUNS

TITLE: Final = "better_than"
_EXAMPLE: Final = "it reads: @champion by max(metrics.val_auc)"
_TARGET: Final = re.compile(r"\s*(@?[\w\-]+)")
_BY: Final = re.compile(r"\s+by\b", re.IGNORECASE)


@dataclass(frozen=True)
class BetterThan:
    """A comparison with what `target` means; `metric` is the latest value of one."""

    target: str
    largest: bool
    metric: Field

    @property
    def comparison(self) -> str:
        """What a better value is, in words."""
        return "larger" if self.largest else "smaller"


def parse_better_than(text: object) -> BetterThan:
    """Read it.

    Raises:
        InvalidInput: a mistake, shown with a caret under it. Whether the target is one is for the caller to say.
    """
    if not isinstance(text, str):
        raise InvalidType(f"{TITLE} has type {type(text).__name__}: {text!r}; it must be a string")
    source = Source(text, TITLE)
    target = _TARGET.match(text)
    if target is None:
        raise source.mistake(f"{TITLE} needs a stage or an @alias here", _word_at(text, 0), hint=_EXAMPLE)
    by = _BY.match(text, target.end())
    if by is None:
        raise source.mistake(f"{TITLE} needs BY here", _word_at(text, target.end()), hint=_EXAMPLE)
    cursor = Cursor(source, by.end())
    first = cursor.peek()
    if first.kind is not TokenKind.NAME:
        raise cursor.mistake(f"{TITLE} needs max(metrics...) or min(metrics...) here", hint=_EXAMPLE)
    field = read_field(cursor, RUNS)
    if field.function not in (Function.MAX, Function.MIN):
        raise cursor.mistake(f"{TITLE} compares by max or min of a metric", first, hint=_EXAMPLE)
    if cursor.peek().kind is not TokenKind.END:
        raise cursor.mistake(f"{TITLE} has more than one comparison", hint="conditions are for require=")
    return BetterThan(target.group(1), field.function is Function.MAX, Field(field.kind, field.key))


def _word_at(text: str, column: int) -> Token:
    """Return what stands at a column, or behind the space there."""
    rest = text[column:].lstrip()
    return Token(TokenKind.NAME, rest.partition(" ")[0], len(text) - len(rest))
