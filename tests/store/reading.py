"""Reading every point of a store with pyarrow, following the order that readers have to keep."""

import time
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from runlake.store import Store


def points(store: Store) -> list[tuple[str, str, int, float]]:
    """Return run, key, step and value of every point in journals and segments, sorted."""
    return sorted(row[:4] for row in _rows(store))


def numbered(store: Store) -> list[tuple[str, int]]:
    """Return writer and seq of every point: none is there twice in a sound store."""
    return sorted(row[4:] for row in _rows(store))


def segment_files(store: Store) -> set[str]:
    """Return the files in the folder of segments."""
    return {str(path.relative_to(store.segments_dir)) for path in store.segments_dir.rglob("*") if path.is_file()}


def journal_files(store: Store) -> list[str]:
    """Return the files in the folder of journals."""
    return sorted(path.name for path in store.journals_dir.iterdir())


def wait_until(condition: Callable[[], Any], timeout_s: float = 30.0) -> None:
    """Wait until a condition holds that another thread or process brings about."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.005)


def _rows(store: Store) -> list[Any]:
    journals = store.journals()
    plan = store.catalog.plan(writers=[writer for writer, _, _ in journals.writers()])
    tables = [pa.table(journals.read(plan.sealed))]
    # as a plain file: pyarrow would take `experiment_id=0` in the path for one more column
    tables += [pq.ParquetFile(store.segments_dir / segment.path).read() for segment in plan.segments]
    names = ("run_id", "key", "step", "value", "writer", "seq")
    return [row for table in tables for row in zip(*(table[name].to_pylist() for name in names), strict=True)]
