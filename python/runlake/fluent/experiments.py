"""Experiments of the fluent API, and which of them new runs go to."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any

from runlake import config, lifecycle, pages
from runlake.entities import Experiment, LifecycleStage, ViewType
from runlake.errors import InvalidInput
from runlake.fluent.place import bring_experiment
from runlake.stores import AnyStore, recording_store, store_at

_log = logging.getLogger("runlake")
_EVERY_PAGE = 1000


@dataclass(frozen=True, slots=True)
class _Choice:
    """What `set_experiment` was told, and where it was found."""

    store: AnyStore
    experiment_id: str
    name: str


_choice: _Choice | None = None


def set_experiment(
    experiment_name: str | None = None, experiment_id: str | None = None, trace_location: object = None
) -> Experiment:
    """Choose the experiment that new runs of this process go to; a name that is new makes one.

    Processes that are started from now on inherit the choice through the environment.

    Args:
        experiment_name: Name of an active experiment, or of one that is to be made. Either this or the id.
        experiment_id: Id of an active experiment.
        trace_location: Accepted; there is no tracing yet.

    Raises:
        InvalidInput: both or neither are given, or the experiment is deleted.
        NotFound: there is no experiment with that id.
    """
    global _choice
    if (experiment_name is None) == (experiment_id is None):
        raise InvalidInput("set_experiment takes exactly one of experiment_name and experiment_id")
    store = recording_store()
    if experiment_name is not None:
        experiment = _named(store, experiment_name)
    else:
        bring_experiment(store, experiment_id=str(experiment_id))
        experiment = store.catalog.get_experiment(str(experiment_id))
        if experiment.lifecycle_stage == LifecycleStage.DELETED:
            raise InvalidInput(
                f"experiment {experiment_id} ({experiment.name!r}) is deleted",
                hint="bring it back with restore_experiment(experiment_id)",
            )
    _choice = _Choice(store, experiment.experiment_id, experiment.name)
    config.export_experiment(store.catalog.store_id, experiment.experiment_id, experiment.name)
    return experiment


def create_experiment(
    name: str,
    artifact_location: str | None = None,
    tags: dict[str, Any] | None = None,
    trace_location: object = None,
) -> str:
    """Create an experiment and return its id.

    Args:
        artifact_location: Folder for the artifacts of its runs; None is inside the store.
        trace_location: Accepted; there is no tracing yet.

    Raises:
        AlreadyExists: an active experiment has that name.
    """
    return lifecycle.create_experiment(store_at(renew=True), name, artifact_location, tags or {})


def get_experiment(experiment_id: str) -> Experiment:
    """Return an experiment, deleted or not.

    Raises:
        NotFound: there is none with that id.
    """
    return store_at().catalog.get_experiment(str(experiment_id))


def get_experiment_by_name(name: str) -> Experiment | None:
    """Return the experiment of that name, an active one first; None when there is none."""
    return store_at().catalog.find_experiment(name)


def search_experiments(
    view_type: int = ViewType.ACTIVE_ONLY,
    max_results: int | None = None,
    filter_string: str | None = None,
    order_by: list[str] | None = None,
) -> list[Experiment]:
    """Return the experiments that `filter_string` selects, newest first unless `order_by` says otherwise.

    Args:
        max_results: None is all.
    """
    store = store_at()
    found = pages.collected(
        lambda size, token: store.reads.search_experiments(view_type, size, filter_string, order_by, token),
        max_results,
        _EVERY_PAGE,
    )
    return found.to_list()


def delete_experiment(experiment_id: str) -> None:
    """Mark an experiment and its runs deleted; `restore_experiment` brings them back."""
    store_at().catalog.delete_experiment(str(experiment_id))


def restore_experiment(experiment_id: str) -> None:
    """Bring back a deleted experiment with its runs."""
    store_at().catalog.restore_experiment(str(experiment_id))


def set_experiment_tag(key: str, value: Any) -> None:
    """Set a tag of the active experiment to `str(value)`."""
    set_experiment_tags({key: value})


def set_experiment_tags(tags: dict[str, Any]) -> None:
    """Set tags of the active experiment, each to `str(value)`."""
    store = store_at()
    lifecycle.set_experiment_tags(store, active_experiment_id(store), tags)


def delete_experiment_tag(key: str) -> None:
    """Remove a tag of the active experiment.

    Raises:
        NotFound: it has no such tag.
    """
    store = store_at()
    store.catalog.delete_experiment_tag(active_experiment_id(store), key)


def chosen_experiment_id(store: AnyStore) -> str | None:
    """Return the experiment that `set_experiment` chose, by name if that was in another store; None without one."""
    choice = _choice
    if choice is None:
        return None
    return choice.experiment_id if choice.store is store else _named(store, choice.name).experiment_id


def active_experiment_id(store: AnyStore) -> str:
    """Return where new runs go: `set_experiment` here or in a parent, else the environment's name or id, else "0"."""
    chosen = chosen_experiment_id(store) or config.exported_experiment_id(store.catalog.store_id)
    if chosen is not None:
        return chosen
    name = config.experiment_name()
    if name is not None:
        return _named(store, name).experiment_id
    return config.experiment_id() or "0"


def _named(store: AnyStore, name: str) -> Experiment:
    """Return the active experiment of that name; makes one, also when other processes do so at the same moment."""
    bring_experiment(store, name=name)
    return lifecycle.find_or_create_experiment(store, name)


def forget_choice() -> None:
    """Take back `set_experiment`: the environment decides again, or else "0"."""
    global _choice
    _choice = None
    config.take_back_experiment()
