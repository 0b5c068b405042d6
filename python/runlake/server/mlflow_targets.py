"""Targets: which experiments and registered models a request is about, as the authorization table asks for them.

What does not exist is about nothing; the endpoint says that it does not.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, Final

from runlake import access
from runlake.access import Kind, Level
from runlake.artifacts import paths
from runlake.by_id import ById, id_first
from runlake.entities import ViewType
from runlake.errors import InvalidInput, NotFound
from runlake.exchange import KIND
from runlake.model_uris import parse_models_uri, split
from runlake.names import check_experiments_named
from runlake.server.access import Target
from runlake.server.mlflow_fields import Fields

if TYPE_CHECKING:
    from runlake.store import Store

_ALL: Final = ViewType.ALL
_KINDS: Final = {kind.value: kind for kind in Kind}


def _experiments(ids: Iterable[str]) -> Iterator[Target]:
    return ((Kind.EXPERIMENT, found) for found in ids)


def _of_runs(store: Store, run_ids: list[str]) -> Iterator[Target]:
    return _experiments(sorted(set(store.catalog.run_experiment(run_ids).values())))


def experiment(_store: Store, fields: Fields) -> Iterator[Target]:
    """Find the experiment that is named by its id."""
    return _experiments([fields.text("experiment_id")])


def experiment_by_name(store: Store, fields: Fields) -> Iterator[Target]:
    """Find the experiment that MLflow's client names by its name."""
    return _named(store, fields.text_or("experiment_name"))


def named_experiment(store: Store, fields: Fields) -> Iterator[Target]:
    """Find the experiment that runlake's client names by its name."""
    return _named(store, fields.text_or("name"))


def named_or_experiment(store: Store, fields: Fields) -> Iterator[Target]:
    """Find the experiment that another store names by its name or, without one, by its id."""
    return experiment(store, fields) if fields.text_or("name") is None else named_experiment(store, fields)


def _named(store: Store, name: str | None) -> Iterator[Target]:
    found = None if name is None else store.catalog.find_experiment(name)
    return _experiments([] if found is None else [found.experiment_id])


def every_experiment(store: Store, _fields: Fields) -> Iterator[Target]:
    """Find all there are: what is asked for is not cut to what the caller may read."""
    return _experiments(found.experiment_id for found in store.catalog.experiments(_ALL))


def run(store: Store, fields: Fields) -> Iterator[Target]:
    """Find the experiment of the run."""
    return _of_runs(store, [fields.run_id()])


def run_and_models(store: Store, fields: Fields) -> Iterator[Target]:
    """Find the experiments of the run and of the logged models whose metrics are logged."""
    yield from run(store, fields)
    items = [fields.values, *fields.objects("metrics"), *fields.objects("models")]
    for model_id in {found for item in items if isinstance(found := item.get("model_id"), str)}:
        yield from _of_model(store, model_id)


def listed_runs(store: Store, fields: Fields) -> Iterator[Target]:
    """Find the experiments of all runs of a list."""
    return _of_runs(store, [*fields.texts("run_id"), *fields.texts("run_ids")])


def chosen_runs(store: Store, fields: Fields) -> Iterator[Target]:
    """Find the experiments of what runlake's client gives as a choice of runs; all where it gives none."""
    runs = fields.values.get("runs")
    if isinstance(runs, dict) and KIND not in runs and isinstance(columns := runs.get("columns"), dict):
        runs = columns.get("run_id")
    if runs is None:
        return every_experiment(store, fields)
    ids = [runs] if isinstance(runs, str) else runs
    if not isinstance(ids, list) or not all(found is None or isinstance(found, str) for found in ids):
        raise InvalidInput("runs are ids, or a table with a column of them")
    return _of_runs(store, [found for found in ids if found is not None])


def named_experiments(store: Store, fields: Fields) -> Iterator[Target]:
    """Find the experiments that runlake's client names, by name or id; none of them where it means all."""
    for name in _given(fields):
        found = store.catalog.find_experiment(name)
        if found is not None:
            yield Kind.EXPERIMENT, found.experiment_id
        if found is None or name.isdigit():  # then it is an id, or may be one
            yield Kind.EXPERIMENT, name


def shown_experiments(store: Store, fields: Fields) -> Iterator[Target]:
    """Find the experiments that a page names, by id or else by name; none of them where it means all."""
    found = (id_first(store.catalog, name) for name in _given(fields))
    return _experiments(experiment_id for experiment_id in found if experiment_id is not None)


def _given(fields: Fields) -> Iterable[str]:
    given = fields.values.get("experiments")
    named = [given] if isinstance(given, str) else given or []
    if not isinstance(named, list) or not all(isinstance(name, str) for name in named):
        raise InvalidInput("experiments are names or ids")
    several = dict.fromkeys(named)
    check_experiments_named(len(several))
    return several


def shown_runs(store: Store, fields: Fields) -> Iterator[Target]:
    """Find the experiments of runs that a page chooses by their ids or else by a filter."""
    return shown_experiments(store, fields) if fields.values.get("runs") is None else chosen_runs(store, fields)


