"""Served frames: runs and points of a server as lazy frames, like those of a store on this machine.

What is collected is asked for then: the columns that are wanted, at most as many rows, and of points only those between
the bounds that a filter sets. The rest of a filter is applied to what comes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import polars as pl
from polars.io.plugins import register_io_source

from runlake.query.chosen import Runs, check_kind, ids_of
from runlake.query.forks import require_threads
from runlake.query.keys import KeyChoice, Keys, as_texts
from runlake.query.overrides import Overrides
from runlake.query.points import OneAStep, check_forms, schema_of
from runlake.query.predicate import Narrowed, conjuncts, narrowed

if TYPE_CHECKING:
    from polars._typing import SchemaDict

Fields: TypeAlias = Mapping[str, Any]
Ask = Callable[[str, Fields], Iterator[pl.DataFrame]]
"""Gives the frames that a server answers with, of which the first has the schema."""


def served_runs(ask: Ask, fields: Fields, schema: SchemaDict | None) -> pl.LazyFrame:
    """Return one row a run, as fresh as the moment of collecting.

    Args:
        fields: What else is asked: experiments, filter and view.
        schema: Types for columns, as `runs` takes them.

    Raises:
        RunlakeError: what `runs` raises; the server is asked at once whether it would.
    """
    require_threads()
    types = {name: str(dtype) for name, dtype in Overrides.of(schema).types.items()}
    asked = {**fields, "schema": types or None}
    _schema_of(ask("runs", {**asked, "limit": 0}))

    def rows(
        columns: list[str] | None, predicate: pl.Expr | None, limit: int | None, _batch_size: int | None
    ) -> Iterator[pl.DataFrame]:
        for frame in ask("runs", {**asked, "columns": _needed(columns, predicate), "limit": limit}):
            yield _left(frame, columns, predicate)

    return register_io_source(
        rows, schema=lambda: _schema_of(ask("runs", {**asked, "limit": 0})), explain_name="runlake runs of a server"
    )


def served_points(
    ask: Ask, runs: Runs, keys: Keys, latest: OneAStep, align: OneAStep, *, aggregates: bool = False
) -> pl.LazyFrame:
    """Return points as `points` does, as fresh as the moment of collecting.

    Raises:
        RunlakeError: what `points` raises; runs that are given by name are asked for at once.
    """
    require_threads()
    check_forms(latest, align, aggregates=aggregates)
    check_kind(runs)
    choice = KeyChoice.of(keys)
    source = _Points(ask, runs, keys, choice, latest, aggregates)
    if isinstance(runs, str | list | tuple):
        _schema_of(ask("points", {"runs": sent_runs(runs), "limit": 0}))
    if align is None:
        schema = schema_of(aggregates=aggregates)
        return register_io_source(source, schema=schema, explain_name="runlake points of a server")
    return _Aligned(lambda: ask("points", {**source.fields(), "align": align})).frame()


def sent_runs(runs: Runs) -> Any:
    """Return a choice of runs as it is sent: ids by name, which must exist, or a table of ids from a frame."""
    check_kind(runs)
    if runs is None or isinstance(runs, str):
        return runs
    return list(runs) if isinstance(runs, list | tuple) else _table_of_ids(ids_of(runs) or [])


def sent_keys(keys: Keys) -> str | list[str] | None:
    """Return a choice of keys as it is sent.

    Raises:
        InvalidType: it is no choice of keys.
        InvalidInput: an expression cannot be read.
    """
    KeyChoice.of(keys)
    return as_texts(keys)


def whole(frames: Iterator[pl.DataFrame]) -> pl.DataFrame:
    """Return an answer's frames as one."""
    return pl.concat(frames)


