"""Run creation, here and in MLflow."""

from pathlib import Path

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

import runlake
from benchmarks.starts import TRACKERS, one_run, stores
from benchmarks.workload import scratch


def test_start_and_end(benchmark: BenchmarkFixture, lake: Path) -> None:
    def empty_run() -> None:
        with runlake.start_run():
            pass

    benchmark.pedantic(empty_run, rounds=200, warmup_rounds=5)
    assert len(runlake.search_runs(output_format="list")) == 205


@pytest.mark.filterwarnings("default")  # what MLflow is warned of is not ours to mend
@pytest.mark.parametrize("tracker", TRACKERS)
def test_thirty_parameters_and_ten_metrics(benchmark: BenchmarkFixture, tracker: str) -> None:
    with scratch() as folder, stores(folder):
        benchmark.pedantic(one_run, (TRACKERS[tracker],), rounds=50, warmup_rounds=2)
        found = TRACKERS[tracker].search_runs(experiment_names=["starts"], output_format="list")
        assert len(found) == 52
