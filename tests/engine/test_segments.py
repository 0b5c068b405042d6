"""Segments: what independent readers find in them, how small they are, and what a killed sealer leaves."""

from __future__ import annotations

import math
import os
import signal
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa
import pyarrow.dataset as pa_dataset
import pyarrow.parquet as pq
import pytest

from runlake import _engine

from .conftest import OpenWriter

COLUMNS = ["run_id", "key", "step", "timestamp", "value", "writer", "seq"]
Seal = Callable[..., list[Path]]
Values = npt.NDArray[np.float64]


@pytest.fixture
def segments(tmp_path: Path) -> Path:
    return tmp_path / "segments"


@pytest.fixture
def seal(journals: Path, segments: Path) -> Seal:
    """Seal all that some writers have committed; runs belong to experiment 1."""

    def seal_all(*writers: _engine.Writer) -> list[Path]:
        ranges = [(writer.id, 0, writer.stats().committed) for writer in writers]
        runs = _engine.runs_in(str(journals), ranges)
        sealed = _engine.seal(str(journals), str(segments), ranges, dict.fromkeys(runs, "1"))
        return [segments / segment.path for segment in sealed]

    return seal_all


def bits(value: float) -> int:
    number: int = struct.unpack("<q", struct.pack("<d", value))[0]
    return number


def with_pyarrow(path: Path) -> list[tuple[Any, ...]]:
    return as_rows(pq.ParquetFile(path).read())


def with_duckdb(path: Path) -> list[tuple[Any, ...]]:
    query = f"SELECT {', '.join(COLUMNS)} FROM read_parquet(?, hive_partitioning = false)"
    return [(*row[:4], bits(row[4]), *row[5:]) for row in duckdb.execute(query, [str(path)]).fetchall()]


def with_polars(path: Path) -> list[tuple[Any, ...]]:
    return as_rows(pl.read_parquet(path, hive_partitioning=False).to_arrow())


def as_rows(table: pa.Table) -> list[tuple[Any, ...]]:
    columns = [table.column(name).to_pylist() for name in COLUMNS if name != "value"]
    values = np.asarray(table.column("value").to_numpy(), np.float64).view(np.int64).tolist()
    return list(zip(*columns[:4], values, *columns[4:], strict=True))


