"""Health of a catalog: what can be checked without reading a segment."""

from __future__ import annotations

from runlake.catalog.part import Part
from runlake.catalog.segments import Range


class Health(Part):
    """Questions that only a check-up asks."""

    def problems(self) -> list[str]:
        """Return what SQLite finds wrong with the file, one sentence each; none in a healthy catalog."""
        with self._database.reading() as session:
            broken = [str(row[0]) for row in session.all("PRAGMA integrity_check(20)")]
            dangling = session.all("PRAGMA foreign_key_check")
        found = [] if broken == ["ok"] else broken
        found += [
            f"row {row} of {table} refers to a row of {parent} that is gone" for table, row, parent, _ in dangling
        ]
        return found

    def segment_ranges(self) -> dict[str, list[Range]]:
        """Return which points of which writers each segment holds, by segment id, sorted."""
        found: dict[str, list[Range]] = {}
        with self._database.reading() as session:
            rows = session.all(
                "SELECT s.segment_id, w.writer_id, r.first, r.upto FROM segment s"
                " LEFT JOIN segment_range r USING (segment) LEFT JOIN writer w USING (writer) ORDER BY 1, 2, 3"
            )
        for segment_id, writer_id, first, upto in rows:
            ranges = found.setdefault(segment_id, [])
            if writer_id is not None:
                ranges.append((writer_id, first, upto))
        return found
