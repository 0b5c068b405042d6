"""Segments of a catalog: which files hold which points, and the commit that moves points from journals to them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final, Protocol

from runlake.catalog.part import Part, clock_ms
from runlake.catalog.session import placeholders
from runlake.catalog.writers import unsealed_writers_of

if TYPE_CHECKING:
    from runlake.catalog.session import Row, Session

Range = tuple[str, int, int]
"""Writer id, first seq, first seq after the last."""

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

    def commit_seal(self, ranges: Sequence[Range], sealed: Sequence[SealedSegment]) -> bool:
        """Make segments the home of the points in `ranges`, unless any of these has been sealed by somebody else.

        It survives a power cut when this returns, so that the journals may be trimmed.

        Args:
            ranges: At most one a writer, each beginning where the writer's sealed points end.

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
                _put_segment(session, segment)
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


def _put_segment(session: Session, segment: SealedSegment) -> None:
    number = session.insert(
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
    session.run_many(
        "INSERT INTO segment_range (segment, writer, first, upto)"
        " SELECT ?, writer, ?, ? FROM writer WHERE writer_id = ?",
        [(number, first, upto, writer_id) for writer_id, first, upto in segment.ranges],
    )
    runs = {run_id: _run_number(session, run_id) for run_id, _ in segment.runs}
    session.run_many(
        "INSERT INTO segment_run (segment, run, rows) VALUES (?, ?, ?)",
        [(number, runs[run_id], rows) for run_id, rows in segment.runs],
    )
    session.run_many(_MERGE_SUMMARY, [_summary_row(session, runs[s.run_id], s) for s in segment.summaries])
    session.run_many(
        "UPDATE run SET tx = ?, summary_tx = ? WHERE run = ?", [(session.tx, session.tx, run) for run in runs.values()]
    )


def _summary_row(session: Session, run: int, s: SeriesSummary) -> Row:
    return (
        *(run, session.name(s.key), s.count, s.nan_count),
        *(s.first_step, s.first_timestamp, s.first_value),
        *(s.last_step, s.last_timestamp, s.last_value),
        *(s.min, s.min_step, s.max, s.max_step, s.sum, s.max_timestamp),
    )


def _run_number(session: Session, run_id: str) -> int:
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
    rows = session.all(f"SELECT {_SEGMENT} FROM segment s ORDER BY s.segment")
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
            f" JOIN segment s USING (segment) WHERE r.run_id IN ({placeholders(len(part))})",
            part,
        ):
            if wanted is None or row[2] in wanted:
                found[segment] = tuple(row)
                runs.setdefault(segment, {})[run_id] = rows
    return [
        replace(SegmentRef(*found[segment]), runs=tuple(runs[segment]), run_rows=sum(runs[segment].values()))
        for segment in sorted(found)
    ]
