"""Rows under named columns, from a dictionary or a data frame."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from runlake.errors import InvalidInput, InvalidType
from runlake.extras import is_loaded_instance


@dataclass(frozen=True, slots=True)
class Rows:
    """A table in memory: names of columns, and rows with one value for each."""

    columns: list[str]
    data: list[list[Any]]

    def extended(self, more: Rows) -> Rows:
        """Give these rows and then others, under the columns of both; what a row does not have is None."""
        columns = [*self.columns, *(name for name in more.columns if name not in self.columns)]
        return Rows(columns, [*_under(columns, self), *_under(columns, more)])


def rows_of(data: Any) -> Rows:
    """Read a dictionary of columns or a pandas data frame.

    Raises:
        InvalidType: it is neither.
        InvalidInput: columns of unequal length, or two of one name.
    """
    if isinstance(data, Mapping):
        return _distinct(_from_mapping(data))
    if is_loaded_instance(data, "pandas", "DataFrame"):
        columns = [str(name) for name in data.columns]
        cells = [data.iloc[:, at].tolist() for at in range(len(columns))]
        return _distinct(Rows(columns, [list(row) for row in zip(*cells, strict=True)]))
    raise InvalidType(f"a table is a dictionary of columns or a pandas data frame, not {type(data).__name__}")


def _distinct(rows: Rows) -> Rows:
    if len(set(rows.columns)) < len(rows.columns):
        twice = next(name for name in rows.columns if rows.columns.count(name) > 1)
        raise InvalidInput(f"a table has one column of a name; {twice!r} is there twice")
    return rows


def _from_mapping(data: Mapping[Any, Any]) -> Rows:
    columns = {str(name): _values(values) for name, values in data.items()}
    lengths = {name: len(values) for name, values in columns.items() if values is not None}
    if len(set(lengths.values())) > 1:
        raise InvalidInput(f"the columns of a table have one length, not {lengths}")
    count = next(iter(lengths.values()), 1 if columns else 0)
    cells = [
        values if values is not None else [single] * count
        for values, single in zip(columns.values(), data.values(), strict=True)
    ]
    return Rows(list(columns), [list(row) for row in zip(*cells, strict=True)])


def _values(values: Any) -> list[Any] | None:
    """Give the cells of a column; None for a single value."""
    if isinstance(values, str | bytes | Mapping):
        return None
    if hasattr(values, "tolist"):
        return list(values.tolist()) if getattr(values, "ndim", 1) >= 1 else None
    return list(values) if isinstance(values, Sequence) else None


def _under(columns: list[str], rows: Rows) -> list[list[Any]]:
    if columns == rows.columns:
        return rows.data
    place = {name: at for at, name in enumerate(rows.columns)}
    return [[row[place[name]] if name in place else None for name in columns] for row in rows.data]
