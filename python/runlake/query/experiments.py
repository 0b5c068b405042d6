"""search_experiments with MLflow's meaning."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import polars as pl

from runlake.entities import Experiment, PagedList, ViewType
from runlake.errors import InvalidInput
from runlake.query.filter.compile import column_name, compile_filter
from runlake.query.filter.nodes import Field, Form, Kind, forms
from runlake.query.filter.order import Order, parse_order
from runlake.query.filter.parser import parse_filter
from runlake.query.filter.vocabulary import EXPERIMENTS
from runlake.query.forks import require_threads
from runlake.query.paging import check_size, page_start
from runlake.query.paging import page_token as token_of
from runlake.query.parameters import reading_as
from runlake.query.reader import Lake

_NEWEST_FIRST = ("creation_time DESC", "experiment_id ASC")
_ID = Field(Kind.ATTRIBUTE, "experiment_id")


def search_experiments(
    lake: Lake,
    view: int = ViewType.ACTIVE_ONLY,
    max_results: int = 1000,
    filter_string: str | None = None,
    order_by: Sequence[str] | None = None,
    page_token: str | None = None,
    *,
    may_read: Callable[[str], bool] | None = None,
) -> PagedList[Experiment]:
    """Return one page of the experiments that a filter selects, the newest first unless `order_by` says otherwise.

    A filter may use name, experiment_id, creation_time, last_update_time and tags; times and the numbers of tags are
    written as in filters of runs.

    Args:
        may_read: Tells by its id whether an experiment may be found; None is all.

    Raises:
        InvalidInput: the filter, the order or the token cannot be read, or `max_results` is not from 1 to 50,000.
    """
    condition = parse_filter(filter_string, EXPERIMENTS)
    orders = parse_order(order_by or _NEWEST_FIRST, EXPERIMENTS)
    size, start = check_size(max_results), page_start(page_token)
    found = [one for one in lake.catalog.experiments(view) if may_read is None or may_read(one.experiment_id)]
    if condition is not None:
        require_threads()
        frame = pl.DataFrame([pl.int_range(len(found), eager=True).alias("")])
        columns = (_column(found, field, form).alias(column_name(field, form)) for field, form in forms(condition))
        found = [found[row] for row in frame.with_columns(columns).filter(compile_filter(condition)).to_series()]
    found = _sorted(found, orders)
    more = start + size < len(found)
    return PagedList(found[start : start + size], token_of(start + size) if more else None)


def _column(found: Sequence[Experiment], field: Field, form: Form) -> pl.Series:
    if field.kind is Kind.TAG:
        return reading_as([experiment.tags.get(field.key) for experiment in found], form)
    dtype = pl.Int64() if EXPERIMENTS.attributes[field.key] is Form.NUMBER else pl.String()
    return pl.Series([getattr(experiment, field.key) for experiment in found], dtype=dtype)


def _sorted(found: Sequence[Experiment], orders: Sequence[Order]) -> list[Experiment]:
    if any(order.field.kind is Kind.TAG for order in orders):
        raise InvalidInput("experiments cannot be sorted by their tags")
    result = list(found)
    # Python's sort is stable, so the least important order goes first. Ties are by id, the latest first, as in MLflow.
    for order in reversed([*orders, Order(_ID, descending=True)]):
        result.sort(key=partial(_sort_key, order.field.key), reverse=order.descending)
    return result


def _sort_key(key: str, experiment: Experiment) -> tuple[int, str | int]:
    value = getattr(experiment, key)
    # Ids count up: "10" comes after "9".
    return (len(value) if key == "experiment_id" else 0, value)
