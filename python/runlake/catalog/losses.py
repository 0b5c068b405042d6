"""Losses of a catalog: which points of a run are proven missing, from journals and from segments."""

from __future__ import annotations

from typing import Final

from runlake.catalog.changes import find_run
from runlake.catalog.part import Part
from runlake.entities import MissingPoints


class Losses(Part):
    """What is missing."""

    def missing_points(self, run_id: str) -> list[MissingPoints]:
        """Return what is proven missing of a run, in the order in which it was found.

        Raises:
            NotFound: there is no such run.
        """
        with self._database.reading() as session:
            run = find_run(session, run_id)[0]
            rows = [row for question in _QUESTIONS for row in session.all(question, (run,))]
        found = [MissingPoints(points, bool(exact), *rest) for points, exact, *rest in rows]
        return sorted(found, key=lambda missing: missing.found_ms)


_GAPS: Final = """
    SELECT g.upto - g.first, (SELECT count(*) FROM writer_run o WHERE o.writer = g.writer) = 1,
        g.reason, g.file, g.last_verified_ms, g.found_ms
    FROM writer_run wr JOIN gap g USING (writer) WHERE wr.run = ? ORDER BY g.found_ms, g.writer, g.first"""
_SEGMENTS: Final = """
    SELECT sr.rows, 1, s.lost, s.path, NULL, s.lost_ms
    FROM segment_run sr JOIN segment s USING (segment) WHERE sr.run = ? AND s.lost IS NOT NULL ORDER BY s.segment"""
# A segment that was lost together with the catalog: of its rows no more is known than the experiment.
_SEGMENTS_OF_UNKNOWN: Final = """
    SELECT s.rows, 0, s.lost, s.path, NULL, s.lost_ms
    FROM run r JOIN experiment e USING (experiment) JOIN segment s USING (experiment_id)
    WHERE r.run = ? AND s.lost IS NOT NULL
    AND NOT EXISTS (SELECT 1 FROM segment_run sr WHERE sr.segment = s.segment) ORDER BY s.segment"""
_QUESTIONS: Final = (_GAPS, _SEGMENTS, _SEGMENTS_OF_UNKNOWN)
