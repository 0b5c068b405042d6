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


def table_of(rows: Iterable[Sequence[Any]]) -> pa.Table:
    """Return rows, in the order of the columns of a segment, as its table."""
    return pa.table(list(map(list, zip(*rows, strict=True))), schema=SCHEMA)