def members_of(runs: Runs, by: object) -> Any:
    """Return a choice of runs with the columns that group them, if the frame of runs has all of these."""
    wanted = [by] if isinstance(by, str) else list(by) if isinstance(by, list | tuple) else []
    if not wanted or not isinstance(runs, pl.DataFrame | pl.LazyFrame):
        return sent_runs(runs)
    check_kind(runs)
    frame = runs.lazy()
    if not set(wanted) <= set(frame.collect_schema().names()):
        return sent_runs(runs)
    chosen = frame.select(list(dict.fromkeys(["run_id", *wanted]))).collect()
    return {
        "types": {name: str(dtype) for name, dtype in chosen.schema.items()},
        "columns": chosen.to_dict(as_series=False),
    }


def _table_of_ids(ids: list[str]) -> dict[str, Any]:
    return {"types": {"run_id": "String"}, "columns": {"run_id": ids}}


@dataclass(frozen=True)
class _Points:
    """Source of a lazy frame of points."""

    ask: Ask
    runs: Any
    keys: Keys
    choice: KeyChoice
    latest: OneAStep
    aggregates: bool

    def fields(self) -> dict[str, Any]:
        """What is asked when nothing is known of a filter. A server of an earlier version knows of no aggregates."""
        asked = {"aggregates": True} if self.aggregates else {}
        return {"runs": sent_runs(self.runs), "keys": sent_keys(self.keys), "latest": self.latest, **asked}

    def __call__(
        self, columns: list[str] | None, predicate: pl.Expr | None, limit: int | None, _batch_size: int | None
    ) -> Iterator[pl.DataFrame]:
        fields = self.fields()
        # NOTE: a limit stands before a filter, so that with both of them the filter may take nothing away first.
        if limit is None:
            fields |= self._narrowed(fields, narrowed(conjuncts(predicate)))
        asked = {**fields, "columns": _needed(columns, predicate), "limit": limit}
        for frame in self.ask("points", asked):
            yield _left(frame, columns, predicate)

    def _narrowed(self, fields: Fields, known: Narrowed) -> dict[str, Any]:
        found: dict[str, Any] = {"step": list(known.step), "timestamp": list(known.timestamp)}
        if (chosen := ids_of(self.runs)) is not None or known.runs is not None:
            found["runs"] = _table_of_ids(known.passing(sorted(known.runs or ()) if chosen is None else chosen))
        names = self.choice.names
        if known.keys is not None and (names is not None or fields["keys"] is None):
            found["keys"] = sorted(key for key in known.keys if names is None or key in names)
        return found


class _Aligned:
    """Source of a wide lazy frame, whose columns are known when its rows are."""

    def __init__(self, ask: Callable[[], Iterator[pl.DataFrame]]) -> None:
        self._ask = ask
        self._wide: pl.DataFrame | None = None

    def frame(self) -> pl.LazyFrame:
        """The lazy frame."""
        return register_io_source(self._rows, schema=self._schema, explain_name="runlake points of a server, aligned")

    def _schema(self) -> pl.Schema:
        self._wide = pl.concat(self._ask())
        return self._wide.schema

    def _rows(
        self, columns: list[str] | None, predicate: pl.Expr | None, limit: int | None, _batch_size: int | None
    ) -> Iterator[pl.DataFrame]:
        read, self._wide = self._wide, None
        frame = pl.concat(self._ask()) if read is None else read
        yield _left(frame if limit is None else frame.head(limit), columns, predicate)


def _schema_of(frames: Iterator[pl.DataFrame]) -> pl.Schema:
    return next(frames).schema


def _needed(columns: list[str] | None, predicate: pl.Expr | None) -> list[str] | None:
    """The columns that are wanted, and those that a filter looks at."""
    if columns is None:
        return None
    return list(dict.fromkeys([*columns, *(predicate.meta.root_names() if predicate is not None else ())]))


def _left(frame: pl.DataFrame, columns: list[str] | None, predicate: pl.Expr | None) -> pl.DataFrame:
    frame = frame if predicate is None else frame.filter(predicate)
    return frame if columns is None else frame.select(columns)
