"""Report on a run's network: its predictions as tables, what it gets wrong as a picture, and a page about it."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

import runlake
from runlake import query
from runlake.demo.digits import CLASSES, Digits
from runlake.demo.network import Floats, predict_with
from runlake.demo.picture import mistakes
from runlake.demo.settings import Settings
from runlake.demo.training import WEIGHTS

if TYPE_CHECKING:
    import polars as pl

_TYPES: Final = {"image": "Int64", "digit": "Int64", "predicted": "Int64", "probability": "Float64", "right": "Boolean"}
_NOISE: Final = 0.25
"""Standard deviation of what the noisy images have been added, where 1 is from black to white."""


@dataclass(frozen=True, slots=True)
class Judged:
    """What a network makes of the validation images, and what is left of that when they are noisy."""

    digits: Digits
    weights: Path
    probabilities: Floats
    noisy_accuracy: float

    @property
    def predicted(self) -> NDArray[np.int64]:
        """The digit that each image is taken for."""
        found: NDArray[np.int64] = self.probabilities.argmax(axis=1)
        return found

    @property
    def accuracy(self) -> float:
        """Share of the images that are taken for what they are."""
        return float(self.right.mean())

    @property
    def right(self) -> NDArray[np.bool_]:
        """Which images are taken for what they are."""
        found: NDArray[np.bool_] = self.predicted == self.digits.val_labels
        return found

    def table(self, *, only_wrong: bool = False) -> pl.DataFrame:
        """Return one row an image, the least certain first."""
        probability = self.probabilities.max(axis=1).astype(float).round(4)
        places = np.argsort(probability, kind="stable")
        places = places[~self.right[places]] if only_wrong else places
        columns = (np.arange(len(self.predicted)), self.digits.val_labels, self.predicted, probability, self.right)
        return query.table_of(_TYPES, {name: c[places].tolist() for name, c in zip(_TYPES, columns, strict=True)})

    def summary(self) -> dict[str, Any]:
        """Return the shares of images that are taken for what they are, over all and digit by digit."""
        shares = (float(self.right[self.digits.val_labels == digit].mean()) for digit in range(CLASSES))
        by_digit = {str(digit): round(share, 4) for digit, share in enumerate(shares)}
        return {
            "images": len(self.right),
            "mistakes": int((~self.right).sum()),
            "accuracy": round(self.accuracy, 4),
            "accuracy_with_noise": round(self.noisy_accuracy, 4),
            "noise": _NOISE,
            "accuracy_by_digit": by_digit,
        }


def judge(run_id: str, digits: Digits, folder: Path) -> Judged:
    """Ask the network of a run what the validation images are; `folder` takes its weights."""
    weights = Path(runlake.artifacts.download_artifacts(run_id=run_id, artifact_path=WEIGHTS, dst_path=str(folder)))
    noise = np.random.default_rng(0).normal(0, _NOISE, digits.val_images.shape).astype(np.float32)
    noisy = predict_with(weights, digits.val_images + noise).argmax(axis=1) == digits.val_labels
    return Judged(digits, weights, predict_with(weights, digits.val_images), float(noisy.mean()))


def attach(run_id: str, settings: Settings, judged: Judged) -> None:
    """Add the report to the artifacts of a run that has ended."""
    client = runlake.MlflowClient()
    wrong = judged.table(only_wrong=True)
    client.log_dict(run_id, judged.summary(), "report/summary.json")
    client.log_text(run_id, _page(settings, judged), "report/report.md")
    client.log_text(run_id, wrong.write_csv(), "report/mistakes.csv")
    places = wrong["image"].to_numpy()
    labels, predicted = judged.digits.val_labels[places], judged.predicted[places]
    client.log_figure(run_id, mistakes(judged.digits.val_images[places], labels, predicted), "report/mistakes.png")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "predictions.parquet")
        judged.table().write_parquet(path)
        client.log_artifact(run_id, str(path), "report")


def _page(settings: Settings, judged: Judged) -> str:
    """A page in Markdown."""
    hardest = sorted(judged.summary()["accuracy_by_digit"].items(), key=lambda pair: pair[1])[:3]
    lines = [
        f"# {settings.name}",
        "",
        f"{settings.hidden} hidden units, learning rate {settings.lr:g}, momentum {settings.momentum:g}: "
        f"**{(~judged.right).sum()} of {len(judged.right)}** validation images are taken for another digit.",
        "",
        "| digit | right |",
        "|---|---:|",
        *(f"| {digit} | {share:.1%} |" for digit, share in hardest),
        "",
        f"{judged.accuracy:.1%} are right, and {judged.noisy_accuracy:.1%} with noise of {_NOISE:g} on every pixel.",
        "",
        "- `mistakes.png` shows every image that it gets wrong, `mistakes.csv` lists them.",
        "- `predictions.parquet` has all predictions, the least certain first.",
        f"- {CLASSES} classes; a guess would be right {1 / CLASSES:.0%} of the time.",
        "",
    ]
    return "\n".join(lines)
