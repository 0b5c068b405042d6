"""The life of runs in the fluent API: start, end, find, delete."""

from __future__ import annotations

import contextlib
import logging
import sys
import threading
from typing import Any

from runlake import config, lifecycle, recording
from runlake.entities import LifecycleStage, Run, RunInfo
from runlake.errors import InvalidInput, ServerUnavailable
from runlake.fluent import active, origin
from runlake.fluent.experiments import active_experiment_id, chosen_experiment_id
from runlake.fluent.place import bring_experiment, bring_run
from runlake.fluent.run import ActiveRun
from runlake.store import Store
from runlake.stores import recording_store, store_at

_log = logging.getLogger("runlake")
_once = threading.RLock()
_announced: set[str] = set()


def start_run(
    run_id: str | None = None,
    experiment_id: str | None = None,
    run_name: str | None = None,
    nested: bool = False,
    parent_run_id: str | None = None,
    tags: dict[str, Any] | None = None,
    description: str | None = None,
    log_system_metrics: bool | None = None,
) -> ActiveRun:
    """Start a run and make it the active one of this thread; with `run_id`, join that run or take it up again.

    The first run of a process says on stderr where it is kept.

    Args:
        run_id: An existing run; RUNLAKE_RUN_ID or MLFLOW_RUN_ID, when set, is used for the first run of the process.
        experiment_id: None is the experiment of `set_experiment`, of the environment, or else "0".
        run_name: None takes RUNLAKE_RUN_NAME, MLFLOW_RUN_NAME, or else a random name.
        nested: Allow it inside an active run, which becomes its parent.
        parent_run_id: The parent of the run; inside an active run it has to be that one.
        tags: Set on the run, over the standard tags.
        description: Kept in the tag `mlflow.note.content`.
        log_system_metrics: Accepted; there are no system metrics yet.

    Raises:
        InvalidInput: a run is active and `nested` is False, the run or its parent is deleted, or arguments contradict
            each other.
        NotFound: `run_id`, `experiment_id` or `parent_run_id` does not exist.
        StoreError: the store cannot be opened.
    """
    outer = active.top()
    _check_outer(outer, nested, parent_run_id)
    if log_system_metrics:
        recording.warn_once("start_run: log_system_metrics has no effect, there are no system metrics yet")
    tags = _with_description(tags or {}, description)
    store = recording_store()
    existing = run_id or config.take_run_id()
    if existing:
        run = _join(store, existing, experiment_id, run_name, tags)
    else:
        parent = parent_run_id or (outer.id if nested and outer else None)
        run = _begin(store, experiment_id, run_name or config.run_name(), parent, tags)
    started = ActiveRun(run, store, store.run_logger(run.info.run_id))
    active.push(started)
    if not existing:
        origin.describe(started)
    _announce(started)
    return started


def end_run(status: str = "FINISHED") -> None:
    """End the active run of this thread; nothing happens when there is none.

    Args:
        status: FINISHED, FAILED or KILLED.
    """
    run = active.top()
    if run is not None:
        run.end(status)


def active_run() -> ActiveRun | None:
    """Return the active run of this thread, as it was when it started; None when there is none."""
    return active.top()


def last_active_run() -> Run | None:
    """Return the active run of this thread, or else the one that it ended last, as that is now; None without either."""
    run = active.top()
    if run is not None:
        return run
    ended = active.last()
    return None if ended is None else ended.store.get_run(ended.id)


def get_run(run_id: str) -> Run:
    """Return a run with its latest metrics, those of live processes included.

    Raises:
        NotFound: there is none with that id.
    """
    return store_at().get_run(run_id)


def get_parent_run(run_id: str) -> Run | None:
    """Return the run that `run_id` is nested in; None when it is not nested."""
    return lifecycle.parent_run(store_at(), run_id)


def delete_run(run_id: str) -> None:
    """Mark a run deleted; `restore_run` brings it back."""
    store_at().catalog.delete_run(run_id)


def restore_run(run_id: str) -> None:
    """Bring back a deleted run."""
    store_at().catalog.restore_run(run_id)


def active_or_new() -> ActiveRun:
    """Return the active run of this thread, started now when there is none, as MLflow does."""
    return active.top() or start_run()


def _check_outer(outer: ActiveRun | None, nested: bool, parent_run_id: str | None) -> None:
    """Refuse to start inside an active run unless that was meant; one of a parent process does not count."""
    if outer is None or outer.inherited:
        return
    if not nested:
        raise InvalidInput(
            f"run {outer.id} is already active in this thread",
            hint="end it first with end_run(), or start a run inside it with start_run(nested=True)",
        )
    if parent_run_id is not None and parent_run_id != outer.id:
        raise InvalidInput(
            f"parent_run_id is {parent_run_id!r} and the active run is {outer.id}", hint="end the active run first"
        )


def _with_description(tags: dict[str, Any], description: str | None) -> dict[str, Any]:
    if description is None:
        return tags
    if lifecycle.NOTE_TAG in tags:
        raise InvalidInput(f"the description is given twice: as an argument and as the tag {lifecycle.NOTE_TAG}")
    return {**tags, lifecycle.NOTE_TAG: description}


def _begin(
    store: Store, experiment_id: str | None, run_name: str | None, parent: str | None, tags: dict[str, Any]
) -> Run:
    """Create a run that belongs to this process."""
    if parent is not None:
        _require_parent(store, parent)  # before anything is created
        tags = {lifecycle.PARENT_TAG: parent, **tags}
    experiment = active_experiment_id(store) if experiment_id is None else str(experiment_id)
    bring_experiment(store, experiment_id=experiment)
    return lifecycle.create_run(store, experiment, None, {**_standard_tags(store), **tags}, run_name, owned=True)


def _require_parent(store: Store, parent: str) -> None:
    """Refuse a parent that is not there or deleted; of a server that is away, any may be there."""
    with contextlib.suppress(ServerUnavailable):
        bring_run(store, parent)
        _require_active(store.catalog.get_run(parent).info, "the parent run")


def _standard_tags(store: Store) -> dict[str, str]:
    """Return the tags that nobody asked for; what the command line holds that is no text must not end a start."""
    return {key: tag.encode(errors="backslashreplace").decode() for key, tag in origin.tags_so_far(store).items()}


def _join(store: Store, run_id: str, experiment_id: str | None, run_name: str | None, tags: dict[str, Any]) -> Run:
    """Make an existing run RUNNING again and this process one of those that are in it."""
    bring_run(store, run_id)
    info = store.catalog.get_run(run_id).info
    _require_active(info, "run")
    wanted = chosen_experiment_id(store) if experiment_id is None else str(experiment_id)
    if wanted is not None and wanted != info.experiment_id:
        raise InvalidInput(f"run {run_id} is in experiment {info.experiment_id}, not in {wanted}")
    return lifecycle.join_run(store, run_id, run_name, tags)


def _require_active(info: RunInfo, what: str) -> None:
    if info.lifecycle_stage == LifecycleStage.DELETED:
        raise InvalidInput(f"{what} {info.run_id} is deleted", hint="bring it back with restore_run(run_id)")


def _announce(run: ActiveRun) -> None:
    """Say on stderr which run in which store, for the first run of this process in each store."""
    place = run.store.place
    with _once:
        if place in _announced:
            return
        _announced.add(place)
    if sys.stderr is not None and not sys.stderr.closed:
        sys.stderr.write(f"runlake: run {run.info.run_name} ({run.id}) in {place}\n")