def log_many_shapes(run: _engine.RunLogger) -> None:
    """Log long series that need several row groups, very short ones, and values of every kind."""
    rng = np.random.default_rng(5)
    steps = np.arange(150_000)
    run.log_arrays("noise", steps, rng.random(len(steps)), steps * 20)
    run.log_arrays("rounded", steps[::-1], np.round(rng.random(len(steps)), 2), steps * 20)
    run.log_arrays("jitter", steps // 3, rng.normal(size=len(steps)), np.cumsum(rng.integers(0, 50, len(steps))))
    for step, value in enumerate([math.nan, -0.0, math.inf, -math.inf, 5e-324, 1.0]):
        run.metric("odd").log(value, step, 7)
    for number in range(3000):
        run.metric(f"short/{number % 1000}").log(number, number, number)


def test_pyarrow_duckdb_and_polars_read_every_point_bit_for_bit_in_order(
    open_writer: OpenWriter,
    seal: Seal,
    rows: Callable[..., list[dict[str, Any]]],
) -> None:
    writers = [open_writer(), open_writer()]
    log_many_shapes(writers[0].run("run-1"))
    for writer in writers:
        for step in range(500):  # two writers take turns within one series
            writer.run("run-2").metric("shared").log(step / 7, step, step)
    logged = [(*list(row.values())[:4], bits(row["value"]), row["writer"], row["seq"]) for row in rows()]
    in_order = sorted(logged, key=lambda row: (row[0], row[1], row[2], row[3], row[6]))
    [path] = seal(*writers)
    without_writers, logged = [(*row[:5], row[6]) for row in in_order], sorted(logged)
    for reader in (with_pyarrow, with_duckdb, with_polars):
        found = reader(path)
        assert [(*row[:5], row[6]) for row in found] == without_writers, reader
        assert sorted(found) == logged, reader
    assert _engine.verify_segment(str(path)).rows == len(logged)


def test_columns_are_required_and_of_types_that_every_table_format_has(
    run: _engine.RunLogger, writer: _engine.Writer, seal: Seal
) -> None:
    run.metric("loss").log(1.0, 0)
    [path] = seal(writer)
    types = [pa.string(), pa.string(), pa.int64(), pa.int64(), pa.float64(), pa.string(), pa.int64()]
    fields = [pa.field(name, kind, nullable=False) for name, kind in zip(COLUMNS, types, strict=True)]
    assert pq.read_schema(path).remove_metadata().equals(pa.schema(fields))


def test_a_filter_on_values_finds_rows_beside_nans(run: _engine.RunLogger, writer: _engine.Writer, seal: Seal) -> None:
    values = np.arange(1000.0)
    values[::2] = math.nan
    run.log_arrays("loss", np.arange(1000), values)
    [path] = seal(writer)
    assert pl.scan_parquet(path).filter(pl.col("value") == 7.0).collect().height == 1
    assert pq.read_table(path, filters=[("value", "==", 7.0)]).num_rows == 1
    query = "SELECT count(*) FROM read_parquet(?) WHERE value = 7"
    assert duckdb.execute(query, [str(path)]).fetchall() == [(1,)]


def test_a_filter_on_run_and_key_reads_few_row_groups(
    run: _engine.RunLogger, writer: _engine.Writer, seal: Seal
) -> None:
    steps, values = np.arange(100_000), np.random.default_rng(1).random(100_000)
    for number in range(20):
        run.log_arrays(f"metric/{number:02}", steps, values + number)
    [path] = seal(writer)
    wanted = (pl.col("run_id") == "run-1") & (pl.col("key") == "metric/07")
    frame = pl.scan_parquet(path).filter(wanted).collect()
    assert frame["value"].to_list() == (values + 7).tolist()
    metadata = pq.read_metadata(path)
    keys = [metadata.row_group(group).column(1).statistics for group in range(metadata.num_row_groups)]
    assert sum(one.min <= "metric/07" <= one.max for one in keys) <= 2 < len(keys)


def losses(rng: np.random.Generator, count: int) -> Values:
    return 2 * np.exp(-5 * np.arange(count) / count) + 0.1 + 0.05 * rng.normal(size=count)


@pytest.mark.parametrize(
    ("kind", "constant_limit", "jittered_limit"),
    [("uniform", 7.1, 7.8), ("float32 losses", 3.7, 4.2), ("rounded uniform", 2.0, 2.5), ("rounded losses", 2.0, 2.5)],
)
def test_a_point_takes_few_bytes(
    kind: str,
    constant_limit: float,
    jittered_limit: float,
    run: _engine.RunLogger,
    open_writer: OpenWriter,
    seal: Seal,
) -> None:
    count = 500_000
    rng = np.random.default_rng(3)
    values: Values = {
        "uniform": lambda: rng.random(count),
        "float32 losses": lambda: losses(rng, count).astype(np.float32).astype(np.float64),
        "rounded uniform": lambda: np.round(rng.random(count), 4),
        "rounded losses": lambda: np.round(losses(rng, count), 4),
    }[kind]()
    jittered = np.cumsum(rng.normal(20, 4, count)).astype(np.int64)
    for timestamps, limit in [(np.zeros(count, np.int64), constant_limit), (jittered, jittered_limit)]:
        writer = open_writer()
        writer.run("3f2a9b7c1d5e8f60" * 2).log_arrays("train/loss", np.arange(count), values, timestamps)
        [path] = seal(writer)
        assert path.stat().st_size / count <= limit


SEALER = """
import os, signal, sys
from runlake import _engine

def stop(step):
    if step == sys.argv[4]:
        os.kill(os.getpid(), signal.SIGKILL)

_engine.seal(sys.argv[1], sys.argv[2], [(sys.argv[3], 0, 100)], {"run-1": "1"}, hook=stop)
"""


@pytest.mark.parametrize("step", ["read", "sorted", "written", "synced", "renamed"])
def test_a_sealer_killed_at_any_step_leaves_temporary_files_or_a_whole_segment(
    step: str, run: _engine.RunLogger, writer: _engine.Writer, journals: Path, segments: Path, seal: Seal
) -> None:
    for number in range(100):
        run.metric("loss").log(number, number)
    arguments = [sys.executable, "-c", SEALER, str(journals), str(segments), writer.id, step]
    assert subprocess.run(arguments, check=False, env=dict(os.environ)).returncode == -signal.SIGKILL
    left = [path for path in segments.rglob("*") if path.is_file()]
    if step == "renamed":
        assert [_engine.verify_segment(str(path)).rows for path in left] == [100]
    else:
        assert all(path.suffix == ".tmp" for path in left)
        assert not left or pa_dataset.dataset(segments, format="parquet").files == []
    [path] = seal(writer)
    assert pq.read_table(path, columns=["step"])["step"].to_pylist() == list(range(100))


@pytest.mark.parametrize("part", ["beginning", "middle", "end", "cut"])
def test_a_damaged_segment_is_refused_by_name(
    part: str, run: _engine.RunLogger, writer: _engine.Writer, seal: Seal
) -> None:
    run.log_arrays("loss", np.arange(1000), np.random.default_rng(1).random(1000))
    [path] = seal(writer)
    content = bytearray(path.read_bytes())
    if part == "cut":
        del content[-100:]
    else:
        content[{"beginning": 20, "middle": len(content) // 2, "end": -20}[part]] ^= 1
    path.write_bytes(content)
    with pytest.raises(Exception, match=path.stem):
        _engine.verify_segment(str(path))
