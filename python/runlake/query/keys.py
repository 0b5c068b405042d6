"""Choice of metric keys: exact, a list, or patterns such as "train/*"."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from runlake.errors import InvalidType

_WILD = {"*": ".*", "?": "."}


@dataclass(frozen=True)
class KeyChoice:
    """Keys that are wanted; `exact` is None when a pattern is among them or when all are wanted."""

    wanted: tuple[str, ...] | None

    @classmethod
    def of(cls, keys: str | Sequence[str] | None) -> KeyChoice:
        """Read what a caller gave: one key or pattern, several, or None for all.

        Raises:
            InvalidType: it is neither.
        """
        if keys is None:
            return cls(None)
        wanted = (keys,) if isinstance(keys, str) else tuple(keys)
        for key in wanted:
            if not isinstance(key, str):
                raise InvalidType(f"a metric key has type {type(key).__name__}: {key!r}; it must be a string")
        return cls(None if "*" in wanted else tuple(dict.fromkeys(wanted)))

    @property
    def exact(self) -> list[str] | None:
        """The keys themselves, when no pattern is among them."""
        if self.wanted is None or any(_is_pattern(key) for key in self.wanted):
            return None
        return list(self.wanted)

    def condition(self) -> pl.Expr | None:
        """The expression that is true for wanted rows; None when all are."""
        if self.wanted is None:
            return None
        if (exact := self.exact) is not None:
            return one_of("key", exact)
        return pl.col("key").str.contains("|".join(_regex(key) for key in self.wanted))


def one_of(column: str, values: Sequence[str]) -> pl.Expr:
    """Whether a column holds one of some values, in the form that row groups are skipped by best."""
    return pl.col(column) == values[0] if len(values) == 1 else pl.col(column).is_in(list(values))


def _is_pattern(key: str) -> bool:
    return "*" in key or "?" in key


def _regex(key: str) -> str:
    return "(?s:^" + "".join(_WILD.get(character) or re.escape(character) for character in key) + "$)"