def proxied(_store: Store, fields: Fields) -> Iterator[Target]:
    """Find the experiment with which a path of the artifact proxy begins; the endpoint refuses one that does not."""
    return _experiments(paths.components(fields.text_or("path"))[:1])


def experiment_and_source_run(store: Store, fields: Fields) -> Iterator[Target]:
    """Find the experiment of a new logged model and that of the run that is said to have made it.

    Gates judge its versions by what that run logged, so that who may only read the run may not say so.
    """
    yield from experiment(store, fields)
    if run_id := fields.text_or("source_run_id"):
        yield from _of_runs(store, [run_id])


def logged_model(store: Store, fields: Fields) -> Iterator[Target]:
    """Find the experiment of a logged model."""
    return _of_model(store, fields.text("model_id"))


def _of_model(store: Store, model_id: str) -> Iterator[Target]:
    try:
        found = store.catalog.get_logged_model(model_id, deleted=True)
    except NotFound:
        return
    yield Kind.EXPERIMENT, found.experiment_id


def model(_store: Store, fields: Fields) -> Iterator[Target]:
    """Find the registered model."""
    return iter([(Kind.MODEL, fields.text("name"))])


def forced_model(store: Store, fields: Fields) -> Iterator[Target]:
    """Find the registered model whose gate is to be overridden; none where it is asked."""
    return iter(()) if fields.values.get("force") in (None, False) else model(store, fields)


def run_of_version(store: Store, fields: Fields) -> Iterator[Target]:
    """Find the experiment of the run that a version was made by."""
    version = fields.whole("version")
    with contextlib.suppress(NotFound, InvalidInput):
        found = store.catalog.get_version(fields.text("name"), version or 0)
        if found.run_id:
            yield from _of_runs(store, [found.run_id])


def source(store: Store, fields: Fields) -> Iterator[Target]:
    """Find what the files of a new version belong to: who may read the version may read them."""
    if run_id := fields.text_or("run_id"):
        yield from _of_runs(store, [run_id])
    if model_id := fields.text_or("model_id"):
        yield from _of_model(store, model_id)
    uri = fields.text("source")
    try:
        parts = split(uri)  # as the endpoint does, which refuses what cannot be read
    except InvalidInput:
        return
    first = [part for part in parts.path.split("/") if part][:1]
    if parts.scheme == "runs":
        yield from _of_runs(store, first)
    elif parts.scheme == "mlflow-artifacts":
        yield from _experiments(first)
    elif parts.scheme == "models":
        with contextlib.suppress(InvalidInput):
            named = parse_models_uri(uri)
            if named.name is not None:
                yield Kind.MODEL, named.name
            if named.model_id is not None:
                yield from _of_model(store, named.model_id)


def permitted(_store: Store, fields: Fields) -> Iterator[Target]:
    """Find what a permission is for: who manages it may say who else may do what."""
    kind = _KINDS.get(fields.text("resource_type"))
    if kind is None:
        raise InvalidInput(f"resource_type is {fields.text('resource_type')[:40]!r}; it is one of {', '.join(_KINDS)}")
    return iter([(kind, fields.text("resource_id"))])


# -- what a request is cut to


def readable_experiments(_store: Store, fields: Fields) -> Fields:
    """Leave out of a list of ids what the caller may not see, as if it did not exist."""
    ids = [found for found in fields.ids("experiment_ids") if fields.caller.may_read(Kind.EXPERIMENT, found)]
    return fields.replaced(experiment_ids=ids)


def all_readable_experiments(store: Store, fields: Fields) -> Fields:
    """Let runlake's client, where it names no experiment, mean those that the caller may see."""
    if fields.values.get("experiments") is not None or fields.caller.is_admin:
        return fields
    ids = [found.experiment_id for found in store.catalog.experiments(_ALL)]
    readable = [ById(found) for found in ids if fields.caller.may_read(Kind.EXPERIMENT, found)]
    return fields if len(readable) == len(ids) else fields.replaced(experiments=readable)


def all_readable_unless_chosen(store: Store, fields: Fields) -> Fields:
    """Let a page that chooses runs by a filter mean those that the caller may see."""
    return fields if fields.values.get("runs") is not None else all_readable_experiments(store, fields)


def as_caller(_store: Store, fields: Fields) -> Fields:
    """Let what is made be of the caller, whoever it says it is of."""
    return fields if fields.caller.name is None else fields.replaced(user_id=fields.caller.name)


# -- what follows


def give_experiment(store: Store, fields: Fields, answer: Any) -> None:
    """Let who makes an experiment manage it."""
    if fields.caller.name is not None:
        made = answer.get("experiment_id") or answer.get("value")
        access.grant(store, fields.caller.name, Level.MANAGE, Kind.EXPERIMENT, made)


def give_model(store: Store, fields: Fields, _answer: Any) -> None:
    """Let who makes a registered model manage it, and nobody by what was said of an earlier one of that name."""
    store.catalog.move_permissions(Kind.MODEL.value, fields.text("name"), None)
    if fields.caller.name is not None:
        access.grant(store, fields.caller.name, Level.MANAGE, Kind.MODEL, fields.text("name"))


def count_at_once(_store: Store, _fields: Fields, _answer: Any) -> None:
    """Let what the registry has done to permissions, with a model's name, count from now on."""
