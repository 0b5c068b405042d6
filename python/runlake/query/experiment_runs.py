"""The runs of one experiment: those of a snapshot, with those that have changed since in their place or behind them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

import polars as pl

from runlake.query.changed_part import ChangedPart
from runlake.query.run_frames import KEYED, RUNS
from runlake.query.run_part import Name, RunPart, nothing


@dataclass(frozen=True)
class _Choice:
    """Some places, and where their runs are: in the snapshot and among the changed ones, which `order` puts in turn.

    `order` is None when all are in the snapshot.
    """

    at: pl.Series
    before: pl.Series
    changed: pl.Series
    order: pl.Series | None


class ExperimentRuns(RunPart):
    """All runs of an experiment, deleted ones too, oldest first, as of transaction `tx`.

    `snapshot` is one as a rule. It is None for a small experiment, and runs in memory where none could be written.
    """

    def __init__(self, experiment_id: str, tx: int, snapshot: RunPart | None, changed: ChangedPart) -> None:
        super().__init__()
        self.experiment_id = experiment_id
        self.tx = tx
        self.snapshot = snapshot
        self.changed = changed
        self._choices: dict[str, _Choice] = {}
        self._rows_of_kind: dict[str, pl.Series] = {}
        self._orders: dict[str, pl.Series] = {}

    @cached_property
    def runs(self) -> pl.DataFrame:
        return pl.DataFrame({name: self.attribute(name) for name in RUNS})

    @cached_property
    def height(self) -> int:
        if self.snapshot is None:
            return self.changed.height
        return self.snapshot.height + self.changed.height - len(self._replaced)

    @cached_property
    def datasets(self) -> pl.DataFrame:
        if self.snapshot is None:
            return self.changed.datasets
        changed = self.changed.datasets
        places = pl.concat([self._replaced, self._added])
        changed = changed.with_columns(places[changed["row"]].alias("row"))
        return pl.concat([self.snapshot.datasets.filter(~pl.col("row").is_in(self._replaced.implode())), changed])

    @cached_property
    def keys(self) -> dict[str, frozenset[str]]:
        if self.snapshot is None:
            return self.changed.keys
        found = {kind: self.snapshot.keys[kind] | self.changed.keys[kind] for kind in KEYED}
        gone = [key for key in found["tags"] - self.changed.keys["tags"] if not self._is_left("tags", key)]
        return {**found, "tags": found["tags"].difference(gone)}

    @cached_property
    def param_kinds(self) -> dict[str, int]:
        kinds = dict(self.snapshot.param_kinds) if self.snapshot else {}
        for key, mask in self.changed.param_kinds.items():
            kinds[key] = kinds.get(key, 0) | mask
        return kinds

    def of_key(self, kind: str, key: str) -> pl.DataFrame | None:
        if self.snapshot is not None and self.changed.height == 0:
            return self.snapshot.of_key(kind, key)
        columns = [self._whole(kind, key, name) for name in KEYED[kind]]
        made = pl.DataFrame(
            [column.alias(name) for name, column in zip(KEYED[kind], columns, strict=True) if column is not None]
        )
        some = made.with_row_index("row").filter(pl.col(made.columns[0]).is_not_null()) if made.width else made
        if some.is_empty():
            return None
        return made if some.height == self.height else some

    def attribute(self, name: str, at: pl.Series | None = None) -> pl.Series:
        """One column of `runs`, of all of them or of those at some places."""
        column = self._merged(("runs", "", name), lambda part, at: _at(part.runs[name], at), at)
        return pl.Series(name, [], RUNS[name]) if column is None else column

    def places_of(self, runs: pl.Series) -> pl.Series:
        """The places of runs given by number, null where one is not here."""
        own = self.attribute("run")
        places = own.search_sorted(runs).cast(pl.UInt32)
        if not self.height:
            return places.clear()
        return places.set(own[places.clip(0, self.height - 1)] != runs, None)

    def column(self, kind: str, key: str, name: str, at: pl.Series | None = None) -> pl.Series | None:
        return self._merged((kind, key, name), lambda part, at: part.column(kind, key, name, at), at)

    def numbers(self, kind: str, key: str, at: pl.Series | None = None) -> pl.Series | None:
        return self._merged((kind, key, "(number)"), lambda part, at: part.numbers(kind, key, at), at)

    def flags(self, kind: str, key: str, at: pl.Series | None = None) -> pl.Series | None:
        return self._merged((kind, key, "(flag)"), lambda part, at: part.flags(kind, key, at), at)

    def _merged(self, name: Name, column_of: ColumnOf, at: pl.Series | None) -> pl.Series | None:
        """Put the columns of both parts together, each run at its place. All of it is kept until the next change.

        Where a few runs are asked for, only theirs are put together: after a change nothing is there yet.
        """
        if at is not None and name not in self._kept:
            return self._chosen(name[0], column_of, at)
        return self._kept_at(name, lambda: self._laid(name[0], column_of), at)

    def _laid(self, kind: str, column_of: ColumnOf) -> pl.Series | None:
        """A column of all runs."""
        if self.snapshot is None or self.changed.height == 0:
            return column_of(self.snapshot or self.changed, None)
        pair = column_of(self.snapshot, None), column_of(self.changed, None)
        if (whole := _in_one_type(pair, (self.snapshot.height, self.changed.height))) is None:
            return None
        before, changed = whole
        if before.dtype == pl.String:  # which cannot be written into in place
            return pl.concat([before, changed])[self._order(kind)]
        rows = self._replacing(kind)
        if len(rows):
            before = before.clone().scatter(self._replaced[rows], changed[rows])
        added = changed.slice(len(self._replaced))
        return pl.concat([before, added]) if len(added) else before

    def _chosen(self, kind: str, column_of: ColumnOf, at: pl.Series) -> pl.Series | None:
        """A column of the runs at some places."""
        if self.snapshot is None or self.changed.height == 0:
            return column_of(self.snapshot or self.changed, at)
        choice = self._choice(kind, at)
        if choice.order is None:
            return column_of(self.snapshot, choice.before)
        pair = column_of(self.snapshot, choice.before), column_of(self.changed, choice.changed)
        whole = _in_one_type(pair, (len(choice.before), len(choice.changed)))
        return None if whole is None else pl.concat(whole)[choice.order]

    def _choice(self, kind: str, at: pl.Series) -> _Choice:
        """Where the runs at some places are found; kept, for all columns of an answer ask for the same ones."""
        kind = _group(kind)
        last = self._choices.get(kind)
        if last is None or last.at is not at:
            assert self.snapshot is not None
            places, height = self._order(kind)[at], self.snapshot.height
            in_snapshot = places < height
            if in_snapshot.all():
                last = _Choice(at, places, places.clear(), None)
            else:
                rows = pl.concat([in_snapshot.arg_true(), (~in_snapshot).arg_true()])
                before, changed = places.filter(in_snapshot), places.filter(~in_snapshot) - height
                last = _Choice(at, before, changed, rows.arg_sort())
            self._choices[kind] = last
        return last

    def _is_left(self, kind: str, key: str) -> bool:
        """Whether a run of the snapshot whose values have not changed has a key."""
        assert self.snapshot is not None
        replaced = self._replaced[self._replacing(kind)]
        if self.snapshot.count(kind, key) > len(replaced):
            return True
        table = self.snapshot.of_key(kind, key)
        if table is None or "row" not in table.columns:
            return False
        return not table["row"].is_in(replaced.implode()).all()

    def _whole(self, kind: str, key: str, name: str) -> pl.Series | None:
        """A column for a new snapshot, which is not kept: that would keep all of them."""
        return self._laid(kind, lambda part, _: part._spread(kind, key, name))

    @cached_property
    def _replaced(self) -> pl.Series:
        """The places in the snapshot of the changed runs that are there: the first ones, for new runs come last."""
        assert self.snapshot is not None
        before, now = self.snapshot.runs["run"], self.changed.runs["run"]
        old = now.head(now.search_sorted(before[-1], side="right")) if len(before) else now.clear()
        return before.search_sorted(old).cast(pl.UInt32).alias("row")

    @cached_property
    def _added(self) -> pl.Series:
        """The places of the runs that are new."""
        assert self.snapshot is not None
        return pl.int_range(self.snapshot.height, self.height, dtype=pl.UInt32, eager=True).alias("row")

    def _replacing(self, kind: str) -> pl.Series:
        """The rows of the changed runs that take the place of one in the snapshot; not those that left it as it was."""
        kind = _group(kind)
        if kind not in self._rows_of_kind:
            count = len(self._replaced)
            rows = pl.int_range(count, dtype=pl.UInt32, eager=True)
            own = None if kind == "runs" else self.changed.has_own(kind).head(count)
            self._rows_of_kind[kind] = rows if own is None or own.all() else rows.filter(own)
        return self._rows_of_kind[kind]

    def _order(self, kind: str) -> pl.Series:
        """For each run the place of its values in the snapshot's column followed by that of the changed ones."""
        assert self.snapshot is not None
        kind = _group(kind)
        if kind not in self._orders:
            height, rows = self.snapshot.height, self._replacing(kind)
            order = pl.int_range(height, dtype=pl.UInt32, eager=True)
            if len(rows):
                order = order.scatter(self._replaced[rows], rows + height)
            first_new = height + len(self._replaced)
            new = pl.int_range(first_new, height + self.changed.height, dtype=pl.UInt32, eager=True)
            self._orders[kind] = pl.concat([order, new])
        return self._orders[kind]


def _group(kind: str) -> str:
    """What changes together."""
    return "metrics" if kind == "summaries" else kind


ColumnOf: TypeAlias = Callable[[RunPart, pl.Series | None], pl.Series | None]
"""Gives a column of a part, or of its runs at some places; None when none of its runs has it."""


def _at(column: pl.Series, at: pl.Series | None) -> pl.Series:
    return column if at is None else column[at]


def _in_one_type(
    pair: tuple[pl.Series | None, pl.Series | None], heights: tuple[int, int]
) -> tuple[pl.Series, pl.Series] | None:
    """Two columns in one type: they differ only where one has integers and the other numbers. None without either."""
    dtypes = [column.dtype for column in pair if column is not None]
    if not dtypes:
        return None
    dtype = dtypes[0] if all(dtype == dtypes[0] for dtype in dtypes) else pl.Float64()
    before, changed = (
        nothing(height, dtype) if column is None else column.cast(dtype).alias("")
        for column, height in zip(pair, heights, strict=True)
    )
    return before, changed
