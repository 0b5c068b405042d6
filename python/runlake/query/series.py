"""Metrics of runs in few buckets, so that long curves can be drawn and no spike is lost.

The engine does the work, on all cores, from the row groups that hold the wanted series and from the journals.
"""

from __future__ import annotations

import operator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

import polars as pl

from runlake import _engine
from runlake.errors import Corrupt, InvalidInput, InvalidType, NotFound
from runlake.query.chosen import Runs, check_runs, ids_of
from runlake.query.keys import KeyChoice, Keys
from runlake.query.reader import Hook, Lake, ReadStep, Snapshot, arrow_frame, no_hook, take_snapshot, until_whole

if TYPE_CHECKING:
    from runlake.catalog import SegmentRef

Axis: TypeAlias = Literal["step", "timestamp", "relative"]

_COLUMN: Final = {"step": "step", "timestamp": "timestamp", "relative": "relative_ms"}
_PLACES: Final = range(-(2**63), 2**63 + 1)
_MOST_BUCKETS: Final = 2**63 - 1
_FEW: Final = 8


def series(
    lake: Lake,
    runs: Runs,
    keys: Keys,
    *,
    points: int = 1000,
    x: Axis = "step",
    start: int | None = None,
    end: int | None = None,
    hook: Hook = no_hook,
) -> pl.DataFrame:
    """Reduce metrics of runs to at most `points` buckets each, without losing a spike.

    Buckets are equally wide, from the first point of a series to its last or over the range that was asked for; where
    there are no points there is no bucket. A series with no more than `points` different places on the axis gets a
    bucket for each.

    Args:
        runs: A run id, ids, a series of ids, or a frame with a column `run_id`; None is every run of the store.
        keys: Keys, patterns and regular expressions, as `points` takes them; None is every key.
        points: Number of buckets of each series, at least 1.
        x: What buckets are divided by: "step", "timestamp" (ms since 1970) or "relative" (ms since the run's start).
        start: Where the first bucket begins, in units of `x`; None is the first point of each series.
        end: Where the last bucket ends, excluded, so that ranges can follow each other; None is the last point.
        hook: Called after each step of reading, for tests.

    Returns:
        One row a bucket, sorted by the first column: `step`, `timestamp` or `relative_ms: i64` (first place of a point
        in the bucket), `min`, `max`, `mean`, `last: f64`, `count: u32`, `non_finite: u8` (bit 0 NaN, bit 1 +inf, bit 2
        -inf); shape (≤ points, 7). `min`, `max` and `mean` are over finite values, the extremes exact, and null where a
        bucket has none; `last` is the value of the largest point by (step, timestamp, value), NaN being below every
        number. Unless `runs` is one id and `keys` one key, `run_id` and `key` come first and the rows are sorted by
        them; series without points in the range have no rows.

    Raises:
        NotFound: no such run, or, of one run and one key, that the run never logged it.
        InvalidInput: `points` is below 1, `x` is something else, or the range is empty.
        Corrupt: a segment is not what was written.

    Source: min-max decimation; docs/design.md, "Downsampling".
    """
    wanted = _Wanted.of(points, x, start, end)
    check_runs(lake, runs)
    query = _Query(lake, ids_of(runs), KeyChoice.of(keys), wanted, hook)
    found = query.frame().rename({"x": _COLUMN[x]})
    names = query.keys.names
    if not isinstance(runs, str) or not isinstance(keys, str) or names is None:
        return found
    if found.is_empty() and not query.logged():
        raise NotFound(f"run {runs} has no points of the metric {keys!r}", hint=_near(lake, runs, keys))
    return found.drop("run_id", "key")


def _near(lake: Lake, run_id: str, key: str) -> str | None:
    """The hint that names what the run has of that kind."""
    from runlake.query.filter.nearest import did_you_mean
    from runlake.query.live_latest import latest_metrics

    known = sorted(latest_metrics(lake, [run_id]).get(run_id, {}))
    few = f"its metrics are {', '.join(known)}" if 0 < len(known) <= _FEW else None
    return did_you_mean(key, known) or few


