"""Findings: what a check-up has to say, in words and in numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

Progress = Callable[[int, int], object]
"""Is told, again and again, how many bytes have been read and how many there are."""

REPAIR: Final = "`runlake doctor --repair` puts it in order"

_MOST_NAMED: Final = 3


class State(StrEnum):
    """What a check came to; only WRONG and LOST make a store unhealthy."""

    OK = "ok"
    NOTE = "note"
    WRONG = "wrong"
    LOST = "lost"
    """Points are gone for good, and the store says so wherever it is asked."""


@dataclass(frozen=True)
class Finding:
    """What one check found, in a sentence, with what to do and with its numbers beside it."""

    check: str
    state: State
    says: str
    hint: str | None = None
    details: dict[str, Any] = field(default_factory=dict)

    @property
    def is_healthy(self) -> bool:
        """Whether nothing is to be done, and nothing was lost."""
        return self.state in (State.OK, State.NOTE)


def counted(number: int, what: str) -> str:
    """Return `1 file`, `2,000 files`."""
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"


def named(names: Sequence[str]) -> str:
    """Return the first few of some names, and how many more there are."""
    more = f" and {len(names) - _MOST_NAMED:,} more" if len(names) > _MOST_NAMED else ""
    return ", ".join(names[:_MOST_NAMED]) + more
