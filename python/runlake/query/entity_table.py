"""Entity table: what filters and orders ask of things that are not runs, column by column, and what matches."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from runlake.query.filter.compile import column_name, compile_filter
from runlake.query.filter.nodes import Condition, Field, Form, Kind, forms
from runlake.query.filter.vocabulary import Vocabulary
from runlake.query.forks import require_threads
from runlake.query.parameters import reading_as

Values = Sequence[Any]


@dataclass(frozen=True)
class EntityTable:
    """Things of one kind, as columns.

    Args:
        attributes: Values by name.
        texts: Values of a tag or a parameter, None where there is none.
        numbers: All values of a metric, a list of them for each thing.
    """

    vocabulary: Vocabulary
    size: int
    attributes: Mapping[str, Values]
    texts: Callable[[Field], Sequence[str | None]]
    numbers: Callable[[Field], Sequence[Sequence[float]]] = field(default=lambda _: ())

    def column(self, wanted: Field, form: Form) -> pl.Series:
        """A field in a form that a filter compares."""
        match wanted.kind:
            case Kind.ATTRIBUTE:
                return self.attribute(wanted.key)
            case Kind.METRIC:
                return pl.Series(self.numbers(wanted), dtype=pl.List(pl.Float64))
            case _:
                return reading_as(self.texts(wanted), form)

    def attribute(self, name: str) -> pl.Series:
        """An attribute."""
        dtype = pl.Int64() if self.vocabulary.attributes[name] is Form.NUMBER else pl.String()
        return pl.Series(self.attributes[name], dtype=dtype)

    def rows_matching(self, condition: Condition | None) -> pl.Series | None:
        """The rows that a filter selects; None is all of them."""
        if condition is None:
            return None
        require_threads()
        frame = pl.DataFrame([pl.int_range(self.size, eager=True).alias("")])
        columns = (self.column(wanted, form).alias(column_name(wanted, form)) for wanted, form in forms(condition))
        matching = compile_filter(condition, frozenset({Kind.METRIC}))
        return frame.with_columns(columns).filter(matching).to_series()


def rows_in_order(rows: pl.Series | None, keys: Sequence[tuple[pl.Series, bool]]) -> pl.Series:
    """Return rows sorted by columns, each with whether the largest comes first; what has no value comes last.

    Args:
        rows: None is all of them.
    """
    frame = pl.DataFrame([column.alias(str(place)) for place, (column, _) in enumerate(keys)]).with_row_index("row")
    if rows is not None:
        frame = frame[rows]
    descending = [largest_first for _, largest_first in keys]
    return frame.sort(frame.columns[1:], descending=descending, nulls_last=True, maintain_order=True)["row"]


def attributes_of(fields: Collection[Field]) -> list[str]:
    """The attributes among some fields."""
    return sorted({wanted.key for wanted in fields if wanted.kind is Kind.ATTRIBUTE})


def fields_of(condition: Condition | None) -> set[Field]:
    """The fields that a filter names."""
    return set() if condition is None else {wanted for wanted, _ in forms(condition)}
