"""The data set: scikit-learn's 1,797 handwritten digits of 8 by 8 pixels, split once and for all."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

PIXELS = 64
CLASSES = 10

TRAINING_ROWS = 1437
_BRIGHTEST = 16.0
_SPLIT_SEED = 20


@dataclass(frozen=True)
class Digits:
    """Images as rows of 64 brightnesses in [0, 1], and the digit that each of them shows."""

    train_images: NDArray[np.float32]
    train_labels: NDArray[np.int64]
    val_images: NDArray[np.float32]
    val_labels: NDArray[np.int64]


def load() -> Digits:
    """Read the digits out of the installed scikit-learn; the split is the same in every process."""
    from sklearn.datasets import load_digits

    bunch = load_digits()
    order = np.random.default_rng(_SPLIT_SEED).permutation(len(bunch.target))
    images = (bunch.data[order] / _BRIGHTEST).astype(np.float32)
    labels = bunch.target[order].astype(np.int64)
    cut = TRAINING_ROWS
    return Digits(images[:cut], labels[:cut], images[cut:], labels[cut:])
