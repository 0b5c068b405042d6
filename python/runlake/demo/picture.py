"""Pictures of what a network gets wrong: a confusion matrix, and the images themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from runlake.demo.digits import CLASSES

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_SIDE = 8
_TILE = 11
_ACROSS, _DOWN = 6, 4


def confusion_matrix(labels: NDArray[np.int64], predicted: NDArray[np.int64], title: str) -> Figure:
    """Return a figure of counts, true digits down and predicted digits across.

    No window system is touched: the figure is made without pyplot.
    """
    from matplotlib.figure import Figure

    counts = np.zeros((CLASSES, CLASSES), np.int64)
    np.add.at(counts, (labels, predicted), 1)
    figure = Figure(figsize=(4, 4), dpi=90, layout="constrained")
    axes = figure.subplots()
    axes.imshow(counts, cmap="Blues")
    axes.set(title=title, xlabel="predicted", ylabel="true", xticks=range(CLASSES), yticks=range(CLASSES))
    for (row, column), count in np.ndenumerate(counts):
        if count:
            axes.text(column, row, str(count), ha="center", va="center", color="white" if row == column else "black")
    return figure


def mistakes(images: NDArray[np.float32], labels: NDArray[np.int64], predicted: NDArray[np.int64]) -> Figure:
    """Return a figure of at most 24 images, each with the digit that it shows and the one it was taken for."""
    from matplotlib.figure import Figure

    shown = min(len(images), _ACROSS * _DOWN)
    sheet = np.zeros((_DOWN * _TILE, _ACROSS * _TILE), np.float32)  # one picture: axes for each take a second to draw
    figure = Figure(figsize=(6, 5), dpi=90)
    axes = figure.add_axes((0, 0, 1, 0.92))
    for place in range(shown):
        top, left = place // _ACROSS * _TILE + _TILE - _SIDE, place % _ACROSS * _TILE + 1
        sheet[top : top + _SIDE, left : left + _SIDE] = images[place].reshape(_SIDE, _SIDE)
        words = f"{labels[place]}, not {predicted[place]}"
        axes.text(left + _SIDE / 2 - 0.5, top - 1.2, words, ha="center", va="center", fontsize=9)
    axes.imshow(sheet, cmap="gray_r", aspect="auto")
    axes.set_axis_off()
    figure.suptitle(f"{shown} of {len(images)} mistakes" if len(images) else "no mistakes")
    return figure
