"""A segment as pyarrow makes one, by hand."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import pyarrow as pa

SCHEMA = pa.schema(
    [
        pa.field(name, kind, nullable=False)
        for name, kind in [
            ("run_id", pa.string()),
            ("key", pa.string()),
            ("step", pa.int64()),
            ("timestamp", pa.int64()),
            ("value", pa.float64()),
            ("writer", pa.string()),
            ("seq", pa.int64()),
        ]
    ]
)


WINDOWS = pa.schema(
    [("count", pa.int64()), ("min", pa.float64()), ("max", pa.float64()), ("mean", pa.float64())],
)
"""Columns of segments that have points of windows, behind the others."""


def with_windows(table: pa.Table, windows: Sequence[Sequence[Any] | None]) -> pa.Table:
    """Return a segment's table that says of each row what it stands for: count, min, max, mean, or None."""
    whole = [(None,) * 4 if window is None else window for window in windows]
    for field, column in zip(WINDOWS, zip(*whole, strict=True), strict=True):
        table = table.append_column(field, pa.array(column, field.type))
    return table


def table_of(rows: Iterable[Sequence[Any]]) -> pa.Table:
    """Return rows, in the order of the columns of a segment, as its table."""
    return pa.table(list(map(list, zip(*rows, strict=True))), schema=SCHEMA)
