"""Tokens of the filter language: names, numbers, quoted text, operators, parentheses.

A token remembers its columns, so that whoever refuses it can point at it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

from runlake.errors import InvalidInput

# One run id in a list costs 36 characters: 25,000 of them fit, and such a filter is read in well under a second.
MAX_FILTER_CHARACTERS = 1_000_000
# How much of a long filter is shown around a mistake.
_SHOWN_CHARACTERS = 72


class TokenKind(Enum):
    """What a token is, before its meaning is known."""

    NAME = "a name"
    NUMBER = "a number"
    TEXT = "quoted text"
    OPERATOR = "an operator"
    OPEN = "'('"
    CLOSE = "')'"
    COMMA = "','"
    END = "the end"


@dataclass(frozen=True, slots=True)
class Token:
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
        return InvalidInput(f"{message}\n{self._pointed_at(token)}", hint=hint)

    def _pointed_at(self, token: Token) -> str:
        start = max(0, token.column - _SHOWN_CHARACTERS // 2)
        shown = self.text[start : start + _SHOWN_CHARACTERS]
        before, after = "…" if start else "", "…" if start + len(shown) < len(self.text) else ""
        # NOTE: a line break or tab in the filter would tear the caret from its place.
        line = before + re.sub(r"\s", " ", shown) + after
        width = max(1, min(len(token.text), len(shown) - (token.column - start)))
        return f"  {line}\n  {' ' * (len(before) + token.column - start)}{'^' * width}"


# A name is dotted parts, each plain or quoted: metrics.loss, metrics.`val loss`, params."a b". After the first dot
# slashes, dashes and colons belong to the name, since there is no arithmetic. A whole name may be in backticks.
# NOTE: quoted text has no escapes, as in MLflow: '' and \' keep the text open and stay in the value as written.
_QUOTED = r"'(?:''|\\'|[^'])*'|\"(?:\"\"|\\\"|[^\"])*\""
_TOKEN = re.compile(
    rf"""
    (?P<SPACE>\s+)
  | (?P<NAME>(?:`[^`]*`|[^\W\d]\w*)(?:\.(?:`[^`]*`|{_QUOTED}|[\w/:\-]+))*)
  | (?P<NUMBER>[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?(?![\w.]))
  | (?P<TEXT>{_QUOTED})
  | (?P<OPERATOR>[<>=!]+)
  | (?P<OPEN>\()
  | (?P<CLOSE>\))
  | (?P<COMMA>,)
    """,
    re.VERBOSE,
)


def tokenize(source: Source) -> list[Token]:
    """Cut a filter into tokens; the last one is END.

    Raises:
        InvalidInput: a character that begins nothing, a quotation mark that is not closed, or too long a text.
    """
    text = source.text
    if len(text) > MAX_FILTER_CHARACTERS:
        raise InvalidInput(f"{source.title} has {len(text):,} characters; the limit is {MAX_FILTER_CHARACTERS:,}")
    tokens, column = [], 0
    while column < len(text):
        match = _TOKEN.match(text, column)
        if match is None or match.lastgroup is None:
            raise _unreadable(source, column)
        if match.lastgroup != "SPACE":
            tokens.append(Token(TokenKind[match.lastgroup], match.group(), column))
        column = match.end()
    tokens.append(Token(TokenKind.END, "", len(text)))
    return tokens


def _unreadable(source: Source, column: int) -> InvalidInput:
    character = source.text[column]
    if character in "'\"`":
        rest = Token(TokenKind.TEXT, source.text[column:], column)
        return source.mistake(f"{source.title} has a quotation mark {character} that is not closed", rest)
    if character in "0123456789.+-":
        word = re.compile(r"[\w.+-]+").match(source.text, column)
        return source.mistake(
            f"{source.title} has a malformed number",
            Token(TokenKind.NUMBER, word.group() if word else character, column),
            hint="text is written in quotes: '001'",
        )
    return source.mistake(
        f"{source.title} cannot contain {character!r} here", Token(TokenKind.OPERATOR, character, column)
    )
