"""Native views: what a page shows of runs, columns and filters; functions whose parameters are fields of a request."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any, Final

from runlake.entities import ViewType
from runlake.lifecycle import PARENT_TAG
from runlake.server.mlflow_entities import artifacts_of_run
from runlake.server.native_artifacts import ARTIFACT_VIEWS
from runlake.server.native_charts import crossfilter, diff, points, series
from runlake.server.native_promotions import MODEL_VIEWS
from runlake.server.native_runs import RUN_VIEWS
from runlake.server.native_saved_views import SAVED_VIEWS
from runlake.server.view import View
from runlake.store import Store


def experiments(store: Store, experiments: str | list[str] | None = None, view: int = ViewType.ACTIVE_ONLY) -> View:
    """List experiments with how many runs they have, how many are running, and when the last one began."""
    from runlake import query

    found = query.count_runs(store, experiments, view)
    return View(value={"experiments": [asdict(one) for one in found]}, total=len(found))


def runs(
    store: Store,
    experiments: str | list[str] | None = None,
    where: str | None = None,
    sort: list[str] | None = None,
    columns: list[str] | None = None,
    group: list[str] | None = None,
    differs: bool = False,
    offset: int = 0,
    limit: int = 200,
    view: int = ViewType.ACTIVE_ONLY,
    tx: int | None = None,
    characters: int | None = None,
    nested: bool = False,
    parent: str | None = None,
) -> View:
    """Give a window of the runs of a filter, in an order, of one level of nesting, or of groups of them."""
    from runlake import query

    found = query.window(
        store,
        query.question_of(experiments, where, sort, view),
        columns=columns,
        group=group or (),
        differs=differs,
        offset=offset,
        limit=limit,
        tx=tx,
        places=artifacts_of_run("{}", "{}"),
        characters=characters,
        nested_by=PARENT_TAG if nested or parent is not None else None,
        parent=parent,
    )
    notes: dict[str, Any] = {}
    if differs or found.unknown:
        notes |= {"columns": list(found.columns), "unknown": list(found.unknown)}
    if nested or parent is not None:
        notes["runs"] = len(found.found.rows)
    return View(lambda: [[found.frame]], {}, found.found.tx, found.total, found.found.version, notes)


def columns(
    store: Store,
    experiments: str | list[str] | None = None,
    where: str | None = None,
    q: str = "",
    kind: list[str] | None = None,
    differs: bool = False,
    offset: int = 0,
    limit: int = 50,
    values: bool = True,
    view: int = ViewType.ACTIVE_ONLY,
    tx: int | None = None,
) -> View:
    """Find columns by a part of their names, the best match first, with what is known of their values."""
    from runlake import query

    question = query.question_of(experiments, where, None, view)
    found, total, frame = query.search_columns(
        store, question, q, kind=kind or (), differs=differs, offset=offset, limit=limit, values=values, tx=tx
    )
    return View(lambda: [[frame]], {}, found.tx, total, found.version)


def filter(
    store: Store,
    experiments: str | list[str] | None = None,
    text: str = "",
    at: int | None = None,
    view: int = ViewType.ACTIVE_ONLY,
) -> View:
    """Say what is wrong with a filter, what may be written at a place of it, and how many runs it leaves."""
    from runlake import query

    found = query.complete(store, query.question_of(experiments, text, None, view), at)
    error = found.error
    said = {
        "error": None if error is None else {"message": error.message, "hint": error.hint, "span": error.span},
        "count": found.count,
        "start": found.start,
        "completions": [{"text": one.text, "kind": one.kind, "detail": one.detail} for one in found.choices],
    }
    return View(value=said, tx=found.tx)


VIEWS: Final[Mapping[tuple[str, str], Callable[..., View]]] = {
    ("GET", "experiments"): experiments,
    ("GET", "runs"): runs,
    ("GET", "columns"): columns,
    ("GET", "filter"): filter,
    ("POST", "runs"): runs,
    ("POST", "columns"): columns,
    ("POST", "filter"): filter,
    ("POST", "series"): series,
    ("POST", "crossfilter"): crossfilter,
    ("POST", "points"): points,
    ("POST", "diff"): diff,
    **MODEL_VIEWS,
    **RUN_VIEWS,
    **ARTIFACT_VIEWS,
    **SAVED_VIEWS,
}
"""Every view, by the method and the path under which it is asked for."""
AS_TABLES: Final = frozenset(
    {("POST", name) for name in ("runs", "columns", "series", "crossfilter", "points")}
    | {("GET", name) for name in ("runs", "columns", "runs/{run_id}/points", "runs/{run_id}/artifacts/table")}
)
"""Those whose answer is Arrow for whoever takes it; of all others it is an object of JSON."""
