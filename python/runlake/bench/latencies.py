"""Latencies: how long calls of one kind took, from the usual one to the worst."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

QUANTILES: Final = {"p50": 0.5, "p99": 0.99, "p99.9": 0.999, "p99.99": 0.9999}
_A_DECADE: Final = 8
"""Points of the curve for each factor of ten in rarity."""


@dataclass(frozen=True)
class Latencies:
    """Times of `count` calls in nanoseconds, the timer's own cost subtracted.

    Attributes:
        quantiles_ns: By name, `p50` to `p99.99`; without those that so few calls do not have.
        curve: (n, ns): one call in n took longer than ns; n rises.
    """

    count: int
    quantiles_ns: dict[str, float]
    worst_ns: float
    curve: tuple[tuple[float, float], ...]

    @classmethod
    def of(cls, taken_ns: Sequence[int], timer_ns: float = 0.0) -> Latencies:
        """Sum up the times of calls, at least one.

        Args:
            timer_ns: What the timer adds to each.
        """
        ordered = sorted(taken_ns)
        count = len(ordered)

        def at(fraction: float) -> float:
            return max(0.0, ordered[min(count, math.ceil(fraction * count)) - 1] - timer_ns)

        rarities = [10 ** (step / _A_DECADE) for step in range(1, int(math.log10(count) * _A_DECADE) + 1)]
        return cls(
            count,
            {name: at(q) for name, q in QUANTILES.items() if count * (1 - q) >= 1 - 1e-9},
            max(0.0, ordered[-1] - timer_ns),
            tuple((rarity, at(1 - 1 / rarity)) for rarity in rarities),
        )
