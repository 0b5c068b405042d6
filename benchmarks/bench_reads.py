"""Reads: one series, a live run's points, the table of runs, MLflow's search."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

import runlake
from benchmarks.rows.reads import POINTS, fill
from benchmarks.workload import losses, scratch
from runlake.store import get_store

RUNS = 1000


@pytest.fixture(scope="module")
def sealed() -> Iterator[list[str]]:
    """The ids of ten runs with 20 series of 100,000 points each, all sealed."""
    with scratch() as folder:
        runlake.set_tracking_uri(str(folder / "lake"))
        run_ids = fill()
        get_store(folder / "lake").seal()
        yield run_ids
        get_store(folder / "lake").close()


@pytest.fixture(scope="module")
def many_runs() -> Iterator[None]:
    """A thousand runs with ten parameters and five metrics."""
    with scratch() as folder:
        runlake.set_tracking_uri(str(folder / "lake"))
        for number in range(RUNS):
            with runlake.start_run():
                runlake.log_params({f"p{index}": number * 0.001 for index in range(10)})
                runlake.log_metrics({f"m{index}": number / RUNS for index in range(5)}, step=1)
        get_store(folder / "lake").seal()
        yield
        get_store(folder / "lake").close()


def test_one_series_of_100_000_points_out_of_20_million(benchmark: BenchmarkFixture, sealed: list[str]) -> None:
    frame = benchmark(lambda: runlake.points(sealed[3], "m7").collect())
    assert frame.height == POINTS


def test_one_series_in_1000_buckets(benchmark: BenchmarkFixture, sealed: list[str]) -> None:
    frame = benchmark(lambda: runlake.series(sealed[3], "m7", points=1000))
    assert 0 < frame.height <= 1000


def test_one_series_of_100_000_points_of_a_live_run(benchmark: BenchmarkFixture, lake: Path) -> None:
    with runlake.start_run() as run:
        run.log_arrays("loss", np.arange(POINTS), losses(POINTS))
        frame = benchmark(lambda: runlake.points(run.info.run_id, "loss").collect())
        assert frame.height == POINTS


def test_runs_by_parameter_range_and_metric(benchmark: BenchmarkFixture, many_runs: None) -> None:
    where = "params.p3 BETWEEN 0.1 AND 0.5 AND metrics.m1 > 0.3"
    frame = benchmark(lambda: runlake.runs(where=where).collect())
    assert frame.height == 200


def test_search_runs_as_mlflow_has_it(benchmark: BenchmarkFixture, many_runs: None) -> None:
    found = benchmark(
        lambda: runlake.search_runs(
            filter_string="metrics.m1 > 0.3", order_by=["metrics.m2 DESC"], max_results=100, output_format="list"
        )
    )
    assert len(found) == 100
