"""Native calls: what runlake's own client reads and writes by id, as functions in one table.

A function's parameters are the fields of the request, its value is the answer; both are as `exchange` has them. What
clients may not see or choose, where on this machine the store keeps things, is replaced here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from runlake import lifecycle, names, recording, run_files
from runlake.entities import (
    DatasetInput,
    Experiment,
    FileInfo,
    Metric,
    MissingPoints,
    PagedList,
    Param,
    Run,
    RunLedger,
    RunStatus,
    RunTag,
)
from runlake.errors import InvalidInput
from runlake.server.mlflow_entities import artifacts_of_experiment, artifacts_of_run
from runlake.server.native_registry import REGISTRY_CALLS
from runlake.store import Store

_MOST_RUNS: Final = 50_000
_MOST_EXPERIMENTS: Final = 50_000

# -- experiments


def create_experiment(store: Store, name: str, tags: dict[str, str], artifact_location: str | None = None) -> str:
    """Create an experiment and return its id."""
    if artifact_location is not None:
        raise InvalidInput(
            f"artifact_location is {artifact_location[:100]!r}; the server keeps artifacts in its store",
            hint="leave artifact_location out",
        )
    return lifecycle.create_experiment(store, name, None, tags)


def get_experiment(store: Store, experiment_id: str) -> Experiment:
    """Return an experiment, deleted or not."""
    return _experiment(store.catalog.get_experiment(experiment_id))


def find_experiment(store: Store, name: str) -> Experiment | None:
    """Return the experiment of a name, an active one first."""
    found = store.catalog.find_experiment(name)
    return None if found is None else _experiment(found)


def experiments(store: Store, view: int) -> list[Experiment]:
    """Return every experiment."""
    return [_experiment(found) for found in store.catalog.experiments(view)]


def search_experiments(
    store: Store,
    view: int,
    max_results: int,
    filter_string: str | None,
    order_by: list[str] | None,
    page_token: str | None,
) -> PagedList[Experiment]:
    """Return one page of experiments."""
    size = lifecycle.page_size(max_results, _MOST_EXPERIMENTS)
    page = store.reads.search_experiments(view, size, filter_string, order_by, page_token)
    return PagedList([_experiment(found) for found in page], page.token)


def rename_experiment(store: Store, experiment_id: str, name: str) -> None:
    """Give an active experiment another name."""
    store.catalog.rename_experiment(experiment_id, names.check_experiment_name(name))


def delete_experiment(store: Store, experiment_id: str) -> None:
    """Mark an experiment and its runs deleted."""
    store.catalog.delete_experiment(experiment_id)


def restore_experiment(store: Store, experiment_id: str) -> None:
    """Bring back a deleted experiment with its runs."""
    store.catalog.restore_experiment(experiment_id)


def set_experiment_tags(store: Store, experiment_id: str, tags: dict[str, str]) -> None:
    """Set tags of an experiment, all or none."""
    lifecycle.set_experiment_tags(store, experiment_id, tags)


def delete_experiment_tag(store: Store, experiment_id: str, key: str) -> None:
    """Remove a tag of an experiment."""
    store.catalog.delete_experiment_tag(experiment_id, key)


# -- runs


def create_run(
    store: Store, run_id: str, experiment_id: str, name: str, user_id: str, start_time: int, tags: dict[str, str]
) -> Run:
    """Create a RUNNING run that no process owns, under an id that the client has made."""
    texts = recording.as_texts(tags, "tag", names.MAX_RUN_TAG_VALUE)
    names.check_run_id(run_id)
    return _run(
        store.create_run(
            *(run_id, experiment_id), name=name, user_id=user_id, start_time=start_time, tags=texts, owned=False
        )
    )


def get_run(store: Store, run_id: str) -> Run:
    """Return a run, deleted or not, with its latest metrics."""
    return _run(store.get_run(run_id))


def recorded_run(store: Store, run_id: str) -> Run:
    """Return a run as the catalog has it, without the latest of live metrics."""
    return _run(store.catalog.get_run(run_id))


def run_ids(store: Store, named: str) -> list[str]:
    """Return the ids of the runs that a name, an id or the beginning of an id means."""
    return store.catalog.run_ids(named)


def run_names(store: Store) -> list[str]:
    """Return the names of all active runs."""
    return store.catalog.active_names()


def search_runs(
    store: Store,
    experiment_ids: list[str],
    filter_string: str | None,
    view: int,
    max_results: int,
    order_by: list[str] | None,
    page_token: str | None,
) -> PagedList[Run]:
    """Return one page of runs."""
    size = lifecycle.page_size(max_results, _MOST_RUNS)
    page = store.reads.search_runs(experiment_ids, filter_string, view, size, order_by, page_token)
    return PagedList([_run(found) for found in page], page.token)


def missing_points(store: Store, run_id: str) -> list[MissingPoints]:
    """Return what is proven missing of a run; of a file only its name."""
    return [replace(lost, file=Path(lost.file).name) for lost in store.catalog.missing_points(run_id)]


def ledger(store: Store, run_id: str) -> RunLedger:
    """Return what became of every point that a run accepted."""
    return store.reads.ledger(run_id)


def metric_keys(store: Store) -> list[str]:
    """Return every key that has points."""
    return sorted(store.reads.metric_keys())


def delete_run(store: Store, run_id: str) -> None:
    """Mark a run deleted."""
    store.catalog.delete_run(run_id)


def restore_run(store: Store, run_id: str) -> None:
    """Bring back a deleted run."""
    store.catalog.restore_run(run_id)


def record(
    store: Store,
    run_id: str,
    params: dict[str, str] | None = None,
    tags: dict[str, str] | None = None,
    deleted_tags: list[str] | None = None,
    status: str | None = None,
    end_time: int | None = None,
    name: str | None = None,
) -> None:
    """Record a change of a run."""
    if status is not None:
        RunStatus.from_string(status)
    store.record(
        run_id,
        params=recording.as_texts(params or {}, "parameter", names.MAX_PARAM_VALUE),
        tags=recording.as_texts(tags or {}, "tag", names.MAX_RUN_TAG_VALUE),
        deleted_tags=deleted_tags or (),
        status=status,
        end_time=end_time,
        name=name,
    )
    if status is not None:
        store.let_go(run_id)


def log_batch(store: Store, run_id: str, metrics: list[Metric], params: list[Param], tags: list[RunTag]) -> None:
    """Record metrics, parameters and tags, all or none."""
    store.catalog.require_active(run_id)
    recording.log_batch(store, run_id, metrics, params, tags)


def log_inputs(store: Store, run_id: str, inputs: list[DatasetInput]) -> None:
    """Record which data sets a run read."""
    recording.log_inputs(store, run_id, inputs)


# -- artifacts, whose contents go through the proxy


def list_artifacts(store: Store, run_id: str, path: str) -> list[FileInfo]:
    """List what is directly in a folder of a run's artifacts."""
    return run_files.artifacts(store, run_id).list(path)


