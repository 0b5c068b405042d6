"""Ordered runs: which runs a filter leaves, in which order, kept so that a table is scrolled without sorting again.

What is kept are row numbers as u32, with the table that they are of: whoever scrolls sees the runs as they were when
the scrolling began, as long as it says so with the transaction that it was told.
"""

from __future__ import annotations

import itertools
import os
import threading
import time
import weakref
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, TypeVar

import polars as pl

from runlake.entities import ViewType
from runlake.query.filter.order import parse_order
from runlake.query.filter.parser import parse_filter
from runlake.query.reader import Lake
from runlake.query.run_tables import answer, load_table
from runlake.query.runs import experiment_ids
from runlake.query.sorting import sorted_rows
from runlake.query.table import RunTable
from runlake.query.warnings import warn_of_unknown_keys

if TYPE_CHECKING:
    from runlake.catalog import Catalog

_KEPT: Final = 8
_KEPT_COLUMNS: Final = 64  # 200 kB each for 100,000 runs, or four times that
_FRESH_S: Final = 60.0  # a filter on a time such as -7d means something else after a while
_PROCESS: Final = os.urandom(6).hex()
_numbers = itertools.count()
_MAKING: Final = tuple(threading.Lock() for _ in range(16))
"""Held while a question is answered, by what it is: a page asks it a dozen times at once, and it is worked out once."""

T = TypeVar("T")


@dataclass(frozen=True)
class Question:
    """Which runs are asked for: experiments by id or name, a filter, a view, and clauses of an order."""

    experiments: tuple[str, ...] | None = None
    where: str = ""
    sort: tuple[str, ...] = ()
    view: int = ViewType.ACTIVE_ONLY


@dataclass(frozen=True)
class OrderedRuns:
    """The runs of a question, in order, as of one moment."""

    table: RunTable
    rows: pl.Series
    made_at: float = field(default_factory=time.monotonic)
    number: int = field(default_factory=_numbers.__next__)
    made: dict[Any, Any] = field(default_factory=dict, compare=False, repr=False)
    """What was computed of them, by what it is: little things."""
    columns: dict[Any, Any] = field(default_factory=dict, compare=False, repr=False)

    def kept(self, place: Any, make: Callable[[], T]) -> T:
        """Return what `make` gives, which is as long as the runs; what was used last is kept."""
        found: T | None = self.columns.pop(place, None)  # another thread that misses it now makes the same
        if found is None:
            found = make()
            for oldest in list(self.columns)[: 1 - _KEPT_COLUMNS]:
                self.columns.pop(oldest, None)
        self.columns[place] = found
        return found

    @cached_property
    def tx(self) -> int:
        """The transaction of the catalog up to which it has been read for these experiments."""
        return max((part.tx for part in self.table.shape.parts), default=0)

    @property
    def version(self) -> str:
        """A text that no other runs have, of this process or of another."""
        return f"{_PROCESS}-{self.tx}-{self.number}"


def ordered_runs(lake: Lake, question: Question, tx: int | None = None) -> OrderedRuns:
    """Return the runs of a question.

    Args:
        tx: Those that were answered with at this transaction, if they are still kept; None is as they are now.

    Raises:
        InvalidInput: the filter or the order cannot be read, or the view is none.
        NotFound: an experiment does not exist.
    """
    kept = _kept.setdefault(lake.catalog, {})
    if tx is not None and (found := kept.get(question)) is not None and found.tx == tx:
        return found
    ViewType.to_string(question.view)
    condition, orders = parse_filter(question.where), parse_order(question.sort)
    named = None if question.experiments is None else list(question.experiments)
    ids = experiment_ids(lake, named, ids_first=True)

    def sort(table: RunTable) -> OrderedRuns:
        found = kept.get(question)
        if found is not None and found.table is table and time.monotonic() - found.made_at < _FRESH_S:
            return found
        warn_of_unknown_keys(table, condition, orders)
        return OrderedRuns(table, sorted_rows(table, table.rows_matching(condition), orders, typed=True))

    with _MAKING[hash(question) % len(_MAKING)]:
        found = answer(lake, lambda: load_table(lake, ids, question.view), sort)
        kept.pop(question, None)
        kept[question] = found
    for oldest in list(kept)[:-_KEPT]:
        kept.pop(oldest, None)  # another thread may have been here
    return found


def run_ids_of(lake: Lake, question: Question) -> list[str]:
    """Return the ids of the runs of a question, in order; see `ordered_runs`."""
    found = ordered_runs(lake, question)
    ids: list[str] = found.table.wide(["run_id"], found.rows).to_series().to_list()
    return ids


def question_of(
    experiments: str | Sequence[str] | None, where: str | None, sort: Sequence[str] | None, view: int
) -> Question:
    """Return a question that can be looked up."""
    named = (experiments,) if isinstance(experiments, str) else experiments
    return Question(None if named is None else tuple(named), where or "", tuple(sort or ()), view)


_kept: weakref.WeakKeyDictionary[Catalog, dict[Question, OrderedRuns]] = weakref.WeakKeyDictionary()
