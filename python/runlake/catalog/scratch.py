"""Scratch: a catalog of its own, elsewhere, that is told of segments as the store's catalog should have been."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from runlake.catalog.database import Database
from runlake.catalog.ledger import UnstoredPoints, put_ledger
from runlake.catalog.segments import SealedSegment, put_segment
from runlake.catalog.writers import WriterInfo, put_writer

_MOST_SHOWN: Final = 5


@dataclass(frozen=True)
class Difference:
    """Rows of one kind that two catalogs do not have alike: how many, and some of them by name."""

    kind: str
    count: int
    examples: tuple[str, ...]


class Scratch:
    """What the tables on segments, summaries and ledgers should be."""

    def __init__(self, folder: Path) -> None:
        self._database = Database(folder, 10.0)
        self._database.open()

    @property
    def path(self) -> Path:
        """Its file."""
        return self._database.path

    def add(self, segments: Iterable[SealedSegment]) -> None:
        """Take up segments, with their runs, ranges and summaries."""
        with self._database.writing() as session:
            for segment in segments:
                for writer in {writer for writer, _, _ in segment.ranges}:
                    put_writer(session, WriterInfo(writer, "", "", 0, 0))
                put_segment(session, segment)

    def put_ledger(self, entries: Mapping[str, Sequence[UnstoredPoints]]) -> None:
        """Take up what writers did not store, by their ids; of two entries of a series the later one counts."""
        with self._database.writing() as session:
            for writer_id, of_writer in entries.items():
                put_writer(session, WriterInfo(writer_id, "", "", 0, 0))
                put_ledger(session, writer_id, of_writer)

    def differences(self, catalog: Path, passed_over: Collection[str] = ()) -> list[Difference]:
        """Return what a catalog file, which is left as it is, has otherwise.

        Args:
            passed_over: Ids of segments that are not compared.
        """
        with self._database.writing_beside(catalog) as session:
            session.cancel()
            session.run("CREATE TEMP TABLE passed_over (segment_id TEXT PRIMARY KEY)")
            session.run_many("INSERT INTO passed_over VALUES (?)", [(one,) for one in passed_over])
            found = {kind: session.all(question) for kind, question in _QUESTIONS.items()}
        return [
            Difference(kind, len(rows), tuple(row[0] for row in rows[:_MOST_SHOWN]))
            for kind, rows in found.items()
            if rows
        ]

    def close(self) -> None:
        """Close the file."""
        self._database.close()


# `main` is the scratch here, and `said` the catalog.
_OF_SEGMENT: Final = "experiment_id, rows, bytes, path, min_step, max_step, min_timestamp, max_timestamp"
_COLUMNS: Final = ", ".join(f"x.{column}" for column in _OF_SEGMENT.split(", "))
_RUNS: Final = (
    "SELECT s.segment_id, r.run_id, sr.rows FROM {0}.segment_run sr JOIN {0}.segment s USING (segment)"
    " JOIN {0}.run r USING (run) JOIN main.segment m ON m.segment_id = s.segment_id"
    " JOIN said.segment k ON k.segment_id = s.segment_id AND k.lost IS NULL"
)
_RANGES: Final = (
    "SELECT s.segment_id, w.writer_id, sr.first, sr.upto FROM {0}.segment_range sr JOIN {0}.segment s USING (segment)"
    " JOIN {0}.writer w USING (writer) JOIN main.segment m ON m.segment_id = s.segment_id"
    " JOIN said.segment k ON k.segment_id = s.segment_id AND k.lost IS NULL"
)


def _either(question: str) -> str:
    here, there = question.format("main"), question.format("said")
    only_here, only_there = f"SELECT * FROM ({here} EXCEPT {there})", f"SELECT * FROM ({there} EXCEPT {here})"
    return f"SELECT DISTINCT segment_id FROM ({only_here} UNION {only_there})"


# Sums of the same numbers in another order are rounded otherwise.
_UNLIKE: Final = """
    (a.count, a.nan_count, a.first_step, a.first_timestamp, a.first_value, a.last_step, a.last_timestamp, a.last_value,
     a.min, a.min_step, a.max, a.max_step, a.max_timestamp)
    IS NOT (b.count, b.nan_count, b.first_step, b.first_timestamp, b.first_value, b.last_step, b.last_timestamp,
     b.last_value, b.min, b.min_step, b.max, b.max_step, b.max_timestamp)
    OR signbit(a.first_value) IS NOT signbit(b.first_value) OR signbit(a.last_value) IS NOT signbit(b.last_value)
    OR signbit(a.min) IS NOT signbit(b.min) OR signbit(a.max) IS NOT signbit(b.max)
    OR (a.sum IS NOT b.sum AND ifnull(abs(a.sum - b.sum) <= 1e-9 * a.count * max(abs(a.min), abs(a.max)), 0) = 0
        AND ifnull(abs(a.min), 0) < 1e290 AND ifnull(abs(a.max), 0) < 1e290)"""


def summaries_unlike(here: str, there: str) -> str:
    """Return a question for the numbers of runs and keys of `here` whose summary `there` is another, or none."""
    return f"""
        SELECT a.run, a.key FROM {here}.metric_summary a
        JOIN {here}.run r USING (run) JOIN {here}.name n ON n.name = a.key
        LEFT JOIN {there}.run r2 ON r2.run_id = r.run_id LEFT JOIN {there}.name n2 ON n2.text = n.text
        LEFT JOIN {there}.metric_summary b ON b.run = r2.run AND b.key = n2.name
        WHERE b.run IS NULL OR {_UNLIKE}"""


def _summaries(here: str, there: str) -> str:
    return f"""SELECT r.run_id || ' ' || n.text FROM ({summaries_unlike(here, there)}) u
        JOIN {here}.run r USING (run) JOIN {here}.name n ON n.name = u.key"""


_QUESTIONS: Final = {
    "segments": f"""SELECT x.segment_id FROM main.segment x JOIN said.segment y USING (segment_id)
        WHERE y.lost IS NULL AND ({_COLUMNS}) IS NOT ({_COLUMNS.replace("x.", "y.")})""",
    "runs of segments": _either(_RUNS),
    "ranges of segments": _either(_RANGES),
    "summaries": f"{_summaries('main', 'said')} UNION {_summaries('said', 'main')}",
    "ledgers": """SELECT r.run_id || ' ' || n.text FROM main.ledger l JOIN main.run r USING (run)
        JOIN main.name n ON n.name = l.key JOIN main.writer w USING (writer)
        LEFT JOIN said.run r2 ON r2.run_id = r.run_id LEFT JOIN said.name n2 ON n2.text = n.text
        LEFT JOIN said.writer w2 ON w2.writer_id = w.writer_id
        LEFT JOIN said.ledger k ON k.run = r2.run AND k.key = n2.name AND k.writer = w2.writer
        WHERE ifnull(k.unstored, -1) < l.unstored""",
}
