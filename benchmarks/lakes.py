"""Lakes: synthetic stores of many runs, made through the public API, with the same content in every making.

    .venv/bin/python -m benchmarks.lakes sweep FOLDER [--runs 100000]    # runs × 30 parameters × 10 metrics
    .venv/bin/python -m benchmarks.lakes wide FOLDER [--runs 500]        # runs × 12,000 metrics
    .venv/bin/python -m benchmarks.lakes mlflow FOLDER [--runs 2000]     # as `sweep`, in MLflow's SQLite

A store that is there already is left as it is; one that is being made has another name until all of it is sealed.
"""

from __future__ import annotations

import argparse
import itertools
import logging
import multiprocessing
import shutil
import time
from collections.abc import Callable, Iterable
from functools import cache, partial
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

import runlake
from benchmarks.sweep import Sweep, end_ms, history, name_of, start_ms, sweep
from benchmarks.workload import SEED
from runlake.entities import Metric, Param
from runlake.store import get_store

EXPERIMENT: Final = "sweep"
WIDE_KEYS: Final = tuple(
    f"block_{block:03}/{kind}_{statistic}"
    for block, kind, statistic in itertools.product(
        range(1000), ("grad", "weight", "activation"), ("norm", "mean", "std", "max")
    )
)
_PROCESSES = 2
_RUNS_A_TASK = 2000
_WIDE_RUNS_A_TASK = 10


def ensure_sweep(folder: Path, runs: int) -> Path:
    """Make a store of `runs` runs × 30 parameters × 10 metrics × 3 points, unless it is there; 1 ms a run."""
    return ensure(folder, lambda root: _make(root, runs, _RUNS_A_TASK, _log_sweep))


def ensure_wide(folder: Path, runs: int) -> Path:
    """Make a store of `runs` runs that all have the same 12,000 metrics, unless it is there."""
    return ensure(folder, lambda root: _make(root, runs, _WIDE_RUNS_A_TASK, _log_wide))


def ensure_mlflow(folder: Path, runs: int) -> Path:
    """Make the store of `ensure_sweep` as MLflow keeps it, in `mlflow.db` below the folder, unless it is there."""
    return ensure(folder, lambda root: _log_mlflow(root, sweep(runs)))


def ensure(folder: Path, make: Callable[[Path], None]) -> Path:
    """Have `make` fill a folder, unless it is there; half a store is never taken for a whole one."""
    if not folder.exists():
        unfinished = folder.with_name(folder.name + ".unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(parents=True)
        make(unfinished)
        unfinished.rename(folder)
    return folder


def wide_values(run: int) -> NDArray[np.float64]:
    """The values of a run of the wide store, in the order of `WIDE_KEYS`."""
    return np.random.default_rng([SEED, run]).random(len(WIDE_KEYS))


def _make(root: Path, runs: int, runs_a_task: int, log: Callable[[Path, int, int, int], None]) -> None:
    """Log runs in several processes, then seal what they have logged."""
    runlake.MlflowClient(str(root)).create_experiment(EXPERIMENT)
    parts = [(first, min(first + runs_a_task, runs)) for first in range(0, runs, runs_a_task)]
    # Spawned, not forked, and one after the other: each is a program that logs, closes its journal and ends.
    with multiprocessing.get_context("spawn").Pool(_PROCESSES, maxtasksperchild=1) as pool:
        for done in pool.imap_unordered(partial(_task, log, root, runs), parts):
            print(f"{root.name}: runs {done[0]:,} to {done[1]:,} are logged", flush=True)
    get_store(root).seal()
    get_store(root).close()


def _task(log: Callable[[Path, int, int, int], None], root: Path, runs: int, part: tuple[int, int]) -> tuple[int, int]:
    log(root, runs, *part)
    get_store(root).close()
    return part


def _log_sweep(root: Path, runs: int, first: int, upto: int) -> None:
    client = runlake.MlflowClient(str(root))
    for run, (params, metrics) in enumerate(_drawn(runs).rows(first, upto), first):
        run_id = _create(client, run)
        client.log_batch(
            run_id,
            metrics=[
                Metric(key, value, start_ms(run) + 1000 * step, step)
                for key, final in metrics.items()
                for step, value in history(final)
            ],
            params=[Param(key, str(value)) for key, value in params.items()],
        )
        client.set_terminated(run_id, end_time=end_ms(run))


def _log_wide(root: Path, runs: int, first: int, upto: int) -> None:
    client = runlake.MlflowClient(str(root))
    for run in range(first, upto):
        run_id = _create(client, run)
        values = zip(WIDE_KEYS, wide_values(run).tolist(), strict=True)
        client.log_batch(run_id, [Metric(key, value, start_ms(run), 0) for key, value in values], [])
        client.set_terminated(run_id, end_time=end_ms(run))


def _create(client: Any, run: int) -> str:
    experiment = client.get_experiment_by_name(EXPERIMENT)
    tags = {"mlflow.user": f"user{run % 7}", "mlflow.source.name": "train.py", "team": ("vision", "speech")[run % 2]}
    created = client.create_run(experiment.experiment_id, start_time=start_ms(run), tags=tags, run_name=name_of(run))
    return str(created.info.run_id)


def _log_mlflow(root: Path, drawn: Sweep) -> None:
    import mlflow
    from mlflow import entities

    for name in ("mlflow", "alembic"):
        logging.getLogger(name).setLevel(logging.ERROR)
    client = mlflow.MlflowClient(f"sqlite:///{root / 'mlflow.db'}")
    client.create_experiment(EXPERIMENT, artifact_location=str(root / "artifacts"))
    for run, (params, metrics) in enumerate(drawn.rows(0, drawn.runs)):
        run_id = _create(client, run)
        points: Iterable[tuple[str, int, float]] = (
            (key, step, value) for key, final in metrics.items() for step, value in history(final)
        )
        client.log_batch(
            run_id,
            [entities.Metric(key, value, start_ms(run) + 1000 * step, step) for key, step, value in points],
            [entities.Param(key, str(value)) for key, value in params.items()],
        )
        client.set_terminated(run_id, end_time=end_ms(run))


@cache
def _drawn(runs: int) -> Sweep:
    return sweep(runs)


_MAKERS = {"sweep": (ensure_sweep, 100_000), "wide": (ensure_wide, 500), "mlflow": (ensure_mlflow, 2000)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kind", choices=_MAKERS)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--runs", type=int)
    options = parser.parse_args()
    make, usual = _MAKERS[options.kind]
    start = time.perf_counter()
    make(options.folder.absolute(), options.runs or usual)
    print(f"{options.folder}: {time.perf_counter() - start:.0f} s")


if __name__ == "__main__":
    main()
