"""A listing: the first of the runs that a filter selects, in an order, as a frame with every column."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from runlake.entities import ViewType
from runlake.errors import InvalidInput
from runlake.query.filter.nodes import Condition, Kind, leaves
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
    """The runs that are shown, of `total` that were found.

    `named` are the columns that the order and the filter name, the most important first.
    """

    frame: pl.DataFrame
    total: int
    named: tuple[str, ...] = ()


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
        shown = table.wide(rows=rows if limit is None else rows.head(min(limit, len(rows))))
        return Listing(shown, len(rows), _named(shown.columns, condition, orders))

    return answer(lake, lambda: load_table(lake, ids, view), question)


def _named(columns: Sequence[str], condition: Condition | None, orders: Sequence[Order]) -> tuple[str, ...]:
    """The columns that a person who asks this wants to see; functions of a series have none."""
    fields = [order.field for order in orders]
    fields += [leaf.field for leaf in leaves(condition)] if condition is not None else []
    names = [field.key if field.kind is Kind.ATTRIBUTE else field.name for field in fields if field.function is None]
    return tuple(name for name in dict.fromkeys(names) if name in columns)


def _require_known(table: RunTable, orders: Sequence[Order]) -> None:
    """Refuse to sort by a mistyped name: it would look like sorting by nothing."""
    keyed = [order for order in orders if order.field.kind is not Kind.ATTRIBUTE]
    unknown = unknown_keys(None, keyed, table.keys) if table.height else []
    if unknown:
        message, _, hint = unknown[0].partition("\nhint: ")
        raise InvalidInput(message, hint=hint or None)
