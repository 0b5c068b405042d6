"""Patterns: LIKE and RLIKE as the regular expressions that Polars runs, and what bounds their cost.

The regex library of Polars works in time linear in text and pattern, whatever the pattern is, so that the size of a
pattern bounds its cost: the size is what is left when its counted repetitions are written out.
"""

from __future__ import annotations

import re

import polars as pl
from polars.exceptions import PolarsError

from runlake.query.filter.nodes import Operator

MAX_PATTERN = 2000
"""Characters of a LIKE pattern, size of an RLIKE pattern: compiled in at most 20 ms."""
MAX_PATTERNS = 10_000
"""Size of all RLIKE patterns of one filter."""

_PIECE = re.compile(
    r"""
    (?P<FLAGS>\(\?[a-zA-Z-]+\))
  | (?P<OPEN>\((?:\?(?:P?<[^>]*>|[a-zA-Z-]*:))?)
  | (?P<CLOSE>\))
  | (?P<COUNT>\{\s*(?P<LOW>[0-9]+)\s*(?:,\s*(?P<HIGH>[0-9]*)\s*)?\})
  | (?P<REPEAT>[*+?|^$])
  | (?P<WORD>\\[wW]|\\[pP](?:\{[^}]*\}|.))
  | (?P<CLASS>\[\^?\]?(?:\\.|[^\]\\])*\]|\.|\\[dDsSbB])
  | (?P<CHARACTER>\\.|.)
    """,
    re.VERBOSE | re.DOTALL,
)
# Sets of Unicode characters are automata of their own; \w has 700 ranges.
_SIZES = {"WORD": 16, "CLASS": 4, "CHARACTER": 1}


class PatternBudget:
    """What the patterns of one filter may cost."""

    def __init__(self) -> None:
        self._left = MAX_PATTERNS

    def fault(self, operator: Operator, pattern: str) -> str | None:
        """What is wrong with a pattern of LIKE, ILIKE or RLIKE; None when it may be used."""
        if len(pattern) > MAX_PATTERN:
            return f"{operator.value} pattern has {len(pattern):,} characters; the limit is {MAX_PATTERN:,}"
        if operator is not Operator.RLIKE:
            return None
        size = regex_size(pattern)
        if size > MAX_PATTERN:
            return f"RLIKE pattern, its repetitions written out, has a size of {size:,}; the limit is {MAX_PATTERN:,}"
        self._left -= size
        if self._left < 0:
            return f"RLIKE patterns of one filter may have a size of {MAX_PATTERNS:,} together"
        reason = regex_fault(pattern)
        return reason and f"RLIKE pattern is not a regular expression that can be searched for: {reason}"


def like_regex(pattern: str, *, ignore_case: bool) -> str:
    """The regular expression of a LIKE pattern: % is any text, _ any one character, and nothing else is special."""
    wild = {"%": ".*", "_": "."}
    body = "".join(wild.get(part) or re.escape(part) for part in re.split("([%_])", pattern) if part)
    return f"(?s{'i' if ignore_case else ''})^{body}$"


def regex_size(pattern: str) -> int:
    """How many characters a regular expression has with repetitions written out; sets of characters count for several.

    It need not be exact: what it underestimates meets the regex library's own bound, 10 MB compiled.
    """
    # Each level holds the size of a group so far, and that of the last thing in it, which a count repeats.
    levels = [(0, 0)]
    for piece in _PIECE.finditer(pattern):
        size, last = levels[-1]
        match piece.lastgroup:
            case "OPEN":
                levels.append((0, 0))
            case "CLOSE" if len(levels) > 1:
                levels.pop()
                levels[-1] = (levels[-1][0] + size, size)
            case "COUNT":
                times = max(1, *(int(count) for count in piece.group("LOW", "HIGH") if count))
                levels[-1] = (size + last * (times - 1), last * times)
            case "WORD" | "CLASS" | "CHARACTER" as kind:
                levels[-1] = (size + _SIZES[kind], _SIZES[kind])
    return sum(size for size, _ in levels)


def regex_fault(pattern: str) -> str | None:
    """Why Polars cannot search with a regular expression, in the regex library's words; None when it can."""
    try:
        pl.Series([""]).str.contains(pattern, strict=True)
    except PolarsError as error:
        reasons = [line.removeprefix("error: ") for line in str(error).splitlines() if line.startswith("error: ")]
        return reasons[0] if reasons else "it is too large"
    return None
