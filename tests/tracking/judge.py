"""The official package as judge: one scenario under both trackers, and their answers side by side.

A scenario is a function of the module (`runlake` or `mlflow`) that returns plain values. Ids, times and paths differ by
nature, so scenarios return what does not depend on them.
"""

import shutil
import warnings
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import runlake

Scenario = Callable[[Any], Any]


class Judge:
    """Runs scenarios under the official package, each in a database of its own."""

    def __init__(self, mlflow: ModuleType, template: Path) -> None:
        self.mlflow = mlflow
        self.template = template

    def answer(self, scenario: Scenario, folder: Path) -> Any:
        """What the official package says, in a new database."""
        folder.mkdir()
        shutil.copy(self.template, folder / "mlflow.db")
        with warnings.catch_warnings(), pytest.MonkeyPatch.context() as patch:
            warnings.simplefilter("ignore")
            patch.chdir(folder)
            self.mlflow.set_tracking_uri(f"sqlite:///{folder}/mlflow.db")
            _forget_experiment(self.mlflow)
            try:
                return scenario(self.mlflow)
            finally:
                while self.mlflow.active_run() is not None:
                    self.mlflow.end_run()
                for name in ("MLFLOW_TRACKING_URI", "MLFLOW_EXPERIMENT_ID", "MLFLOW_EXPERIMENT_NAME"):
                    patch.delenv(name, raising=False)


def _forget_experiment(mlflow: ModuleType) -> None:
    mlflow.tracking.fluent._active_experiment_id = None


def outcome(call: Callable[[], Any]) -> Any:
    """What a call returns, or the error code that it raises."""
    try:
        return call()
    except Exception as error:
        return getattr(error, "error_code", type(error).__name__)


def ours(scenario: Scenario) -> Any:
    """What runlake says, in the store in force."""
    return scenario(runlake)
