"""Chart: metrics of runs in the buckets of one grid, so that they are drawn above each other without a join."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeGuard, cast

import polars as pl

from runlake.by_id import ById
from runlake.entities import ViewType
from runlake.errors import InvalidInput, NotFound
from runlake.query.bucketing import are_in_parts, one_a_bucket, reduced
from runlake.query.drawn import drawn_rows, places_of
from runlake.query.filter.nodes import Field, Form, Kind
from runlake.query.grid import Grid, exact_grid, growing_grid, real_grid
from runlake.query.keys import KeyChoice
from runlake.query.ordered import OrderedRuns, Question, ordered_runs
from runlake.query.points import points as read_points
from runlake.query.reader import Lake
from runlake.query.run_window import field_of
from runlake.query.series import Axis, series

MOST_POINTS: Final = 5000
MOST_KEYS: Final = 200
AXES: Final = {"step": "step", "time": "timestamp", "relative": "relative"}
_COLUMNS: Final = {"step": "step", "timestamp": "timestamp", "relative": "relative_ms"}
BUCKETS: Final = pl.Schema(
    {
        "key": pl.UInt16,
        "run": pl.UInt32,
        "bucket": pl.UInt32,
        "mean": pl.Float64,
        "min": pl.Float64,
        "max": pl.Float64,
        "last": pl.Float64,
        "count": pl.UInt32,
        "non_finite": pl.UInt8,
    }
)
MOST_OVER_METRIC: Final = 10_000_000
_PORTION: Final = 2_000_000  # points of 150 bytes, while they are read
_KEYS: Final = ("key", "run", "bucket")
_Extent = tuple[int | None, int | None]
NO_GRID: Final = Grid(0, 1, 1)
"""What there is of a key that nothing was logged of."""


@dataclass(frozen=True)
class Since:
    """What a client has: buckets of a grid up to `bucket`, which it asks for again, for points may still come there."""

    start: str
    width: str
    bucket: int


@dataclass(frozen=True)
class Chart:
    """Curves of `keys` of the runs in `rows`.

    Args:
        grids: Of each key, in their order; all are the same unless keys were wanted apart.
        since: Of each key the first bucket that `frame` may have; what is before it has not been asked for again.
        total: How many runs were asked for, `left_out` of which are not drawn.
    """

    found: OrderedRuns
    rows: pl.Series
    keys: tuple[str, ...]
    grids: tuple[Grid, ...]
    frame: pl.DataFrame
    since: tuple[int, ...]
    total: int
    left_out: int


@dataclass(frozen=True)
class WantedCurves:
    """What is drawn: at most `points` buckets over `x` ("step", "time", "relative" or a metric's name).

    `low` and `high` are the range that is looked at, both included; None is where the points begin or end. Keys
    that are `apart` have grids of their own, and may have each another `since`: several charts in one reading.
    """

    keys: tuple[str, ...]
    x: str = "step"
    low: int | float | None = None
    high: int | float | None = None
    points: int = 200
    since: Since | Sequence[Since | None] | None = None
    apart: bool = False

    def since_of(self, keys: Sequence[str]) -> list[Since | None]:
        """What the client has of each key."""
        return [self.since] * len(keys) if self.since is None or isinstance(self.since, Since) else list(self.since)

    def check(self) -> None:
        """Refuse what cannot be drawn.

        Raises:
            InvalidInput: `points` is out of range, there are no keys, or the range is empty.
        """
        if not 1 <= self.points <= MOST_POINTS:
            raise InvalidInput(f"points is {self.points}; it must be from 1 to {MOST_POINTS:,}")
        if not self.keys:
            raise InvalidInput("keys is empty; a chart is of one metric at least")
        if any(bound is not None and not math.isfinite(bound) for bound in (self.low, self.high)):
            raise InvalidInput(f"the range from {self.low} to {self.high} has no ends; leave one out as null")
        if self.low is not None and self.high is not None and self.low > self.high:
            raise InvalidInput(f"the range from {self.low} to {self.high} is empty")
        known = [self.since] if self.since is None or isinstance(self.since, Since) else self.since
        if any(since is not None and since.bucket < 0 for since in known):
            raise InvalidInput("since has a bucket below 0; it must be at least 0")
        if known is self.since and not (self.apart and len(known) == len(self.keys)):
            raise InvalidInput("since is a list; it must have a place for each of the keys, which must be wanted apart")


def chart(
    lake: Lake,
    chosen: Sequence[str] | Question,
    wanted: WantedCurves,
    *,
    top: int,
    pins: Sequence[str] = (),
    hides: Sequence[str] = (),
) -> Chart:
    """Reduce metrics to the buckets of one grid, or of one a key.

    Args:
        chosen: Ids of runs, or a question of which the first `top` runs are drawn.
        pins: Runs of the experiments of a question that are drawn as well, before the others, whatever its filter says.
        hides: Runs that are not drawn.

    Returns:
        `frame` is sorted by `key: u16` (its place in `keys`), `run: u32` (its place in `rows`) and `bucket: u32`; then
        `mean`, `min`, `max: f64` over finite values, null where there are none, `last: f64`, `count: u32`,
        `non_finite: u8` (bit 0 NaN, bit 1 +inf, bit 2 -inf). Extremes are exact. A bucket without points has no row.

    Raises:
        InvalidInput: see `WantedCurves.check`; a key or the axis means nothing.
        NotFound: a run or an experiment does not exist.
    """
    wanted.check()
    found = ordered_runs(lake, chosen) if isinstance(chosen, Question) else _of_ids(lake, chosen)
    rows = drawn_rows(found, found.rows, top, pins, hides) if isinstance(chosen, Question) else places_of(found, chosen)
    keys = _keys(found, wanted)
    ids = found.table.field(Field(Kind.ATTRIBUTE, "run_id"), Form.TEXT, rows)
    parts = list(_Curves(lake, found, rows, ids, keys, wanted).parts()) or [_Part.empty((), NO_GRID)]
    frame = pl.concat([part.frame.select("run_id", *list(BUCKETS)[2:], "key") for part in parts])
    numbered = frame.join(ids.to_frame("run_id").with_row_index("run"), on="run_id").join(
        pl.DataFrame({"key": keys}, {"key": pl.String}).with_row_index("place"), on="key"
    )
    numbered = numbered.select(pl.col("place").alias("key"), *list(BUCKETS)[1:]).cast(BUCKETS)
    asked = found.rows if isinstance(chosen, Question) else rows
    left_out = len(asked) - int(asked.is_in(rows.implode()).sum())
    grids = {key: (part.grid, part.since) for part in parts for key in part.keys}
    return Chart(
        *(found, rows, keys, tuple(grids[key][0] for key in keys), numbered.sort(_KEYS)),
        *(tuple(grids[key][1] for key in keys), len(asked), left_out),
    )


@dataclass(frozen=True)
class _Part:
    """Curves of keys that have a grid in common."""

    keys: tuple[str, ...]
    grid: Grid
    frame: pl.DataFrame
    since: int = 0

    @classmethod
    def empty(cls, keys: tuple[str, ...], grid: Grid) -> _Part:
        return cls(keys, grid, pl.DataFrame(schema={"run_id": pl.String, **BUCKETS, "key": pl.String}))


@dataclass(frozen=True)
class _Curves:
    lake: Lake
    found: OrderedRuns
    rows: pl.Series
    ids: pl.Series
    keys: tuple[str, ...]
    wanted: WantedCurves

    def parts(self) -> Iterator[_Part]:
        """The curves, by the grids that they are on."""
        x, apart = self.wanted.x, self.wanted.apart and len(self.keys) > 1
        if x not in AXES:
            for keys in [(key,) for key in self.keys] if apart else [self.keys]:
                yield replace(self, keys=keys).over_metric(x)
            return
        extents = self._extents(AXES[x])
        since = dict(zip(self.keys, self.wanted.since_of(self.keys), strict=False))
        if not apart:
            lows, highs = [low for low, _ in extents.values()], [high for _, high in extents.values()]
            both = min(filter(_is_known, lows), default=None), max(filter(_is_known, highs), default=None)
            extents = dict.fromkeys(self.keys, both)
        alike: dict[tuple[_Extent, Since | None], list[str]] = {}
        for key in self.keys:
            alike.setdefault((extents[key], since.get(key)), []).append(key)
        for (extent, known), group in alike.items():
            yield replace(self, keys=tuple(group)).over(AXES[x], extent, known)

    def over(self, axis: str, extent: _Extent, known: Since | None) -> _Part:
        """Buckets over steps or times."""
        low, high = extent
        if low is None or high is None or low > high:
            return _Part.empty(self.keys, NO_GRID)
        zoomed = self.wanted.low is not None or self.wanted.high is not None
        grid = (exact_grid if zoomed else growing_grid)(low, high, self.wanted.points)
        since = _first_bucket(grid, known)
        part = grid.from_bucket(since)
        frame = self._series(axis, part.buckets, int(part.start), int(part.end))
        frame = frame.rename({_COLUMNS[axis]: "x"}).with_columns(part.numbered(pl.col("x")).alias("bucket") + since)
        if are_in_parts(frame):
            frame = one_a_bucket(self._with_finite(axis, frame))
        return _Part(self.keys, grid, frame, since)

    def _with_finite(self, axis: str, parts: pl.DataFrame) -> pl.DataFrame:
        """Say of how many values each mean is; a row that has NaN or infinity beside numbers does not tell."""
        counted = pl.when(pl.col("mean").is_not_null()).then("count").otherwise(0).alias("finite")
        parts = parts.with_columns(counted)
        mixed = parts.filter((pl.col("finite") > 1) & (pl.col("non_finite") > 0))
        if mixed.is_empty():
            return parts
        runs, keys = mixed["run_id"].unique(), mixed["key"].unique().to_list()
        points = read_points(self.lake, runs, keys).filter(~pl.col("value").is_finite())
        found = points.select("run_id", "key", "step", "timestamp").collect()
        starts = self.lake.catalog.start_times(runs.to_list()) if axis == "relative" else {}
        origins = pl.DataFrame([*starts.items()], {"run_id": pl.String, "origin": pl.Int64}, orient="row")
        place = pl.col("step") if axis == "step" else pl.col("timestamp") - pl.col("origin").fill_null(0)
        odd = found.join(origins, on="run_id", how="left").select("run_id", "key", place.alias("x"))
        odd = odd.group_by("run_id", "key", "x").agg(pl.len().cast(pl.Int64).alias("odd"))
        both = parts.join(odd, on=["run_id", "key", "x"], how="left", maintain_order="left")
        left = (pl.col("finite").cast(pl.Int64) - pl.col("odd").fill_null(0)).clip(1)
        return both.with_columns(pl.when(pl.col("finite") > 0).then(left).otherwise(0).alias("finite"))

    def over_metric(self, x: str) -> _Part:
        """Buckets over the values of another metric at the same steps."""
        field = field_of(x)
        if field.kind is not Kind.METRIC or field.function is not None:
            raise InvalidInput(f"x is {x[:100]!r}; it must be {', '.join(AXES)}, or a metric such as metrics.epoch")
        low, high = self.wanted.low, self.wanted.high
        points = self._beside(field.key)
        if points.is_empty():
            return _Part.empty(self.keys, Grid(0.0, 1.0, 1))
        ends = cast("float", points["x"].min()), cast("float", points["x"].max())
        bounds = [end if given is None else float(given) for given, end in zip((low, high), ends, strict=True)]
        grid = real_grid(bounds[0], bounds[1], self.wanted.points)
        buckets = reduced(points.with_columns(grid.numbered(pl.col("x")).alias("bucket")))
        return _Part(self.keys, grid, buckets.cast({"run_id": pl.String, "key": pl.String}))

    def _beside(self, x: str) -> pl.DataFrame:
        """All points, each with the value that the metric `x` has at its step, in little of what reading takes."""
        names = list(dict.fromkeys([*self.keys, x]))
        kinds = pl.Schema({"run_id": pl.Enum(self.ids), "key": pl.Enum(names)})
        found = [pl.DataFrame(schema={**kinds, "step": pl.Int64, "value": pl.Float64, "x": pl.Float64})]
        left = MOST_OVER_METRIC
        for ids in self._portions(names):
            read = read_points(self.lake, ids, names, latest="step")
            points = read.select("run_id", "key", "step", "value").collect()
            if (left := left - points.height) < 0:
                raise InvalidInput(
                    f"over a metric at most {MOST_OVER_METRIC:,} points are read, and these curves have more",
                    hint="draw fewer runs or metrics at once, or draw over steps or time",
                )
            places = self._places(points.filter(pl.col("key") == x))
            joined = points.filter(pl.col("key").is_in(self.keys)).join(places, on=["run_id", "step"])
            found.append(joined.cast(kinds))
        return pl.concat(found)

    def _places(self, points: pl.DataFrame) -> pl.DataFrame:
        """Where points of the metric that is the axis are on it, as far as that is looked at."""
        low, high = self.wanted.low, self.wanted.high
        x = pl.col("value").alias("x")
        places = points.filter(pl.col("value").is_finite()).select("run_id", "step", x)
        places = places if low is None else places.filter(pl.col("x") >= float(low))
        return places if high is None else places.filter(pl.col("x") <= float(high))

    def _portions(self, keys: Sequence[str]) -> Iterator[pl.Series]:
        """Give the ids of runs that have some two million points together, and of one that has more."""
        counts = pl.zeros(len(self.rows), pl.Int64, eager=True)
        for key in keys:
            counts += self.found.table.summary(key, "count", self.rows).fill_null(0)
        numbered = pl.DataFrame([self.ids.alias("id"), ((counts.cum_sum() - counts) // _PORTION).alias("portion")])
        return (part["id"] for part in numbered.partition_by("portion", maintain_order=True))

    def _series(self, axis: str, points: int, start: int | None, end: int | None) -> pl.DataFrame:
        return series(self.lake, self.ids, list(self.keys), points=points, x=cast("Axis", axis), start=start, end=end)

    def _extents(self, axis: str) -> dict[str, _Extent]:
        """The first and the last place of each key that is looked at; steps are known without reading a point."""
        low = None if self.wanted.low is None else _on_axis(math.ceil(self.wanted.low))
        high = None if self.wanted.high is None else _on_axis(math.floor(self.wanted.high))
        if low is not None and high is not None:
            return dict.fromkeys(self.keys, (low, high))
        ends = {key: self._summary(axis, key) for key in self.keys}
        if axis != "step" and self.keys:  # a series may begin before its first step's timestamp
            firsts = self._series(axis, 1, None, None).group_by("key").agg(pl.col(_COLUMNS[axis]).min())
            ends = {key: (None, last) for key, (_, last) in ends.items()} | {
                key: (first, ends[key][1]) for key, first in firsts.iter_rows()
            }
        return {
            key: (first if low is None else low, last if high is None else high) for key, (first, last) in ends.items()
        }

    def _summary(self, axis: str, key: str) -> _Extent:
        table, rows = self.found.table, self.rows
        first, last = ("first_step", "last_step") if axis == "step" else ("first_timestamp", "max_timestamp")
        low, high = table.summary(key, first, rows), table.summary(key, last, rows)
        if axis == "relative":
            start = table.field(Field(Kind.ATTRIBUTE, "start_time"), Form.NUMBER, rows)
            low, high = low - start, high - start
        return cast("int | None", low.min()), cast("int | None", high.max())


def _is_known(place: int | None) -> TypeGuard[int]:
    return place is not None


def _on_axis(place: int) -> int:
    return max(-(2**63), min(place, 2**63 - 1))


def _keys(found: OrderedRuns, wanted: WantedCurves) -> tuple[str, ...]:
    choice = KeyChoice.of(list(wanted.keys))
    if choice.names is not None:
        keys = list(dict.fromkeys(choice.names))
    else:
        known = pl.DataFrame({"key": sorted(found.table.metric_keys)}, {"key": pl.String})
        keys = known["key"].to_list() if choice.condition is None else known.filter(choice.condition)["key"].to_list()
    if len(keys) > MOST_KEYS:
        raise InvalidInput(f"keys mean {len(keys):,} metrics; a chart has at most {MOST_KEYS}")
    return tuple(keys)


def _of_ids(lake: Lake, ids: Sequence[str]) -> OrderedRuns:
    """All runs of the experiments of some runs, deleted ones too."""
    experiments = lake.catalog.run_experiment(ids)
    if unknown := [run_id for run_id in ids if run_id not in experiments]:
        raise NotFound(f"there is no run {unknown[0][:100]!r}")
    places = tuple(map(ById, sorted(set(experiments.values()))))
    return ordered_runs(lake, Question(places, view=ViewType.ALL))


def _first_bucket(grid: Grid, since: Since | None) -> int:
    """The first bucket to send: all of them to who has none, or has another grid's."""
    said = grid.said()
    if since is None or (since.start, since.width) != (said["start"], said["width"]):
        return 0
    return min(since.bucket, grid.buckets - 1)
