"""Health of a catalog: what can be checked without reading a segment."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from typing import Final

from runlake.catalog.part import Part
from runlake.catalog.segments import Range
from runlake.catalog.session import placeholders

_MOST_RUNS: Final = 500


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

    def tag_values(self, keys: Sequence[str], *, without: Sequence[str] = ()) -> set[str]:
        """Return every value that a tag of one of these keys has, of any run but those of `without`."""
        counted = (
            "SELECT t.value, count(*) FROM tag t JOIN name n ON n.name = t.key"
            f" WHERE n.text IN ({placeholders(len(keys))}) {{}} GROUP BY t.value"
        )
        with self._database.reading() as session:
            counts: Counter[str] = Counter(dict(session.all(counted.format(""), keys)))
            for start in range(0, len(without), _MOST_RUNS):
                part = without[start : start + _MOST_RUNS]
                of_these = f"AND t.run IN (SELECT run FROM run WHERE run_id IN ({placeholders(len(part))}))"
                counts.subtract(dict(session.all(counted.format(of_these), (*keys, *part))))
        return {value for value, count in counts.items() if count > 0}

    def runs_tagged(self, key: str) -> list[str]:
        """Return the ids of the runs that have a tag."""
        with self._database.reading() as session:
            rows = session.all(
                "SELECT r.run_id FROM run r JOIN tag t USING (run) JOIN name n ON n.name = t.key WHERE n.text = ?",
                (key,),
            )
        return [run_id for (run_id,) in rows]

    def all_received_files(self) -> list[tuple[str, str, str, int]]:
        """Return experiment, run, path and size of every file that came from another store."""
        with self._database.reading() as session:
            return session.all(
                "SELECT e.experiment_id, r.run_id, f.path, f.size FROM received_file f JOIN run r USING (run)"
                " JOIN experiment e USING (experiment)"
            )

    def runs_among(self, run_ids: Collection[str]) -> set[str]:
        """Return those of some ids that are a run's."""
        with self._database.reading() as session:
            return {
                run_id for run_id in run_ids if session.one("SELECT 1 FROM run WHERE run_id = ?", (run_id,)) is not None
            }

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
