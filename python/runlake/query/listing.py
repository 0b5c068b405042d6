"""A listing: the first of the runs that a filter selects, in an order, as a frame with every column."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from runlake.entities import ViewType
from runlake.errors import InvalidInput
from runlake.query.filter.nodes import Kind
from runlake.query.filter.order import Order, parse_order
from runlake.query.filter.parser import parse_filter
from runlake.query.filter.suggest import unknown_keys
from runlake.query.reader import Lake
from runlake.query.run_tables import answer, load_table
from runlake.query.runs import experiment_ids
from runlake.query.sorting import sorted_rows
from runlake.query.table import RunTable
from runlake.query.warnings import warn_of_unknown_keys


@dataclass(frozen=True)
class Listing:
    """The runs that are shown, of `total` that were found."""

    frame: pl.DataFrame
    total: int


def list_runs(
    lake: Lake,
    experiments: str | Sequence[str] | None = None,
    where: str | None = None,
    view: int = ViewType.ACTIVE_ONLY,
    *,
    order_by: Sequence[str] = (),
    limit: int | None = None,
) -> Listing:
    """List runs, sorted, those started last first unless `order_by` says otherwise.

    Only the columns of the filter and of the order are made for all runs, the others for those that are listed.

    Args:
        experiments: Names or ids; None is every experiment.
        where: A filter.
        order_by: Clauses such as "metrics.loss DESC" or "min(metrics.loss)"; parameters are compared as what they are.
        limit: Most runs in the frame; None is all.

    Raises:
        InvalidInput: the filter or the order cannot be read, or no run has what is sorted by.
        NotFound: an experiment does not exist.
    """
    condition, orders = parse_filter(where), parse_order(order_by)
    ids = experiment_ids(lake, experiments)

    def question(table: RunTable) -> Listing:
        warn_of_unknown_keys(table, condition)
        _require_known(table, orders)
        rows = sorted_rows(table, table.rows_matching(condition), orders, typed=True)
        return Listing(table.wide(rows=rows if limit is None else rows.head(limit)), len(rows))

    return answer(lake, lambda: load_table(lake, ids, view), question)


def _require_known(table: RunTable, orders: Sequence[Order]) -> None:
    """Refuse to sort by a mistyped name: it would look like sorting by nothing."""
    keyed = [order for order in orders if order.field.kind is not Kind.ATTRIBUTE]
    unknown = unknown_keys(None, keyed, table.keys) if table.height else []
    if unknown:
        message, _, hint = unknown[0].partition("\nhint: ")
        raise InvalidInput(message, hint=hint or None)
