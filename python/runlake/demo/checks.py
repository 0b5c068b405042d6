"""Checks beside the sweep: the best settings with other seeds, in nested runs, and a momentum that is too high."""

from __future__ import annotations

import contextlib
import io
from dataclasses import replace
from statistics import fmean, stdev
from typing import Final

import numpy as np

import runlake
from runlake.demo import training
from runlake.demo.digits import Digits
from runlake.demo.settings import Settings
from runlake.demo.training import Outcome

EXPERIMENT: Final = "digits-checks"

_SEEDS: Final = 3
_TOO_HIGH: Final = 1.5
_NOTE_OF_SEEDS: Final = """Is it the settings, or was it luck? The best settings of the sweep, with {seeds} other seeds.

`val_accuracy` is the mean of the runs below, `val_accuracy_std` their standard deviation.
"""
_NOTE_OF_FAILURE: Final = """**Diverged.**

The momentum is {momentum:g}: every step is larger than the one before, until the loss is no number.

Every point until then is kept; `console.log` has the last words.
"""


def run(best: Settings, digits: Digits, sweep: str) -> list[Outcome]:
    """Log the checks into an experiment of their own, and return what was trained to the end."""
    runlake.set_experiment(EXPERIMENT)
    about = f"What was looked at beside the sweep {sweep}: other seeds, and what too much momentum does."
    runlake.set_experiment_tag("mlflow.note.content", about)
    _diverge(best, digits, sweep)
    return _repeat(best, digits, sweep)


def _repeat(best: Settings, digits: Digits, sweep: str) -> list[Outcome]:
    note = _NOTE_OF_SEEDS.format(seeds=_SEEDS)
    with contextlib.redirect_stderr(io.StringIO()):
        parent = runlake.start_run(run_name=f"{best.name}, {_SEEDS} seeds", description=note, tags={"sweep": sweep})
    with parent:
        seeds = [replace(best, seed=1000 + seed) for seed in range(_SEEDS)]
        runlake.log_params({"lr": best.lr, "hidden": best.hidden, "momentum": best.momentum, "seeds": _SEEDS})
        tags = {"sweep": sweep, "check": "seeds"}
        done = [training.train(one, digits, tags, lambda _: None, nested=True) for one in seeds]
        accuracies = [runlake.get_run(one.run_id).data.metrics["val_accuracy"] for one in done]
        runlake.log_metrics({"val_accuracy": fmean(accuracies), "val_accuracy_std": stdev(accuracies)})
    return done


def _diverge(best: Settings, digits: Digits, sweep: str) -> None:
    tags = {"sweep": sweep, "check": "momentum", "mlflow.note.content": _NOTE_OF_FAILURE.format(momentum=_TOO_HIGH)}
    with contextlib.suppress(training.Diverged), np.errstate(all="ignore"):
        training.train(replace(best, momentum=_TOO_HIGH), digits, tags, lambda _: None)
