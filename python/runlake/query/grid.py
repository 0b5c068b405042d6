"""Grid: the buckets that all curves of a chart share, so that a column of one stands beside those of the others.

Places on an axis are whole numbers of 64 bits, which browsers do not have: a grid says where it begins and how wide its
buckets are as text.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import polars as pl

_LOWEST: Final = -(2**63)
_END: Final = 2**63
_LONG: Final = 2**62


@dataclass(frozen=True)
class Grid:
    """Equally wide buckets; bucket `n` holds the places from `start + n * width` on, below those of the next one.

    `start` and `width` are integers, or floats where the axis is a metric.
    """

    start: int | float
    width: int | float
    buckets: int

    @property
    def end(self) -> int | float:
        """The first place that is behind all buckets."""
        return self.start + self.width * self.buckets

    def from_bucket(self, first: int) -> Grid:
        """Return the buckets from one on."""
        return Grid(self.start + self.width * first, self.width, self.buckets - first)

    def said(self) -> dict[str, str | int]:
        """The grid as JSON can say it exactly."""
        return {"start": repr(self.start), "width": repr(self.width), "buckets": self.buckets}

    def numbered(self, places: pl.Expr) -> pl.Expr:
        """The bucket that a place is in."""
        if isinstance(self.width, int):
            low = pl.lit(self.start, pl.Int128)
            return ((places.cast(pl.Int128) - low) // pl.lit(self.width, pl.Int128)).cast(pl.UInt32)
        # NOTE: rounding may put the highest place behind the last bucket.
        return ((places - self.start) / self.width).floor().clip(0, self.buckets - 1).cast(pl.UInt32)


def growing_grid(low: int, high: int, points: int) -> Grid:
    """Return at most `points` buckets from `low` to `high` that stay what they are until the axis is twice as long.

    Widths are powers of two, and there are buckets beyond `high` for what is still to come.
    """
    width, start = 1, low
    while (high - start) // width >= points:
        width *= 2
        start = max(low // width * width, _LOWEST)
    return Grid(start, width, max(1, min(points, (_END - start) // width)))


def exact_grid(low: int, high: int, points: int) -> Grid:
    """Return at most `points` buckets from `low` to `high`, as fine as that allows.

    The engine cuts a range that is whole buckets into just these.
    """
    length = high - low + 1
    if length > _LONG:  # so long a range has no room to be rounded up to whole buckets
        return growing_grid(low, high, points)
    width = -(-length // points)
    buckets = -(-length // width)
    return Grid(min(low, _END - width * buckets), width, buckets)


def real_grid(low: float, high: float, points: int) -> Grid:
    """Return `points` buckets between two values of a metric, or one where they are the same."""
    width = high / points - low / points
    return Grid(low, width, points) if width > 0 and math.isfinite(width) else Grid(low, 1.0, 1)
