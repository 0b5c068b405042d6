"""Searches of the registry with MLflow's meaning.

A prompt is registered like a model, under a tag of its own. Who does not ask for prompts finds none.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from runlake.catalog import PROMPT_TAG, Narrowed
from runlake.entities import ModelVersion, PagedList, RegisteredModel
from runlake.errors import InvalidInput
from runlake.query.entity_table import EntityTable, attributes_of, fields_of, rows_in_order
from runlake.query.filter.nodes import AllOf, Among, Comparison, Condition, Field, Kind, Literal, Operator, leaves
from runlake.query.filter.order import Order, parse_order
from runlake.query.filter.parser import parse_filter
from runlake.query.filter.vocabulary import MODEL_VERSIONS, REGISTERED_MODELS, Vocabulary
from runlake.query.paging import page_start
from runlake.query.paging import page_token as token_of

if TYPE_CHECKING:
    from runlake.query.reader import Lake

MayRead = Callable[[str], bool]

_PROMPT: Final = Field(Kind.TAG, PROMPT_TAG)
_LATEST_FIRST: Final = ("last_updated_timestamp DESC", "name ASC", "version_number DESC")
_BY_NAME: Final = Order(Field(Kind.ATTRIBUTE, "name"), descending=False)
_HIGHEST_FIRST: Final = Order(Field(Kind.ATTRIBUTE, "version_number"), descending=True)


def search_registered_models(
    lake: Lake,
    filter_string: str | None,
    size: int,
    order_by: Sequence[str] | None = None,
    page_token: str | None = None,
    *,
    may_read: MayRead | None = None,
) -> PagedList[RegisteredModel]:
    """Return one page of `size` registered models; ties are by name.

    Args:
        may_read: Tells by its name whether a model may be found; None is all.

    Raises:
        InvalidInput: the filter, the order or the token cannot be read.
    """
    condition = parse_filter(filter_string, REGISTERED_MODELS)
    orders = _orders(order_by, REGISTERED_MODELS, [_BY_NAME])
    start = page_start(page_token)
    columns = lake.catalog.model_columns(*_wanted(condition, orders))
    rows = _chosen(REGISTERED_MODELS, columns, condition, orders, may_read)
    found = lake.catalog.get_registered_models([columns["model"][row] for row in rows[start : start + size]])
    return PagedList(found, token_of(start + size) if start + size < len(rows) else None)


def search_model_versions(
    lake: Lake,
    filter_string: str | None,
    size: int,
    order_by: Sequence[str] | None = None,
    page_token: str | None = None,
    *,
    may_read: MayRead | None = None,
) -> PagedList[ModelVersion]:
    """Return one page of `size` versions; ties are by name, and then the highest version first.

    Args:
        may_read: Tells by the name of its model whether a version may be found; None is all.

    Raises:
        InvalidInput: the filter, the order or the token cannot be read.
    """
    condition = parse_filter(filter_string, MODEL_VERSIONS)
    orders = _orders(order_by or _LATEST_FIRST, MODEL_VERSIONS, [_BY_NAME, _HIGHEST_FIRST])
    start = page_start(page_token)
    columns = lake.catalog.version_columns(*_wanted(condition, orders), _narrowed(condition))
    rows = _chosen(MODEL_VERSIONS, columns, condition, orders, may_read)
    models, versions = columns["model"], columns["version"]
    found = lake.catalog.get_versions([(models[row], versions[row]) for row in rows[start : start + size]])
    return PagedList(found, token_of(start + size) if start + size < len(rows) else None)


def _orders(clauses: Sequence[str] | None, vocabulary: Vocabulary, ties: Sequence[Order]) -> list[Order]:
    orders = parse_order(clauses, vocabulary)
    if any(order.field.kind is Kind.TAG for order in orders):
        raise InvalidInput("models and versions cannot be sorted by their tags")
    fields = {order.field for order in orders}
    return [*orders, *(tie for tie in ties if tie.field not in fields)]


def _wanted(condition: Condition | None, orders: Sequence[Order]) -> tuple[list[str], list[str]]:
    """The attributes and the tags that have to be read."""
    fields = fields_of(condition) | {order.field for order in orders}
    tags = {field.key for field in fields if field.kind is Kind.TAG}
    return attributes_of(fields), sorted(tags | {PROMPT_TAG})


def _narrowed(condition: Condition | None) -> Narrowed:
    """Return what the catalog can look up, so that few versions are read: equalities that all have to hold."""
    attributes: dict[str, Sequence[str]] = {}
    tags: list[tuple[str, str]] = []
    for part in condition.parts if isinstance(condition, AllOf) else [condition]:
        match part:
            case Comparison(Field(Kind.ATTRIBUTE, "name" | "run_id" as key), Operator.EQ, Literal(str(value))):
                attributes.setdefault(key, [value])
            case Among(Field(Kind.ATTRIBUTE, "name" | "run_id" as key), literals, negated=False) if len(literals) < 500:
                attributes.setdefault(key, [str(literal.value) for literal in literals])
            case Comparison(Field(Kind.TAG, key) as field, Operator.EQ, Literal(str(value))) if field != _PROMPT:
                tags.append((key, value))
    return Narrowed(attributes, tags[:10])


def _chosen(
    vocabulary: Vocabulary,
    columns: Mapping[str, Sequence[Any]],
    condition: Condition | None,
    orders: Sequence[Order],
    may_read: MayRead | None,
) -> list[int]:
    """The rows that a filter selects and that may be found, in order."""
    prompts = [value or "false" for value in columns[_PROMPT.name]]

    def texts(field: Field) -> Sequence[str | None]:
        return prompts if field == _PROMPT else columns[field.name]

    table = EntityTable(vocabulary, len(prompts), columns, texts)
    rows = table.rows_matching(condition)
    keys = [(table.attribute(order.field.key), order.descending) for order in orders]
    ordered = rows_in_order(rows, keys)
    if not _asks_for_prompts(condition):
        models_only = pl.Series(prompts, dtype=pl.String) != "true"
        ordered = ordered.filter(models_only[ordered])
    if may_read is None:
        return ordered.to_list()
    names = columns["name"]
    readable = {name for name in set(names) if may_read(name)}
    return [row for row in ordered.to_list() if names[row] in readable]


def _asks_for_prompts(condition: Condition | None) -> bool:
    for leaf in () if condition is None else leaves(condition):
        if leaf.field == _PROMPT and isinstance(leaf, Comparison):
            said = str(leaf.literal.value).lower()
            return (leaf.operator, said) in ((Operator.EQ, "true"), (Operator.NE, "false"))
    return False
