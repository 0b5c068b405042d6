"""Compaction of a catalog: which segments may be merged, and the commit that puts one in the place of many.

Replaced files stay until nobody can be reading them any more; `replaced_segment` says since when nobody begins to.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
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
    """A segment that was listed until `replaced_ms` and whose rows are in another one since."""

    segment_id: str
    path: str
    bytes: int
    replaced_ms: int


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

    def replaced_segments(self, before_ms: int | None = None) -> list[ReplacedSegment]:
        """Return the segments that were replaced before a time, in milliseconds since 1970, or ever, oldest first."""
        with self._database.reading() as session:
            rows = session.all(
                "SELECT segment_id, path, bytes, replaced_ms FROM replaced_segment"
                " WHERE ? IS NULL OR replaced_ms < ? ORDER BY replaced_ms",
                (before_ms, before_ms),
            )
        return [ReplacedSegment(*row) for row in rows]

    def forget_replaced(self, segment_ids: Iterable[str]) -> None:
        """Forget replaced segments whose files are gone."""
        with self._database.writing() as session:
            session.run_many(
                "DELETE FROM replaced_segment WHERE segment_id = ?", [(segment_id,) for segment_id in segment_ids]
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
        "INSERT OR REPLACE INTO replaced_segment (segment_id, path, bytes, replaced_ms)"
        f" SELECT segment_id, path, bytes, ? FROM segment WHERE segment IN ({inputs})",
        (clock_ms(), *numbers),
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
