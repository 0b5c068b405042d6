"""Run part: some runs of one experiment, and a column of theirs when it is asked for.

A part holds the runs of a snapshot, those that have changed since, those on their way into a snapshot, or the first two
together. All give the same columns.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

import polars as pl

from runlake.query.parameters import flags, kinds_of, numbers
from runlake.query.run_frames import KEYED

# A part forgets the columns that it has made when they take more than this. What is the snapshot's own file counts as
# well, although it takes no memory of its own.
_MOST_KEPT_BYTES: Final = 256 << 20
_FEW: Final = 8

Name: TypeAlias = tuple[str, str, str]
"""Kind, key, and which of its columns."""
Read: TypeAlias = Callable[[pl.Series, pl.Series], pl.Series]
"""Reads texts as something, with what each reads as."""


@dataclass(frozen=True)
class KeyNames:
    """Key names, for which the catalog uses numbers."""

    texts: Mapping[int, str]
    numbers: Mapping[str, int]


# NOTE: a question consists of hundreds of small steps. `column[rows]` takes 2 µs where `column.gather(rows)`, of which
# Polars makes a lazy query, takes 20; it takes no nulls.


class RunPart(ABC):
    """Columns of some runs. What making one has taken is kept, for parts do not change."""

    def __init__(self) -> None:
        self._kept: dict[Name, pl.Series] = {}
        self._asked: set[Name] = set()
        self._kept_bytes = 0

    @property
    @abstractmethod
    def runs(self) -> pl.DataFrame:
        """One row a run, sorted by `run`, with the columns of `run_frames.RUNS`."""

    @property
    @abstractmethod
    def datasets(self) -> pl.DataFrame:
        """`row` (the place of the run in `runs`), `name`, `digest` and `context` of what runs have read."""

    @property
    @abstractmethod
    def keys(self) -> dict[str, frozenset[str]]:
        """The keys that some run has, for each kind in `run_frames.KEYED`."""

    @property
    @abstractmethod
    def param_kinds(self) -> dict[str, int]:
        """What the values of each parameter read as: bit k is set where one has kind k (see `parameters`)."""

    @abstractmethod
    def of_key(self, kind: str, key: str) -> pl.DataFrame | None:
        """What runs have under one key, with `row` unless every run has it; None when no run has it."""

    def count(self, kind: str, key: str) -> int:
        """Number of runs that have a key."""
        part = self.of_key(kind, key)
        return 0 if part is None else part.height

    @property
    def height(self) -> int:
        """Number of runs."""
        return self.runs.height

    def column(self, kind: str, key: str, name: str, at: pl.Series | None = None) -> pl.Series | None:
        """One value a run, null where it has none; None when no run has the key.

        Args:
            at: Only the runs at these places, in that order.
        """
        return self._kept_at((kind, key, name), lambda: self._spread(kind, key, name), at)

    def numbers(self, kind: str, key: str, at: pl.Series | None = None) -> pl.Series | None:
        """What texts under a key read as: Int64 where all that are numbers are integers, else Float64."""
        return self._read_at((kind, key, "(number)"), numbers, at)

    def flags(self, kind: str, key: str, at: pl.Series | None = None) -> pl.Series | None:
        """What texts under a key read as, where it is true or false."""
        return self._read_at((kind, key, "(flag)"), flags, at)

    def _kept_at(self, name: Name, make: Callable[[], pl.Series | None], at: pl.Series | None) -> pl.Series | None:
        column = self._keep(name, make)
        return column if column is None or at is None else column[at]

    def _read_at(self, name: Name, read: Read, at: pl.Series | None) -> pl.Series | None:
        """Read texts as something. Who asks for a few runs once gets those read; asked again, all are, and kept."""
        few = at is not None and len(at) * _FEW < self.height
        if few and name not in self._kept and name not in self._asked:
            if (made := self._read(name, read, at)) is not None:
                self._asked.add(name)
            return made
        return self._kept_at(name, lambda: self._read(name, read, None), at)

    def _read(self, name: Name, read: Read, at: pl.Series | None) -> pl.Series | None:
        kind, key, _ = name
        texts = self.column(kind, key, "value", at)
        if texts is None:
            return None
        kinds = self.column(kind, key, "kind", at) if kind == "params" else kinds_of(texts)
        return None if kinds is None else read(texts, kinds)

    def _spread(self, kind: str, key: str, name: str) -> pl.Series | None:
        part = self.of_key(kind, key)
        if part is None or "row" not in part.columns:
            return None if part is None else part[name]
        places = nothing(self.height, pl.UInt32())
        places = places.scatter(part["row"], pl.int_range(part.height, dtype=pl.UInt32, eager=True))
        return part[name].gather(places)

    def _keep(self, name: Name, make: Callable[[], pl.Series | None]) -> pl.Series | None:
        """Make a column once. That there is none is not kept, for there is no end of keys that no run has."""
        kept = self._kept.get(name)
        if kept is not None or (made := make()) is None:
            return kept
        size = int(made.estimated_size())
        if self._kept_bytes + size > _MOST_KEPT_BYTES:
            self._kept, self._kept_bytes = {}, 0
        self._kept[name] = made
        self._kept_bytes += size
        return made


def nothing(height: int, dtype: pl.DataType) -> pl.Series:
    """A column of nulls."""
    return pl.Series([None], dtype=dtype).new_from_index(0, height)


def tables_of(part: RunPart) -> Iterator[tuple[str, str, pl.DataFrame]]:
    """Yield everything but `runs` as section, key and content, as a snapshot of these runs holds it."""
    for kind in KEYED:
        for key in sorted(part.keys[kind]):
            table = part.of_key(kind, key)
            if table is not None:
                yield kind, key, table
    yield "datasets", "", part.datasets
