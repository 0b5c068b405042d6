"""Cursor: the tokens of a source and the place of the next one."""

from __future__ import annotations

from runlake.errors import InvalidInput
from runlake.query.filter.tokens import Source, Token, TokenKind, tokenize


class Cursor:
    """Tokens that are taken one after the other; the last one, END, stays the next one."""

    def __init__(self, source: Source, start: int = 0) -> None:
        self.source = source
        self._tokens = tokenize(source, start)
        self._next = self._taken = next(self._tokens)

    def peek(self) -> Token:
        """The next token."""
        return self._next

    def before(self) -> Token:
        """The token that was taken last."""
        return self._taken

    def take(self) -> Token:
        """Pass over the next token and return it."""
        self._taken = self._next
        self._next = next(self._tokens, self._next)
        return self._taken

    def take_word(self, *words: str) -> bool:
        """Pass over the next token if it is one of these keywords."""
        found = self._next.is_word(*words)
        if found:
            self.take()
        return found

    def expect(self, kind: TokenKind, what: str) -> None:
        """Pass over the next token, which must be of this kind."""
        if self._next.kind is not kind:
            raise self.mistake(f"{self.source.title} needs {what} here")
        self.take()

    def mistake(self, message: str, token: Token | None = None, *, hint: str | None = None) -> InvalidInput:
        """Make the error that points at a token; without one at the next."""
        return self.source.mistake(message, token or self.peek(), hint=hint)
