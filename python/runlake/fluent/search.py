"""search_runs with MLflow's signature and its two forms of result."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, overload

from runlake import pages
from runlake.entities import Run, ViewType
from runlake.errors import InvalidInput
from runlake.extras import import_extra
from runlake.fluent.experiments import active_experiment_id
from runlake.stores import AnyStore, store_at

if TYPE_CHECKING:
    import pandas as pd

_PAGE = 50_000


@overload
def search_runs(
    experiment_ids: list[str] | None = None,
    filter_string: str = "",
    run_view_type: int = ViewType.ACTIVE_ONLY,
    max_results: int = 100_000,
    order_by: list[str] | None = None,
    output_format: Literal["pandas"] = "pandas",
    search_all_experiments: bool = False,
    experiment_names: list[str] | None = None,
) -> pd.DataFrame: ...
@overload
def search_runs(
    experiment_ids: list[str] | None = None,
    filter_string: str = "",
    run_view_type: int = ViewType.ACTIVE_ONLY,
    max_results: int = 100_000,
    order_by: list[str] | None = None,
    *,
    output_format: Literal["list"],
    search_all_experiments: bool = False,
    experiment_names: list[str] | None = None,
) -> list[Run]: ...
def search_runs(
    experiment_ids: list[str] | None = None,
    filter_string: str = "",
    run_view_type: int = ViewType.ACTIVE_ONLY,
    max_results: int = 100_000,
    order_by: list[str] | None = None,
    output_format: Literal["pandas", "list"] = "pandas",
    search_all_experiments: bool = False,
    experiment_names: list[str] | None = None,
) -> list[Run] | pd.DataFrame:
    """Return the runs that `filter_string` selects, the ones started last first unless `order_by` says otherwise.

    Args:
        experiment_ids: None, or an empty list, is the active experiment; a string is one.
        max_results: At most so many runs.
        output_format: "pandas": one row a run, columns `run_id`, `experiment_id`, `status`, `artifact_uri`,
            `start_time`, `end_time`, `metrics.*`, `params.*`, `tags.*`. "list": `entities.Run` objects.
        search_all_experiments: Look into all experiments when neither ids nor names are given.
        experiment_names: Instead of ids; names that do not exist are passed over with a warning.

    Raises:
        InvalidInput: the filter cannot be read, or both ids and names are given.
        MissingExtra: pandas is asked for and not installed.
    """
    if output_format not in ("pandas", "list"):
        raise InvalidInput(f"output_format is 'pandas' or 'list', not {output_format!r}")
    pandas = (
        import_extra("pandas", "for a data frame; output_format='list' needs none")
        if output_format == "pandas"
        else None
    )
    store = store_at()
    ids = _experiment_ids(store, experiment_ids, experiment_names, search_all_experiments)
    search = store.reads.search_runs
    found = pages.collected(
        lambda size, token: search(ids, filter_string, run_view_type, size, order_by, token), max_results, _PAGE
    ).to_list()
    return found if pandas is None else _frame(pandas, found)


def _experiment_ids(store: AnyStore, ids: list[str] | None, names: list[str] | None, everywhere: bool) -> list[str]:
    if ids and names:
        raise InvalidInput("search_runs takes experiment_ids or experiment_names, not both")
    if ids:
        return [str(experiment_id) for experiment_id in ([ids] if isinstance(ids, str) else ids)]
    if names:
        return _ids_of_names(store, [names] if isinstance(names, str) else names)
    if everywhere:
        return [experiment.experiment_id for experiment in store.catalog.experiments(ViewType.ACTIVE_ONLY)]
    return [active_experiment_id(store)]


def _ids_of_names(store: AnyStore, names: list[str]) -> list[str]:
    found = {name: store.catalog.find_experiment(name) for name in names}
    if missing := [name for name, experiment in found.items() if experiment is None]:
        from runlake.query.warnings import warn_of_unknown_experiment

        known = [experiment.name for experiment in store.catalog.experiments(ViewType.ALL)]
        for name in missing:
            warn_of_unknown_experiment(name, known)
    return [experiment.experiment_id for experiment in found.values() if experiment is not None]


def _frame(pandas: Any, found: list[Run]) -> pd.DataFrame:
    """Lay runs out as MLflow does: attributes, then metrics, parameters and tags in the order they first appear."""
    columns: dict[str, Any] = {
        name: [getattr(run.info, name) for run in found]
        for name in ("run_id", "experiment_id", "status", "artifact_uri")
    }
    for name in ("start_time", "end_time"):
        columns[name] = pandas.to_datetime([getattr(run.info, name) for run in found], unit="ms", utc=True)
    for group, missing in (("metrics", float("nan")), ("params", None), ("tags", None)):
        values = [getattr(run.data, group) for run in found]
        for key in dict.fromkeys(key for of_run in values for key in of_run):
            columns[f"{group}.{key}"] = [of_run.get(key, missing) for of_run in values]
    return pandas.DataFrame(columns)
