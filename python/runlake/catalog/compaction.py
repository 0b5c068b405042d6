"""Compaction of a catalog: which segments may be merged, and the commit that puts one in the place of many.

Replaced files stay until nobody can be reading them any more; `replaced_segment` says since when nobody begins to. So
long the new file has a hidden name, by which it is listed: to programs that are given the pattern of all segments the
old ones are all there is. Then they go, and it gets its usual name, in one step.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from runlake.catalog.part import Part, clock_ms
from runlake.catalog.segments import SealedSegment, put_segment_row
from runlake.catalog.session import placeholders
from runlake.errors import StoreError

if TYPE_CHECKING:
    from runlake.catalog.session import Session

MOST_INPUTS: Final = 256
"""Segments that one commit replaces at most."""


@dataclass(frozen=True)
class Piece:
    """A listed segment as compaction sees it; `ranges` is how many ranges of journals it stands for."""

    segment_id: str
    path: str
    experiment_id: str
    rows: int
    bytes: int
    ranges: int


@dataclass(frozen=True)
class ReplacedSegment:
    """A file that was listed until `replaced_ms`; its rows are in the listed segment `replaced_by` by now."""

    segment_id: str
    path: str
    bytes: int
    replaced_ms: int
    replaced_by: str


@dataclass(frozen=True)
class Settled:
    """A listed segment, and the paths of all files that it has replaced, which nobody reads any more."""

    segment_id: str
    path: str
    replaced: list[str]


class Compaction(Part):
    """Segments that become one."""

    def pieces(self) -> list[Piece]:
        """Return all listed segments, the smallest first."""
        with self._database.reading() as session:
            return [Piece(*row) for row in session.all(_PIECES)]

    def has_many_pieces(self, count: int, *, below_bytes: int) -> bool:
        """Tell whether an experiment has so many segments that are smaller than that."""
        with self._database.reading() as session:
            return session.one(_MANY, (below_bytes, count)) is not None

    def replace_segments(
        self, inputs: Sequence[str], new: SealedSegment, *, dropped: Collection[str] = (), wait_s: float | None = None
    ) -> bool:
        """List `new` in the place of `inputs`, whose rows it has, unless one of these is not listed any more.

        The inputs are noted as replaced. It survives a power cut when this returns.

        Args:
            dropped: Runs whose rows were left out.

        Returns:
            False when somebody was faster, or has removed the new file as an orphan; nothing has changed then.

        Raises:
            StoreError: the new segment has not as many rows as it should.
        """
        with self._database.writing(wait_s, durable=True) as session:
            numbers = [
                number
                for (number,) in session.all(
                    f"SELECT segment FROM segment WHERE lost IS NULL AND segment_id IN ({placeholders(len(inputs))})",
                    inputs,
                )
            ]
            # Orphans are removed under the same lock, so what is there now is there to stay.
            if len(numbers) != len(inputs) or not (self.root / "segments" / new.path).exists():
                session.cancel()
                return False
            _require_rows(session, numbers, new.rows, dropped)
            _replace(session, numbers, new, dropped)
        return True

    def listed_paths(self) -> list[str]:
        """Return the paths of all segments that are listed, lost ones too."""
        with self._database.reading() as session:
            return [path for (path,) in session.all("SELECT path FROM segment")]

    def replaced_segments(self) -> list[ReplacedSegment]:
        """Return the files that were replaced and are there still, oldest first."""
        with self._database.reading() as session:
            rows = session.all(
                "SELECT segment_id, path, bytes, replaced_ms, replaced_by FROM replaced_segment ORDER BY replaced_ms"
            )
        return [ReplacedSegment(*row) for row in rows]

    def settled_segments(self, until_ms: int) -> list[Settled]:
        """Return the listed segments all of whose replaced files were replaced up to a time, in ms since 1970."""
        with self._database.reading() as session:
            rows = session.all(_SETTLED, (until_ms,))
        found: dict[str, Settled] = {}
        for segment_id, path, replaced in rows:
            found.setdefault(segment_id, Settled(segment_id, path, [])).replaced.append(replaced)
        return list(found.values())

    def hidden_segments(self) -> list[Settled]:
        """Return the listed segments that have a hidden name though they replace nothing: a repair has listed them."""
        with self._database.reading() as session:
            rows = session.all(
                "SELECT segment_id, path FROM segment WHERE lost IS NULL AND path LIKE '%.merged'"
                " AND segment_id NOT IN (SELECT replaced_by FROM replaced_segment)"
            )
        return [Settled(segment_id, path, []) for segment_id, path in rows]

    def replaced_copies(self, until_ms: int) -> list[str]:
        """Return the paths of merged files that were merged again up to a time, in ms since 1970.

        They have never had a usual name, so that what they were made of is what other programs see in their place.
        """
        with self._database.reading() as session:
            return [path for (path,) in session.all(_COPIES, (until_ms,))]

    def forget_copies(self, paths: Sequence[str]) -> None:
        """Forget merged files that are gone."""
        with self._database.writing(durable=True) as session:
            session.run_many("DELETE FROM replaced_segment WHERE path = ?", [(path,) for path in paths])

    def is_something_settled(self, until_ms: int) -> bool:
        """Tell whether `settled_segments` or `replaced_copies` has anything to return."""
        with self._database.reading() as session:
            return any(session.one(f"{sql} LIMIT 1", (until_ms,)) is not None for sql in (_SETTLED, _COPIES))

    def forget_replaced(self, settled: Settled, path: str) -> None:
        """Forget files that are gone, and list a segment by another name.

        The name that it had is noted as replaced: a query that is under way may come to it yet.
        """
        with self._database.writing(durable=True) as session:
            session.run_many("DELETE FROM replaced_segment WHERE path = ?", [(old,) for old in settled.replaced])
            if path != settled.path and session.run(
                "UPDATE segment SET path = ? WHERE segment_id = ? AND path = ?",
                (path, settled.segment_id, settled.path),
            ):
                session.run(
                    "INSERT INTO replaced_segment (path, segment_id, bytes, replaced_ms, replaced_by)"
                    " VALUES (?, ?, 0, ?, ?)",
                    (settled.path, settled.segment_id, clock_ms(), settled.segment_id),
                )


def forget_listed_again(session: Session) -> None:
    """Take for no longer replaced what is listed again, after what replaced it was found to be damaged."""
    session.run(
        "DELETE FROM replaced_segment WHERE path IN (SELECT path FROM segment)"
        " OR replaced_by NOT IN (SELECT segment_id FROM segment WHERE lost IS NULL)"
    )


_SETTLED: Final = """
    SELECT s.segment_id, s.path, r.path FROM segment s JOIN replaced_segment r ON r.replaced_by = s.segment_id
    WHERE s.lost IS NULL AND r.path NOT IN (SELECT path FROM segment) AND s.segment_id IN
        (SELECT replaced_by FROM replaced_segment GROUP BY replaced_by HAVING max(replaced_ms) <= ?)"""
_COPIES: Final = (
    "SELECT path FROM replaced_segment WHERE path LIKE '%.merged' AND replaced_ms <= ?"
    " AND path NOT IN (SELECT path FROM segment)"
)
_PIECES: Final = """
    SELECT segment_id, path, experiment_id, rows, bytes,
        (SELECT count(*) FROM segment_range r WHERE r.segment = s.segment)
    FROM segment s WHERE lost IS NULL ORDER BY rows, segment"""
_MANY: Final = (
    "SELECT 1 FROM segment WHERE lost IS NULL AND bytes < ? GROUP BY experiment_id HAVING count(*) >= ? LIMIT 1"
)


def _require_rows(session: Session, numbers: Sequence[int], rows: int, dropped: Collection[str]) -> None:
    """Compare the rows of a new segment with what the catalog has of its inputs."""
    without = _numbers_of(session, dropped)
    expected = sum(
        count
        for run, count in session.all(
            f"SELECT run, rows FROM segment_run WHERE segment IN ({placeholders(len(numbers))})", numbers
        )
        if run not in without
    )
    if expected != rows:
        raise StoreError(
            f"a compacted segment has {rows:,} rows; those that it is to replace have {expected:,} in the catalog",
            hint="run `runlake doctor`",
        )


def _replace(session: Session, numbers: Sequence[int], new: SealedSegment, dropped: Collection[str]) -> None:
    number = put_segment_row(session, new)
    inputs = placeholders(len(numbers))
    session.run(
        "INSERT OR IGNORE INTO segment_range (segment, writer, first, upto)"
        f" SELECT ?, writer, first, upto FROM segment_range WHERE segment IN ({inputs})",
        (number, *numbers),
    )
    without = _numbers_of(session, dropped)
    runs = session.all(f"SELECT run, sum(rows) FROM segment_run WHERE segment IN ({inputs}) GROUP BY run", numbers)
    session.run_many(
        "INSERT INTO segment_run (segment, run, rows) VALUES (?, ?, ?)",
        [(number, run, rows) for run, rows in runs if run not in without],
    )
    session.run(
        "UPDATE replaced_segment SET replaced_by = ? WHERE replaced_by IN"
        f" (SELECT segment_id FROM segment WHERE segment IN ({inputs}))",
        (new.segment_id, *numbers),
    )
    session.run(
        "INSERT INTO replaced_segment (path, segment_id, bytes, replaced_ms, replaced_by)"
        f" SELECT path, segment_id, bytes, ?, ? FROM segment WHERE segment IN ({inputs})",
        (clock_ms(), new.segment_id, *numbers),
    )
    for table in ("segment_run", "segment_range", "segment"):
        session.run(f"DELETE FROM {table} WHERE segment IN ({inputs})", numbers)


def _numbers_of(session: Session, run_ids: Collection[str]) -> set[int]:
    found: set[int] = set()
    wanted = list(run_ids)
    for start in range(0, len(wanted), 500):
        part = wanted[start : start + 500]
        rows = session.all(f"SELECT run FROM run WHERE run_id IN ({placeholders(len(part))})", part)
        found.update(run for (run,) in rows)
    return found
