"""Stores for the pages' benchmarks, made through the public API below one folder, and copied before they are served."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

import runlake
from benchmarks import lakes
from benchmarks.servers import Server, runlake_server
from benchmarks.workload import SEED, scratch
from runlake.store import get_store

CHART_RUNS: Final = 20
CHART_KEYS: Final = tuple(
    f"layer_{layer:03}/{name}" for layer in range(400) for name in ("mean", "std", "min", "max", "norm")
)
CHART_STEPS: Final = 50
LONG_POINTS: Final = 10_000_000
LONG_KEY: Final = "loss"


@dataclass(frozen=True)
class Stores:
    """Where stores are kept, and how many runs the large one has."""

    folder: Path
    runs: int

    def sweep(self) -> Path:
        """A hundred thousand runs of 30 parameters and 10 metrics, in a store that has been looked at before."""
        name = str(self.runs) if self.runs % 1000 else f"{self.runs // 1000}k"
        store = lakes.ensure_sweep(self.folder / f"lake{name}", self.runs)
        runlake.set_tracking_uri(str(store))
        runlake.runs().select("run_id").collect()  # who looks first waits until the table of runs is made
        return store

    def charts(self) -> Path:
        """Twenty runs of 2,000 metrics."""
        return lakes.ensure(self.folder / "lake-charts", _log_charts)

    def long(self) -> Path:
        """A run with a series of ten million points."""
        return lakes.ensure(self.folder / "lake-long", _log_long)


@contextmanager
def served(store: Path, *options: str) -> Iterator[tuple[Server, str]]:
    """Serve a copy of a store; gives the server, and the id of the experiment that was made last."""
    with scratch() as folder:
        copy = shutil.copytree(store, folder / "lake")
        experiments = runlake.MlflowClient(str(copy)).search_experiments()
        get_store(copy).close()
        latest = max(experiments, key=lambda one: one.creation_time or 0)
        with runlake_server(folder, *options) as server:
            yield server, str(latest.experiment_id)


def long_values() -> NDArray[np.float64]:
    """The values of the long series: a loss that falls, noise, and a few spikes that nobody may miss."""
    rng = np.random.default_rng(SEED)
    values = 1 / np.sqrt(1 + np.arange(LONG_POINTS) / 1000) + rng.normal(0, 0.02, LONG_POINTS)
    values[rng.integers(LONG_POINTS, size=50)] += 3
    return values


def _log_charts(root: Path) -> None:
    runlake.set_tracking_uri(str(root))
    runlake.set_experiment("charts")
    steps = np.arange(CHART_STEPS)
    rng = np.random.default_rng(SEED)
    for run in range(CHART_RUNS):
        with runlake.start_run(run_name=f"run-{run}") as active:
            for key in CHART_KEYS:
                active.log_arrays(key, steps, rng.random(CHART_STEPS).cumsum())
    _close(root)


def _log_long(root: Path) -> None:
    runlake.set_tracking_uri(str(root))
    runlake.set_experiment("long")
    with runlake.start_run(run_name="long") as active:
        active.log_arrays(LONG_KEY, np.arange(LONG_POINTS), long_values())
    _close(root)


def _close(root: Path) -> None:
    get_store(root).seal()
    get_store(root).close()
