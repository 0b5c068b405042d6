"""Runs and points as Polars frames: runs, points and series, which MLflow does not have."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from runlake.entities import ViewType
from runlake.stores import store_at

if TYPE_CHECKING:
    import polars as pl
    from polars._typing import SchemaDict

    from runlake.query.chosen import Runs
    from runlake.query.keys import Keys
    from runlake.query.points import OneAStep
    from runlake.query.series import Axis


def runs(
    experiments: str | Sequence[str] | None = None,
    *,
    where: str | None = None,
    view: int = ViewType.ACTIVE_ONLY,
    schema: SchemaDict | None = None,
) -> pl.LazyFrame:
    """Return one row a run as a Polars lazy frame: attributes, and typed `params.*`, `metrics.*`, `tags.*`.

    Args:
        experiments: Names or ids; None is all experiments.
        where: A filter, e.g. `"params.lr BETWEEN 1e-4 AND 1e-2 AND metrics.val_auc > 0.89"`.
        view: A `ViewType`: active runs, deleted ones, or all.
        schema: Types for columns by name, e.g. `{"params.seed": pl.String}`; what cannot be read as that is null.

    Raises:
        InvalidInput: the filter cannot be read; a caret shows where.
        NotFound: an experiment does not exist.
    """
    return store_at().reads.runs(experiments, where, view, schema=schema)


def points(
    runs: Runs = None,
    keys: Keys = None,
    *,
    latest: OneAStep = None,
    align: OneAStep = None,
    aggregates: bool = False,
) -> pl.LazyFrame:
    """Return points as a Polars lazy frame: `run_id`, `key`, `step`, `timestamp`, `value`, `writer`, `seq`, `rank`.

    Points of live runs, in this process and in others, are included as of the moment it is collected. Filters around it
    on `run_id`, `key`, `step` and `timestamp` decide what is read.

        best = runlake.runs("sweep", where="metrics.val_auc > 0.89")
        losses = runlake.points(best, "train/loss")
        losses.join(best.select("run_id", "params.lr"), on="run_id").group_by("params.lr", "step").agg(...)

    Args:
        runs: A run id, ids, or a frame with a column `run_id`, such as `runs()`; None is all.
        keys: Metric keys, patterns such as "train/*", and regular expressions, compiled or beginning with `^`: one of
            them, or several; None is all.
        latest: "step" keeps of several points that a run and key have at one step the one with the latest timestamp,
            and of those the one that was logged last; None keeps all.
        align: "step" puts series side by side: `step`, then one column a key for one run id, one a run for one key,
            else one for each `run/key`. A run is called by its name, or by its id where names repeat. Points are read
            as soon as the frame is asked for its columns, for what these are depends on the points.
        aggregates: Add `count`, `min`, `max` and `mean` of the accepted points that a stored one stands for, itself
            included, where a throttling policy has a window; null where a point stands for itself alone.
    """
    return store_at().reads.points(runs, keys, latest=latest, align=align, aggregates=aggregates)


def band(
    runs: Runs,
    key: str,
    *,
    by: str | Sequence[str] | None = None,
    quantiles: Sequence[float] = (0.1, 0.5, 0.9),
    points: int | None = None,
) -> pl.DataFrame:
    """Return a metric's mean, deviation, extremes and quantiles over the runs of each group, at each step.

    All points of all runs are in them, none is sampled. The columns are those of `by`, then `step`, `runs` (that have a
    point there), `count` (of points), `non_finite` (of points that are NaN or infinite and left out), `mean`, `std` (of
    a sample), `min`, `max`, and one a quantile: `q10`, `q50`, `q90`.

        runlake.band(runlake.runs("sweep"), "val/loss", by="params.optimizer")

    Args:
        runs: Run ids, or a frame with a column `run_id`, such as `runs()`; None is all active runs.
        by: Columns of that frame, or of `runs()`, in which runs of a group agree; runs without a value are a group.
        points: Put steps into so many buckets of equal width at most; None keeps every step.
    """
    return store_at().reads.band(runs, key, by=by, quantiles=quantiles, points=points)


def compare(runs: Runs, *, only_different: bool = True, numbers: bool = False) -> pl.DataFrame:
    """Return what differs between runs as a Polars frame: one row a thing, one column a run.

    The columns `kind` (attribute, param, metric, tag), `key` and `field` say what it is, `differs` whether all runs
    have it alike. Of a metric there are `latest`, `min` and `max` with their steps, and `count`. A run's column has its
    name, or its id where names repeat.

    Args:
        runs: Run ids, or a frame with a column `run_id`, such as `runs()`; at most 500.
        only_different: Leave out what is alike.
        numbers: Give Float64 columns, to compute with, of what is a number; else all is text, with every digit.
    """
    return store_at().reads.compare(runs, only_different=only_different, numbers=numbers)


def series(
    runs: Runs, keys: Keys, *, points: int = 1000, x: Axis = "step", start: int | None = None, end: int | None = None
) -> pl.DataFrame:
    """Reduce metrics of runs to at most `points` buckets each, without losing a spike.

    Of one run id and one key it returns `step`, `min`, `max`, `mean`, `last`, `count` and `non_finite`, one row a
    bucket, sorted by `step`; of several, `run_id` and `key` come first. Points of live runs are included.

        curve = runlake.series(run_id, "train/loss")
        spike = runlake.series(run_id, "train/loss", start=40_000, end=41_000)
        curves = runlake.series(best, ["train/*", "val/loss"], x="relative", points=200)

    Args:
        runs: A run id, ids, or a frame with a column `run_id`, such as `runs()`; None is all.
        keys: Metric keys, patterns and regular expressions, as in `points`; None is all.
        points: Number of buckets of each series.
        x: What buckets are divided by, and the name of the first column: "step", "timestamp" (ms since 1970), or
            "relative" (ms since the run's start; the column is `relative_ms`).
        start: Where the first bucket begins, in units of `x`; None is where the series does.
        end: Where the last bucket ends, excluded; None is where the series does.
    """
    return store_at().reads.series(runs, keys, points=points, x=x, start=start, end=end)
