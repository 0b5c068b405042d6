"""A store that is damaged, examined and repaired, beside a plain model of what was logged into it."""

from __future__ import annotations

import hashlib
import sqlite3
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runlake import _engine
from runlake.checkup import Finding, State, examine, repair
from runlake.checkup.choosing import Choice, choose
from runlake.checkup.known import Knowledge, SegmentFile
from runlake.checkup.repairing import Report
from runlake.store import Store
from tests.store.reading import numbered, points

Point = tuple[str, str, int, str]
"""Run, key, step, and the value as text: NaN is like NaN, and -0.0 is not 0.0."""


@dataclass(frozen=True)
class Patient:
    root: Path
    model: list[Point]
    catalogs: dict[str, Path]

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text("Patient")  # its points would fill pages

    @staticmethod
    def shown(value: float) -> str:
        return repr(value)

    @property
    def segments(self) -> list[Path]:
        """Files of segments, the largest first: part 0 and 1 of run a, part 2 of it, parts 0 and 1 of run b."""
        return sorted(self.root.glob("segments/*/*.parquet"), key=lambda path: (-path.stat().st_size, path.name))

    @property
    def journal(self) -> Path:
        """The journal that is not sealed."""
        (path,) = self.root.glob("journals/*.journal")
        return path

    @property
    def catalog(self) -> Path:
        return self.root / "catalog.db"

    def sql(self, statement: str) -> None:
        """Change the catalog behind everybody's back."""
        connection = sqlite3.connect(self.catalog)
        with connection:
            connection.execute(statement)
        connection.close()

    def tree(self) -> dict[str, str]:
        """Every file of the store with a digest of its content and the time of its last change."""
        return {
            str(
                path.relative_to(self.root)
            ): f"{hashlib.sha256(path.read_bytes()).hexdigest()} {path.stat().st_mtime_ns}"
            for path in sorted(self.root.rglob("*"))
            if path.is_file()
        }

    def examine(self, *, read: bool = True) -> list[Finding]:
        """Check the store, which changes nothing of it."""
        before = self.tree()
        findings = list(examine(self.root, read=read))
        assert self.tree() == before, "checking changes nothing"
        return findings

    def wrong(self, *, read: bool = True) -> list[str]:
        """What the check finds wrong, or lost."""
        return [finding.says for finding in self.examine(read=read) if not finding.is_healthy]

    def repair(self) -> Report:
        """Repair the store; afterwards nothing is wrong with it, and nothing more is to be done."""
        report = repair(self.root)
        left = [finding for finding in self.examine() if finding.state is State.WRONG]
        assert left == []
        assert repair(self.root).did == []
        return report

    def points(self) -> list[Point]:
        """Every point that readers get, none twice."""
        store = Store.open(self.root, create=False)
        try:
            assert len(set(numbered(store))) == len(numbered(store)), "a point is doubled"
            return sorted((run, key, step, self.shown(value)) for run, key, step, value in points(store))
        finally:
            store.close()

    def missing(self, runs: Sequence[str] = ("a", "b", "c", "d")) -> dict[str, int]:
        """How many points of each run are said to be missing."""
        store = Store.open(self.root, create=False)
        try:
            return {
                run: sum(lost.points for lost in store.catalog.missing_points(run * 32))
                for run in runs
                if store.catalog.runs_among([run * 32])
            }
        finally:
            store.close()

    def check_whole(self) -> None:
        """Assert that every point is there, and that summaries are those of the points."""
        assert self.points() == sorted(self.model)
        self.check_summaries()

    def check_summaries(self) -> None:
        """Compare counts in the catalog with sealed points, by run and key."""
        store = Store.open(self.root, create=False)
        try:
            store.seal()
            counts = Counter((run, key) for run, key, _, _ in points(store))
            with store.catalog._database.reading() as session:
                said = {
                    (run, key): count
                    for run, key, count in session.all(
                        "SELECT r.run_id, n.text, s.count FROM metric_summary s JOIN run r USING (run)"
                        " JOIN name n ON n.name = s.key"
                    )
                }
            assert said == counts
        finally:
            store.close()


def chosen_among(paths: Iterable[Path], segments: Path) -> Choice:
    """Judge which of some segments count to a store that has lost its catalog and its journals; each has to verify."""
    files = [SegmentFile(str(path.relative_to(segments)), _engine.verify_segment(str(path))) for path in paths]
    return choose(Knowledge(files, {}, {}, {}, {}))
