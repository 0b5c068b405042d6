"""Per-call cost: handle, fluent, dict, arrays and Arrow; each number is for the points that its name says."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

import runlake
from benchmarks.rows.calls import KEYS, POINTS, one_key, ten_keys
from benchmarks.workload import losses


def held(run: runlake.ActiveRun, key: str) -> int:
    return runlake.points(run.info.run_id, key).select("step").collect().height


@pytest.mark.parametrize("loop", ["append", "handle", "fluent"])
def test_a_million_points_in_a_loop(benchmark: BenchmarkFixture, lake: Path, loop: str) -> None:
    with runlake.start_run() as run:
        benchmark.pedantic(one_key(run, losses(POINTS).tolist())[loop], rounds=5, warmup_rounds=1)
        assert loop == "append" or held(run, loop) == 6 * POINTS


@pytest.mark.parametrize("loop", ["ten appends", "dict"])
def test_a_million_points_of_ten_keys_a_step(benchmark: BenchmarkFixture, lake: Path, loop: str) -> None:
    with runlake.start_run() as run:
        benchmark.pedantic(ten_keys(run, losses(POINTS).tolist())[loop], rounds=5, warmup_rounds=1)
        assert loop == "ten appends" or held(run, KEYS[0]) == 6 * POINTS // len(KEYS)


@pytest.mark.parametrize("dtype", ["float64", "float32", "int64"])
def test_a_million_points_in_one_array(benchmark: BenchmarkFixture, lake: Path, dtype: str) -> None:
    steps, values = np.arange(POINTS), losses(POINTS).astype(dtype)
    with runlake.start_run() as run:
        benchmark.pedantic(run.log_arrays, ("loss", steps, values), rounds=10, warmup_rounds=1)
        assert held(run, "loss") == 11 * POINTS


def test_a_million_points_in_one_arrow_table_of_ten_keys(benchmark: BenchmarkFixture, lake: Path) -> None:
    keys = pa.DictionaryArray.from_arrays(pa.array(np.arange(POINTS, dtype=np.int32) % len(KEYS)), pa.array(KEYS))
    table = pa.table({"key": keys, "step": np.arange(POINTS) // len(KEYS), "value": losses(POINTS)})
    with runlake.start_run() as run:
        benchmark.pedantic(run.log_points, (table,), rounds=10, warmup_rounds=1)
        assert held(run, KEYS[0]) == 11 * POINTS // len(KEYS)


def test_log_metrics_of_ten_keys(benchmark: BenchmarkFixture, lake: Path) -> None:
    metrics = dict.fromkeys(KEYS, 0.5)
    with runlake.start_run():
        benchmark(runlake.log_metrics, metrics, step=1)
