"""Summaries of a catalog: what is known of each key of each run without its points, merged as points are told of."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Final, Protocol

from runlake.catalog.part import clock_ms
from runlake.catalog.session import placeholders

if TYPE_CHECKING:
    from runlake.catalog.session import Row, Session

LOST: Final = "lost"
"""Experiment of points whose run the catalog does not know."""


class SeriesSummary(Protocol):
    """What a segment says of one key of one run; see `runlake._engine.Summary`."""

    @property
    def run_id(self) -> str: ...
    @property
    def key(self) -> str: ...
    @property
    def count(self) -> int: ...
    @property
    def nan_count(self) -> int: ...
    @property
    def first_step(self) -> int: ...
    @property
    def first_timestamp(self) -> int: ...
    @property
    def first_value(self) -> float: ...
    @property
    def last_step(self) -> int: ...
    @property
    def last_timestamp(self) -> int: ...
    @property
    def last_value(self) -> float: ...
    @property
    def min(self) -> float: ...
    @property
    def min_step(self) -> int: ...
    @property
    def max(self) -> float: ...
    @property
    def max_step(self) -> int: ...
    @property
    def sum(self) -> float: ...
    @property
    def max_timestamp(self) -> int: ...


@dataclass(frozen=True)
class KnownSummary:
    """A `SeriesSummary` that did not come from the engine."""

    run_id: str
    key: str
    count: int
    nan_count: int
    first_step: int
    first_timestamp: int
    first_value: float
    last_step: int
    last_timestamp: int
    last_value: float
    min: float
    min_step: int
    max: float
    max_step: int
    sum: float
    max_timestamp: int

    @classmethod
    def of(cls, summary: SeriesSummary) -> KnownSummary:
        """Copy a summary."""
        return cls(**{entry.name: getattr(summary, entry.name) for entry in fields(cls)})

    @classmethod
    def of_point(cls, run_id: str, key: str, step: int, timestamp: int, value: float) -> KnownSummary:
        """Return the summary of one point."""
        nan = math.isnan(value)
        at, place = 0 if nan else step, (step, timestamp, value)
        return cls(run_id, key, 1, int(nan), *place, *place, value, at, value, at, 0.0 if nan else value, timestamp)

    def merged(self, other: KnownSummary) -> KnownSummary:
        """Return the summary of the points of both, which are different points of one series."""
        first = min(self._place("first"), other._place("first"), key=_order)
        last = max(self._place("last"), other._place("last"), key=_order)
        lowest = min(self._extreme("min", 1), other._extreme("min", 1))
        highest = min(self._extreme("max", -1), other._extreme("max", -1))
        return KnownSummary(
            *(self.run_id, self.key, self.count + other.count, self.nan_count + other.nan_count, *first, *last),
            *(lowest[-1], lowest[2], highest[-1], highest[2]),
            self.sum + other.sum,
            max(self.max_timestamp, other.max_timestamp),
        )

    def _place(self, end: str) -> tuple[int, int, float]:
        return (getattr(self, f"{end}_step"), getattr(self, f"{end}_timestamp"), getattr(self, f"{end}_value"))

    def _extreme(self, end: str, sign: int) -> tuple[bool, tuple[float, float], int, float]:
        """What extremes are ordered by, the smallest first, and the extreme itself last; NaN is no extreme."""
        value: float = getattr(self, end)
        none = math.isnan(value)
        order = (0.0, 0.0) if none else (sign * value, math.copysign(1.0, sign * value))
        return none, order, getattr(self, f"{end}_step"), value

    def counting(self, count: int, nan_count: int, total: float) -> KnownSummary:
        """Return the summary with other numbers of points and another sum."""
        return replace(self, count=count, nan_count=nan_count, sum=total)


def _order(place: tuple[int, int, float]) -> tuple[int, int, bool, float, float]:
    """What points of step, timestamp and value are ordered by: NaN comes before every number, -0.0 before 0.0."""
    step, timestamp, value = place
    number = (False, 0.0, 0.0) if math.isnan(value) else (True, value, math.copysign(1.0, value))
    return step, timestamp, *number


def _place(prefix: str, end: str) -> str:
    value = f"{prefix}{end}_value"
    return f"({prefix}{end}_step, {prefix}{end}_timestamp, {value} IS NOT NULL, ifnull({value}, 0), -signbit({value}))"


_EARLIER = f"{_place('excluded.', 'first')} < {_place('', 'first')}"
_LATER = f"{_place('excluded.', 'last')} > {_place('', 'last')}"
_LOWER = """excluded.min IS NOT NULL AND (min IS NULL OR excluded.min < min
    OR (excluded.min = min AND (-signbit(excluded.min), excluded.min_step) < (-signbit(min), min_step)))"""
_HIGHER = """excluded.max IS NOT NULL AND (max IS NULL OR excluded.max > max
    OR (excluded.max = max AND (signbit(excluded.max), excluded.max_step) < (signbit(max), max_step)))"""


def _chosen(condition: str, *columns: str) -> str:
    return ", ".join(f"{column} = CASE WHEN {condition} THEN excluded.{column} ELSE {column} END" for column in columns)


# Merges as the engine's Summary does: NaN (NULL here) is below every number and never an extreme, -0.0 is below 0.0.
_MERGE_SUMMARY = f"""
    INSERT INTO metric_summary (run, key, count, nan_count, first_step, first_timestamp, first_value,
        last_step, last_timestamp, last_value, min, min_step, max, max_step, sum, max_timestamp)
    VALUES ({placeholders(16)})
    ON CONFLICT (run, key) DO UPDATE SET
        count = count + excluded.count, nan_count = nan_count + excluded.nan_count, sum = sum + excluded.sum,
        {_chosen(_EARLIER, "first_step", "first_timestamp", "first_value")},
        {_chosen(_LATER, "last_step", "last_timestamp", "last_value")},
        {_chosen(_LOWER, "min", "min_step")}, {_chosen(_HIGHER, "max", "max_step")},
        max_timestamp = max(max_timestamp, excluded.max_timestamp)"""


def merge_summaries(session: Session, summaries: Iterable[tuple[int, SeriesSummary]]) -> None:
    """Add points to what is known of their series; each summary comes with the number of its run."""
    session.run_many(_MERGE_SUMMARY, [_row(session, run, summary) for run, summary in summaries])


def mark_summarised(session: Session, runs: Iterable[int]) -> None:
    """Note that this transaction has changed the summaries of some runs."""
    session.run_many(
        "UPDATE run SET tx = ?, summary_tx = ? WHERE run = ?", [(session.tx, session.tx, run) for run in runs]
    )


def _row(session: Session, run: int, s: SeriesSummary) -> Row:
    return (
        *(run, session.name(s.key), s.count, s.nan_count),
        *(s.first_step, s.first_timestamp, s.first_value),
        *(s.last_step, s.last_timestamp, s.last_value),
        *(s.min, s.min_step, s.max, s.max_step, s.sum, s.max_timestamp),
    )


def run_number(session: Session, run_id: str) -> int:
    """Return the number of a run; one that the catalog does not know is entered, so that its points can be found."""
    row = session.one("SELECT run FROM run WHERE run_id = ?", (run_id,))
    if row is not None:
        return int(row[0])
    now_ms = clock_ms()
    session.run(
        "INSERT OR IGNORE INTO experiment (experiment_id, name, created_ms, updated_ms, tx) VALUES (?, ?, ?, ?, ?)",
        (LOST, LOST, now_ms, now_ms, session.tx),
    )
    return session.insert(
        "INSERT INTO run (run_id, experiment, name, user_id, status, start_ms, owned, tx)"
        " SELECT ?, experiment, ?, '', 'FAILED', ?, 0, ? FROM experiment WHERE experiment_id = ?",
        (run_id, run_id, now_ms, session.tx, LOST),
    )
