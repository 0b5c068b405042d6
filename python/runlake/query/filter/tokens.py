"""Tokens of the filter language: names, numbers, quoted text, operators, parentheses.

A token remembers its columns, so that whoever refuses it can point at it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from runlake.errors import InvalidInput

# One run id in a list costs 36 characters: 25,000 of them fit, and such a filter is read in well under a second.
MAX_FILTER_CHARACTERS = 1_000_000
# How much of a long filter is shown around a mistake.
_SHOWN_CHARACTERS = 72
# How much of a name or value is repeated in a message.
_SHOWN_IN_MESSAGE = 60


class TokenKind(Enum):
    """What a token is, before its meaning is known."""

    NAME = "a name"
    NUMBER = "a number"
    DURATION = "a length of time"
    TEXT = "quoted text"
    OPERATOR = "an operator"
    OPEN = "'('"
    CLOSE = "')'"
    COMMA = "','"
    END = "the end"


class Token(NamedTuple):
    """A piece of a filter. `column` is the 0-based place of its first character; `text` is as written, with quotes."""

    kind: TokenKind
    text: str
    column: int

    def is_word(self, *words: str) -> bool:
        """Whether this is one of these keywords, in capitals or not."""
        return self.kind is TokenKind.NAME and self.text.upper() in words


@dataclass(frozen=True, slots=True)
class Source:
    """The text that is being read, for error messages. `title` names it: a filter, an order."""

    text: str
    title: str = "filter"

    def mistake(self, message: str, token: Token, *, hint: str | None = None) -> InvalidInput:
        """Make the error that shows the line with a caret under the token."""
        error = InvalidInput(f"{message}\n{self._pointed_at(token)}", hint=hint)
        error.span = token.column, token.column + len(token.text)
        return error

    def _pointed_at(self, token: Token) -> str:
        start = max(0, token.column - _SHOWN_CHARACTERS // 2)
        part = self.text[start : start + _SHOWN_CHARACTERS]
        before, after = "…" if start else "", "…" if start + len(part) < len(self.text) else ""
        line = before + _printable(part) + after
        width = max(1, min(len(token.text), len(part) - (token.column - start)))
        return f"  {line}\n  {' ' * (len(before) + token.column - start)}{'^' * width}"


def shown(text: str) -> str:
    """A name or value as a message repeats it: on one line, printable, and not too long."""
    short = text if len(text) <= _SHOWN_IN_MESSAGE else text[: _SHOWN_IN_MESSAGE - 1] + "…"
    return _printable(short)


def _printable(text: str) -> str:
    # NOTE: a line break or tab would tear the caret from its place; a lone surrogate cannot be printed at all.
    return "".join(character if character.isprintable() else " " if character.isspace() else "�" for character in text)


# A name is dotted parts, each plain or quoted: metrics.loss, metrics.`val loss`, params."a b". After the first dot
# slashes, dashes and colons belong to the name, since there is no arithmetic. A whole name may be in backticks.
# NOTE: quoted text has no escapes, as in MLflow: '' and \' keep the text open and stay in the value as written.
_QUOTED = r"'(?:''|\\'|[^'])*'|\"(?:\"\"|\\\"|[^\"])*\""
_TOKEN = re.compile(
    rf"""
    (?P<SPACE>\s+)
  | (?P<NAME>(?:`[^`]*`|[^\W\d]\w*)(?:\.(?:`[^`]*`|{_QUOTED}|[\w/:\-]+))*)
  | (?P<DURATION>[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:ms|[smhdw])(?![\w.]))
  | (?P<NUMBER>[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?(?![\w.]))
  | (?P<TEXT>{_QUOTED})
  | (?P<OPERATOR>[<>=!]+)
  | (?P<OPEN>\()
  | (?P<CLOSE>\))
  | (?P<COMMA>,)
    """,
    re.VERBOSE,
)


_KINDS = {kind.name: kind for kind in TokenKind}


def tokenize(source: Source, start: int = 0) -> Iterator[Token]:
    """Cut a text, from a column on, into tokens, one at a time; the last one is END.

    Raises:
        InvalidInput: a character that begins nothing, a quotation mark that is not closed, a lone surrogate (half of a
            character), or too long a text.
    """
    text = source.text
    if len(text) > MAX_FILTER_CHARACTERS:
        raise InvalidInput(f"{source.title} has {len(text):,} characters; the limit is {MAX_FILTER_CHARACTERS:,}")
    _check_unicode(source)
    column = start
    while column < len(text):
        match = _TOKEN.match(text, column)
        if match is None or match.lastgroup is None:
            raise _unreadable(source, column)
        if match.lastgroup != "SPACE":
            yield Token(_KINDS[match.lastgroup], match.group(), column)
        column = match.end()
    yield Token(TokenKind.END, "", len(text))


def _check_unicode(source: Source) -> None:
    try:
        source.text.encode()
    except UnicodeEncodeError as error:
        broken = Token(TokenKind.TEXT, source.text[error.start], error.start)
        raise source.mistake(f"{source.title} has half a character, {broken.text!r}", broken) from None


def _unreadable(source: Source, column: int) -> InvalidInput:
    character = source.text[column]
    if character in "'\"`":
        rest = Token(TokenKind.TEXT, source.text[column:], column)
        return source.mistake(f"{source.title} has a quotation mark {character} that is not closed", rest)
    if character in "0123456789.+-":
        word = re.compile(r"[\w.+-]+").match(source.text, column)
        number = word.group() if word else character
        return source.mistake(
            f"{source.title} has a malformed number",
            Token(TokenKind.NUMBER, number, column),
            hint="text is written in quotes: '001'"
            + ("; units of time are ms, s, m, h, d and w" if number[-1].isalpha() else ""),
        )
    hint = "conditions are joined by AND and OR" if character in "&|" else None
    return source.mistake(
        f"{source.title} cannot contain {character!r} here", Token(TokenKind.OPERATOR, character, column), hint=hint
    )