@dataclass(frozen=True)
class _Wanted:
    """Buckets as they were asked for."""

    points: int
    x: Axis
    start: int | None
    end: int | None

    @classmethod
    def of(cls, points: int, x: Axis, start: int | None, end: int | None) -> _Wanted:
        points = _integer("points", points)
        if points < 1:
            raise InvalidInput(f"points is {points}; it must be at least 1")
        if x not in _COLUMN:
            raise InvalidInput(f"x is {x!r}; it must be 'step', 'timestamp' or 'relative'")
        start, end = _place("start", start), _place("end", end)
        if start is not None and end is not None and start >= end:
            raise InvalidInput(f"the range from {start} to {end} is empty; its end is excluded")
        return cls(min(points, _MOST_BUCKETS), x, start, end)

    def meets(self, segment: SegmentRef) -> bool:
        """Whether a segment may have points in the range."""
        if self.x == "relative":
            return True
        steps, times = (segment.min_step, segment.max_step), (segment.min_timestamp, segment.max_timestamp)
        low, high = steps if self.x == "step" else times
        return (self.start is None or high >= self.start) and (self.end is None or low < self.end)


@dataclass(frozen=True)
class _Query:
    lake: Lake
    runs: list[str] | None
    keys: KeyChoice
    wanted: _Wanted
    hook: Hook

    def frame(self) -> pl.DataFrame:
        """The buckets, with `run_id`, `key`, and `x` for the place on the axis."""
        return until_whole(self._read)

    def logged(self) -> bool:
        """Whether there are points outside the range."""
        anywhere = replace(self.wanted, start=None, end=None, points=1)
        return self.wanted != anywhere and not replace(self, wanted=anywhere, hook=no_hook).frame().is_empty()

    def _read(self) -> pl.DataFrame:
        snapshot = take_snapshot(self.lake, self.runs, self.hook)
        segments = [segment for segment in snapshot.plan.segments if self.wanted.meets(segment)]
        try:
            stream = _engine.downsample(
                [str(self.lake.segments_dir / segment.path) for segment in segments],
                snapshot.journals,
                snapshot.plan.sealed,
                self.wanted.points,
                runs=self.runs,
                keys=self._keys(snapshot),
                axis="step" if self.wanted.x == "step" else "timestamp",
                origins=self._origins(),
                start=self.wanted.start,
                end=self.wanted.end,
            )
        except Corrupt as error:
            raise Corrupt(error.message, hint="`runlake doctor` names all damaged files") from error
        self.hook(ReadStep.SEGMENTS)
        return arrow_frame(stream)

    def _keys(self, snapshot: Snapshot) -> list[str] | None:
        """The keys by name: patterns are compared with the names that the catalog and the journals know."""
        if self.keys.condition is None or self.keys.names is not None:
            return self.keys.names
        known = {*self.lake.catalog.key_names(), *snapshot.journals.keys()}
        return (
            pl.DataFrame({"key": sorted(known)}, schema={"key": pl.String}).filter(self.keys.condition)["key"].to_list()
        )

    def _origins(self) -> dict[str, int] | None:
        return self.lake.catalog.start_times(self.runs) if self.wanted.x == "relative" else None


def _place(name: str, given: int | None) -> int | None:
    if given is None:
        return None
    place = _integer(name, given)
    if place not in _PLACES:
        raise InvalidInput(f"{name} is {place}; it must be from {_PLACES[0]} to {_PLACES[-1]}")
    return place


def _integer(name: str, given: int) -> int:
    if isinstance(given, bool) or not hasattr(given, "__index__"):
        raise InvalidType(f"{name} has type {type(given).__name__}: {given!r}; it must be an integer")
    return operator.index(given)
