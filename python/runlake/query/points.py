"""Points of runs × keys as a lazy frame, from segments and live journals.

Nothing is read before the frame is collected; then the columns, row filters and row limits of the query around it are
pushed into the scan, and the catalog names the only files that need to be opened.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

import polars as pl
from polars.io.plugins import register_io_source

from runlake.errors import InvalidInput, StoreError
from runlake.query.align import Aligned, Naming, by_key, by_run, by_run_and_key
from runlake.query.chosen import Runs, check_runs, ids_of
from runlake.query.keys import KeyChoice, Keys
from runlake.query.latest import OF_A_STEP, ORDER, has_repeats, latest_at_steps
from runlake.query.predicate import Interval, Narrowed, conjuncts, narrowed
from runlake.query.reader import Hook, Lake, ReadStep, Snapshot, arrow_frame, no_hook, take_snapshot, until_whole
from runlake.query.scan import AGGREGATES, STORED, read_pieces, read_series

if TYPE_CHECKING:
    from runlake.catalog import SegmentRef

SCHEMA: Final = pl.Schema({**STORED, "rank": pl.Int32()})
WITH_AGGREGATES: Final = pl.Schema({**SCHEMA, **AGGREGATES})
OneAStep: TypeAlias = 'Literal["step"] | None'


def points(
    lake: Lake,
    runs: Runs = None,
    keys: Keys = None,
    *,
    latest: OneAStep = None,
    align: OneAStep = None,
    aggregates: bool = False,
    hook: Hook = no_hook,
) -> pl.LazyFrame:
    """Return the points of some runs and keys, as fresh as the moment of collecting.

    Args:
        runs: A run id, ids, a series of ids, or a frame with a column `run_id`; None is every run of the store.
        keys: Keys, patterns in which `*` stands for any characters and `?` for one, and regular expressions, which are
            compiled or begin with `^`: one of them, or several; None is every key.
        latest: "step" keeps one point a run, key and step, the largest by (timestamp, seq, writer); None keeps all.
        align: "step" puts series side by side, one row a step, of repeated steps the latest.
        aggregates: Whether to say what points of throttling windows stand for.
        hook: Called after each step of reading, for tests.

    Returns:
        Columns `run_id`, `key`: String; `step`, `timestamp` (ms since 1970): Int64; `value`: Float64; `writer`: String;
        `seq`: Int64; `rank`: Int32, that of the writer's process in its job, null when it had none. Rows are in no
        order; repeated steps are all there. With `aggregates`, `count`: Int64, `min`, `max`, `mean`: Float64 of the
        accepted points that a stored one stands for, itself included; null where it stands for itself alone, or the
        policy did not keep it.

        Aligned, `step: i64`, sorted, and a `f64` column a series, sorted by name, null where it has no point. Columns
        are named by key when `runs` is one id, by run when `keys` is one key, else `run/key`; a run is called by its
        name, or by its id where several of the runs have that name. Points are read when the schema is asked for.

    Raises:
        NotFound: a run id that was given by name does not exist.
        InvalidInput: `latest` or `align` is something else, or a regular expression cannot be used.
        InvalidType: `runs` or `keys` is none of these.
    """
    check_forms(latest, align, aggregates=aggregates)
    check_runs(lake, runs)
    choice = KeyChoice.of(keys)
    source = _Source(lake, runs, choice, "step" in (latest, align), aggregates, hook)
    frame = register_io_source(source, schema=schema_of(aggregates=aggregates), explain_name="runlake points")
    return frame if align is None else Aligned(frame, _naming(lake, runs, keys, choice)).frame()


def check_forms(latest: OneAStep, align: OneAStep, *, aggregates: bool = False) -> None:
    """Refuse what neither `latest` nor `align` can be, and aggregates side by side.

    Raises:
        InvalidInput: it is not None and not "step", or both `align` and `aggregates` are given.
    """
    for name, given in (("latest", latest), ("align", align)):
        if given not in (None, "step"):
            raise InvalidInput(f"{name} is {given!r}; it must be 'step' or None")
    if align is not None and aggregates:
        raise InvalidInput("align gives one column a series, which has no room for aggregates; leave one of them out")


def schema_of(*, aggregates: bool) -> pl.Schema:
    """Return the columns of points."""
    return WITH_AGGREGATES if aggregates else SCHEMA


def pieces(
    lake: Lake,
    runs: Runs,
    keys: Keys,
    *,
    latest: OneAStep = None,
    aggregates: bool = False,
    columns: Sequence[str] | None = None,
    bounds: Mapping[str, Interval],
    limit: int | None = None,
) -> Iterator[pl.DataFrame]:
    """Give the frame of `points` in pieces, each read when it is asked for, with little in memory; one at least.

    Args:
        columns: None is all.
        bounds: What columns of integers are between.
        limit: Most rows, of those that the bounds leave; 0 reads nothing.

    Raises:
        InvalidInput: there is no such column; otherwise as `points`.
    """
    check_forms(latest, None)
    check_runs(lake, runs)
    choice = KeyChoice.of(keys)
    schema = schema_of(aggregates=aggregates)
    wanted = list(schema) if columns is None else list(columns)
    if unknown := [name for name in wanted if name not in schema]:
        raise InvalidInput(f"points have no column {unknown[0]!r}", hint=f"they have {', '.join(schema)}")
    if limit == 0:
        yield pl.DataFrame(schema={name: schema[name] for name in wanted})
        return
    conditions = [condition for name, interval in bounds.items() for condition in interval.conditions(name)]
    query = _Query(lake, ids_of(runs), choice, no_hook, wanted, conditions, aggregates, frugal=True)
    left = limit
    for piece in query.latest(None) if latest else query.frames():
        part = piece if left is None else piece.head(left)
        yield part
        if left is not None and (left := left - part.height) <= 0:
            return


def _naming(lake: Lake, runs: Runs, keys: Keys, choice: KeyChoice) -> Naming:
    if isinstance(runs, str):
        return by_key
    return by_run(lake) if isinstance(keys, str) and choice.names else by_run_and_key(lake)


@dataclass(frozen=True)
class _Source:
    lake: Lake
    runs: Any
    keys: KeyChoice
    latest: bool
    aggregates: bool
    hook: Hook

    def __call__(
        self, columns: list[str] | None, predicate: pl.Expr | None, limit: int | None, _batch_size: int | None
    ) -> Iterator[pl.DataFrame]:
        query = _Query(
            *(self.lake, ids_of(self.runs), self.keys, self.hook, columns, conjuncts(predicate), self.aggregates)
        )
        if self.latest:
            return query.latest(limit)
        return query.frames() if limit is None else query.first(limit)


@dataclass(frozen=True)
class _Query:
    lake: Lake
    runs: list[str] | None
    keys: KeyChoice
    hook: Hook
    columns: list[str] | None
    conditions: list[pl.Expr]
    aggregates: bool
    most: int | None = None
    frugal: bool = False

    def first(self, limit: int) -> Iterator[pl.DataFrame]:
        """The first `limit` rows, filtered afterwards: the order in which Polars wants it."""
        whole = replace(self, columns=None, conditions=[], most=limit)
        for frame in whole.frames():
            part = frame.head(limit)
            yield self._shaped(part.lazy()).collect()
            limit -= part.height
            if limit <= 0:
                return

    def latest(self, limit: int | None) -> Iterator[pl.DataFrame]:
        """One point a step. What filters say of other columns than those of a step is asked afterwards."""
        early = [part for part in self.conditions if limit is None and set(part.meta.root_names()) <= set(OF_A_STEP)]
        columns = [name for name in self._stored if name in self._asked or name in OF_A_STEP]
        frame = replace(self, columns=columns, conditions=early)._whole()
        if not set(ORDER) <= set(columns) and has_repeats(frame):
            frame = replace(self, columns=[*dict.fromkeys((*columns, *ORDER))], conditions=early)._whole()
        if set(ORDER) <= set(frame.columns):
            frame = latest_at_steps(frame)
        yield self._shaped(frame.lazy() if limit is None else frame.head(limit).lazy()).collect()

    def _whole(self) -> pl.DataFrame:
        return pl.concat(list(self.frames()))

    def frames(self) -> Iterator[pl.DataFrame]:
        """All rows, in pieces. Starts again when a segment was replaced, unless pieces have been handed over."""
        tail, head, rest = until_whole(self._begin)
        yield tail
        yield head
        try:
            yield from rest
        except FileNotFoundError as error:
            raise StoreError(
                f"a segment was replaced while it was being read: {error}", hint="collect the frame again"
            ) from error

    def _begin(self) -> tuple[pl.DataFrame, pl.DataFrame, Iterator[pl.DataFrame]]:
        among = self._narrowed.passing if self._narrowed.run_conditions else None
        snapshot = take_snapshot(self.lake, self._runs, self.hook, among=among)
        tail = self._tail(snapshot)
        self.hook(ReadStep.TAIL)
        chosen = not (self._runs is None and self.keys.condition is None and not self.conditions)
        segments = [*filter(self._may_hold, snapshot.plan.segments)]
        pieces = self._pieces(segments, together=chosen)
        head = next(pieces, None)
        if head is None:
            head = self._shaped(self._stored.to_frame().lazy()).collect()
        self.hook(ReadStep.SEGMENTS)
        return tail, head, pieces

    @cached_property
    def _narrowed(self) -> Narrowed:
        return narrowed(self.conditions)

    @cached_property
    def _runs(self) -> list[str] | None:
        """The runs that rows may be of: of those that were chosen and those that the filter leaves, the fewer."""
        if self.runs is not None:
            return self._narrowed.passing(self.runs)
        return None if self._narrowed.runs is None else self._narrowed.passing(self._narrowed.runs)

    def _may_hold(self, segment: SegmentRef) -> bool:
        steps, times = self._narrowed.step, self._narrowed.timestamp
        return steps.meets(segment.min_step, segment.max_step) and times.meets(
            segment.min_timestamp, segment.max_timestamp
        )

    @cached_property
    def _keys(self) -> list[str] | None:
        """The keys that rows may be of, where they are known by name."""
        keys, named = self.keys.names, self._narrowed.keys
        return keys if named is None else [key for key in named if keys is None or key in keys]

    def _tail(self, snapshot: Snapshot) -> pl.DataFrame:
        read, windows = snapshot.journals.read, self._stored is not STORED
        tail = arrow_frame(read(snapshot.plan.sealed, self._runs, self._keys, windows=windows))
        return self._of_choice(tail.lazy()).collect()

    def _pieces(self, segments: list[SegmentRef], *, together: bool) -> Iterator[pl.DataFrame]:
        folder = self.lake.segments_dir
        # Polars stops when it has as many rows as are wanted.
        if self._keys is None or self.most is not None:
            return read_pieces(
                *(folder, segments, self.keys, self._shaped),
                together=together,
                frugal=self.frugal,
                stored=self._stored,
            )
        columns = [name for name in self._stored if name in self._asked] or ["key"]
        return read_series(
            *(folder, segments, self._keys, self._narrowed, columns, self._of_choice), frugal=self.frugal
        )

    def _of_choice(self, frame: pl.LazyFrame) -> pl.LazyFrame:
        """Rows of keys by name, that the engine has read: those of patterns are left to be told apart."""
        searched = self.keys.condition if self.keys.searched else None
        return self._shaped(frame if searched is None else frame.filter(searched))

    def _shaped(self, frame: pl.LazyFrame) -> pl.LazyFrame:
        if "rank" in self._asked:
            frame = frame.with_columns(rank=self._rank)
        frame = frame.filter(*self.conditions).select(self._wanted)
        return frame if self.most is None else frame.head(self.most)

    @property
    def _wanted(self) -> list[str]:
        return list(schema_of(aggregates=self.aggregates)) if self.columns is None else self.columns

    @cached_property
    def _stored(self) -> pl.Schema:
        """The columns of segments and journals that rows are made of."""
        return pl.Schema({**STORED, **AGGREGATES}) if self._asked & AGGREGATES.keys() else STORED

    @cached_property
    def _asked(self) -> set[str]:
        """The columns that are wanted, and those that they and the filter are made from."""
        asked = {*self._wanted, *(name for part in self.conditions for name in part.meta.root_names())}
        return asked | ({"writer"} if "rank" in asked else set())

    @cached_property
    def _rank(self) -> pl.Expr:
        ranks = self.lake.catalog.writer_ranks()
        if not ranks:
            return pl.lit(None, pl.Int32)
        return pl.col("writer").replace_strict(ranks, default=None, return_dtype=pl.Int32)
