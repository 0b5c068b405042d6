"""Sustained ingest: arrays until they are sealed Parquet that the catalog lists."""

from pathlib import Path

import pyarrow.parquet as pq
from pytest_benchmark.fixture import BenchmarkFixture

import runlake
from benchmarks.rows.ingest import CALL, log_all
from runlake.store import get_store

CALLS = 10


def test_ten_million_points_until_sealed(benchmark: BenchmarkFixture, lake: Path) -> None:
    def ingest() -> None:
        with runlake.start_run() as run:
            log_all(run, CALLS)
        get_store(lake).seal()

    benchmark.pedantic(ingest, rounds=5)
    rows = sum(pq.ParquetFile(path).metadata.num_rows for path in lake.glob("segments/*/*.parquet"))
    assert rows == 5 * CALL * CALLS


def test_ten_million_points_until_on_disk(benchmark: BenchmarkFixture, lake: Path) -> None:
    with runlake.start_run() as run:

        def ingest() -> None:
            log_all(run, CALLS)
            run.flush()

        benchmark.pedantic(ingest, rounds=5)
        assert run.stats().durable == 5 * CALL * CALLS
