"""Question: what is asked of the store of many runs, and the answer worked out without it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

import runlake
from benchmarks.sweep import Sweep

if TYPE_CHECKING:
    import polars as pl

QUESTION: Final = "params.lr BETWEEN 1e-4 AND 1e-2 AND params.dropout < 0.3 AND metrics.val_accuracy > 0.6"
BEST: Final = "metrics.val_auc"
LIMIT: Final = 50


def top() -> pl.LazyFrame:
    """The best runs that the question selects, best first."""
    return runlake.runs(where=QUESTION).sort(BEST, descending=True, nulls_last=True).head(LIMIT)


def matching(drawn: Sweep) -> NDArray[np.int64]:
    """The runs that the question selects."""
    lr, dropout, accuracy = drawn.params["lr"], drawn.params["dropout"], drawn.metrics["val_accuracy"]
    return np.flatnonzero((lr >= 1e-4) & (lr <= 1e-2) & (dropout < 0.3) & (accuracy > 0.6))


def best_runs(drawn: Sweep) -> list[int]:
    """The best of them, best first."""
    rows = matching(drawn)
    order = np.argsort(-drawn.metrics["val_auc"][rows], kind="stable")
    best: list[int] = rows[order][:LIMIT].tolist()
    return best
