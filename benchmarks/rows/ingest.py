"""Arrays: into the journal, sustained, and until they are sealed and committed, against pyarrow's writer."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

import runlake
from benchmarks.measure import Target, at_least, at_most, interleaved, seconds
from benchmarks.workload import losses, scratch
from runlake.store import get_store

CALL = 1_000_000
CALLS = 50


def targets() -> Iterator[Target]:
    """A million points a call."""
    call_s, sustained_s = _into_journal()
    yield at_least("log_arrays, 1 M points a call, into the journal", CALL / call_s / 1e6, 80, " M points/s")
    yield at_least("the same, sustained until all is on disk", CALL * CALLS / sustained_s / 1e6, 15, " M points/s")
    taken = _until_sealed()
    rates = {name: CALL * CALLS / s / 1e6 for name, s in taken.items()}
    detail = f" ({rates['runlake']:.1f} against {rates['pyarrow']:.1f} M points/s)"
    ratio = taken["runlake"] / taken["pyarrow"]
    yield at_most("50 M points until sealed ÷ pyarrow.write_table", ratio, 1.0, " ×", detail)


def log_all(run: runlake.ActiveRun, calls: int = CALLS) -> list[float]:
    """Log a million points a call under one key each; return the seconds of each call."""
    steps, values = np.arange(CALL), losses(CALL)
    return [seconds(lambda key=f"loss{call}": run.log_arrays(key, steps, values)) for call in range(calls)]  # type: ignore[misc]


def _into_journal() -> tuple[float, float]:
    """Return the median seconds of a call, and of all calls with the flush after them."""
    calls, whole = [], []
    for _ in range(5):
        with scratch() as folder:
            runlake.set_tracking_uri(str(folder / "lake"))
            run = runlake.start_run()
            start = time.perf_counter()
            calls += log_all(run)
            run.flush()
            whole.append(time.perf_counter() - start)
            assert run.stats().stored == CALL * CALLS, run.stats()
            runlake.end_run()
            get_store(folder / "lake").close()
    return statistics.median(calls), statistics.median(whole)


def _until_sealed() -> dict[str, float]:
    with scratch() as folder:
        table = _seven_columns()
        return interleaved({"runlake": lambda: _ours(folder), "pyarrow": lambda: _pyarrow(folder, table)})


def _ours(folder: Path) -> float:
    root = folder / f"lake{time.monotonic_ns()}"
    runlake.set_tracking_uri(str(root))
    with runlake.start_run() as run:
        start = time.perf_counter()
        log_all(run)
        get_store(root).seal()
        taken = time.perf_counter() - start
    rows = sum(pq.ParquetFile(path).metadata.num_rows for path in root.glob("segments/*/*.parquet"))
    assert rows == CALL * CALLS, f"{rows} rows are sealed"
    get_store(root).close()
    return taken


def _pyarrow(folder: Path, table: pa.Table) -> float:
    path = folder / "pyarrow.parquet"
    taken = seconds(lambda: pq.write_table(table, path))
    assert pq.ParquetFile(path).metadata.num_rows == CALL * CALLS
    path.unlink()
    return taken


def _seven_columns() -> pa.Table:
    """The table that a segment is, of the same points, laid out in memory before the clock starts."""
    keys = pa.array([f"loss{call}" for call in range(CALLS)])
    return pa.table(
        {
            "run_id": _repeated("0123456789abcdef0123456789abcdef"),
            "key": keys.take(pa.array(np.repeat(np.arange(CALLS), CALL))).cast(pa.large_string()),
            "step": np.tile(np.arange(CALL), CALLS),
            "timestamp": np.full(CALL * CALLS, 1_760_000_000_000),
            "value": np.tile(losses(CALL), CALLS),
            "writer": _repeated("fedcba9876543210fedcba9876543210"),
            "seq": np.arange(CALL * CALLS),
        }
    )


def _repeated(text: str) -> pa.Array:
    return pa.repeat(pa.scalar(text, pa.large_string()), CALL * CALLS)
