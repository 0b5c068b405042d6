"""Registering: networks of the sweep as versions of one model, with a gate that tells which of them may be loaded.

The best one is left for whoever looks: it is `@challenger`, passes the gate, and nobody has promoted it yet.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

import runlake
from runlake import lifecycle, registry
from runlake.demo import report
from runlake.demo.digits import PIXELS, Digits
from runlake.demo.report import Judged
from runlake.demo.settings import Settings
from runlake.errors import NotFound
from runlake.models import ModelSignature, logged
from runlake.pyfunc.flavor import FLAVOR
from runlake.types import Schema, TensorSpec

MODEL: Final = "digits"
CHAMPION: Final = "@champion"
GOOD: Final = "metrics.val_accuracy >= 0.97 AND metrics.val_loss < 0.1"

_CHECK: Final = "noise"
_RIGHT_DESPITE_NOISE: Final = 0.85
_DESCRIPTION: Final = f"""Tells handwritten digits of 8 by 8 pixels.

- **champion** is what services load: `models:/{MODEL}{CHAMPION}`.
- **challenger** is the best network of the latest sweep.

A version becomes the champion when it passes the gate: `{GOOD}`, a signature, more images right than the champion,
and {_RIGHT_DESPITE_NOISE:.0%} of them right when they are noisy.
"""
_SIGNATURE: Final = ModelSignature(
    inputs=Schema([TensorSpec(np.dtype("float32"), (-1, PIXELS))]),
    outputs=Schema([TensorSpec(np.dtype("int64"), (-1,))]),
)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A run of the sweep that has ended, and how well it did."""

    run_id: str
    settings: Settings
    accuracy: float
    loss: float


def register(candidates: list[Candidate], digits: Digits) -> str:
    """Register some networks of a sweep and return the version of the best one.

    Args:
        candidates: The runs of the sweep, best first; where the model is there already, only the first is registered.
    """
    if _is_there():
        return _challenge(_version(candidates[0], digits, "The best network of this sweep."))
    registry.create_registered_model(MODEL, tags={"team": "vision"}, description=_DESCRIPTION)
    first, champion, weak = (candidates[len(candidates) * place // 6] for place in (4, 1, 3))
    registry.transition_model_version_stage(
        MODEL, _version(first, digits, "The first one, to try the service."), "Archived"
    )
    good = _version(champion, digits, "Good enough to begin with.")
    registry.set_registered_model_alias(MODEL, "champion", good)
    registry.transition_model_version_stage(MODEL, good, "Production")
    registry.set_gate(
        MODEL,
        CHAMPION,
        require=GOOD,
        signature=True,
        better_than=f"{CHAMPION} by max(metrics.val_accuracy)",
        check=_CHECK,
    )
    _version(weak, digits, "Trained with a learning rate that is too low; the gate says why it is not the champion.")
    return _challenge(
        _version(candidates[0], digits, "The best network of the sweep: passes the gate, not promoted yet.")
    )


def _is_there() -> bool:
    try:
        registry.get_registered_model(MODEL)
    except NotFound:
        return False
    return True


def _challenge(version: str) -> str:
    registry.set_registered_model_alias(MODEL, "challenger", version)
    registry.transition_model_version_stage(MODEL, version, "Staging")
    return version


def _version(candidate: Candidate, digits: Digits, description: str) -> str:
    """Log the network of a run as a model, with a report beside it, and register that."""
    with tempfile.TemporaryDirectory() as folder:
        judged = report.judge(candidate.run_id, digits, Path(folder))
        report.attach(candidate.run_id, candidate.settings, judged)
        _log(candidate, judged)
    version = str(registry.search_model_versions(f"run_id = '{candidate.run_id}'", max_results=1)[0].version)
    registry.update_model_version(MODEL, version, description)
    passed = judged.noisy_accuracy >= _RIGHT_DESPITE_NOISE
    registry.post_check(MODEL, version, _CHECK, passed, {"right": round(judged.noisy_accuracy, 4)})
    note = f"Registered as version {version} of **{MODEL}**. {description}\n\nSee `report/report.md`."
    runlake.MlflowClient().set_tag(candidate.run_id, lifecycle.NOTE_TAG, note)
    return version


def _log(candidate: Candidate, judged: Judged) -> None:
    logged.log(
        FLAVOR,
        str(Path(__file__).with_name("digits_model.py")),
        run_id=candidate.run_id,
        name="model",
        artifacts={"weights": str(judged.weights)},
        signature=_SIGNATURE,
        input_example=judged.digits.val_images[:3],
        pip_requirements=[f"numpy=={np.__version__}", f"runlake=={runlake.__version__}"],
        registered_model_name=MODEL,
        tags={"hidden": str(candidate.settings.hidden)},
    )
