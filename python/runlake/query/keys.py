"""Choice of metric keys: exact, patterns such as "train/*", or regular expressions, singly or several together.

What a text is can be told by its characters, since no key has any of them: `*` and `?` make it a pattern, and `^` as
the first makes it a regular expression.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final, TypeAlias

import polars as pl

from runlake.errors import InvalidInput, InvalidType

Keys: TypeAlias = "str | re.Pattern[str] | Sequence[str | re.Pattern[str]] | None"
"""What a caller may give for a choice of keys."""

_WILD: Final = {"*": ".*", "?": "."}
_FLAGS: Final = ((re.IGNORECASE, "i"), (re.MULTILINE, "m"), (re.DOTALL, "s"), (re.VERBOSE, "x"))


@dataclass(frozen=True)
class KeyChoice:
    """Keys that are wanted: the `exact` ones and those in which one of `searched`, regular expressions, is found.

    `exact` is None when all keys are wanted.
    """

    exact: tuple[str, ...] | None
    searched: tuple[str, ...] = ()

    @classmethod
    def of(cls, keys: Keys) -> KeyChoice:
        """Read what a caller gave: one key, pattern or expression, several, or None for all.

        Raises:
            InvalidType: it is neither.
            InvalidInput: an expression cannot be read, or asks for more than the engine of expressions grants.
        """
        if keys is None:
            return cls(None)
        if not isinstance(keys, Iterable | re.Pattern):
            raise InvalidType(f"keys has type {type(keys).__name__}: {keys!r}; it must be a key, a pattern, or several")
        wanted = dict.fromkeys([keys] if isinstance(keys, str | re.Pattern) else keys)
        if "*" in wanted:
            return cls(None)
        expressions = {key: _expression(key) for key in wanted}
        exact = tuple(key for key, expression in expressions.items() if expression is None and isinstance(key, str))
        choice = cls(exact, tuple(expression for expression in expressions.values() if expression is not None))
        choice._require_searchable()
        return choice

    @property
    def names(self) -> list[str] | None:
        """The keys themselves, when they are given by name alone."""
        return None if self.exact is None or self.searched else list(self.exact)

    @cached_property
    def condition(self) -> pl.Expr | None:
        """The expression that is true for wanted rows; None when all are."""
        if self.exact is None:
            return None
        if not self.searched:
            return one_of("key", self.exact)
        found = pl.col("key").str.contains("|".join(f"(?:{expression})" for expression in self.searched))
        return found | one_of("key", self.exact) if self.exact else found

    def _require_searchable(self) -> None:
        """Compile each expression, and then all of them as one."""
        for expression in (*self.searched, "|".join(f"(?:{one})" for one in self.searched)):
            try:
                pl.Series([""]).str.contains(expression)
            except pl.exceptions.ComputeError as error:
                raise InvalidInput(
                    f"the regular expression {_shown(expression)} cannot be used: {_reason(error)}",
                    hint="expressions are those of Rust's crate regex: linear in time, no look-around, no references",
                ) from None


def as_texts(keys: Keys) -> str | list[str] | None:
    """Return keys as texts that mean the same: an expression that is compiled becomes one that begins with `^`."""
    if keys is None or isinstance(keys, str):
        return keys
    listed = [keys] if isinstance(keys, re.Pattern) else list(keys)
    return [key if isinstance(key, str) else f"^(?s:.*?)(?:{_expression(key)})" for key in listed]


def one_of(column: str, values: Sequence[str]) -> pl.Expr:
    """Whether a column holds one of some values, in the form that row groups are skipped by best."""
    return pl.col(column) == values[0] if len(values) == 1 else pl.col(column).is_in(list(values))


def _expression(key: object) -> str | None:
    """Return what to search keys for; None when `key` is a key itself."""
    if isinstance(key, re.Pattern) and isinstance(key.pattern, str):
        flags = "".join(letter for flag, letter in _FLAGS if key.flags & flag)
        end = "\n" if key.flags & re.VERBOSE else ""  # a comment may be what it ends with
        return f"(?{flags}:{key.pattern}{end})" if flags else key.pattern
    if not isinstance(key, str):
        given = f"pattern of {type(key.pattern).__name__}" if isinstance(key, re.Pattern) else type(key).__name__
        raise InvalidType(f"a metric key has type {given}: {key!r}; it must be a string or a compiled expression")
    if key.startswith("^"):
        return key
    if "*" in key or "?" in key:
        return "(?s:^" + "".join(_WILD.get(character) or re.escape(character) for character in key) + "$)"
    return None


def _shown(expression: str) -> str:
    return repr(expression if len(expression) <= 80 else expression[:79] + "…")


def _reason(error: Exception) -> str:
    """The part of what Polars says that a reader needs: `unclosed group`, or `Compiled regex exceeds size limit`."""
    text = str(error).partition("\n\nThis error occurred")[0].removeprefix("regex error: ")
    _, found, reason = text.rpartition("error: ")
    return (reason if found else text).strip().rstrip(".")
