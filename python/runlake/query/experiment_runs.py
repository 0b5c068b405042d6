"""The runs of one experiment: those of a snapshot, and over them those that have changed since."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

import polars as pl

from runlake.query.changed_part import ChangedPart
from runlake.query.run_frames import KEYED, RUNS
from runlake.query.run_part import RunPart
from runlake.query.snapshot import Snapshot


class ExperimentRuns(RunPart):
    """All runs of an experiment, deleted ones too, oldest first, as of transaction `tx`."""

    def __init__(self, experiment_id: str, tx: int, snapshot: Snapshot | None, changed: ChangedPart) -> None:
        super().__init__()
        self.experiment_id = experiment_id
        self.tx = tx
        self.snapshot = snapshot
        self.changed = changed

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
        changed = changed.with_columns(places.gather(changed["row"]).alias("row"))
        return pl.concat([self.snapshot.datasets.filter(~pl.col("row").is_in(self._replaced.implode())), changed])

    @cached_property
    def keys(self) -> dict[str, frozenset[str]]:
        parts = [part.keys for part in (self.snapshot, self.changed) if part is not None]
        return {kind: frozenset().union(*(keys[kind] for keys in parts)) for kind in KEYED}

    @cached_property
    def param_kinds(self) -> dict[str, int]:
        kinds = dict(self.snapshot.param_kinds) if self.snapshot else {}
        for key, mask in self.changed.param_kinds.items():
            kinds[key] = kinds.get(key, 0) | mask
        return kinds

    def of_key(self, kind: str, key: str) -> pl.DataFrame | None:
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
        column = self._merged(("runs", "", name), lambda part: part.runs[name], at)
        return pl.Series(name, [], RUNS[name]) if column is None else column

    def places_of(self, runs: pl.Series) -> pl.Series:
        """The places of runs given by number, null where one is not here."""
        own = self.attribute("run")
        places = own.search_sorted(runs).cast(pl.UInt32)
        if not self.height:
            return places.clear()
        return places.set(own.gather(places.clip(0, self.height - 1)) != runs, None)

    def column(self, kind: str, key: str, name: str, at: pl.Series | None = None) -> pl.Series | None:
        return self._merged((kind, key, name), lambda part: part.column(kind, key, name), at)

    def numbers(self, kind: str, key: str, at: pl.Series | None = None) -> pl.Series | None:
        return self._merged((kind, key, "(number)"), lambda part: part.numbers(kind, key), at)

    def flags(self, kind: str, key: str, at: pl.Series | None = None) -> pl.Series | None:
        return self._merged((kind, key, "(flag)"), lambda part: part.flags(kind, key), at)

    def _merged(
        self, name: tuple[str, str, str], column_of: Callable[[RunPart], pl.Series | None], at: pl.Series | None
    ) -> pl.Series | None:
        """Put the columns of both parts together, each run at its place. All of it is kept until the next change.

        Where a few runs are asked for, only theirs are put together: after a change nothing is there yet.
        """
        if at is not None and name not in self._kept:
            both = self._both(column_of)
            return None if both is None else both.gather(at if self._order is None else self._order.gather(at))
        return self._kept_at(name, lambda: self._in_order(self._both(column_of)), at)

    def _both(self, column_of: Callable[[RunPart], pl.Series | None]) -> pl.Series | None:
        """The column of the snapshot's runs followed by that of the changed ones."""
        changed = column_of(self.changed)
        if self.snapshot is None:
            return changed
        before = column_of(self.snapshot)
        if self.changed.height == 0 or (before is None and changed is None):
            return before
        dtype = _wider([column.dtype for column in (before, changed) if column is not None])
        return pl.concat([_full(before, self.snapshot.height, dtype), _full(changed, self.changed.height, dtype)])

    def _whole(self, kind: str, key: str, name: str) -> pl.Series | None:
        return self._in_order(self._both(lambda part: part.column(kind, key, name)))

    def _in_order(self, both: pl.Series | None) -> pl.Series | None:
        return both if both is None or self._order is None else both.gather(self._order)

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

    @cached_property
    def _order(self) -> pl.Series | None:
        """For each run its place in the snapshot's runs followed by the changed ones; None when it is just that."""
        if self.snapshot is None or self._replaced.is_empty():
            return None
        height, replaced = self.snapshot.height, len(self._replaced)
        order = pl.int_range(height + self.changed.height, dtype=pl.UInt32, eager=True)
        kept = order.head(height).clone().scatter(self._replaced, order.slice(height, replaced))
        return pl.concat([kept, order.slice(height + replaced)])


def _wider(dtypes: list[pl.DataType]) -> pl.DataType:
    """The type of two columns together: they differ only where one has integers and the other numbers."""
    return dtypes[0] if all(dtype == dtypes[0] for dtype in dtypes) else pl.Float64()


def _full(column: pl.Series | None, height: int, dtype: pl.DataType) -> pl.Series:
    return pl.repeat(None, height, dtype=dtype, eager=True) if column is None else column.cast(dtype).alias("")
