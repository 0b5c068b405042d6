"""Rebuilding: the tables on segments, and the summaries, made what the segments say they are, in one transaction.

What only people know (names, parameters, tags) is not touched. A run or writer that the catalog does not know is
entered with what is known of it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from runlake.catalog.compaction import forget_listed_again
from runlake.catalog.part import Part, clock_ms
from runlake.catalog.scratch import summaries_unlike
from runlake.catalog.segments import Range
from runlake.catalog.session import placeholders
from runlake.catalog.summaries import LOST, mark_summarised
from runlake.catalog.writers import GapInfo, WriterInfo, put_writer
from runlake.errors import StoreError

if TYPE_CHECKING:
    from runlake.catalog.session import Session

RECOVERED: Final = "runlake.recovered"
"""Tag of a run that the catalog had lost: what is not known of it."""

_UNKNOWN: Final = "the catalog had lost this run; its name, parameters, tags, state and times may not be what they were"


@dataclass(frozen=True)
class ListedSegment:
    """A segment as a catalog has it; `lost` says why it gives nothing back."""

    segment_id: str
    path: str
    experiment_id: str
    rows: int
    bytes: int
    lost: str | None


@dataclass(frozen=True)
class SegmentState:
    """What of a catalog a rebuilding goes by; it is refused when that has changed meanwhile."""

    segments: int
    last_segment: int
    writers: int
    sealed: int


@dataclass(frozen=True)
class RunKnown:
    """A run that is known from elsewhere than the catalog; times in milliseconds since 1970."""

    run_id: str
    experiment_id: str | None


@dataclass(frozen=True)
class StreamState:
    """What a writer is to be: `sealed` is the first seq that no segment holds."""

    info: WriterInfo
    state: str | None
    sealed: int
    lost: Sequence[GapInfo] = ()


@dataclass(frozen=True)
class Rebuilding:
    """What to make of a catalog, beside what its scratch says.

    Attributes:
        seen: How it was when it was looked at.
        lost: Why each segment that gives nothing back does not, with what is known of those that it does not list.
        streams: One a writer that is to be changed.
        runs: Runs that have to be in it.
    """

    seen: SegmentState
    lost: Sequence[tuple[ListedSegment, Sequence[Range]]] = ()
    streams: Sequence[StreamState] = ()
    runs: Sequence[RunKnown] = ()


@dataclass(frozen=True)
class Rebuilt:
    """What a rebuilding has changed, in rows."""

    segments: int
    runs: int
    summaries: int
    writers: int
    lost_points: int = field(default=0)


class Rebuild(Part):
    """Repair of the tables on segments."""

    def segment_state(self) -> SegmentState:
        """Return what tells whether segments were added, or points sealed."""
        with self._database.reading() as session:
            return _state(session)

    def listed_segments(self) -> list[ListedSegment]:
        """Return every segment, those that are lost among them."""
        with self._database.reading() as session:
            rows = session.all("SELECT segment_id, path, experiment_id, rows, bytes, lost FROM segment")
        return [ListedSegment(*row) for row in rows]

    def rebuild(self, scratch: Path, work: Rebuilding) -> Rebuilt:
        """Make the tables on segments, ledgers and summaries what a scratch file has; all of it or, on an error, none.

        It survives a power cut when this returns.

        Raises:
            StoreError: segments were added since the catalog was looked at.
            CatalogLocked: others kept the catalog for too long.
        """
        with self._database.writing_beside(scratch) as session:
            if _state(session) != work.seen:
                raise StoreError(f"{self._database.path} has changed since it was checked", hint="run it again")
            runs = _put_runs(session, work.runs)
            writers = _put_streams(session, work.streams)
            segments = _put_segments(session)
            lost = sum(_put_lost(session, *one) for one in work.lost)
            _drop_others(session, [segment.segment_id for segment, _ in work.lost])
            summaries = _put_summaries(session)
            _end_recovered(session)
            forget_listed_again(session)
        return Rebuilt(segments, runs, summaries, writers, lost)


def _state(session: Session) -> SegmentState:
    segments, last = session.all("SELECT count(*), ifnull(max(segment), 0) FROM segment")[0]
    writers, sealed = session.all("SELECT count(*), ifnull(sum(sealed), 0) FROM writer")[0]
    return SegmentState(segments, last, writers, sealed)


def _put_runs(session: Session, known: Sequence[RunKnown]) -> int:
    """Enter the runs of segments, and others that are known, that are not there; return how many."""
    found: dict[str, str | None] = dict(session.all(_RUNS_OF_SCRATCH))
    for run in known:
        found.setdefault(run.run_id, run.experiment_id)
        if found[run.run_id] == LOST and run.experiment_id is not None:
            found[run.run_id] = run.experiment_id
    count = 0
    for run_id, experiment_id in found.items():
        if session.one("SELECT 1 FROM run WHERE run_id = ?", (run_id,)) is None:
            _put_run(session, run_id, _experiment(session, experiment_id or LOST))
            count += 1
    return count


_RUNS_OF_SCRATCH: Final = f"""
    SELECT r.run_id, ifnull(max(nullif(s.experiment_id, '{LOST}')), '{LOST}')
    FROM said.segment_run sr JOIN said.segment s USING (segment) JOIN said.run r USING (run) GROUP BY r.run_id"""


def _experiment(session: Session, experiment_id: str) -> int:
    row = session.one("SELECT experiment FROM experiment WHERE experiment_id = ?", (experiment_id,))
    if row is not None:
        return int(row[0])
    now_ms = clock_ms()
    name = experiment_id if experiment_id == LOST else f"recovered {experiment_id}"
    return session.insert(
        "INSERT INTO experiment (experiment_id, name, created_ms, updated_ms, tx) VALUES (?, ?, ?, ?, ?)",
        (experiment_id, name, now_ms, now_ms, session.tx),
    )


def _put_run(session: Session, run_id: str, experiment: int) -> None:
    now_ms, tx = clock_ms(), session.tx
    run = session.insert(
        "INSERT INTO run (run_id, experiment, name, user_id, status, start_ms, end_ms, owned, tx, param_tx, tag_tx,"
        f" summary_tx) VALUES ({placeholders(12)})",
        (run_id, experiment, run_id, "", "FAILED", now_ms, now_ms, 0, tx, tx, tx, tx),
    )
    session.run("INSERT INTO tag (run, key, value) VALUES (?, ?, ?)", (run, session.name(RECOVERED), _UNKNOWN))


def _end_recovered(session: Session) -> None:
    """Give runs that were entered by this transaction the times of their points."""
    session.run(
        "UPDATE run SET start_ms = t.first, end_ms = t.last"
        " FROM (SELECT run, min(min(first_timestamp, max_timestamp)) AS first, max(max_timestamp) AS last"
        " FROM metric_summary GROUP BY run) t"
        " WHERE t.run = run.run AND run.param_tx = ? AND run.tag_tx = ? AND run.status = 'FAILED' AND run.user_id = ''",
        (session.tx, session.tx),
    )


def _put_streams(session: Session, streams: Sequence[StreamState]) -> int:
    now_ms = clock_ms()
    for stream in streams:
        number = put_writer(session, stream.info)
        session.run(
            "UPDATE writer SET sealed = ?, state = ifnull(?, state) WHERE writer = ?",
            (stream.sealed, stream.state, number),
        )
        session.run_many(
            "INSERT OR IGNORE INTO gap (writer, first, upto, reason, file, found_ms) VALUES (?, ?, ?, ?, ?, ?)",
            [(number, gap.first, gap.upto, gap.reason, gap.file, now_ms) for gap in stream.lost],
        )
    return len(streams)


def _put_segments(session: Session) -> int:
    """List the segments of the scratch, in place of what was listed of them; return how many were not."""
    unknown = "SELECT segment_id FROM said.segment WHERE segment_id NOT IN (SELECT segment_id FROM main.segment)"
    count = len(session.all(unknown))
    for table in ("segment_run", "segment_range", "segment"):
        session.run(
            f"DELETE FROM main.{table} WHERE segment IN"
            " (SELECT m.segment FROM main.segment m JOIN said.segment s USING (segment_id))"
        )
    session.run(
        f"INSERT INTO main.segment ({_COLUMNS}, tx) SELECT {_COLUMNS}, ? FROM said.segment ORDER BY segment",
        (session.tx,),
    )
    session.run(
        f"""INSERT INTO main.segment_run (segment, run, rows) SELECT {_HERE}, r.run, x.rows
        FROM said.segment_run x JOIN said.segment s USING (segment) JOIN main.segment m USING (segment_id)
        JOIN said.run o ON o.run = x.run JOIN main.run r USING (run_id)"""
    )
    session.run(
        f"""INSERT INTO main.segment_range (segment, writer, first, upto) SELECT {_HERE}, w.writer, x.first, x.upto
        FROM said.segment_range x JOIN said.segment s USING (segment) JOIN main.segment m USING (segment_id)
        JOIN said.writer o ON o.writer = x.writer JOIN main.writer w USING (writer_id)"""
    )
    session.run(
        """INSERT OR IGNORE INTO main.writer_run (run, writer) SELECT DISTINCT sr.run, g.writer
        FROM main.segment_run sr JOIN main.segment_range g USING (segment)
        JOIN main.run r USING (run) WHERE r.tx = ? AND r.param_tx = ?""",
        (session.tx, session.tx),
    )
    return count


_HERE: Final = "m.segment"
_COLUMNS: Final = "segment_id, experiment_id, path, rows, bytes, min_step, max_step, min_timestamp, max_timestamp"


def _put_lost(session: Session, segment: ListedSegment, ranges: Sequence[Range]) -> int:
    """Note that a segment gives nothing back; return its points, unless that was known."""
    now_ms = clock_ms()
    known = session.one("SELECT segment, lost FROM segment WHERE segment_id = ?", (segment.segment_id,))
    if known is not None:
        session.run(
            "UPDATE segment SET lost = ?, lost_ms = ifnull(lost_ms, ?), tx = ? WHERE segment = ?",
            (segment.lost, now_ms, session.tx, known[0]),
        )
        return 0 if known[1] is not None else segment.rows
    number = session.insert(
        f"INSERT INTO segment ({_COLUMNS}, tx, lost, lost_ms) VALUES ({placeholders(12)})",
        (
            *(segment.segment_id, segment.experiment_id, segment.path, segment.rows, segment.bytes, 0, 0, 0, 0),
            *(session.tx, segment.lost, now_ms),
        ),
    )
    session.run_many(
        "INSERT INTO segment_range (segment, writer, first, upto)"
        " SELECT ?, writer, ?, ? FROM writer WHERE writer_id = ?",
        [(number, first, upto, writer) for writer, first, upto in ranges],
    )
    return segment.rows


def _drop_others(session: Session, lost: Collection[str]) -> None:
    """Take out of the lists what is neither in the scratch nor lost: its points are elsewhere."""
    session.run("CREATE TEMP TABLE kept (segment_id TEXT PRIMARY KEY)")
    session.run("INSERT INTO kept SELECT segment_id FROM said.segment")
    session.run_many("INSERT OR IGNORE INTO kept VALUES (?)", [(one,) for one in lost])
    for table in ("segment_run", "segment_range", "segment"):
        session.run(
            f"DELETE FROM main.{table} WHERE segment IN"
            " (SELECT segment FROM main.segment WHERE segment_id NOT IN (SELECT segment_id FROM kept))"
        )


def _put_summaries(session: Session) -> int:
    """Make ledgers and summaries those of the scratch; return how many summaries were not."""
    session.run("INSERT OR IGNORE INTO main.name (text) SELECT text FROM said.name")
    session.run(
        f"""INSERT OR REPLACE INTO main.ledger (run, key, writer, {_LEDGER}) SELECT r.run, n.name, w.writer,
        {", ".join("l." + column for column in _LEDGER.split(", "))}
        FROM said.ledger l JOIN said.run o ON o.run = l.run JOIN main.run r USING (run_id)
        JOIN said.name t ON t.name = l.key JOIN main.name n USING (text)
        JOIN said.writer v ON v.writer = l.writer JOIN main.writer w USING (writer_id)
        LEFT JOIN main.ledger k ON k.run = r.run AND k.key = n.name AND k.writer = w.writer
        WHERE ifnull(k.unstored, -1) < l.unstored"""
    )
    session.run("CREATE TEMP TABLE unlike (run INTEGER, key INTEGER, PRIMARY KEY (run, key)) WITHOUT ROWID")
    session.run(f"INSERT OR IGNORE INTO unlike {summaries_unlike('main', 'said')}")
    session.run(
        f"""INSERT OR IGNORE INTO unlike SELECT r.run, n.name FROM ({summaries_unlike("said", "main")}) u
        JOIN said.run o ON o.run = u.run JOIN main.run r USING (run_id)
        JOIN said.name t ON t.name = u.key JOIN main.name n USING (text)"""
    )
    session.run("DELETE FROM main.metric_summary WHERE (run, key) IN (SELECT run, key FROM unlike)")
    session.run(
        f"""INSERT INTO main.metric_summary (run, key, {_SUMMARY}) SELECT u.run, u.key,
        {", ".join("m." + column for column in _SUMMARY.split(", "))}
        FROM unlike u JOIN main.run r USING (run) JOIN main.name n ON n.name = u.key
        JOIN said.run o USING (run_id) JOIN said.name t USING (text)
        JOIN said.metric_summary m ON m.run = o.run AND m.key = t.name"""
    )
    changed = session.all("SELECT run, count(*) FROM unlike GROUP BY run")
    mark_summarised(session, [run for run, _ in changed])
    return sum(count for _, count in changed)


_SUMMARY: Final = (
    "count, nan_count, first_step, first_timestamp, first_value, last_step, last_timestamp, last_value,"
    " min, min_step, max, max_step, sum, max_timestamp"
)
_LEDGER: Final = f"unstored, merged, dropped, stretches, {_SUMMARY}"
