"""search_logged_models with MLflow's meaning: a model matches when one of the values of its metric does."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from runlake.entities import LoggedModel, PagedList
from runlake.errors import InvalidInput
from runlake.query.entity_table import EntityTable, attributes_of, fields_of, rows_in_order
from runlake.query.filter.nodes import Field, Kind
from runlake.query.filter.order import parse_order
from runlake.query.filter.parser import parse_filter
from runlake.query.filter.vocabulary import LOGGED_MODELS
from runlake.query.paging import said_by, said_offset

if TYPE_CHECKING:
    from runlake.query.reader import Lake

DatasetChoice = tuple[str, str | None]
"""Name and digest of a data set; without a digest any is meant."""

_NEWEST_FIRST: Final = (Field(Kind.ATTRIBUTE, "creation_timestamp"), True)
_BY_ID: Final = (Field(Kind.ATTRIBUTE, "model_id"), False)


@dataclass(frozen=True)
class ModelOrder:
    """One field to sort by; a metric may be that on one data set."""

    field_name: str
    ascending: bool = True
    dataset: DatasetChoice | None = None


def search_logged_models(
    lake: Lake,
    experiment_ids: Sequence[str],
    filter_string: str | None,
    datasets: Sequence[DatasetChoice],
    size: int,
    order_by: Sequence[ModelOrder] = (),
    page_token: str | None = None,
) -> PagedList[LoggedModel]:
    """Return one page of `size` logged models; ties are the newest first, and then by id.

    Args:
        datasets: Metrics of the filter are those on one of these; a filter without metrics selects models that have
            any. Empty is all data sets and none.

    Raises:
        InvalidInput: the filter, the order or the token cannot be read, or the token is of another search.
    """
    condition = parse_filter(filter_string, LOGGED_MODELS)
    orders = [(_order_field(order.field_name), order) for order in order_by]
    start = _page_start(page_token, experiment_ids, filter_string, order_by)
    fields = fields_of(condition) | {field for field, _ in orders} | {_NEWEST_FIRST[0], _BY_ID[0]}
    columns = lake.catalog.logged_model_columns(list(experiment_ids), attributes_of(fields))
    numbers = columns["logged"]
    table = EntityTable(
        *(LOGGED_MODELS, len(numbers), columns),
        texts=_texts_of(lake, numbers),
        numbers=lambda field: _values_of(lake, numbers, field.key, datasets),
    )
    rows = _on_datasets(lake, numbers, table.rows_matching(condition), fields_of(condition), datasets)
    keys = [(_sort_column(lake, table, numbers, field, order), not order.ascending) for field, order in orders]
    sorted_by = {field for field, _ in orders}
    keys += [(table.attribute(field.key), last) for field, last in (_NEWEST_FIRST, _BY_ID) if field not in sorted_by]
    ordered = rows_in_order(rows, keys)
    found = lake.catalog.get_logged_models([numbers[row] for row in ordered[start : start + size]])
    more = start + size < len(ordered)
    return PagedList(found, _token(start + size, experiment_ids, filter_string, order_by) if more else None)


def _order_field(name: str) -> Field:
    """Read what is to be sorted by: an attribute or a metric."""
    (order,) = parse_order([_quoted(name)], LOGGED_MODELS)
    if order.field.kind not in (Kind.ATTRIBUTE, Kind.METRIC):
        raise InvalidInput(f"Invalid order by field name: {name}. Only metrics are supported.")
    return order.field


def _quoted(name: str) -> str:
    """Put the key behind the first dot in backticks, since it is given as it is."""
    entity, dot, key = name.partition(".")
    return f"{entity}.`{key.strip('`')}`" if dot else name


def _texts_of(lake: Lake, numbers: Sequence[int]) -> Callable[[Field], Sequence[str | None]]:
    def texts(field: Field) -> Sequence[str | None]:
        values = lake.catalog.logged_model_texts("tag" if field.kind is Kind.TAG else "param", field.key)
        return [values.get(number) for number in numbers]

    return texts


def _values_of(
    lake: Lake, numbers: Sequence[int], key: str | None, datasets: Sequence[DatasetChoice]
) -> list[list[float]]:
    """The values of a metric, or of all, that each model has on some data sets, the latest last."""
    found: dict[int, list[float]] = {}
    for number, name, digest, value, *_ in lake.catalog.logged_model_values(key):
        if not datasets or (name, digest) in datasets or (name, None) in datasets:
            found.setdefault(number, []).append(value)
    return [found.get(number, []) for number in numbers]


def _on_datasets(
    lake: Lake,
    numbers: Sequence[int],
    rows: pl.Series | None,
    fields: set[Field],
    datasets: Sequence[DatasetChoice],
) -> pl.Series | None:
    """Leave out models without a metric on the data sets, unless the filter has asked for one already."""
    if not datasets or any(field.kind is Kind.METRIC for field in fields):
        return rows
    has_any = pl.Series([bool(values) for values in _values_of(lake, numbers, None, datasets)], dtype=pl.Boolean)
    rows = pl.int_range(len(numbers), eager=True) if rows is None else rows
    return rows.filter(has_any[rows])


def _sort_column(lake: Lake, table: EntityTable, numbers: Sequence[int], field: Field, order: ModelOrder) -> pl.Series:
    if field.kind is Kind.ATTRIBUTE:
        return table.attribute(field.key)
    datasets = [] if order.dataset is None else [order.dataset]
    latest = [values[-1] if values else None for values in _values_of(lake, numbers, field.key, datasets)]
    return pl.Series(latest, dtype=pl.Float64).fill_nan(None)


# -- pages


def _token(
    offset: int, experiment_ids: Sequence[str], filter_string: str | None, order_by: Sequence[ModelOrder]
) -> str:
    said = {**_query(experiment_ids, filter_string, order_by), "offset": offset}
    return base64.b64encode(json.dumps(said).encode()).decode()


def _query(
    experiment_ids: Sequence[str], filter_string: str | None, order_by: Sequence[ModelOrder]
) -> Mapping[str, Any]:
    """What a token holds of its search, so that it leads on in no other."""
    orders = [[order.field_name, order.ascending, list(order.dataset or ())] for order in order_by]
    return {"experiment_ids": list(experiment_ids), "filter_string": filter_string or None, "order_by": orders}


def _page_start(
    token: str | None, experiment_ids: Sequence[str], filter_string: str | None, order_by: Sequence[ModelOrder]
) -> int:
    if not token:
        return 0
    said = said_by(token)
    for name, value in _query(experiment_ids, filter_string, order_by).items():
        if said.get(name) != value:
            raise InvalidInput(f"the page token is of a search with another {name}: {said.get(name)!r}, not {value!r}")
    return said_offset(token, said)
