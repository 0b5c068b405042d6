"""Which files count, among those that merges and their crashes leave on a disk: each sealed point is in one of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from runlake import _engine
from runlake.checkup.choosing import choose
from runlake.checkup.known import Knowledge, SegmentFile
from tests.checkup.material import chosen_among

EXPERIMENTS = {f"run{number}": str(number % 2) for number in range(6)}
STEPS = ("compact.checked", "compact.written", "compact.synced", "compact.renamed")


class Lake:
    """Two writers whose points go to two experiments, each sealed in three pieces; no catalog."""

    def __init__(self, folder: Path) -> None:
        self.segments = folder / "segments"
        self.sealed: list[_engine.Sealed] = []
        (journals := folder / "journals").mkdir()
        for _ in range(2):
            writer = _engine.Writer(str(journals), "0" * 32)
            for number in range(60):
                writer.run(f"run{number % 6}").log_metric(f"key{number % 5}", number / 8, number)
            for first in range(0, 60, 20):
                piece = [(writer.id, first, first + 20)]
                self.sealed += _engine.seal(str(journals), str(self.segments), piece, EXPERIMENTS)
            writer.close()

    def paths(self, experiment: str) -> list[str]:
        return [one.path for one in self.sealed if one.experiment_id == experiment]

    def compact(self, inputs: list[str]) -> str:
        new = _engine.compact(str(self.segments), inputs)
        assert new is not None
        return new.path


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path)


def rows_of(path: Path) -> list[tuple[str, int]]:
    table = pq.ParquetFile(path).read()
    return list(zip(table["writer"].to_pylist(), table["seq"].to_pylist(), strict=True))


def test_every_set_of_files_that_merges_and_their_crashes_leave_has_each_point_once(lake: Lake) -> None:
    zero, one = lake.paths("0"), lake.paths("1")
    # Committed one after the other: 0+1, and that with 2; and 3+4. Their inputs may or may not be gone.
    first = lake.compact(zero[:2])
    listed = [lake.compact([first, zero[2]]), lake.compact(zero[3:5]), zero[5], *one]
    # Never committed: 1+2, 2+3 and all of the other experiment.
    orphans = [lake.compact(inputs) for inputs in (zero[1:3], zero[2:4], one)]
    optional = [*zero[:5], first, *orphans]
    about = {path: _engine.segment_info(str(lake.segments / path)) for path in [*listed, *optional]}
    rows = {path: rows_of(lake.segments / path) for path in about}
    everything = sorted(row for path in [*zero, *one] for row in rows[path])

    def extras() -> Iterator[list[str]]:
        for subset in range(1 << len(optional)):
            yield [path for bit, path in enumerate(optional) if subset >> bit & 1]

    for extra in extras():
        choice = choose(Knowledge([SegmentFile(path, about[path]) for path in [*listed, *extra]], {}, {}, {}, {}))
        assert sorted(row for file in choice.taken for row in rows[file.path]) == everything, extra
        assert choice.lost == {}


@pytest.mark.parametrize("last", STEPS)
def test_a_crash_between_any_two_steps_of_a_merge_leaves_each_point_once(lake: Lake, last: str) -> None:
    found: list[Path] = []

    def look(step: str) -> None:
        if step == last:
            found.extend(path for path in lake.segments.rglob("*.parquet*") if path.suffix != ".tmp")

    _engine.compact(str(lake.segments), lake.paths("0"), hook=look)
    choice = chosen_among(found, lake.segments)
    rows = sorted(row for file in choice.taken for row in rows_of(lake.segments / file.path))
    assert rows == sorted(row for one in lake.sealed for row in rows_of(lake.segments / one.path))
    assert choice.lost == {}
