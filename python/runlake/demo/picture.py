"""Picture of a confusion matrix: which digits were taken for which."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from runlake.demo.digits import CLASSES

if TYPE_CHECKING:
    from matplotlib.figure import Figure


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
