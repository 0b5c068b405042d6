"""Native runs: one run with all that a page shows of it, and changes of one run or of many."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from runlake import names, run_files
from runlake.access import Caller, Kind, Level, Scope
from runlake.catalog import BulkChange
from runlake.entities import DatasetInput, LifecycleStage, LoggedModel, ModelVersion, Run, ViewType
from runlake.errors import InvalidInput, NotFound, PermissionDenied
from runlake.lifecycle import NOTE_TAG, PARENT_TAG
from runlake.provenance import origin_of
from runlake.provenance.environments import packages_of
from runlake.server.mlflow_entities import artifacts_of_run
from runlake.server.view import View
from runlake.store import Store

if TYPE_CHECKING:
    from runlake.artifacts import Contents
    from runlake.entities import KeyLedger

_MOST_CHANGED: Final = 10_000
_MOST_TAGGED: Final = 100_000  # while they are written, nobody else writes
_MOST_POINTS: Final = 10_000
_WHOLE: Final = re.compile(r"-?[0-9]{1,19}")
_STATES: Final = (LifecycleStage.ACTIVE, LifecycleStage.DELETED)
_MOST_TEXT: Final = 20_000  # of a data set: its profile may have 16 MB
_MOST_CHILDREN: Final = 200
_MOST_MODELS: Final = 500
_MOST_VERSIONS: Final = 1000
_CONSOLES: Final = ("console.log", "console.txt", "output.log", "output.txt", "stdout.log", "stdout.txt")
_LOG_FOLDERS: Final = ("logs", "log")


def run(store: Store, caller: Caller, run_id: str) -> View:
    """Return a run with all that a page shows of it."""
    from runlake import query

    tx = store.catalog.tx()
    found = store.catalog.get_run(run_id)
    experiment = found.info.experiment_id
    children, total = query.runs_with_tag(store, experiment, PARENT_TAG, run_id, _MOST_CHILDREN)
    gaps = store.reads.missing_points(run_id)
    level = caller.level(Kind.EXPERIMENT, experiment) if caller.scope >= Scope.WRITE else Level.READ
    said = {
        "run": _attributes(store, found),
        "params": found.data.params,
        "metrics": query.metric_summaries(store, run_id),
        "tags": found.data.tags,
        "note": found.data.tags.get(NOTE_TAG, ""),
        **_parent(store, caller, found),
        "children": children,
        "children_total": total,
        "inputs": _inputs(found),
        "models": _models(store, caller, found),
        "ledger": _ledger(store, run_id),
        "gaps": [{**lost.to_dictionary(), "file": Path(lost.file).name} for lost in gaps],
        "provenance": {**asdict(origin_of(found.data.tags)), "packages": packages_of(store, [run_id])[0]},
        "console": _console(run_files.of_run(store, found)),
        "may_edit": level >= Level.EDIT and found.info.lifecycle_stage == LifecycleStage.ACTIVE,
        "may_manage": level >= Level.MANAGE,
    }
    return View(value={**said, "tx": tx}, tx=tx)


def change_run(
    store: Store,
    caller: Caller,
    run_id: str,
    name: str | None = None,
    note: str | None = None,
    tags: dict[str, str | None] | None = None,
) -> View:
    """Give a run another name or note, set its tags, and remove those that are null; return the run."""
    present = store.catalog.get_run(run_id).data.tags
    kept, removed = _checked_tags({**(tags or {}), **({} if note is None else {NOTE_TAG: note or None})})
    if name is not None and not name.strip():
        raise InvalidInput("the name of a run is empty")
    store.record(
        run_id,
        tags=kept,
        deleted_tags=[key for key in removed if key in present],
        name=None if name is None else names.check_text(name, names.MAX_RUN_TAG_VALUE, "the name of a run"),
    )
    return run(store, caller, run_id)


def change_runs(
    store: Store,
    caller: Caller,
    runs: str | list[str] | None = None,
    experiments: str | list[str] | None = None,
    where: str | None = None,
    view: int = ViewType.ACTIVE_ONLY,
    tags: dict[str, str | None] | None = None,
    state: str | None = None,
) -> View:
    """Tag, delete or restore many runs, by their ids or by a filter; say which were left as they are, and why."""
    from runlake import query

    if not tags and state is None:
        raise InvalidInput("nothing is to be changed; give tags or a state")
    if state is not None and state not in _STATES:
        raise InvalidInput(f"state is {names.shortened(state)!r}; it must be {' or '.join(map(repr, _STATES))}")
    if runs is None and where is None:
        raise InvalidInput("nothing says which runs; give runs or where", hint="an empty where means all")
    if runs is not None:
        ids = [runs] if isinstance(runs, str) else list(dict.fromkeys(runs))
    else:
        ids = query.run_ids_of(store, query.question_of(experiments, where, None, view))
    if len(ids) > _MOST_CHANGED:
        raise InvalidInput(f"{len(ids):,} runs are to be changed; at most {_MOST_CHANGED:,} are at once")
    kept, removed = _checked_tags(tags or {}, len(ids))
    needed = Level.EDIT if state is None else Level.MANAGE
    refused = _forbidden(store, caller, ids, needed)
    allowed = [run_id for run_id in ids if run_id not in refused]
    change = BulkChange(kept, removed, None if state is None else state == LifecycleStage.DELETED)
    refused |= store.catalog.change_runs(allowed, change)
    said = [{"run_id": run_id, "message": refused[run_id]} for run_id in ids if run_id in refused]
    return View(value={"changed": len(ids) - len(said), "refused": said})


def run_points(store: Store, run_id: str, key: str, step: str | None = None, offset: int = 0, limit: int = 100) -> View:
    """Give points of one metric of a run as they were logged, by step and time, from a step on."""
    from runlake import query

    if offset < 0 or not 1 <= limit <= _MOST_POINTS:
        raise InvalidInput(f"offset is {offset} and limit {limit}; from 0 on, 1 to {_MOST_POINTS:,} points are given")
    if step is not None and not _WHOLE.fullmatch(step):
        raise InvalidInput(f"step is {names.shortened(step)!r}; it must be a whole number of 64 bits")
    first = None if step is None else max(-names.MAX_STEP - 1, min(int(step), names.MAX_STEP))
    frame, total = query.points_from(store, run_id, key, first, offset, limit)
    return View(lambda: [[frame]], {}, None, total)


def _checked_tags(tags: Mapping[str, str | None], runs: int = 1) -> tuple[dict[str, str], list[str]]:
    """Return the tags of some runs that are to be set, and the keys of those that are to be removed."""
    if (changes := len(tags) * runs) > _MOST_TAGGED:
        raise InvalidInput(
            f"{len(tags):,} tags of {runs:,} runs are {changes:,} changes; at most {_MOST_TAGGED:,} are at once"
        )
    kept = {
        names.check_key(key, "tag"): names.check_text(value, names.MAX_RUN_TAG_VALUE, f"the value of tag {key!r}")
        for key, value in tags.items()
        if value is not None
    }
    return kept, [key for key, value in tags.items() if value is None]


def _forbidden(store: Store, caller: Caller, run_ids: list[str], needed: Level) -> dict[str, str]:
    """Return the runs that the caller may not change, with the reason."""
    found: dict[str, str] = {}
    for run_id, experiment in store.catalog.run_experiment(run_ids).items():
        try:
            caller.require(needed, Kind.EXPERIMENT, experiment)
        except PermissionDenied as error:
            found[run_id] = error.message
    return found


# -- what a page shows


def _attributes(store: Store, found: Run) -> dict[str, Any]:
    info = found.info
    return {
        **info.to_dictionary(),
        "experiment_name": store.catalog.get_experiment(info.experiment_id).name,
        "artifact_uri": artifacts_of_run(info.experiment_id, info.run_id),
    }


def _parent(store: Store, caller: Caller, found: Run) -> dict[str, Any]:
    """Return the id of the run that a run is nested in, and its name where the caller may read it."""
    parent = found.data.tags.get(PARENT_TAG)
    if parent is None:
        return {"parent": None, "parent_name": None}
    experiment = store.catalog.run_experiment([parent]).get(parent)
    readable = experiment is not None and caller.may_read(Kind.EXPERIMENT, experiment)
    return {"parent": parent, "parent_name": store.catalog.run_names([parent]).get(parent) if readable else None}


def _inputs(found: Run) -> list[dict[str, Any]]:
    read = found.inputs
    models = ({"kind": "model", **one.to_dictionary()} for one in read.model_inputs)
    return [*({"kind": "dataset", **_dataset(one)} for one in read.dataset_inputs), *models]


def _dataset(used: DatasetInput) -> dict[str, Any]:
    """Return a data set and its tags; long texts lose their ends."""
    said = used.to_dictionary()
    texts = {name: text[:_MOST_TEXT] for name, text in said["dataset"].items() if text is not None}
    return {**said["dataset"], **texts, "tags": said["tags"]}


def _models(store: Store, caller: Caller, found: Run) -> list[dict[str, Any]]:
    """Return what models a run has made, each with the registered versions of it that the caller may read."""
    logged = [
        model
        for model in store.catalog.logged_models_of(found.info.run_id)[:_MOST_MODELS]
        if caller.may_read(Kind.EXPERIMENT, model.experiment_id)
    ]
    ids = [model.model_id for model in logged]
    made = store.catalog.versions_of(found.info.run_id, ids)[:_MOST_VERSIONS]
    versions = [one for one in made if caller.may_read(Kind.MODEL, one.name)]
    return [
        *(_logged(model, [one for one in versions if one.model_id == model.model_id]) for model in logged),
        *(_unlogged(one) for one in versions if one.model_id not in ids),
    ]


def _logged(model: LoggedModel, versions: list[ModelVersion]) -> dict[str, Any]:
    return {
        "model_id": model.model_id,
        "name": model.name,
        "status": model.status,
        "registered": [_version(one) for one in versions],
    }


def _unlogged(version: ModelVersion) -> dict[str, Any]:
    """A version of files of the run that are no logged model, or of one that is gone."""
    name = posixpath.basename(version.source or "")
    return {"model_id": None, "name": name, "status": version.status, "registered": [_version(version)]}


def _version(version: ModelVersion) -> dict[str, Any]:
    return {
        "name": version.name,
        "version": version.version,
        "stage": version.current_stage,
        "aliases": version.aliases,
    }


def _ledger(store: Store, run_id: str) -> dict[str, Any]:
    """Return what became of all points, and of each key of which not every point is stored."""
    found = store.reads.ledger(run_id)
    totals = {name: getattr(found, name) for name in ("accepted", "stored", "merged", "dropped", "in_flight")}
    return {**totals, "keys": [_of_key(one) for one in found.keys if one.stored != one.accepted]}


def _of_key(entry: KeyLedger) -> dict[str, Any]:
    said = entry.to_dictionary()
    said["stretches"] = [
        {**stretch, "first_step": str(stretch["first_step"]), "last_step": str(stretch["last_step"])}
        for stretch in said["stretches"]
    ]
    return said


def _console(artifacts: Contents) -> str | None:
    """Return the artifact that has what a program printed: by its name, for nothing else tells."""
    try:
        found = next((path for path in _CONSOLES if artifacts.kind(path) == "file"), None)
        if found is not None:
            return found
        listed = (info for folder in _LOG_FOLDERS for info in artifacts.list(folder))
        return next((info.path for info in listed if not info.is_dir and info.path.endswith((".log", ".txt"))), None)
    except (InvalidInput, NotFound):  # a link instead of a folder
        return None


RUN_VIEWS: Final[Mapping[tuple[str, str], Callable[..., View]]] = {
    ("GET", "runs/{run_id}"): run,
    ("PATCH", "runs/{run_id}"): change_run,
    ("POST", "runs/change"): change_runs,
    ("GET", "runs/{run_id}/points"): run_points,
}
"""What can be asked of a run, by method and path."""
