"""Runs and points as Polars frames: runs, points and series, which MLflow does not have."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from runlake.entities import ViewType
from runlake.location import store_root
from runlake.store import get_store

if TYPE_CHECKING:
    import polars as pl
    from polars._typing import SchemaDict


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
    from runlake import query

    return query.runs(get_store(store_root()), experiments, where, view, schema=schema)


def points(runs: Any = None, keys: str | Sequence[str] | None = None) -> pl.LazyFrame:
    """Return every point as a Polars lazy frame: `run_id`, `key`, `step`, `timestamp`, `value`, `writer`, `seq`.

    Points of live runs, in this process and in others, are included as of the moment it is collected.

    Args:
        runs: Run ids, or a frame with a column `run_id`; None is all.
        keys: Metric keys; `*` stands for anything, as in "train/*". None is all.
    """
    from runlake import query

    return query.points(get_store(store_root()), runs, keys)


def series(run_id: str, key: str, *, points: int = 1000) -> pl.DataFrame:
    """Reduce one metric of one run to at most `points` buckets without losing a spike."""
    from runlake import query

    return query.series(get_store(store_root()), run_id, key, points=points)
