"""How runs and experiments of one store come to be, are joined and end; fluent API and MlflowClient both end here."""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from runlake import names
from runlake.entities import Experiment, LifecycleStage, Run
from runlake.errors import AlreadyExists, InvalidInput
from runlake.recording import as_texts
from runlake.run_names import random_run_name

if TYPE_CHECKING:
    from runlake.store import Store
    from runlake.stores import AnyStore

PARENT_TAG = "mlflow.parentRunId"
NAME_TAG = "mlflow.runName"
NOTE_TAG = "mlflow.note.content"
USER_TAG = "mlflow.user"


def now_ms() -> int:
    """Return the time, in milliseconds since 1970."""
    return time.time_ns() // 1_000_000


def create_experiment(store: AnyStore, name: str, artifact_location: str | None, tags: Mapping[str, Any]) -> str:
    """Create an experiment and return its id.

    Raises:
        AlreadyExists: an active experiment has that name.
        InvalidInput: the name is not legal, or the location is no folder of this machine.
    """
    names.check_experiment_name(name)
    if artifact_location is not None:
        from runlake.artifacts.uris import folder

        artifact_location = folder(artifact_location)
    texts = as_texts(tags, "experiment tag", names.MAX_EXPERIMENT_TAG_VALUE)
    return store.catalog.create_experiment(name, artifact_location=artifact_location, tags=texts, now_ms=now_ms())


def find_or_create_experiment(store: AnyStore, name: str) -> Experiment:
    """Return the active experiment of that name; it is made when there is none, once, however many processes ask."""
    names.check_experiment_name(name)
    while True:
        found = store.catalog.find_experiment(name)
        if found is not None and found.lifecycle_stage == LifecycleStage.ACTIVE:
            return found
        try:
            return store.catalog.get_experiment(create_experiment(store, name, None, {}))
        except AlreadyExists:  # another process was faster; it is there now, unless a third one deletes it
            continue


def set_experiment_tags(store: AnyStore, experiment_id: str, tags: Mapping[str, Any]) -> None:
    """Set tags of an experiment as text, all or none."""
    texts = as_texts(tags, "experiment tag", names.MAX_EXPERIMENT_TAG_VALUE)
    store.catalog.set_experiment_tags(experiment_id, texts)


def create_run(
    store: AnyStore,
    experiment_id: str,
    start_time: int | None,
    tags: Mapping[str, Any],
    run_name: str | None,
    *,
    user_id: str | None = None,
    owned: bool,
) -> Run:
    """Create a RUNNING run.

    Args:
        start_time: Milliseconds since 1970; None is now.
        run_name: None takes the tag `mlflow.runName`, or else a random name.
        user_id: None takes the tag `mlflow.user`, or else "unknown".
        owned: Whether it belongs to this process, so that it is marked FAILED when the process dies.

    Raises:
        NotFound: there is no such experiment.
        InvalidInput: the experiment is deleted, or name and tag differ.
    """
    texts = as_texts(tags, "tag", names.MAX_RUN_TAG_VALUE)
    named = texts.get(NAME_TAG)
    if run_name and named and run_name != named:
        raise InvalidInput(f"run_name is {run_name!r} and the tag {NAME_TAG} is {named!r}; give one of them")
    name = texts[NAME_TAG] = str(run_name or named or random_run_name())
    return store.create_run(
        uuid.uuid4().hex,
        experiment_id,
        name=name,
        user_id=user_id or texts.get(USER_TAG, "unknown"),
        start_time=now_ms() if start_time is None else int(start_time),
        tags=texts,
        owned=owned,
    )


def parent_run(store: AnyStore, run_id: str) -> Run | None:
    """Return the run that `run_id` is nested in; None when it is not nested."""
    parent = store.get_run(run_id).data.tags.get(PARENT_TAG)
    return None if parent is None else store.get_run(parent)


def page_size(max_results: int | None, limit: int | None = None) -> int:
    """Return `max_results` when it may be the size of a page."""
    if not isinstance(max_results, int) or max_results < 1:
        raise InvalidInput(f"max_results is {max_results!r}; it must be a positive whole number")
    if limit is not None and max_results > limit:
        raise InvalidInput(f"max_results is {max_results:,}; the limit is {limit:,}")
    return max_results


def join_run(store: Store, run_id: str, run_name: str | None, tags: Mapping[str, Any]) -> Run:
    """Make an existing run RUNNING and this process one of those that are in it.

    Raises:
        NotFound: there is no such run.
        InvalidInput: it is deleted.
    """
    texts = as_texts(tags, "tag", names.MAX_RUN_TAG_VALUE)
    store.join_run(run_id, name=run_name, tags=texts)
    return store.catalog.get_run(run_id)
