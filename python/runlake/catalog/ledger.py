"""Ledger of a catalog: the points that writers accepted and did not store, by run, key and writer.

A writer counts them from its beginning, so that an entry says everything and a later one only replaces it: of two the
one with more points is the later, whatever way and however often they come. What they say of values is merged into the
summaries in the same transaction, the difference to the entry before.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

from runlake.catalog.part import Part
from runlake.catalog.session import placeholders
from runlake.catalog.summaries import KnownSummary, SeriesSummary, mark_summarised, merge_summaries, run_number

if TYPE_CHECKING:
    from runlake.catalog.session import Row, Session

Stretch = tuple[str, int, int, int]
"""Reason, number of points, first and last step."""


class UnstoredPoints(Protocol):
    """What a writer did not store of one key of one run, up to now; see `runlake._engine.LedgerEntry`."""

    @property
    def run_id(self) -> str: ...
    @property
    def key(self) -> str: ...
    @property
    def merged(self) -> int: ...
    @property
    def dropped(self) -> Mapping[str, int]: ...
    @property
    def stretches(self) -> Sequence[Stretch]: ...
    @property
    def summary(self) -> SeriesSummary | None: ...


@dataclass(frozen=True)
class Unstored:
    """Points of one key of one run that a writer accepted and did not store; an `UnstoredPoints`.

    `dropped` are numbers of points by reason, `stretches` where they were, in (reason, points, first step, last step).
    `summary` is over those whose values are known; None when none are.
    """

    run_id: str
    key: str
    merged: int
    dropped: dict[str, int]
    stretches: list[Stretch]
    summary: KnownSummary | None


@dataclass(frozen=True)
class KnownUnstored:
    """How much of an entry the summaries have: all points, and those of known values with their NaNs and their sum."""

    unstored: int
    count: int
    nan_count: int
    sum: float


Series = tuple[str, str, str]
"""Writer id, run id and key."""


@dataclass(frozen=True)
class RunAccount:
    """What a catalog says of the points of a run, as of one transaction.

    Attributes:
        sealed: For each writer that was asked for the first seq that no segment holds.
        counts: Number of points in the summary of each key.
        entries: By writer id.
    """

    sealed: dict[str, int]
    counts: dict[str, int]
    entries: dict[str, list[Unstored]]


class Ledger(Part):
    """Accounts of points that are in no segment and never will be."""

    def put_ledger(self, entries: Mapping[str, Sequence[UnstoredPoints]]) -> None:
        """Take up what writers say, by their ids; what is known already, or older, changes nothing."""
        with self._database.writing() as session:
            changed = [put_ledger(session, writer_id, of_writer) for writer_id, of_writer in entries.items()]
            if not any(changed):
                session.cancel()

    def run_account(self, run_id: str, writers: Sequence[str]) -> RunAccount:
        """Return what there is to know of a run's points, and where the journals of `writers` are sealed."""
        with self._database.reading() as session:
            return RunAccount(
                _sealed(session, writers),
                dict(session.all(_COUNTS, (run_id,))),
                _entries(session.all(f"{_ENTRIES} WHERE r.run_id = ? ORDER BY n.text, w.writer", (run_id,))),
            )

    def ledger_of(self, writers: Sequence[str]) -> dict[str, list[Unstored]]:
        """Return the entries of some writers, by writer id."""
        with self._database.reading() as session:
            return {
                writer_id: entries
                for part in _parts(writers)
                for writer_id, entries in _entries(
                    session.all(f"{_ENTRIES} WHERE w.writer_id IN ({placeholders(len(part))})", part)
                ).items()
            }

    def ledger_of_runs(self, runs: Sequence[str], keys: Sequence[str]) -> dict[str, list[Unstored]]:
        """Return the entries of some keys of some runs, by writer id; each may be at most some hundreds."""
        where = f"WHERE r.run_id IN ({placeholders(len(runs))}) AND n.text IN ({placeholders(len(keys))})"
        with self._database.reading() as session:
            return _entries(session.all(f"{_ENTRIES} {where}", (*runs, *keys)))

    def whole_ledger(self) -> dict[str, list[Unstored]]:
        """Return all entries, by writer id."""
        with self._database.reading() as session:
            return _entries(session.all(_ENTRIES))

    def known_unstored(self, writers: Sequence[str]) -> dict[Series, KnownUnstored]:
        """Return how much of what writers did not store is in the summaries."""
        with self._database.reading() as session:
            return known_unstored(session, writers)


