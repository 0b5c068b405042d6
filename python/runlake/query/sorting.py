"""Sorting of runs: those without a value come last, NaN before them, whichever way is sorted.

Ties are by start time, the latest first, and then by run id.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from runlake.query.filter.nodes import Field, Form, Kind
from runlake.query.filter.order import Order
from runlake.query.table import RunTable

_START_TIME = Field(Kind.ATTRIBUTE, "start_time")
_RUN_ID = Field(Kind.ATTRIBUTE, "run_id")
_TIES = (Order(_START_TIME, descending=True), Order(_RUN_ID, descending=False))


def sorted_rows(table: RunTable, rows: pl.Series | None, orders: Sequence[Order], *, typed: bool = False) -> pl.Series:
    """Return rows of a table in order.

    Args:
        rows: None is all of them.
        typed: Compare parameters in the type of their column; else as text, as MLflow does.
    """
    columns: list[pl.Series] = []
    descending: list[bool] = []
    for order in (*orders, *_TIES):
        column = _column(table, order.field, typed=typed)
        columns += [_absence(column), column]
        descending += [False, order.descending]
    frame = pl.DataFrame([column.alias(str(place)) for place, column in enumerate(columns)])
    frame = frame.with_row_index("row")
    if rows is not None:
        frame = frame[rows]
    return frame.sort(frame.columns[1:], descending=descending)["row"]


def _column(table: RunTable, field: Field, *, typed: bool) -> pl.Series:
    if typed and field.kind is Kind.PARAM:
        return table.typed(field.key)
    return table.field(field, Form.NUMBER if field.kind is Kind.METRIC else Form.TEXT)


def _absence(column: pl.Series) -> pl.Series:
    """0 for a value, 1 for NaN, 2 for none."""
    missing = column.is_null().cast(pl.UInt8) * 2
    return missing + column.is_nan().fill_null(False).cast(pl.UInt8) if column.dtype.is_float() else missing
