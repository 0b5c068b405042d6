"""Settings: which runs the sweep consists of."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

from runlake.demo.digits import TRAINING_ROWS

EXPERIMENT = "digits-sweep"

_LEARNING_RATES = tuple(round(1e-4 * 10 ** (exponent / 4), 6) for exponent in range(16))  # 0.0001 ... 0.5623
_HIDDEN = (16, 32, 64)
_MOMENTA = (0.0, 0.9)


@dataclass(frozen=True, slots=True)
class Settings:
    """The hyper-parameters of one run."""

    lr: float
    hidden: int
    momentum: float
    seed: int
    batch_size: int = 8
    epochs: int = 30

    @property
    def batches(self) -> int:
        """Number of mini-batches in all; what does not fill one is left out of an epoch."""
        return self.epochs * (TRAINING_ROWS // self.batch_size)

    @property
    def name(self) -> str:
        return f"lr{self.lr:g}-h{self.hidden}-m{self.momentum:g}"


def grid() -> list[Settings]:
    """Return the 96 runs of the sweep."""
    combinations = itertools.product(_LEARNING_RATES, _HIDDEN, _MOMENTA)
    return [Settings(lr, hidden, momentum, seed) for seed, (lr, hidden, momentum) in enumerate(combinations)]
