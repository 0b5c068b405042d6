"""Serving: frames in pieces, for a server that sends them on; what is asked comes as plain values.

Pieces are made when they are asked for, in the thread that asks: who stops asking stops the work.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, TypeAlias

import polars as pl

from runlake.errors import InvalidInput
from runlake.query.chosen import Runs
from runlake.query.keys import Keys
from runlake.query.points import OneAStep, points
from runlake.query.points import pieces as pieces_of_points
from runlake.query.predicate import Interval
from runlake.query.reader import Lake
from runlake.query.runs import run_rows

Bounds: TypeAlias = tuple[int | None, int | None]

TYPES: Final[Mapping[str, pl.DataType]] = {
    str(dtype): dtype
    for dtype in (
        *(pl.String(), pl.Boolean(), pl.Categorical(), pl.Float32(), pl.Float64()),
        *(pl.Int8(), pl.Int16(), pl.Int32(), pl.Int64(), pl.UInt8(), pl.UInt16(), pl.UInt32(), pl.UInt64()),
    )
}
"""Types that are asked for by name."""

_URI: Final = "artifact_uri"
_OF_URI: Final = ("experiment_id", "run_id")


def served_rows(
    lake: Lake,
    experiments: str | Sequence[str] | None,
    where: str | None,
    view: int,
    *,
    schema: Mapping[str, str] | None,
    columns: Sequence[str] | None,
    limit: int | None,
    places: str,
) -> pl.DataFrame:
    """Return runs as `runs` does; a limit of 0 gives the schema.

    Args:
        schema: Types by name, of columns by name.
        columns: None is all.
        places: What artifact URIs are instead of folders of this machine, with `{}` for experiment and run.
    """
    extra = [name for name in _OF_URI if columns is not None and _URI in columns and name not in columns]
    wanted = None if columns is None else [*columns, *extra]
    types = types_named(schema)
    found = run_rows(lake, experiments, where, view, schema=types, columns=wanted, limit=limit)
    return with_places(found, places).drop(extra)


def with_places(runs: pl.DataFrame, places: str) -> pl.DataFrame:
    """Say of runs where a client finds their artifacts, instead of where they are."""
    if _URI not in runs.columns:
        return runs
    return runs.with_columns(pl.format(places, *_OF_URI).alias(_URI))


def point_pieces(
    lake: Lake,
    chosen: Runs,
    keys: Keys,
    *,
    latest: OneAStep,
    align: OneAStep,
    aggregates: bool,
    columns: Sequence[str] | None,
    limit: int | None,
    step: Bounds,
    timestamp: Bounds,
) -> Iterator[pl.DataFrame]:
    """Give points as `points` does, as far as their steps and timestamps are between bounds, both included.

    Aligned, there is one piece.
    """
    if align is None:
        bounds = {"step": Interval(*step), "timestamp": Interval(*timestamp)}
        yield from pieces_of_points(
            *(lake, chosen, keys), latest=latest, aggregates=aggregates, columns=columns, bounds=bounds, limit=limit
        )
        return
    frame = points(lake, chosen, keys, latest=latest, align=align, aggregates=aggregates)
    frame = frame if columns is None else frame.select(columns)
    yield (frame if limit is None else frame.head(limit)).collect()


def table_of(types: Mapping[str, str], columns: Mapping[str, Sequence[Any]]) -> pl.DataFrame:
    """Make a frame of columns that a client has sent, such as ids of runs and what groups them.

    Raises:
        InvalidInput: types and columns do not belong together.
    """
    schema = types_named(types)
    try:
        return pl.DataFrame(dict(columns), schema=schema)
    except (pl.exceptions.PolarsError, TypeError, ValueError, OverflowError) as error:
        raise InvalidInput(f"a table that was sent cannot be read: {error}") from error


def types_named(names: Mapping[str, str] | None) -> dict[str, Any] | None:
    """Return types by column, from their names.

    Raises:
        InvalidInput: there is no such type, or none that can be asked for.
    """
    if names is None:
        return None
    if unknown := [name for name in names.values() if not isinstance(name, str) or name not in TYPES]:
        raise InvalidInput(f"there is no type {str(unknown[0])[:50]!r}", hint=f"types are {', '.join(TYPES)}")
    return {column: TYPES[name] for column, name in names.items()}
