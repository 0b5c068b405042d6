"""search_runs with MLflow's meaning: filter, order, pages."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from runlake.entities import PagedList, Run, ViewType
from runlake.query.assembly import assemble
from runlake.query.filter.nodes import Field, Form, Kind
from runlake.query.filter.order import Order, parse_order
from runlake.query.filter.parser import parse_filter
from runlake.query.paging import check_size, page_start
from runlake.query.paging import page_token as token_of
from runlake.query.reader import Hook, Lake, no_hook
from runlake.query.run_tables import answer, load_table
from runlake.query.table import RunTable
from runlake.query.warnings import warn_of_unknown_keys

_START_TIME = Field(Kind.ATTRIBUTE, "start_time")
_RUN_ID = Field(Kind.ATTRIBUTE, "run_id")


def search_runs(
    lake: Lake,
    experiment_ids: Sequence[str],
    filter_string: str | None = "",
    view: int = ViewType.ACTIVE_ONLY,
    max_results: int = 1000,
    order_by: Sequence[str] | None = None,
    page_token: str | None = None,
    *,
    hook: Hook = no_hook,
) -> PagedList[Run]:
    """Return one page of the runs that a filter selects; `token` leads to the next one and is None on the last.

    The filter is that of `runs()`. `order_by` are clauses such as "metrics.loss DESC": runs without the value come
    last, those where it is NaN before them; ties are by start time, the latest first, and then by run id.

    Raises:
        InvalidInput: the filter, the order or the token cannot be read, or `max_results` is not from 1 to 50,000.
    """
    condition, orders = parse_filter(filter_string), parse_order(order_by)
    size, start = check_size(max_results), page_start(page_token)
    if not experiment_ids:
        return PagedList()
    ids = list(experiment_ids)

    def page(table: RunTable) -> PagedList[Run]:
        warn_of_unknown_keys(table, condition, orders)
        rows = _sorted(table, table.rows_matching(condition), orders)
        more = start + size < len(rows)
        return PagedList(assemble(lake, table, rows.slice(start, size)), token_of(start + size) if more else None)

    return answer(lake, lambda: load_table(lake, ids, view, hook=hook), page)


def _sorted(table: RunTable, rows: pl.Series | None, orders: Sequence[Order]) -> pl.Series:
    columns: list[pl.Series] = []
    descending: list[bool] = []
    for order in (*orders, Order(_START_TIME, descending=True), Order(_RUN_ID, descending=False)):
        column = table.field(order.field, Form.NUMBER if order.field.kind is Kind.METRIC else Form.TEXT)
        columns += [_absence(column), column]
        descending += [False, order.descending]
    frame = pl.DataFrame([column.alias(str(place)) for place, column in enumerate(columns)])
    frame = frame.with_row_index("row")
    if rows is not None:
        frame = frame[rows]
    return frame.sort(frame.columns[1:], descending=descending)["row"]


def _absence(column: pl.Series) -> pl.Series:
    """0 for a value, 1 for NaN, 2 for none: whichever way values are sorted, these come last."""
    missing = column.is_null().cast(pl.UInt8) * 2
    return missing + column.is_nan().fill_null(False).cast(pl.UInt8) if column.dtype.is_float() else missing
