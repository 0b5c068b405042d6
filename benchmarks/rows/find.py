"""Finding runs: three ranges among 100,000, every run as a frame, 12,000 metrics, and MLflow beside it."""

from __future__ import annotations

import math
import shutil
import statistics
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

import runlake
from benchmarks import lakes
from benchmarks.lakes import EXPERIMENT, WIDE_KEYS
from benchmarks.measure import ROUNDS, Target, at_least, at_most, interleaved, seconds
from benchmarks.rows.find_changes import changes
from benchmarks.rows.find_processes import processes
from benchmarks.rows.find_question import BEST, LIMIT, QUESTION, best_runs, top
from benchmarks.sweep import Sweep, name_of, sweep
from benchmarks.workload import scratch
from runlake.store import get_store

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl

STORES: Final = Path(__file__).parents[2] / "target" / "lakes"
RUNS: Final = 100_000
FEW_RUNS: Final = 2000
WIDE_RUNS: Final = 500
_REPEATS = 21


def targets(stores: Path = STORES, runs: int = RUNS) -> Iterator[Target]:
    """Stores are made below `stores` the first time, which takes minutes, and copied before anything is changed.

    Args:
        runs: Number of runs of the large store.
    """
    lake = lakes.ensure_sweep(stores / f"lake{_short(runs)}", runs)
    drawn = sweep(runs)
    with _copied(lake) as copy:
        yield from _warm(copy, drawn)
        yield from processes(copy, drawn)
        yield from changes(copy, drawn)
    ours = lakes.ensure_sweep(stores / f"lake{_short(FEW_RUNS)}", FEW_RUNS)
    theirs = lakes.ensure_mlflow(stores / f"mlflow{_short(FEW_RUNS)}", FEW_RUNS)
    yield from _pandas(ours, theirs / "mlflow.db")
    yield from _wide(lakes.ensure_wide(stores / "lake12k", WIDE_RUNS))


def _warm(lake: Path, drawn: Sweep) -> Iterator[Target]:
    """Queries of a process that has asked before."""
    runlake.set_tracking_uri(str(lake))
    expected = [name_of(run) for run in best_runs(drawn)]
    named = top().select("run_name", "params.lr", BEST)
    assert top().collect()["run_name"].to_list() == expected, "these are not the best runs"
    assert named.collect()["run_name"].to_list() == expected, "these are not the best runs"
    found = _search(LIMIT)
    assert [run.info.run_name for run in found] == expected, "search_runs finds other runs"
    narrow_ms, search_ms = _median_ms(named.collect), _median_ms(lambda: _search(LIMIT))
    what = f"{drawn.runs:,} runs: three ranges, the best {LIMIT} by a metric, all columns, warm"
    detail = f" ({narrow_ms:.3g} ms for three columns, {search_ms:.3g} ms through search_runs)"
    yield at_most(what, _median_ms(top().collect), 20, " ms", detail)
    check_frame(runlake.runs().collect(), drawn)
    yield at_most(
        f"all {drawn.runs:,} runs, all columns, as a Polars frame, warm",
        _median_ms(lambda: runlake.runs().collect(), ROUNDS),
        300,
        " ms",
    )


def check_frame(frame: pl.DataFrame, drawn: Sweep) -> None:
    """Fail unless a frame of all runs holds every parameter and metric as it was drawn."""
    frame = frame.sort("start_time")
    assert frame.height == drawn.runs, f"{frame.height} of {drawn.runs} runs"
    for key, column in drawn.params.items():
        assert frame[f"params.{key}"].to_list() == column.tolist(), f"parameter {key} has other values"
    for key, values in drawn.metrics.items():
        assert np.array_equal(frame[f"metrics.{key}"].to_numpy(), values, equal_nan=True), f"metric {key} differs"


def _search(limit: int) -> list[runlake.entities.Run]:
    return runlake.search_runs(
        experiment_names=[EXPERIMENT],
        filter_string=QUESTION,
        order_by=[f"{BEST} DESC"],
        max_results=limit,
        output_format="list",
    )


def _pandas(ours: Path, database: Path) -> Iterator[Target]:
    """The same call in both, which both are imported `as mlflow` for."""
    import mlflow

    mlflow.set_tracking_uri(f"sqlite:///{database}")
    runlake.set_tracking_uri(str(ours))

    def all_runs(tracker: Any) -> pd.DataFrame:
        return tracker.search_runs(experiment_names=[EXPERIMENT], max_results=2 * FEW_RUNS)

    _check_same(all_runs(runlake), all_runs(mlflow))
    taken = interleaved(
        {tracker.__name__: lambda t=tracker: seconds(lambda: all_runs(t)) for tracker in (runlake, mlflow)}  # type: ignore[misc]
    )
    detail = f" ({taken['runlake'] * 1e3:.3g} ms against {taken['mlflow'] * 1e3:.4g} ms)"
    what = f"{FEW_RUNS:,} runs as pandas through search_runs: MLflow on SQLite ÷ runlake"
    yield at_least(what, taken["mlflow"] / taken["runlake"], 50, " ×", detail)
    get_store(ours).close()


def _check_same(ours: pd.DataFrame, theirs: pd.DataFrame) -> None:
    """Fail unless both frames hold the same parameters, metrics and names, run by run."""
    columns = sorted(name for name in theirs.columns if name.startswith(("params.", "metrics.")))
    columns = ["tags.mlflow.runName", "start_time", "end_time", *columns]
    assert len(ours) == len(theirs) == FEW_RUNS, f"{len(ours)} and {len(theirs)} runs"
    ours, theirs = (frame.sort_values("start_time").reset_index(drop=True)[columns] for frame in (ours, theirs))
    assert ours.equals(theirs), "the two frames differ"


def _wide(lake: Path) -> Iterator[Target]:
    """Three of 12,000 metrics."""
    runlake.set_tracking_uri(str(lake))
    chosen = [7, 5000, 11_900]
    columns = [f"metrics.{WIDE_KEYS[index]}" for index in chosen]
    where = " AND ".join(f"metrics.`{WIDE_KEYS[index]}` > 0.5" for index in chosen)
    query = runlake.runs(where=where).select("run_name", *columns)
    expected = {name_of(run) for run in range(WIDE_RUNS) if (lakes.wide_values(run)[chosen] > 0.5).all()}
    found = query.collect()
    assert set(found["run_name"]) == expected, f"{found.height} of {len(expected)} runs"
    assert math.prod(found.select(columns).shape) == 3 * len(expected)
    what = f"{len(WIDE_KEYS):,} metrics over {WIDE_RUNS} runs: filter on three, warm"
    yield at_most(what, _median_ms(query.collect), 20, " ms")
    get_store(lake).close()


def _median_ms(run: Callable[[], object], repeats: int = _REPEATS) -> float:
    return statistics.median(seconds(run) for _ in range(repeats)) * 1e3


@contextmanager
def _copied(lake: Path) -> Iterator[Path]:
    """A copy that may be changed."""
    with scratch() as folder:
        yield Path(shutil.copytree(lake, folder / lake.name))


def _short(runs: int) -> str:
    return str(runs) if runs % 1000 else f"{runs // 1000}k"
