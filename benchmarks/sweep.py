"""Sweep: what the runs of a synthetic study have, by column, so that any answer can be worked out without a store.

Thirty parameters (floats, whole numbers, texts, flags) and ten metrics a run, drawn from one seed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from benchmarks.workload import SEED

STEPS: Final = (0, 50, 100)
"""Steps at which every metric is logged; what `metrics` holds is the value at the last one."""
START_MS: Final = 1_760_000_000_000

_RANGES: Final = {
    "lr": (1e-5, 1e-1),
    "weight_decay": (1e-6, 1e-1),
    "eps": (1e-9, 1e-6),
    "grad_clip": (0.1, 10.0),
    "label_smoothing": (1e-3, 0.2),
    "warmup_ratio": (1e-3, 0.1),
}
_FRACTIONS: Final = ("dropout", "momentum", "beta1", "beta2", "ema_decay", "mixup")
_CHOICES: Final[dict[str, tuple[int, ...] | tuple[str, ...] | tuple[bool, ...]]] = {
    "depth": tuple(range(2, 25)),
    "width": (128, 192, 256, 384, 512, 768, 1024),
    "heads": (2, 4, 8, 16),
    "batch_size": (16, 32, 64, 128, 256, 512),
    "epochs": (10, 30, 100, 300),
    "seed": tuple(range(1000)),
    "patch_size": (8, 14, 16, 32),
    "accumulate": (1, 2, 4, 8),
    "num_workers": (2, 4, 8, 12),
    "image_size": (160, 192, 224, 256, 384),
    "optimizer": ("sgd", "adam", "adamw", "lamb", "lion"),
    "schedule": ("constant", "cosine", "linear", "step"),
    "activation": ("relu", "gelu", "silu"),
    "dataset": ("cifar10", "cifar100", "imagenet-1k", "inat21"),
    "precision": ("fp32", "bf16", "fp16"),
    "amp": (True, False),
    "compile": (True, False),
    "augment": (True, False),
}
_METRICS: Final = (
    *("loss", "val_loss", "val_auc", "val_accuracy", "train_accuracy"),
    *("top5_accuracy", "grad_norm", "throughput", "epoch_seconds", "calibration_error"),
)
_POSITIVE: Final = frozenset({"loss", "val_loss", "grad_norm", "throughput", "epoch_seconds"})


@dataclass(frozen=True)
class Sweep:
    """Values of all runs; number `i` of every column belongs to the run named `trial-i`."""

    params: dict[str, NDArray[Any]]
    metrics: dict[str, NDArray[np.float64]]

    @property
    def runs(self) -> int:
        """Number of runs."""
        return len(self.metrics["loss"])

    def rows(self, first: int, upto: int) -> Iterator[tuple[dict[str, Any], dict[str, float]]]:
        """Parameters and final metrics of some runs, as Python's own numbers."""
        params = {key: column[first:upto].tolist() for key, column in self.params.items()}
        metrics = {key: column[first:upto].tolist() for key, column in self.metrics.items()}
        for row in range(upto - first):
            yield {key: column[row] for key, column in params.items()}, {k: c[row] for k, c in metrics.items()}


def sweep(runs: int) -> Sweep:
    """Draw so many runs, always the same for one number of runs.

    One run in a hundred has diverged: its `loss` and `val_loss` are NaN.
    """
    rng = np.random.default_rng(SEED)
    params: dict[str, NDArray[Any]] = {
        key: np.exp(rng.uniform(np.log(low), np.log(high), runs)) for key, (low, high) in _RANGES.items()
    }
    params |= {key: rng.random(runs).round(4) for key in _FRACTIONS}
    params |= {key: np.array(values)[rng.integers(len(values), size=runs)] for key, values in _CHOICES.items()}
    metrics = {key: rng.gamma(2.0, 1.0, runs) if key in _POSITIVE else rng.beta(5, 2, runs) for key in _METRICS}
    diverged = rng.random(runs) < 0.01
    for key in ("loss", "val_loss"):
        metrics[key][diverged] = np.nan
    return Sweep(params, metrics)


def history(final: float) -> Iterator[tuple[int, float]]:
    """Steps and values of a metric that ends at `final`."""
    for step in STEPS:
        yield step, final * (2 - step / STEPS[-1])


def name_of(run: int) -> str:
    """Name of a run."""
    return f"trial-{run}"


def start_ms(run: int) -> int:
    """When a run started, in milliseconds since 1970: ten seconds after the one before."""
    return START_MS + 10_000 * run


def end_ms(run: int) -> int:
    """When a run ended, in milliseconds since 1970."""
    return start_ms(run) + 60_000 + 1000 * (run % 7200)
