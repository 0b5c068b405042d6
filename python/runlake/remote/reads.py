"""Reads of a server: what `runlake.reads` asks of a store on this machine, as frames and entities that are alike."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

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

    from runlake.query import Listing
    from runlake.query.chosen import Runs
    from runlake.query.keys import Keys
    from runlake.query.points import OneAStep
    from runlake.query.series import Axis
    from runlake.remote.store import RemoteStore

_NOTES: Final = "X-Runlake-Notes"


class RemoteReads:
    """Asks a server, whose answers are read a piece at a time."""

    def __init__(self, store: RemoteStore) -> None:
        self._store = store

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

        fields = {"experiments": _listed(experiments), "where": where, "view": view}
        return query.served_runs(self._frames, fields, schema)

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

        self._settle(runs)
        return query.served_points(self._frames, runs, keys, latest, align, aggregates=aggregates)

    def series(
        self, runs: Runs, keys: Keys, *, points: int, x: Axis = "step", start: int | None = None, end: int | None = None
    ) -> pl.DataFrame:
        """See `runlake.series`."""
        from runlake import query

        self._settle(runs)
        fields = {"runs": query.sent_runs(runs), "keys": query.sent_keys(keys)}
        return self._frame("series", {**fields, "points": points, "x": x, "start": start, "end": end})

    def band(
        self, runs: Runs, key: str, *, by: str | Sequence[str] | None, quantiles: Sequence[float], points: int | None
    ) -> pl.DataFrame:
        """See `runlake.band`."""
        from runlake import query

        self._settle(runs)
        fields = {"runs": query.members_of(runs, by), "key": key, "by": _listed(by)}
        return self._frame("band", {**fields, "quantiles": _listed(quantiles), "points": points})

    def compare(self, runs: Runs, *, only_different: bool = True, numbers: bool = False) -> pl.DataFrame:
        """See `runlake.compare`."""
        from runlake import query

        self._settle(runs)
        fields = {"runs": query.sent_runs(runs), "only_different": only_different, "numbers": numbers}
        return self._frame("compare", fields)

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

        fields = {"experiments": _listed(experiments), "where": where, "view": view}
        notes: dict[str, Any] = {}
        frame = self._frame("listing", {**fields, "order_by": list(order_by), "limit": limit}, notes)
        return query.Listing(frame, notes["total"], tuple(notes["named"]))

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
        fields: dict[str, Any] = {"experiment_ids": experiment_ids, "filter_string": filter_string, "view": view}
        fields |= {"max_results": max_results, "order_by": order_by, "page_token": page_token}
        found: PagedList[Run] = self._store.call("search_runs", fields)
        return found

    def search_experiments(
        self,
        view: int,
        max_results: int,
        filter_string: str | None,
        order_by: Sequence[str] | None,
        page_token: str | None,
    ) -> PagedList[Experiment]:
        """Return one page of experiments; see `query.search_experiments`."""
        fields: dict[str, Any] = {"view": view, "max_results": max_results, "filter_string": filter_string}
        fields |= {"order_by": order_by, "page_token": page_token}
        found: PagedList[Experiment] = self._store.call("search_experiments", fields)
        return found

    def search_registered_models(
        self,
        filter_string: str | None,
        size: int,
        order_by: Sequence[str] | None,
        page_token: str | None,
        *,
        may_read: Callable[[str], bool] | None = None,
    ) -> PagedList[RegisteredModel]:
        """Return one page of registered models; the server knows what the caller may read."""
        return self._store.catalog.search_registered_models(filter_string, size, order_by, page_token)

    def search_model_versions(
        self,
        filter_string: str | None,
        size: int,
        order_by: Sequence[str] | None,
        page_token: str | None,
        *,
        may_read: Callable[[str], bool] | None = None,
    ) -> PagedList[ModelVersion]:
        """Return one page of versions; the server knows what the caller may read."""
        return self._store.catalog.search_model_versions(filter_string, size, order_by, page_token)

    def metric_history(self, run_id: str, key: str) -> list[Metric]:
        """Return every point of a metric by (timestamp, step, value)."""
        from runlake import query

        self._settle(run_id)
        return query.metrics_of(self._frame("history", {"run_id": run_id, "key": key}), key)

    def missing_points(self, run_id: str) -> list[MissingPoints]:
        """See `runlake.missing_points`."""
        self._settle(run_id)
        found: list[MissingPoints] = self._store.call("missing_points", {"run_id": run_id})
        return found

    def ledger(self, run_id: str) -> RunLedger:
        """See `runlake.ledger`."""
        self._settle(run_id)
        found: RunLedger = self._store.call("ledger", {"run_id": run_id})
        return found

    def metric_keys(self) -> set[str]:
        """Return every key that has points, and other names of the catalog."""
        return set(self._store.call("metric_keys", {}))

    # -- within

    def _frame(self, name: str, fields: Mapping[str, Any], notes: dict[str, Any] | None = None) -> pl.DataFrame:
        from runlake import query

        return query.whole(self._frames(name, fields, notes))

    def _frames(
        self, name: str, fields: Mapping[str, Any], notes: dict[str, Any] | None = None
    ) -> Iterator[pl.DataFrame]:
        """Ask for frames, and give them as they come in; whoever stops taking them ends the request."""
        from runlake import query

        with self._store.ask(name, fields) as answer:
            said = json.loads(answer.headers.get(_NOTES, "{}"))
            query.say(said.pop("warnings", ()))
            if notes is not None:
                notes |= said
            yield from query.from_stream(answer.read)

    def _settle(self, runs: object) -> None:
        """Wait for runs that are named one by one; a frame of runs was asked of the server."""
        for run_id in [runs] if isinstance(runs, str) else runs if isinstance(runs, list | tuple) else ():
            if isinstance(run_id, str):
                self._store.settle(run_id)


def _listed(given: Any) -> Any:
    """Return several as a list, and anything else as it is: the server says what is wrong with it."""
    return list(given) if isinstance(given, tuple | set | frozenset | dict) else given
