"""Points of windows from the call to the file: other readers find them, and what they cost is known."""

from __future__ import annotations

from pathlib import Path

import duckdb
import numpy as np
import pyarrow.parquet as pq
import pytest

from runlake import _engine
from runlake.store import Store
from runlake.throttling import Policy

COLUMNS = ["run_id", "key", "step", "timestamp", "value", "writer", "seq"]
WINDOWS = ["count", "min", "max", "mean"]


def sealed_segment(store: Store, policy: Policy | None) -> Path:
    """Log a random walk under a policy, seal it, and return the segment."""
    store.create_run("run1", "0", name="r", user_id="u", start_time=0, owned=True)
    if policy is not None:
        store.throttle_run("run1", ["*"], policy)
    values = np.cumsum(np.random.default_rng(7).normal(size=50_000))
    store.run_logger("run1").log_arrays("walk", np.arange(50_000), values)
    store.leave_run("run1", "FINISHED")
    store.seal()
    [path] = store.segments_dir.glob("*/*.parquet")
    return path


def test_other_readers_find_what_points_stand_for(store: Store) -> None:
    path = sealed_segment(store, Policy(window_steps=50))
    info = _engine.verify_segment(str(path))
    table = pq.ParquetFile(path).read()
    assert table.column_names == [*COLUMNS, *WINDOWS]
    assert [table.schema.field(name).nullable for name in table.column_names] == [False] * 7 + [True] * 4
    counted = sum(count or 1 for count in table["count"].to_pylist())
    assert counted == 50_000
    values = np.cumsum(np.random.default_rng(7).normal(size=50_000))
    query = f"SELECT max(max), min(min), sum(mean * count) FROM read_parquet('{path}', hive_partitioning=false)"
    [(largest, smallest, total)] = duckdb.sql(query).fetchall()
    rows = zip(table["value"].to_pylist(), table["count"].to_pylist(), strict=True)
    assert (largest, smallest) == (values.max(), values.min())
    assert total + sum(value for value, count in rows if count is None) == pytest.approx(values.sum())
    [(writer, entry)] = info.ledger
    assert (len(writer), entry.key, entry.merged) == (32, "walk", 50_000 - table.num_rows)
    assert entry.summary is not None
    assert entry.summary.count == entry.merged


def test_a_run_that_is_not_throttled_has_files_as_ever(store: Store) -> None:
    path = sealed_segment(store, None)
    file = pq.ParquetFile(path)
    assert file.schema_arrow.names == COLUMNS
    assert b"runlake.ledger" not in file.metadata.metadata
    assert _engine.verify_segment(str(path)).ledger == []


def test_a_point_of_a_window_takes_a_few_bytes_more(store: Store) -> None:
    path = sealed_segment(store, Policy(window_steps=50))
    rows = pq.ParquetFile(path).metadata.num_rows
    assert path.stat().st_size / rows < 60
