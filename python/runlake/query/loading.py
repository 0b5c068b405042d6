"""Loading of the run table from the catalog, with the metrics of live runs as fresh as their journals.

The reader protocol is that of points (see the module reader): journals, then `sealed`, then the runs. What is sealed
between the last two is seen in both places, which changes nothing: the later of two equal points is the same point.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeAlias

import polars as pl

from runlake.entities import Metric, ViewType
from runlake.query.cache import CatalogCache
from runlake.query.reader import Hook, Lake, ReadStep, arrow_frame, no_hook, open_journals, writers_of
from runlake.query.table import ATTRIBUTES, RunTable, Tuples

if TYPE_CHECKING:
    from runlake.catalog import Catalog, RunRows

_Wanted: TypeAlias = tuple[tuple[str, ...] | None, int]
"""Experiments and view."""

_LATEST = pl.Schema({"key": pl.String, "value": pl.Float64, "step": pl.Int64, "timestamp": pl.Int64})
_MOST_RUNS = 500
_cache: CatalogCache[_Wanted, RunTable] = CatalogCache(most=4)


def load_table(
    lake: Lake, experiments: Sequence[str] | None = None, view: int = ViewType.ACTIVE_ONLY, *, hook: Hook = no_hook
) -> RunTable:
    """Read the runs of some experiments, or of all."""
    live = _live_metrics(lake, None, hook)
    sealed = _cache.get(lake.catalog, (None if experiments is None else tuple(experiments), view), _from_catalog)
    return _with_live_metrics(sealed, live)


def _from_catalog(catalog: Catalog, wanted: _Wanted) -> tuple[int, RunTable]:
    experiments, view = wanted
    rows = catalog.run_rows(experiments, view)
    return rows.tx, _table(rows)


def latest_metrics(lake: Lake, run_ids: Sequence[str], *, hook: Hook = no_hook) -> dict[str, dict[str, Metric]]:
    """Return the latest value of every metric of some runs, by run and key; runs without metrics are left out."""
    live = _live_metrics(lake, run_ids, hook)
    found: dict[str, dict[str, Metric]] = {}
    for start in range(0, len(run_ids), _MOST_RUNS):
        sealed = _table(lake.catalog.run_rows(run_ids=run_ids[start : start + _MOST_RUNS]))
        table = _with_live_metrics(sealed, live)
        ids = table.attributes["run_id"]
        for row, key, value, step, timestamp in table.metrics.frame.iter_rows():
            found.setdefault(ids[row], {})[key] = Metric(key, value, timestamp, step)
    return found


def _live_metrics(lake: Lake, run_ids: Sequence[str] | None, hook: Hook) -> pl.DataFrame:
    """Latest values in journals: `run_id` and the columns of `_LATEST`."""
    journals = open_journals(lake, run_ids, hook)
    sealed = lake.catalog.plan([], writers=writers_of(journals)).sealed
    hook(ReadStep.PLANNED)
    runs = None if run_ids is None else list(run_ids)
    live = arrow_frame(journals.summaries(sealed, runs)).select(
        pl.col("run_id").cast(pl.String),
        pl.col("key").cast(pl.String),
        value="last_value",
        step="last_step",
        timestamp="last_timestamp",
    )
    hook(ReadStep.TAIL)
    return live


def _with_live_metrics(table: RunTable, live: pl.DataFrame) -> RunTable:
    places = table.attributes.select("run_id").with_row_index("row")
    fresh = live.join(places, on="run_id").select("row", *_LATEST)
    return replace(table, metrics=Tuples(_later(table.metrics.frame, fresh), table.height)) if fresh.height else table


def _table(rows: RunRows) -> RunTable:
    runs = pl.DataFrame(dict(rows.runs), schema_overrides={"run": pl.Int64, **ATTRIBUTES})
    places = runs.select("run", "run_id").with_row_index("row")

    def tuples(columns: Mapping[str, Sequence[Any]], **values: pl.DataType) -> pl.DataFrame:
        wanted = {name: columns[name] for name in ("run", "key", *values)}
        frame = pl.DataFrame(wanted, schema={"run": pl.Int64, "key": pl.Int64, **values}, strict=False)
        frame = frame.with_columns(_texts(frame["key"], rows.names))
        return frame.join(places, on="run", maintain_order="left").select("row", "key", *values)

    sealed = tuples(
        {**rows.metrics, "value": rows.metrics["last_value"]},
        value=pl.Float64(),
        last_step=pl.Int64(),
        last_timestamp=pl.Int64(),
    ).rename({"last_step": "step", "last_timestamp": "timestamp"})
    # The catalog has no NaN and says None.
    sealed = sealed.with_columns(pl.col("value").fill_null(float("nan")))
    height = runs.height
    return RunTable(
        attributes=runs.select(ATTRIBUTES.names()),
        params=Tuples(tuples(rows.params, value=pl.String(), kind=pl.UInt8()), height),
        metrics=Tuples(sealed, height),
        tags=Tuples(tuples(rows.tags, value=pl.String()), height),
        datasets=Tuples(_datasets(rows, places), height),
    )


def _texts(numbers: pl.Series, names: Mapping[int, str]) -> pl.Series:
    # NOTE: with nothing to replace, Polars leaves the type as it is.
    return numbers.replace_strict(list(names), list(names.values()), return_dtype=pl.String).cast(pl.String)


def _later(sealed: pl.DataFrame, fresh: pl.DataFrame) -> pl.DataFrame:
    """For each run and key the later of two points: the larger by (step, timestamp, value), NaN below every number."""
    same = ["row", "key"]
    rivals = pl.concat([sealed.join(fresh, on=same, how="semi"), fresh])
    latest = rivals.sort("step", "timestamp", pl.col("value").is_not_nan(), "value").unique(same, keep="last")
    return pl.concat([sealed.join(fresh, on=same, how="anti"), latest])


def _datasets(rows: RunRows, places: pl.DataFrame) -> pl.DataFrame:
    columns = dict.fromkeys(("name", "digest", "context"), pl.String())
    frame = pl.DataFrame({name: rows.inputs[name] for name in ("run", *columns)}, schema={"run": pl.Int64(), **columns})
    return frame.join(places, on="run").select("row", "digest", "context", key="name")
