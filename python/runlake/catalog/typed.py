"""Typed parameters: the number, truth value or nothing that a text reads as, beside the exact text."""

from __future__ import annotations

import re
from enum import IntEnum
from functools import lru_cache
from typing import Final

_INT = re.compile(r"[+-]?(0|[1-9][0-9]*)")
_FLOAT = re.compile(r"[+-]?((0|[1-9][0-9]*)(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?")
_SPECIAL = re.compile(r"[+-]?(nan|NaN|inf|Infinity)")
_NULLS = frozenset({"None", "null", ""})
_BOOLS = {"True": 1, "true": 1, "False": 0, "false": 0}
_CACHED_LENGTH: Final = 64


class Kind(IntEnum):
    """What a text reads as."""

    TEXT = 0
    INT = 1
    FLOAT = 2
    BOOL = 3
    NULL = 4


def read_typed(text: str) -> tuple[int, int | float | None]:
    """Return the kind of a text and its value.

    Numbers are what Python writes for them, without spaces, underscores or leading zeros, so that "007" and "1_000"
    stay text. NaN has kind FLOAT and no value, for SQLite has none; an integer outside 64 bits is a FLOAT.
    """
    return _read_short(text) if len(text) <= _CACHED_LENGTH else _read(text)


def _read(text: str) -> tuple[int, int | float | None]:
    if _INT.fullmatch(text):
        # more digits than 64 bits have: int() would refuse, or take long over, thousands of them
        number = int(text) if len(text) <= 20 else float(text)
        return (
            (Kind.INT, number) if -(2**63) <= number < 2**63 and isinstance(number, int) else (Kind.FLOAT, float(text))
        )
    if _FLOAT.fullmatch(text):
        return Kind.FLOAT, float(text)
    if _SPECIAL.fullmatch(text):
        return Kind.FLOAT, None if text[-1] in "nN" else float(text)
    if text in _BOOLS:
        return Kind.BOOL, _BOOLS[text]
    return (Kind.NULL, None) if text in _NULLS else (Kind.TEXT, None)


_read_short = lru_cache(maxsize=4096)(_read)  # the runs of a sweep have most values alike
