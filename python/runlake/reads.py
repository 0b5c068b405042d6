"""Reads: what is asked of the runs and points of a store. `remote.reads` asks the same of a server."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from runlake.entities import (
    Experiment,
    Metric,
    MissingPoints,
    ModelVersion,
    PagedList,
    RegisteredModel,
    Run,
    RunLedger,
    ViewType,
)

if TYPE_CHECKING:
    import polars as pl
    from polars._typing import SchemaDict

    from runlake.query import Lake, Listing
    from runlake.query.chosen import Runs
    from runlake.query.keys import Keys
    from runlake.query.points import OneAStep
    from runlake.query.series import Axis


class Reads:
    """Forwards to `runlake.query`, which is loaded when something is asked first."""

    def __init__(self, lake: Lake) -> None:
        self._lake = lake

    def runs(
        self,
        experiments: str | Sequence[str] | None = None,
        where: str | None = None,
        view: int = ViewType.ACTIVE_ONLY,
        *,
        schema: SchemaDict | None = None,
    ) -> pl.LazyFrame:
        """See `runlake.runs`."""
        from runlake import query

        return query.runs(self._lake, experiments, where, view, schema=schema)

    def points(
        self,
        runs: Runs = None,
        keys: Keys = None,
        *,
        latest: OneAStep = None,
        align: OneAStep = None,
        aggregates: bool = False,
    ) -> pl.LazyFrame:
        """See `runlake.points`."""
        from runlake import query

        return query.points(self._lake, runs, keys, latest=latest, align=align, aggregates=aggregates)

    def series(
        self, runs: Runs, keys: Keys, *, points: int, x: Axis = "step", start: int | None = None, end: int | None = None
    ) -> pl.DataFrame:
        """See `runlake.series`."""
        from runlake import query

        return query.series(self._lake, runs, keys, points=points, x=x, start=start, end=end)

    def band(
        self, runs: Runs, key: str, *, by: str | Sequence[str] | None, quantiles: Sequence[float], points: int | None
    ) -> pl.DataFrame:
        """See `runlake.band`."""
        from runlake import query

        return query.band(self._lake, runs, key, by=by, quantiles=quantiles, points=points)

    def compare(self, runs: Runs, *, only_different: bool = True, numbers: bool = False) -> pl.DataFrame:
        """See `runlake.compare`."""
        from runlake import query

        return query.compare(self._lake, runs, only_different=only_different, numbers=numbers)

    def list_runs(
        self,
        experiments: str | Sequence[str] | None = None,
        where: str | None = None,
        view: int = ViewType.ACTIVE_ONLY,
        *,
        order_by: Sequence[str] = (),
        limit: int | None = None,
    ) -> Listing:
        """List runs, sorted; see `query.list_runs`."""
        from runlake import query

        return query.list_runs(self._lake, experiments, where, view, order_by=order_by, limit=limit)

    def search_runs(
        self,
        experiment_ids: Sequence[str],
        filter_string: str | None,
        view: int,
        max_results: int,
        order_by: Sequence[str] | None,
        page_token: str | None,
    ) -> PagedList[Run]:
        """Return one page of runs; see `query.search_runs`."""
        from runlake import query

        return query.search_runs(self._lake, experiment_ids, filter_string, view, max_results, order_by, page_token)

    def search_experiments(
        self,
        view: int,
        max_results: int,
        filter_string: str | None,
        order_by: Sequence[str] | None,
        page_token: str | None,
    ) -> PagedList[Experiment]:
        """Return one page of experiments; see `query.search_experiments`."""
        from runlake import query

        return query.search_experiments(self._lake, view, max_results, filter_string, order_by, page_token)

    def search_registered_models(
        self,
        filter_string: str | None,
        size: int,
        order_by: Sequence[str] | None,
        page_token: str | None,
        *,
        may_read: Callable[[str], bool] | None = None,
    ) -> PagedList[RegisteredModel]:
        """Return one page of registered models; see `query.search_registered_models`."""
        from runlake import query

        return query.search_registered_models(self._lake, filter_string, size, order_by, page_token, may_read=may_read)

    def search_model_versions(
        self,
        filter_string: str | None,
        size: int,
        order_by: Sequence[str] | None,
        page_token: str | None,
        *,
        may_read: Callable[[str], bool] | None = None,
    ) -> PagedList[ModelVersion]:
        """Return one page of versions; see `query.search_model_versions`."""
        from runlake import query

        return query.search_model_versions(self._lake, filter_string, size, order_by, page_token, may_read=may_read)

    def metric_history(self, run_id: str, key: str) -> list[Metric]:
        """Return every point of a metric by (timestamp, step, value)."""
        from runlake import query

        return query.metric_history(self._lake, run_id, key)

    def missing_points(self, run_id: str) -> list[MissingPoints]:
        """See `runlake.missing_points`."""
        return self._lake.catalog.missing_points(run_id)

    def ledger(self, run_id: str) -> RunLedger:
        """See `runlake.ledger`."""
        from runlake import query

        return query.run_ledger(self._lake, run_id)

    def metric_keys(self) -> set[str]:
        """Return every key that has points, and other names of the catalog."""
        return {*self._lake.journals().keys(), *self._lake.catalog.key_names()}
