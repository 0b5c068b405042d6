"""search_runs with MLflow's meaning: filter, order, pages."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import polars as pl

from runlake.entities import Metric, PagedList, Run, ViewType
from runlake.query.assembly import assemble, assemble_latest
from runlake.query.filter.order import parse_order
from runlake.query.filter.parser import parse_filter
from runlake.query.paging import check_size, page_start
from runlake.query.paging import page_token as token_of
from runlake.query.reader import Hook, Lake, no_hook
from runlake.query.run_tables import answer, load_table
from runlake.query.sorting import sorted_rows
from runlake.query.table import RunTable
from runlake.query.warnings import warn_of_unknown_keys

T = TypeVar("T")


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
        InvalidInput: the view is none, the filter, the order or the token cannot be read, or `max_results` is not from
            1 to 50,000.
    """
    search = _Search(experiment_ids, filter_string, view, max_results, order_by, page_token)
    return search.answer(lake, lambda table, rows: assemble(lake, table, rows), hook)


def search_latest(
    lake: Lake,
    experiment_ids: Sequence[str],
    filter_string: str | None = "",
    view: int = ViewType.ACTIVE_ONLY,
    max_results: int = 1000,
    order_by: Sequence[str] | None = None,
    page_token: str | None = None,
) -> PagedList[tuple[Run, list[Metric]]]:
    """Return what `search_runs` does, each run with the latest point of its metrics, by key."""
    search = _Search(experiment_ids, filter_string, view, max_results, order_by, page_token)

    return search.answer(lake, lambda table, rows: assemble_latest(lake, table, rows))


class _Search:
    """A page of runs that is asked for, checked and parsed."""

    def __init__(
        self,
        experiment_ids: Sequence[str],
        filter_string: str | None,
        view: int,
        max_results: int,
        order_by: Sequence[str] | None,
        page_token: str | None,
    ) -> None:
        ViewType.to_string(view)
        self._ids, self._view = list(experiment_ids), view
        self._condition, self._orders = parse_filter(filter_string), parse_order(order_by)
        self._size, self._start = check_size(max_results), page_start(page_token)

    def answer(self, lake: Lake, make: Callable[[RunTable, pl.Series], list[T]], hook: Hook = no_hook) -> PagedList[T]:
        """Return what `make` gives for the rows of the page."""
        if not self._ids:
            return PagedList()

        def page(table: RunTable) -> PagedList[T]:
            warn_of_unknown_keys(table, self._condition, self._orders)
            rows = sorted_rows(table, table.rows_matching(self._condition), self._orders)
            end = self._start + self._size
            return PagedList(
                make(table, rows.slice(self._start, self._size)), token_of(end) if end < len(rows) else None
            )

        return answer(lake, lambda: load_table(lake, self._ids, self._view, hook=hook), page)
