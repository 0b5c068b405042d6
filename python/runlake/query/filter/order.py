"""Order of a result: "metrics.loss DESC", "min(metrics.loss)" and the like."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from runlake.errors import InvalidInput, InvalidType
from runlake.query.filter.cursor import Cursor
from runlake.query.filter.fields import read_field
from runlake.query.filter.nodes import Field, Kind
from runlake.query.filter.tokens import Source, TokenKind, shown
from runlake.query.filter.vocabulary import RUNS, Vocabulary

MAX_ORDERS = 100  # each is a column of all runs that are sorted


@dataclass(frozen=True, slots=True)
class Order:
    """One column to sort by."""

    field: Field
    descending: bool


def parse_order(clauses: Iterable[str] | None, vocabulary: Vocabulary = RUNS) -> list[Order]:
    """Read the columns to sort by, the first one being the most important.

    Raises:
        InvalidInput: a malformed clause, an unknown attribute, one field twice, or more than 100 clauses.
        InvalidType: one string instead of several.
    """
    if isinstance(clauses, str):
        raise InvalidType(f"order_by is the string {shown(clauses)!r}; it must be a list of them")
    orders: list[Order] = []
    for clause in clauses or ():
        if len(orders) == MAX_ORDERS:
            raise InvalidInput(f"order_by has more than {MAX_ORDERS} clauses")
        order = _parse_clause(Source(clause, "order_by"), vocabulary)
        if any(order.field == earlier.field for earlier in orders):
            raise InvalidInput(f"order_by names {shown(order.field.name)} twice")
        orders.append(order)
    return orders


def _parse_clause(source: Source, vocabulary: Vocabulary) -> Order:
    cursor = Cursor(source)
    name = cursor.peek()
    field = read_field(cursor, vocabulary)
    if field.kind is Kind.DATASET:
        raise cursor.mistake("a run has many data sets and cannot be sorted by them", name)
    descending = cursor.peek().is_word("DESC")
    cursor.take_word("ASC", "DESC")
    if cursor.peek().kind is not TokenKind.END:
        hint = "a key with spaces is written in backticks: metrics.`val loss`"
        raise cursor.mistake("only ASC or DESC may follow the name in order_by", hint=hint)
    return Order(field, descending)
