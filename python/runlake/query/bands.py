"""Band: one metric over the steps of many runs, as mean, spread and quantiles of each group of runs."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import polars as pl

from runlake.by_id import ById
from runlake.entities import ViewType
from runlake.errors import InvalidInput, InvalidType
from runlake.query.chosen import Runs, check_runs, ids_of
from runlake.query.distribution import KEPT, STATISTICS, distribution
from runlake.query.keys import KeyChoice
from runlake.query.points import points as read_points
from runlake.query.reader import Lake
from runlake.query.runs import runs as run_table
from runlake.query.warnings import warn_of_no_points

_FIRST_BATCH: Final = 16
_BATCH_POINTS: Final = 2_000_000


def band(
    lake: Lake,
    runs: Runs,
    key: str,
    *,
    by: str | Sequence[str] | None = None,
    quantiles: Sequence[float] = (0.1, 0.5, 0.9),
    points: int | None = None,
) -> pl.DataFrame:
    """Return how a metric is distributed over the runs of each group, at each step, from all of their points.

    Args:
        runs: Ids, or a frame with a column `run_id`; None is all active runs.
        by: Columns that runs of a group have in common, of the frame `runs` or else of the run table; None makes one
            group of all runs. Runs without a value are a group of their own.
        quantiles: From 0 to 1, interpolated linearly.
        points: Put steps into so many buckets of equal width at most; None keeps every step.

    Returns:
        Sorted by the columns of `by`, null last, and `step: i64`, the first of a bucket. `runs: u32` have a point
        there, `count: u32` points in all, of which `non_finite: u32` are NaN or infinite and not in what follows:
        `mean`, `std` (of a sample, n − 1), `min`, `max` and a column a quantile (`q10`, `q50`): f64, null without
        a value. Where a run has several points at one step its latest counts, by (timestamp, seq, writer). In a bucket
        every point of every run counts the same.

    Raises:
        NotFound: a run id that was given by name does not exist.
        InvalidInput: a column of `by` does not exist, a quantile is not from 0 to 1, or `points` is below 1.
        InvalidType: an argument is of another type.
    """
    levels = _levels(quantiles)
    _check_points(points)
    check_runs(lake, runs)
    choice = KeyChoice.of(key)
    if not isinstance(key, str) or choice.names is None:
        raise InvalidInput(f"a band is of one metric, and {key!r} is a choice of several")
    wanted = _names(by)
    members = _members(lake, runs, wanted, taken=["run_id", "step", *STATISTICS, *levels])
    groups = members.select(wanted).unique(maintain_order=True) if wanted else pl.DataFrame(height=1)
    groups = groups.with_row_index("group")
    numbered = _numbered(members, groups, wanted)
    left = pl.concat([KEPT.to_frame(), *_pieces(lake, numbered, key)])
    if left.is_empty():
        warn_of_no_points(lake, key)
    found = distribution(left, levels, points)
    columns = [*wanted, "step", *STATISTICS, *levels]
    return found.join(groups, on="group").select(columns).sort(*wanted, "step", nulls_last=True)


def _names(by: object) -> list[str]:
    if by is None:
        return []
    if not isinstance(by, str | list | tuple):
        raise InvalidType(f"by has type {type(by).__name__}: {by!r}; it must be the name of a column, or several")
    for name in (names := [by] if isinstance(by, str) else list(by)):
        if not isinstance(name, str):
            raise InvalidType(f"a column's name has type {type(name).__name__}: {name!r}; it must be a string")
    return list(dict.fromkeys(names))


def _levels(quantiles: Sequence[float]) -> dict[str, float]:
    """Quantiles by the names of their columns."""
    found: dict[str, float] = {}
    if not isinstance(quantiles, Iterable):
        raise InvalidType(f"quantiles has type {type(quantiles).__name__}: {quantiles!r}; it must be several numbers")
    for level in quantiles:
        if isinstance(level, bool) or not isinstance(level, int | float):
            raise InvalidType(f"a quantile has type {type(level).__name__}: {level!r}; it must be a number from 0 to 1")
        if not 0 <= level <= 1:
            raise InvalidInput(f"a quantile is {level}; it must be from 0 to 1")
        found[f"q{100 * level:.10g}"] = float(level)
    return found


def _check_points(points: object) -> None:
    if points is None:
        return
    if isinstance(points, bool) or not isinstance(points, int):
        raise InvalidType(f"points has type {type(points).__name__}: {points!r}; it must be an integer")
    if points < 1:
        raise InvalidInput(f"points is {points}; it must be at least 1")


def _members(lake: Lake, runs: Runs, by: list[str], taken: list[str]) -> pl.DataFrame:
    """Each run once, with the columns that groups are made by."""
    for name in by:
        if name in taken:
            raise InvalidInput(f"runs cannot be grouped by {name!r}: the result has a column of that name")
    if isinstance(runs, pl.DataFrame | pl.LazyFrame):
        frame = runs.lazy()
        columns = frame.collect_schema().names()
        if set(by) <= set(columns):
            chosen = (
                frame.select("run_id", *by).drop_nulls("run_id").unique("run_id", keep="first", maintain_order=True)
            )
            return chosen.collect().cast({"run_id": pl.String})
    ids = ids_of(runs)
    if not by and ids is not None:
        return pl.DataFrame({"run_id": ids}, schema={"run_id": pl.String})
    return _from_table(lake, ids, by)


def _from_table(lake: Lake, ids: list[str] | None, by: list[str]) -> pl.DataFrame:
    if ids is None:
        table = run_table(lake)
    else:
        experiments = [ById(found) for found in sorted(set(lake.catalog.run_experiment(ids).values()))]
        table = run_table(lake, experiments, view=ViewType.ALL).filter(pl.col("run_id").is_in(ids))
    columns = table.collect_schema().names()
    if missing := [name for name in by if name not in columns]:
        near = difflib.get_close_matches(missing[0], columns, n=3)
        raise InvalidInput(
            f"no run has the column {missing[0]!r}",
            hint=f"did you mean {' or '.join(near)}?" if near else "columns are like params.lr, tags.team, status",
        )
    return table.select("run_id", *by).collect()


def _numbered(members: pl.DataFrame, groups: pl.DataFrame, by: list[str]) -> pl.DataFrame:
    """`run_id`, and the numbers `run` and `group` that stand for it and for its group."""
    if by:
        members = members.join(groups, on=by, nulls_equal=True, maintain_order="left")
    else:
        members = members.with_columns(group=pl.lit(0, pl.UInt32))
    return members.select("run_id", "group").with_row_index("run")


def _pieces(lake: Lake, members: pl.DataFrame, key: str) -> Iterator[pl.DataFrame]:
    """The points of the runs, at their latest, of about two million points at a time."""
    start, size = 0, _FIRST_BATCH
    while start < members.height:
        batch = members.slice(start, size)
        found = read_points(lake, batch["run_id"], [key], latest="step").select("run_id", "step", "value")
        piece = found.join(batch.lazy(), on="run_id").select(*KEPT).collect()
        yield piece
        start += size
        size = max(1, min(16 * size, size * _BATCH_POINTS // max(1, piece.height)))