_COUNTS: Final = (
    "SELECT n.text, s.count FROM metric_summary s JOIN run r USING (run) JOIN name n ON n.name = s.key"
    " WHERE r.run_id = ?"
)
_SUMMARY: Final = (
    *("count", "nan_count", "first_step", "first_timestamp", "first_value"),
    *("last_step", "last_timestamp", "last_value", "min", "min_step", "max", "max_step", "sum", "max_timestamp"),
)
_FROM: Final = "FROM ledger l JOIN run r USING (run) JOIN writer w USING (writer) JOIN name n ON n.name = l.key"
_ENTRIES: Final = (
    "SELECT w.writer_id, r.run_id, n.text, l.merged, l.dropped, l.stretches,"
    f" {', '.join('l.' + column for column in _SUMMARY)} {_FROM}"
)
_PUT: Final = (
    "INSERT OR REPLACE INTO ledger (run, key, writer, unstored, merged, dropped, stretches,"
    f" {', '.join(_SUMMARY)}) VALUES ({placeholders(7 + len(_SUMMARY))})"
)


def unstored_points(entry: UnstoredPoints) -> int:
    """Return how many points an entry counts; the later of two entries of a series has more."""
    return entry.merged + sum(entry.dropped.values())


def put_ledger(session: Session, writer_id: str, entries: Iterable[UnstoredPoints]) -> bool:
    """Take up what a writer says, unless it is known already or older; tell whether anything was new."""
    row = session.one("SELECT writer FROM writer WHERE writer_id = ?", (writer_id,))
    if row is None:
        return False
    summaries: list[tuple[int, SeriesSummary]] = []
    runs: set[int] = set()
    for entry in entries:
        unstored = unstored_points(entry)
        run, key = run_number(session, entry.run_id), session.name(entry.key)
        known = _known(session, (run, key, row[0]))
        if unstored > known.unstored:
            session.run(_PUT, (run, key, row[0], unstored, *_row(entry)))
            runs.add(run)
            if (more := difference(entry.summary, known)) is not None:
                summaries.append((run, more))
    merge_summaries(session, summaries)
    mark_summarised(session, runs)
    return bool(runs)


def difference(summary: SeriesSummary | None, known: KnownUnstored) -> KnownSummary | None:
    """Return what a summary adds to one that has an earlier state of it; None when that is nothing.

    Extremes are merged by whoever takes them up, and so may be those of all points.
    """
    if summary is None or summary.count <= known.count:
        return None
    # What is infinite stays so, and would be NaN less itself.
    more = summary.sum if not math.isfinite(summary.sum) else summary.sum - known.sum
    whole = KnownSummary.of(summary)
    return whole.counting(summary.count - known.count, summary.nan_count - known.nan_count, more)


def known_unstored(session: Session, writers: Sequence[str]) -> dict[Series, KnownUnstored]:
    """Return how much of what writers did not store is in the summaries."""
    return {
        (writer_id, run_id, key): KnownUnstored(unstored, count, nan_count, _number(total))
        for part in _parts(writers)
        for writer_id, run_id, key, unstored, count, nan_count, total in session.all(
            f"SELECT w.writer_id, r.run_id, n.text, l.unstored, l.count, l.nan_count, l.sum {_FROM}"
            f" WHERE w.writer_id IN ({placeholders(len(part))})",
            part,
        )
    }


NOTHING_KNOWN: Final = KnownUnstored(0, 0, 0, 0.0)


def _known(session: Session, series: tuple[int, int, int]) -> KnownUnstored:
    row = session.one(
        "SELECT unstored, count, nan_count, sum FROM ledger WHERE run = ? AND key = ? AND writer = ?", series
    )
    return NOTHING_KNOWN if row is None else KnownUnstored(row[0], row[1], row[2], _number(row[3]))


def _row(entry: UnstoredPoints) -> Row:
    texts = json.dumps(dict(entry.dropped)), json.dumps([list(stretch) for stretch in entry.stretches])
    if entry.summary is None:
        return entry.merged, *texts, 0, 0, *([None] * 10), 0.0, None
    return entry.merged, *texts, *(getattr(entry.summary, column) for column in _SUMMARY)


def _entries(rows: Iterable[Row]) -> dict[str, list[Unstored]]:
    found: dict[str, list[Unstored]] = {}
    for writer_id, run_id, key, merged, dropped, stretches, *summary in rows:
        known = KnownSummary(run_id, key, *map(_decoded, _SUMMARY, summary))
        found.setdefault(writer_id, []).append(
            Unstored(
                *(run_id, key, merged, json.loads(dropped)),
                [(reason, count, first, last) for reason, count, first, last in json.loads(stretches)],
                known if known.count else None,
            )
        )
    return found


def _decoded(column: str, value: Any) -> Any:
    """Return what a column means: the catalog has no NaN and says None."""
    return _number(value) if column.endswith("_value") or column in ("min", "max", "sum") else value or 0


def _number(value: float | None) -> float:
    return math.nan if value is None else value


def _sealed(session: Session, writers: Sequence[str]) -> dict[str, int]:
    return {
        writer_id: sealed
        for part in _parts(writers)
        for writer_id, sealed in session.all(
            f"SELECT writer_id, sealed FROM writer WHERE writer_id IN ({placeholders(len(part))})", part
        )
    }


def _parts(values: Sequence[str]) -> Iterable[Sequence[str]]:
    """Cut a list into pieces that a statement takes."""
    return (values[start : start + 500] for start in range(0, len(values), 500))
