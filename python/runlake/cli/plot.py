"""Plot: a curve in the terminal, drawn with Braille dots."""

from __future__ import annotations

import shutil
import sys
from typing import TYPE_CHECKING, Final

from runlake.errors import InvalidInput

if TYPE_CHECKING:
    import polars as pl

_AXIS_WIDTH: Final = 24
"""Columns that plotille takes for the numbers of the vertical axis and the name of the other."""
_HEIGHT: Final = 20
_LEAST: Final = 10
_MANY: Final = 20
"""Steps on the axis from which on a part of one is not worth writing."""


def can_be_drawn() -> bool:
    """Tell whether stdout takes Braille characters."""
    try:
        "⣿".encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        return False
    return True


def buckets_across() -> int:
    """Return into how many buckets a curve is put that is as wide as the terminal: one for each column of dots."""
    return 2 * _width()


def draw(curve: pl.DataFrame, key: str) -> str:
    """Draw a curve that `query.series` has reduced, from the lowest to the highest value of each bucket.

    Raises:
        InvalidInput: it has no finite value, or stdout cannot take the characters.
    """
    import plotille

    if not can_be_drawn():
        raise InvalidInput(
            f"stdout has the encoding {sys.stdout.encoding}, and a plot is made of Braille characters",
            hint="set PYTHONIOENCODING=utf-8, or leave --plot out",
        )
    rows = curve.select("step", "min", "max").drop_nulls().rows()
    if not rows:
        raise InvalidInput(f"no value of {key!r} is finite, so there is nothing to draw", hint="leave --plot out")
    figure = plotille.Figure()
    figure.width, figure.height = _width(), max(_LEAST, min(_HEIGHT, shutil.get_terminal_size().lines - 6))
    figure.origin = figure.with_colors = False
    figure.x_label, figure.y_label = "step", key
    figure.register_label_formatter(float, _tick)
    figure.set_x_limits(*_around(rows[0][0], rows[-1][0]))
    figure.set_y_limits(*_around(min(row[1] for row in rows), max(row[2] for row in rows)))
    steps = [step for step, _, _ in rows for _ in range(2)]
    figure.plot(steps, [value for _, low, high in rows for value in (low, high)])
    return str(figure.show())


def _width() -> int:
    return max(_LEAST, shutil.get_terminal_size().columns - _AXIS_WIDTH)


def _around(low: float, high: float) -> tuple[float, float]:
    """Limits of an axis, which must differ."""
    if low < high:
        return low, high
    room = max(abs(low) / 100, 1.0)
    return low - room, high + room


def _tick(value: float, chars: int, delta: float, left: bool) -> str:
    """Write a number at an axis with as many digits as there is room for; steps, which stand left, are whole."""
    if left and delta >= _MANY and len(step := f"{value:.0f}") <= chars:
        return step.ljust(chars)
    texts = (f"{value:.{digits}g}" for digits in (6, 5, 4, 3))
    text = next((text for text in texts if len(text) <= chars), f"{value:.2g}")
    return text.ljust(chars) if left else text.rjust(chars)
