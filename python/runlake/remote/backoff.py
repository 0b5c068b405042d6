"""Backoff: how long to wait before a server is asked again."""

from __future__ import annotations

import random
from collections.abc import Callable

FIRST_S = 0.1
MOST_S = 10.0


class Backoff:
    """Waits that double, each shortened by chance, so that clients which failed together do not come back together.

    Args:
        first_s: Upper bound of the first wait.
        most_s: Upper bound of all.
        draw: Gives numbers from 0 to 1.
    """

    def __init__(
        self, first_s: float = FIRST_S, most_s: float = MOST_S, *, draw: Callable[[], float] = random.random
    ) -> None:
        self._first_s, self._most_s = first_s, most_s
        self._draw = draw
        self._bound_s = first_s

    def next_s(self, told_s: float | None = None) -> float:
        """Return the next wait: at least as long as the server has told, and half of the bound."""
        wait_s = self._bound_s * (0.5 + 0.5 * self._draw())
        self._bound_s = min(self._most_s, 2 * self._bound_s)
        return wait_s if told_s is None else told_s + wait_s / 2

    def reset(self) -> None:
        """Begin again with the shortest wait: the server has answered."""
        self._bound_s = self._first_s
