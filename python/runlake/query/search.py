"""search_runs with MLflow's meaning: filter, order, pages."""

from __future__ import annotations

from collections.abc import Sequence

from runlake.entities import PagedList, Run, ViewType
from runlake.query.assembly import assemble
from runlake.query.filter.order import parse_order
from runlake.query.filter.parser import parse_filter
from runlake.query.paging import check_size, page_start
from runlake.query.paging import page_token as token_of
from runlake.query.reader import Hook, Lake, no_hook
from runlake.query.run_tables import answer, load_table
from runlake.query.sorting import sorted_rows
from runlake.query.table import RunTable
from runlake.query.warnings import warn_of_unknown_keys


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
    ViewType.to_string(view)
    condition, orders = parse_filter(filter_string), parse_order(order_by)
    size, start = check_size(max_results), page_start(page_token)
    if not experiment_ids:
        return PagedList()
    ids = list(experiment_ids)

    def page(table: RunTable) -> PagedList[Run]:
        warn_of_unknown_keys(table, condition, orders)
        rows = sorted_rows(table, table.rows_matching(condition), orders)
        more = start + size < len(rows)
        return PagedList(assemble(lake, table, rows.slice(start, size)), token_of(start + size) if more else None)

    return answer(lake, lambda: load_table(lake, ids, view, hook=hook), page)
