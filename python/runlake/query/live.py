"""Live metrics: summaries of the points that are in journals alone, merged with those of sealed points.

What a journal holds only grows until it is sealed, so a process that asks again reads what has come since.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from runlake.query.reader import arrow_frame
from runlake.query.run_frames import SUMMARY
from runlake.query.unstored import unstored_frame

if TYPE_CHECKING:
    from runlake._engine import Journals
    from runlake.catalog import KnownSummary

Places = Callable[[Sequence[str]], Mapping[str, tuple[int, str]]]
"""Gives number and experiment of runs by their ids; runs that the catalog does not know are left out."""

_LATER: Final = ":later"
_COLUMNS: Final = pl.Schema({"run_id": pl.String(), "key": pl.String(), **SUMMARY})
_GROUPS: Final = (
    ("first_step", "first_timestamp", "first_value"),
    ("last_step", "last_timestamp", "last_value"),
    ("min", "min_step"),
    ("max", "max_step"),
)


@dataclass(frozen=True)
class LiveMetrics:
    """Summaries of unsealed points. `frame` has `experiment_id`, `run`, `key` and the columns of a summary."""

    frame: pl.DataFrame

    @classmethod
    def none(cls) -> LiveMetrics:
        """No live points."""
        return cls(
            pl.Schema({"experiment_id": pl.String(), "run": pl.Int64(), "key": pl.String(), **SUMMARY}).to_frame()
        )

    @cached_property
    def keys(self) -> dict[str, set[str]]:
        """The keys that have live points, for each experiment."""
        found: dict[str, set[str]] = {}
        for experiment_id, key in self._parts:
            found.setdefault(experiment_id, set()).add(key)
        return found

    def of(self, experiment_id: str, key: str) -> pl.DataFrame | None:
        """`run`, sorted, and the summaries of one key; None when it has no live points."""
        return self._parts.get((experiment_id, key))

    def latest_of(self, runs: pl.Series) -> list[tuple[int, str, int, int, float]]:
        """Run, key, and step, timestamp and value of the latest live point, of each metric of some runs."""
        columns = ("run", "key", "last_step", "last_timestamp", "last_value")
        return self.frame.filter(pl.col("run").is_in(runs.implode())).select(columns).rows()

    @cached_property
    def _parts(self) -> dict[tuple[Any, ...], pl.DataFrame]:
        by = ["experiment_id", "key"]
        parts = self.frame.partition_by(by, as_dict=True, include_key=False)
        return {key: part.sort("run") for key, part in parts.items()}


@dataclass
class LiveReader:
    """What one process has read from the journals of a store.

    Each reading replaces `_seen` as a whole: two threads that read at once at worst read the same points twice.
    """

    places: Places
    _known: dict[str, tuple[int, str]] = field(default_factory=dict)
    _seen: _Seen | None = None
    _last: tuple[LiveMetrics, Sequence[KnownSummary], LiveMetrics] | None = None

    def read(self, journals: Journals, sealed: Mapping[str, int], unstored: Sequence[KnownSummary] = ()) -> LiveMetrics:
        """Return the summaries of all points in `journals` that are not below `sealed`, and of what is `unstored`."""
        metrics = self._stored(journals, sealed)
        if not unstored:
            return metrics
        last = self._last
        if last is None or last[0] is not metrics or last[1] != unstored:
            more = self._placed(unstored_frame(unstored))
            whole = LiveMetrics(together(metrics.frame, more) if metrics.frame.height else more)
            last = self._last = (metrics, unstored, whole)
        return last[2]

    def _stored(self, journals: Journals, sealed: Mapping[str, int]) -> LiveMetrics:
        held = {writer: (max(first, sealed.get(writer, 0)), upto) for writer, first, upto in journals.writers()}
        starts = {writer: start for writer, (start, _) in held.items()}
        upto = {writer: end for writer, (_, end) in held.items()}
        seen = self._seen
        if seen is None or any(starts.get(writer) != start for writer, start in seen.starts.items()):
            seen = _Seen({}, {}, LiveMetrics.none())
            self._known = {}  # a process that reads for months meets more runs than are live
        grown = {writer: max(start, seen.upto.get(writer, 0)) for writer, start in starts.items()}
        metrics = seen.metrics
        if any(start < upto[writer] for writer, start in grown.items()):
            fresh = self._placed(arrow_frame(journals.summaries(grown)))
            metrics = LiveMetrics(together(metrics.frame, fresh) if metrics.frame.height else fresh)
        # NOTE: a thread that opened its journals later may have been here before and have seen more.
        self._seen = _Seen(starts, {writer: max(start, upto[writer]) for writer, start in grown.items()}, metrics)
        return metrics

    def _placed(self, frame: pl.DataFrame) -> pl.DataFrame:
        frame = frame.select(pl.col(name).cast(dtype) for name, dtype in _COLUMNS.items())
        ids = frame["run_id"].unique().to_list()
        known = self._known  # which another thread may replace
        if unknown := [run_id for run_id in ids if run_id not in known]:
            known.update(self.places(unknown))
        rows = [(run_id, *known[run_id]) for run_id in ids if run_id in known]
        schema = {"run_id": pl.String, "run": pl.Int64, "experiment_id": pl.String}
        places = pl.DataFrame(rows, schema, orient="row")
        return frame.join(places, on="run_id").select("experiment_id", "run", "key", *SUMMARY)


@dataclass(frozen=True)
class _Seen:
    starts: dict[str, int]
    upto: dict[str, int]
    metrics: LiveMetrics


def together(earlier: pl.DataFrame, later: pl.DataFrame) -> pl.DataFrame:
    """Merge summaries of different points, which have `experiment_id`, `run` and `key`."""
    by = ["experiment_id", "run", "key"]
    both = earlier.lazy().join(later.lazy(), on=by, how="full", coalesce=True, suffix=_LATER)
    return both.select(*by, *map(_merged, SUMMARY)).collect()


def merged_column(name: str, sealed: Callable[[str], pl.Series], live: pl.DataFrame) -> pl.Series:
    """Merge one column of the summaries of the same runs; a sealed one is null where a run has no sealed points.

    Args:
        sealed: Gives a column of the sealed summaries.
        live: The columns of the live ones.
    """
    group = next((group for group in _GROUPS if name in group), (name,))
    frame = pl.DataFrame(
        [sealed(column).alias(column) for column in group] + [live[column].alias(column + _LATER) for column in group]
    )
    return frame.select(_merged(name)).to_series()


@cache
def _merged(name: str) -> pl.Expr:
    """The merged value of a column of a summary, as the engine's Summary and the catalog have it; null is no summary.

    It is made once: building the expressions of all columns takes as long as a hundred runs' worth of merging.
    """
    mine, other = pl.col(name), pl.col(name + _LATER)
    if name in ("count", "nan_count", "sum"):
        merged = mine + other
    elif name == "max_timestamp":
        merged = pl.max_horizontal(mine, other)
    else:
        merged = pl.when(_wins(name.partition("_")[0])).then(other).otherwise(mine)
    return pl.when(mine.is_null()).then(other).when(other.is_null()).then(mine).otherwise(merged).alias(name)


@cache
def _wins(end: str) -> pl.Expr:
    """Whether the first, last, smallest or largest value is that of the later summary."""
    match end:
        case "first":
            return _before(_place("first", _LATER), _place("first", ""))
        case "last":
            return _before(_place("last", ""), _place("last", _LATER))
        case "min":
            return _before(_extreme("min", _LATER), _extreme("min", ""))
        case _:
            return _before(_extreme("max", _LATER, sign=-1), _extreme("max", "", sign=-1))


def order(value: pl.Expr) -> list[pl.Expr]:
    """What values are ordered by: NaN comes before every number, -0.0, which Polars takes for 0.0, before 0.0."""
    number = value.fill_nan(0.0)
    return [value.is_not_nan(), number, 1 / number]


def _place(end: str, suffix: str) -> list[pl.Expr]:
    """What points are ordered by."""
    return [pl.col(f"{end}_step{suffix}"), pl.col(f"{end}_timestamp{suffix}"), *order(pl.col(f"{end}_value{suffix}"))]


def _extreme(end: str, suffix: str, sign: int = 1) -> list[pl.Expr]:
    """What extremes are ordered by: NaN, which says that there is none, comes last; then the earliest step."""
    value = pl.col(f"{end}{suffix}")
    return [value.is_nan(), *order(value * sign)[1:], pl.col(f"{end}_step{suffix}")]


def _before(left: list[pl.Expr], right: list[pl.Expr]) -> pl.Expr:
    """Whether one list of values comes before another, compared from the first to the last."""
    result = left[-1] < right[-1]
    for mine, other in zip(left[-2::-1], right[-2::-1], strict=True):
        result = (mine < other) | ((mine == other) & result)
    return result