def artifact_kind(store: Store, run_id: str, path: str) -> str | None:
    """Return "file" or "folder", whichever a path of a run's artifacts is; null when nothing is there."""
    return run_files.artifacts(store, run_id).kind(path)


def remove_artifacts(store: Store, run_id: str, path: str) -> None:
    """Remove a file, a folder with what is in it, or with an empty path all artifacts of a run."""
    run_files.artifacts(store, run_id).remove(path)


_OWN: Final[tuple[Callable[..., Any], ...]] = (
    artifact_kind,
    create_experiment,
    create_run,
    delete_experiment,
    delete_experiment_tag,
    delete_run,
    experiments,
    find_experiment,
    get_experiment,
    get_run,
    ledger,
    list_artifacts,
    log_batch,
    log_inputs,
    metric_keys,
    missing_points,
    record,
    recorded_run,
    remove_artifacts,
    rename_experiment,
    restore_experiment,
    restore_run,
    run_ids,
    run_names,
    search_experiments,
    search_runs,
    set_experiment_tags,
)
CALLS: Final[Mapping[str, Callable[..., Any]]] = {
    **{call.__name__: call for call in _OWN},
    **REGISTRY_CALLS,
}
"""Every call, by the name under which it is made."""


def _experiment(found: Experiment) -> Experiment:
    return replace(found, artifact_location=artifacts_of_experiment(found.experiment_id))


def _run(found: Run) -> Run:
    return replace(
        found, info=replace(found.info, artifact_uri=artifacts_of_run(found.info.experiment_id, found.info.run_id))
    )
