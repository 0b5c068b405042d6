"""The run table as a lazy frame."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl
from polars.io.plugins import register_io_source

from runlake.by_id import ById, id_first
from runlake.entities import Experiment, ViewType
from runlake.errors import InvalidInput, InvalidType, NotFound
from runlake.names import check_experiments_named
from runlake.query.filter.nodes import Condition
from runlake.query.filter.parser import parse_filter
from runlake.query.forks import require_threads
from runlake.query.overrides import Overrides
from runlake.query.reader import Hook, Lake, no_hook
from runlake.query.run_tables import answer, load_table
from runlake.query.table import RunTable
from runlake.query.warnings import warn_of_unknown_keys

if TYPE_CHECKING:
    from polars._typing import SchemaDict


def runs(
    lake: Lake,
    experiments: str | Sequence[str] | None = None,
    where: str | None = None,
    view: int = ViewType.ACTIVE_ONLY,
    *,
    schema: SchemaDict | None = None,
    hook: Hook = no_hook,
) -> pl.LazyFrame:
    """Return one row a run, as fresh as the moment of collecting.

    Args:
        experiments: Names or ids; None is every experiment.
        where: A filter; quoted literals are text, unquoted ones are numbers.
        view: A `ViewType`.
        schema: Types for columns of parameters, metrics and tags, by name; what cannot be read as that is null. A
            column that is named is there even if no run has it.
        hook: Called after each step of reading, for tests.

    Returns:
        `run_name`, `params.*`, the other attributes, `tags.*` and `metrics.*` (the latest values). A parameter is
        Int64, Float64 or Boolean where every value of the experiments reads as one, else String. Oldest run first.

    Raises:
        InvalidInput: the filter cannot be read, `view` is none, or `schema` names something else.
        InvalidType: an argument is of another type.
        NotFound: an experiment that was named does not exist.
    """
    require_threads()
    ViewType.to_string(view)
    asked = _Question(parse_filter(where), Overrides.of(schema))
    ids = experiment_ids(lake, experiments)
    return _LazyRuns(lake, lambda: load_table(lake, ids, view, hook=hook), asked).frame()


def run_rows(
    lake: Lake,
    experiments: str | Sequence[str] | None,
    where: str | None,
    view: int,
    *,
    schema: SchemaDict | None = None,
    columns: Sequence[str] | None = None,
    limit: int | None = None,
) -> pl.DataFrame:
    """Return what collecting `runs` does, with some columns and at most some rows, from the calling thread alone.

    Raises:
        InvalidInput: there is no such column; otherwise as `runs`.
    """
    require_threads()
    ViewType.to_string(view)
    asked = _Question(parse_filter(where), Overrides.of(schema))
    ids = experiment_ids(lake, experiments)
    return answer(lake, lambda: load_table(lake, ids, view), lambda table: asked.some_rows(table, columns, limit))


def experiment_ids(lake: Lake, experiments: str | Sequence[str] | None, *, ids_first: bool = False) -> list[str] | None:
    """Turn names or ids into ids; None, which is all, stays None. A text is a name first, unless it is a `ById`.

    Args:
        ids_first: Take a text for an id first, as pages do; see `id_first`.

    Raises:
        NotFound: no experiment has that name or id.
        InvalidInput: more than 10,000 are named.
    """
    if experiments is None:
        return None
    if not isinstance(experiments, Iterable):
        what = f"experiments has type {type(experiments).__name__}: {experiments!r}"
        raise InvalidType(f"{what}; it must be a name or an id, or several")
    several = [experiments] if isinstance(experiments, str) else list(experiments)
    for named in several:
        if not isinstance(named, str):
            raise InvalidType(f"an experiment's name has type {type(named).__name__}: {named!r}; it must be a string")
    several = list(dict.fromkeys(several))
    if not all(isinstance(named, ById) for named in several):
        check_experiments_named(len(several))
    return [_id_of(lake, named, ids_first=ids_first) for named in several]


def _id_of(lake: Lake, named: str, *, ids_first: bool) -> str:
    if isinstance(named, ById):
        return str(named)
    if ids_first and (found := id_first(lake.catalog, named)) is not None:
        return found
    return (lake.catalog.find_experiment(named) or _by_id(lake, named)).experiment_id


def _by_id(lake: Lake, named: str) -> Experiment:
    try:
        return lake.catalog.get_experiment(named)
    except NotFound:
        names = [experiment.name for experiment in lake.catalog.experiments(ViewType.ALL)]
        close = difflib.get_close_matches(named, names, n=3)
        hint = f"did you mean {' or '.join(close)}?" if close else None
        raise NotFound(f"there is no experiment with the name or id {named!r}", hint=hint) from None


@dataclass(frozen=True)
class _Question:
    """What is asked of a run table: which runs, and columns of which types."""

    condition: Condition | None
    overrides: Overrides

    def some_rows(self, table: RunTable, columns: Sequence[str] | None, limit: int | None) -> pl.DataFrame:
        """What is asked for by name."""
        there = self.overrides.schema(table)
        wanted = list(there if columns is None else columns)
        if unknown := [name for name in wanted if name not in there]:
            raise InvalidInput(
                f"no run has the column {unknown[0]!r}", hint="columns are like params.lr, tags.team and status"
            )
        return self.rows(table, wanted, None, limit)

    def rows(
        self, table: RunTable, columns: list[str] | None, predicate: pl.Expr | None, limit: int | None
    ) -> pl.DataFrame:
        """What Polars wants. The columns that its predicate names are made first, the others for what is left."""
        warn_of_unknown_keys(table, self.condition)
        rows = table.rows_matching(self.condition)
        # NOTE: Polars pushes a limit down through a filter only when it stands before the filter.
        if limit is not None:
            rows = _first(table, limit) if rows is None else rows.head(limit)
        if predicate is not None:
            tested = self.overrides.wide(table, predicate.meta.root_names(), rows)
            places = _first(table, table.height) if rows is None else rows
            rows = tested.with_columns(places.alias(_ROW)).filter(predicate)[_ROW]
        return self.overrides.wide(table, columns, rows)


class _LazyRuns:
    """Source of a lazy frame: one row a run that a filter selects.

    Polars asks for the schema when a query is collected, and for the rows right after; both are answered from one
    reading of the store, and each collection reads anew.
    """

    def __init__(self, lake: Lake, load: Callable[[], RunTable], question: _Question) -> None:
        self._lake = lake
        self._load = load
        self._question = question
        self._table: RunTable | None = None

    def frame(self) -> pl.LazyFrame:
        """The lazy frame."""
        return register_io_source(self._rows, schema=self._schema, explain_name="runlake runs")

    def _schema(self) -> pl.Schema:
        self._table = self._load()
        return self._question.overrides.schema(self._table)

    def _rows(
        self, columns: list[str] | None, predicate: pl.Expr | None, limit: int | None, _batch_size: int | None
    ) -> Iterator[pl.DataFrame]:
        loaded = iter([self._table] if self._table is not None else [])
        yield answer(
            self._lake,
            lambda: next(loaded, None) or self._load(),
            lambda table: self._question.rows(table, columns, predicate, limit),
        )


_ROW = "\0row"


def _first(table: RunTable, count: int) -> pl.Series:
    return pl.int_range(min(count, table.height), dtype=pl.UInt32, eager=True)
