"""Places: the points of one metric in order, cut and encoded without becoming Python objects."""

from __future__ import annotations

from typing import TypeAlias

import polars as pl

Place: TypeAlias = tuple[float, int, int]
"""Value, timestamp and step of a point."""

# JSON has no number for these
_AS_TEXT = (
    pl.when(pl.col("value").is_nan())
    .then(pl.lit("NaN"))
    .when(pl.col("value") > 0)
    .then(pl.lit("Infinity"))
    .otherwise(pl.lit("-Infinity"))
    .alias("value")
)


class Places:
    """Points of a metric: a frame of `value: f64`, `timestamp: i64` and `step: i64`, in the order asked for."""

    def __init__(self, frame: pl.DataFrame) -> None:
        self._frame = frame

    def __len__(self) -> int:
        return self._frame.height

    def rows(self) -> list[Place]:
        """Return them as tuples."""
        return self._frame.rows()

    def part(self, start: int, size: int | None) -> Places:
        """Return `size` of them from a place on, or all that follow."""
        start = min(start, len(self))
        return Places(self._frame.slice(start, None if size is None else min(size, len(self))))

    def between(self, low: int, high: int) -> Places:
        """Return those with steps from `low` to `high`, both included."""
        return Places(self._frame.filter(pl.col("step").is_between(low, high)))

    def spread(self, size: int) -> Places:
        """Return at most `size` of them at equal distances, with the first and the last; of one, the last."""
        if len(self) <= size:
            return self
        if size == 1:
            return Places(self._frame.tail(1))
        last = len(self) - 1
        return Places(self._frame[[round(index * last / (size - 1)) for index in range(size)]])

    def to_json(self, **same: str) -> bytes:
        """Return a JSON object for each, with commas between them.

        Doubles are written in the fewest digits that give them back, NaN and infinities as "NaN", "Infinity" and
        "-Infinity".

        Args:
            same: Texts that every object has besides.
        """
        fields = [*(pl.lit(text).alias(name) for name, text in same.items()), pl.col("timestamp", "step")]
        encoded = pl.struct(pl.col("value"), *fields).struct.json_encode()
        if not self._frame["value"].is_finite().all():
            special = pl.struct(_AS_TEXT, *fields).struct.json_encode()
            encoded = pl.when(pl.col("value").is_finite()).then(encoded).otherwise(special)
        text: str = self._frame.select(encoded.str.join(",")).item()
        return text.encode()
