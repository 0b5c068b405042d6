"""Segments of a catalog: which files hold which points, and the commit that moves points from journals to them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol

from runlake.catalog.ledger import UnstoredPoints, put_ledger
from runlake.catalog.part import Part
from runlake.catalog.session import placeholders
from runlake.catalog.summaries import SeriesSummary, mark_summarised, merge_summaries, run_number
from runlake.catalog.writers import unsealed_writers_of

if TYPE_CHECKING:
    from runlake.catalog.session import Row, Session

Range = tuple[str, int, int]
"""Writer id, first seq, first seq after the last."""


class SealedSegment(Protocol):
    """A segment that was written and that the catalog does not know yet; see `runlake._engine.Sealed`."""

    @property
    def segment_id(self) -> str: ...
    @property
    def experiment_id(self) -> str: ...
    @property
    def path(self) -> str: ...
    @property
    def rows(self) -> int: ...
    @property
    def bytes(self) -> int: ...
    @property
    def ranges(self) -> Sequence[Range]: ...
    @property
    def runs(self) -> Sequence[tuple[str, int]]: ...
    @property
    def summaries(self) -> Sequence[SeriesSummary]: ...
    @property
    def min_step(self) -> int: ...
    @property
    def max_step(self) -> int: ...
    @property
    def min_timestamp(self) -> int: ...
    @property
    def max_timestamp(self) -> int: ...


@dataclass(frozen=True)
class SegmentRef:
    """A segment that a reader has to open; `path` is relative to the folder of segments.

    `runs` are those of the runs that were asked for that have points in it, and `run_rows` how many they have together;
    empty and None when all runs were asked for.
    """

    segment_id: str
    path: str
    experiment_id: str
    rows: int
    bytes: int
    min_step: int
    max_step: int
    min_timestamp: int
    max_timestamp: int
    runs: tuple[str, ...] = ()
    run_rows: int | None = None

    @property
    def is_whole(self) -> bool:
        """Whether every row is of a run that was asked for."""
        return self.run_rows is None or self.run_rows == self.rows


@dataclass(frozen=True)
class ReadPlan:
    """What a reader needs to see every point once, as of transaction `tx`.

    `sealed` is, for each writer, the first seq that no segment holds; `writers` are those that may have points in
    journals.
    """

    tx: int
    sealed: dict[str, int]
    writers: list[str]
    segments: list[SegmentRef] = field(default_factory=list)


class Segments(Part):
    """What a catalog knows of segments."""

    def commit_seal(
        self,
        ranges: Sequence[Range],
        sealed: Sequence[SealedSegment],
        ledger: Mapping[str, Sequence[UnstoredPoints]] | None = None,
    ) -> bool:
        """Make segments the home of the points in `ranges`, unless any of these has been sealed by somebody else.

        It survives a power cut when this returns, so that the journals may be trimmed.

        Args:
            ranges: At most one a writer, each beginning where the writer's sealed points end.
            ledger: What is known by now of points that writers did not store.

        Returns:
            False when somebody else was first; nothing has changed then, and the files are of no use.
        """
        with self._database.writing(durable=True) as session:
            for writer_id, first, upto in ranges:
                if not session.run(
                    "UPDATE writer SET sealed = ? WHERE writer_id = ? AND sealed = ?", (upto, writer_id, first)
                ):
                    session.cancel()
                    return False
            for segment in sealed:
                put_segment(session, segment)
            for writer_id, entries in (ledger or {}).items():
                put_ledger(session, writer_id, entries)
        return True

    def plan(
        self,
        run_ids: Sequence[str] | None = None,
        experiment_ids: Sequence[str] | None = None,
        *,
        writers: Sequence[str] | None = None,
        among: Callable[[list[str]], Sequence[str]] | None = None,
    ) -> ReadPlan:
        """Return what a reader has to read, of these runs and these experiments; None means all.

        NOTE: Open the journals first. Points that are sealed between the two steps are then seen twice and skipped by
        `sealed`; the other way round they would be missed.

        Args:
            writers: Those whose journals were opened; None gives `sealed` for all writers there ever were.
            among: Chooses, when `run_ids` is None, from the ids of all runs that have points in segments those whose
                segments are wanted.
        """
        with self._database.reading() as session:
            sealed = sealed_of(session, writers)
            if run_ids is not None:
                unsealed = unsealed_writers_of(session, run_ids)
            else:
                unsealed = [row[0] for row in session.all("SELECT writer_id FROM writer WHERE state != 'sealed'")]
            if among is not None and run_ids is None:
                run_ids = among([row[0] for row in session.all(_SEALED_RUNS)])
            segments = (
                _all_segments(session, experiment_ids)
                if run_ids is None
                else _segments_of(session, run_ids, experiment_ids)
            )
            return ReadPlan(session.last_tx(), sealed, unsealed, segments)

    def largest_step(self, run_id: str) -> int | None:
        """Return the largest step that a run has in segments; None when it has no points there."""
        with self._database.reading() as session:
            row = session.one(
                "SELECT max(s.last_step) FROM metric_summary s JOIN run r USING (run) WHERE r.run_id = ?", (run_id,)
            )
            return None if row is None else row[0]

    def key_names(self) -> list[str]:
        """Return every name that a key has in the catalog, those of sealed metrics among them, in no order."""
        with self._database.reading() as session:
            return [row[0] for row in session.all("SELECT text FROM name")]

    def has_segment(self, segment_id: str) -> bool:
        """Tell whether the catalog lists a segment; a file that it does not list may be deleted by who wrote it."""
        with self._database.reading() as session:
            return session.one("SELECT 1 FROM segment WHERE segment_id = ?", (segment_id,)) is not None


_SEGMENT = (
    "s.segment_id, s.path, s.experiment_id, s.rows, s.bytes, s.min_step, s.max_step, s.min_timestamp, s.max_timestamp"
)

_SEALED_RUNS = "SELECT run_id FROM run WHERE run IN (SELECT run FROM segment_run)"


def put_segment_row(session: Session, segment: SealedSegment) -> int:
    """List a segment, and return its number; its ranges and runs are rows of their own."""
    return session.insert(
        "INSERT INTO segment (segment_id, experiment_id, path, rows, bytes, min_step, max_step, min_timestamp,"
        f" max_timestamp, tx) VALUES ({placeholders(10)})",
        (
            segment.segment_id,
            segment.experiment_id,
            segment.path,
            segment.rows,
            segment.bytes,
            segment.min_step,
            segment.max_step,
            segment.min_timestamp,
            segment.max_timestamp,
            session.tx,
        ),
    )


def put_segment(session: Session, segment: SealedSegment) -> None:
    """List a segment, with its runs, and merge what it says of its series into the summaries."""
    number = put_segment_row(session, segment)
    session.run_many(
        "INSERT INTO segment_range (segment, writer, first, upto)"
        " SELECT ?, writer, ?, ? FROM writer WHERE writer_id = ?",
        [(number, first, upto, writer_id) for writer_id, first, upto in segment.ranges],
    )
    runs = {run_id: run_number(session, run_id) for run_id, _ in segment.runs}
    session.run_many(
        "INSERT INTO segment_run (segment, run, rows) VALUES (?, ?, ?)",
        [(number, runs[run_id], rows) for run_id, rows in segment.runs],
    )
    merge_summaries(session, ((runs[summary.run_id], summary) for summary in segment.summaries))
    mark_summarised(session, runs.values())


def sealed_of(session: Session, writers: Sequence[str] | None) -> dict[str, int]:
    """Return, for some writers or for all, the first seq that no segment holds."""
    if writers is None:
        return dict(session.all("SELECT writer_id, sealed FROM writer"))
    found: dict[str, int] = {}
    for start in range(0, len(writers), 500):
        part = writers[start : start + 500]
        found.update(
            session.all(f"SELECT writer_id, sealed FROM writer WHERE writer_id IN ({placeholders(len(part))})", part)
        )
    return found


def _all_segments(session: Session, experiment_ids: Sequence[str] | None) -> list[SegmentRef]:
    rows = session.all(f"SELECT {_SEGMENT} FROM segment s WHERE s.lost IS NULL ORDER BY s.segment")
    wanted = None if experiment_ids is None else set(experiment_ids)
    return [SegmentRef(*row) for row in rows if wanted is None or row[2] in wanted]


def _segments_of(session: Session, run_ids: Sequence[str], experiment_ids: Sequence[str] | None) -> list[SegmentRef]:
    wanted = None if experiment_ids is None else set(experiment_ids)
    found: dict[int, Row] = {}
    runs: dict[int, dict[str, int]] = {}
    for start in range(0, len(run_ids), 500):
        part = run_ids[start : start + 500]
        for segment, run_id, rows, *row in session.all(
            f"SELECT s.segment, r.run_id, sr.rows, {_SEGMENT} FROM run r JOIN segment_run sr USING (run)"
            f" JOIN segment s USING (segment) WHERE r.run_id IN ({placeholders(len(part))}) AND s.lost IS NULL",
            part,
        ):
            if wanted is None or row[2] in wanted:
                found[segment] = tuple(row)
                runs.setdefault(segment, {})[run_id] = rows
    return [
        replace(SegmentRef(*found[segment]), runs=tuple(runs[segment]), run_rows=sum(runs[segment].values()))
        for segment in sorted(found)
    ]
