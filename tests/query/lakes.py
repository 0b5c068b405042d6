"""A store as the query layer sees it: a catalog and the folders beside it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import pyarrow.parquet as pq

from runlake import _engine
from runlake.catalog import Catalog, WriterInfo
from runlake.catalog.segments import SeriesSummary
from tests.segments import table_of, with_windows


class Row(NamedTuple):
    """A point as segments have it."""

    run_id: str
    key: str
    step: int
    timestamp: int
    value: float
    writer: str = "0" * 32
    seq: int = 0


@dataclass(frozen=True)
class Segment:
    """A segment as `commit_seal` takes it."""

    segment_id: str
    experiment_id: str
    path: str
    rows: int
    runs: list[tuple[str, int]]
    bytes: int = 0
    ranges: Sequence[tuple[str, int, int]] = ()
    summaries: Sequence[SeriesSummary] = ()
    min_step: int = 0
    max_step: int = 0
    min_timestamp: int = 0
    max_timestamp: int = 0


class BareLake:
    """A store without the machinery that fills it."""

    def __init__(self, root: Path) -> None:
        self.catalog = Catalog.open(root)
        self.journals_dir = root / "journals"
        self.segments_dir = root / "segments"
        self.journals_dir.mkdir(exist_ok=True)
        self.segments_dir.mkdir(exist_ok=True)

    def journals(self, writers: Sequence[str] | None = None) -> _engine.Journals:
        return _engine.Journals(str(self.journals_dir), writers)

    def close(self) -> None:
        self.catalog.close()

    def run(self, run_id: str, experiment_id: str = "0") -> str:
        """Make a run and return its id."""
        self.catalog.create_run(run_id, experiment_id, name=run_id, user_id="u", start_time=0, owned=False)
        return run_id

    def segment(
        self,
        rows: Sequence[Row],
        *,
        row_group_size: int = 1000,
        windows: Sequence[Sequence[float | None] | None] | None = None,
    ) -> Path:
        """Write a segment with pyarrow, make it known, and return its path; with `windows` rows come sorted."""
        segment_id = os.urandom(16).hex()
        path = self.segments_dir / f"{segment_id}.parquet"
        table = table_of(sorted(rows))
        table = table if windows is None else with_windows(table, windows)
        pq.write_table(table, path, row_group_size=row_group_size, compression="zstd")
        runs = {run: sum(row.run_id == run for row in rows) for run in {row.run_id for row in rows}}
        steps, times = [row.step for row in rows], [row.timestamp for row in rows]
        segment = Segment(
            *(segment_id, "0", path.name, len(rows), list(runs.items())),
            min_step=min(steps),
            max_step=max(steps),
            min_timestamp=min(times),
            max_timestamp=max(times),
        )
        assert self.catalog.commit_seal([], [segment])
        return path

    def writer(self, *run_ids: str, rank: int | None = None) -> _engine.Writer:
        """Make a journal that these runs log to."""
        writer = _engine.Writer(str(self.journals_dir), self.catalog.store_id)
        for run_id in run_ids:
            self.catalog.attach(WriterInfo(writer.id, "host", "0" * 32, os.getpid(), 0, rank), run_id)
        return writer
