"""What the tests put into catalogs: runs, writers, and segments as sealing describes them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from runlake.catalog import Catalog, Range, WriterInfo

START_MS = 1_700_000_000_000


def writer(number: int = 1, *, host: str = "node1", boot_id: str = "boot1") -> WriterInfo:
    return WriterInfo(f"{number:032x}", host, boot_id, 4242, START_MS)


def add_run(
    catalog: Catalog,
    run_id: str = "run1",
    experiment_id: str = "0",
    *,
    name: str = "quick-fox-1",
    tags: dict[str, str] | None = None,
    owned: bool = True,
    by: WriterInfo | None = None,
) -> str:
    catalog.create_run(
        run_id, experiment_id, name=name, user_id="ada", start_time=START_MS, tags=tags, owned=owned, writer=by
    )
    return run_id


def rank(value: float) -> tuple[bool, float, float]:
    """What values are ordered by: NaN is below every number, -0.0 below 0.0."""
    return (False, 0.0, 0.0) if math.isnan(value) else (True, value, math.copysign(1.0, value))


@dataclass
class Series:
    """Summary of one key of one run; `points` are (step, timestamp, value)."""

    run_id: str
    key: str
    points: Sequence[tuple[int, int, float]]

    @property
    def numbers(self) -> list[tuple[int, float]]:
        return [(step, value) for step, _, value in self.points if not math.isnan(value)]

    @property
    def ordered(self) -> list[tuple[int, int, float]]:
        return sorted(self.points, key=lambda p: (p[0], p[1], rank(p[2])))

    count = property(lambda self: len(self.points))
    nan_count = property(lambda self: len(self.points) - len(self.numbers))
    first_step = property(lambda self: self.ordered[0][0])
    first_timestamp = property(lambda self: self.ordered[0][1])
    first_value = property(lambda self: self.ordered[0][2])
    last_step = property(lambda self: self.ordered[-1][0])
    last_timestamp = property(lambda self: self.ordered[-1][1])
    last_value = property(lambda self: self.ordered[-1][2])
    min = property(lambda self: min((v for _, v in self.numbers), key=rank, default=math.nan))
    max = property(lambda self: max((v for _, v in self.numbers), key=rank, default=math.nan))
    min_step = property(lambda self: min((s for s, v in self.numbers if rank(v) == rank(self.min)), default=0))
    max_step = property(lambda self: min((s for s, v in self.numbers if rank(v) == rank(self.max)), default=0))
    sum = property(lambda self: sum(v for _, v in self.numbers))
    max_timestamp = property(lambda self: max(t for _, t, _ in self.points))


@dataclass
class Segment:
    """A segment that was written."""

    segment_id: str
    ranges: list[Range]
    summaries: list[Series] = field(default_factory=list)
    experiment_id: str = "0"

    path = property(lambda self: f"experiment_id={self.experiment_id}/{self.segment_id}.parquet")
    rows = property(lambda self: sum(series.count for series in self.summaries))
    bytes = property(lambda self: 10 * self.rows)
    runs = property(
        lambda self: [
            (run_id, sum(s.count for s in self.summaries if s.run_id == run_id))
            for run_id in sorted({s.run_id for s in self.summaries})
        ]
    )
    min_step = property(lambda self: min(s.first_step for s in self.summaries))
    max_step = property(lambda self: max(s.last_step for s in self.summaries))
    min_timestamp = property(lambda self: START_MS)
    max_timestamp = property(lambda self: max(s.max_timestamp for s in self.summaries))
