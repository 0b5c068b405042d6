"""Overrides: types that a caller gives to columns of runs, instead of those that their values suggest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from runlake.errors import InvalidInput, InvalidType
from runlake.query.parameters import flags, kinds_of
from runlake.query.table import KeptSchema, RunTable

if TYPE_CHECKING:
    from polars._typing import SchemaDict

_KINDS = ("params.", "metrics.", "tags.")


@dataclass(frozen=True)
class Overrides:
    """Types by column name; a column that no run has is there, without values."""

    types: Mapping[str, pl.DataType]

    @classmethod
    def of(cls, schema: SchemaDict | None) -> Overrides:
        """Read what a caller gave.

        Raises:
            InvalidType: a type is none of text, numbers and truth values.
            InvalidInput: a column is no parameter, metric or tag.
        """
        try:
            types = dict(pl.Schema(schema or {}))
        except TypeError as error:
            raise InvalidType(f"schema has a type that Polars does not know: {error}") from error
        for name, dtype in types.items():
            if not name.startswith(_KINDS):
                raise InvalidInput(
                    f"schema names the column {name!r}", hint="it can name params.*, metrics.* and tags.*"
                )
            if not (dtype.is_numeric() or dtype in (pl.String, pl.Boolean, pl.Categorical)):
                raise InvalidType(
                    f"schema gives the column {name!r} the type {dtype}",
                    hint="cast the frame's column afterwards; schema takes String, Categorical, Boolean and numbers",
                )
        return cls(types)

    def schema(self, table: RunTable) -> pl.Schema:
        """Names and types of the table's wide frame."""
        return KeptSchema({**table.schema, **self.types}) if self.types else table.schema

    def wide(self, table: RunTable, columns: list[str] | None, rows: pl.Series | None) -> pl.DataFrame:
        """Make the columns of the wide frame that are asked for; see `RunTable.wide`."""
        if not self.types:
            return table.wide(columns, rows)
        wanted = list(self.schema(table)) if columns is None else columns
        frame = table.wide([name for name in wanted if name not in self.types], rows)
        made = [_read(table.raw(name, rows), self.types[name]).alias(name) for name in wanted if name in self.types]
        return frame.with_columns(made).select(wanted) if made else frame


def _read(values: pl.Series, dtype: pl.DataType) -> pl.Series:
    """Read values as a type; what cannot be read as that is null."""
    if dtype == pl.Boolean and values.dtype == pl.String:
        return flags(values, kinds_of(values))
    return values.cast(dtype, strict=False)
