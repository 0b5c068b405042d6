"""Native views of the registry: what pages show of models, versions, gates and events; see `native_views`.

Whoever may read a model sees its versions, and of their runs what may be read of the runs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Final

from runlake import names
from runlake.access import Caller, Kind, Level, Scope
from runlake.entities import ModelVersion, RegisteredModel, RegistryEvent
from runlake.errors import Corrupt, InvalidInput
from runlake.promotion import Gate
from runlake.registry import contents, gates, overview, version_runs
from runlake.registry.origins import lineage
from runlake.registry.targets import ACTIVE_STAGES
from runlake.server.view import View
from runlake.store import Store

_MOST_LISTED: Final = 1000
_MOST_DRAWN: Final = 20_000
_RECENT: Final = 100  # versions whose runs are asked which columns there are
_MOST_HOLDERS: Final = 20
_MOST_ACTIONS: Final = 50
_CHARACTERS: Final = 1000
_MOST_VALUES: Final = 500
_NUMBERS: Final = {float("inf"): "Infinity", float("-inf"): "-Infinity"}


def models(
    store: Store, caller: Caller, q: str = "", sort: str | None = None, offset: int = 0, limit: int = 100
) -> View:
    """List registered models with their aliases and what is in each stage, those that changed last first."""
    _check("offset", offset, 1 << 62)
    _check("limit", limit, _MOST_LISTED)
    tx = store.catalog.tx()
    found, total = overview.list_models(
        *(store, q, sort),
        offset=offset,
        limit=limit,
        may_read=lambda name: caller.may_read(Kind.MODEL, name),
    )
    listed = [{**_model(one.model), "versions": one.versions} for one in found]
    for one in listed:
        one["description"] = _cut(one["description"])
        one["tags"] = {key: _cut(value) for key, value in one["tags"].items()}
    return View(value={"models": listed, "total": total, "tx": tx}, tx=tx, total=total)


def model(store: Store, caller: Caller, name: str) -> View:
    """Describe a registered model, with its gates and what the caller may do with it."""
    tx = store.catalog.tx()
    found = store.catalog.get_registered_model(names.check_model_name(name))
    versions = version_runs.VersionRuns(store, name, lambda _place: True).versions
    level = caller.level(Kind.MODEL, name)
    may = {
        "may_edit": level >= Level.EDIT and caller.scope >= Scope.WRITE,
        "may_manage": level >= Level.MANAGE and caller.scope >= Scope.WRITE,
    }
    guarded = [gate.target for gate in store.catalog.gates(name)]
    told = {**_model(found), "versions": len(versions), "gates": guarded, "user": caller.name, **may}
    return View(value={"model": told, "tx": tx}, tx=tx)


def versions(
    store: Store,
    caller: Caller,
    name: str,
    columns: list[str] | None = None,
    sort: str | None = None,
    stage: str | None = None,
    offset: int = 0,
    limit: int = 50,
) -> View:
    """List versions of a registered model, the highest first, with columns of the runs that made them."""
    _check("offset", offset, 1 << 62)
    _check("limit", limit, _MOST_LISTED)
    runs = _runs_of(store, caller, name, stage)
    piece = runs.in_order(sort)[offset : offset + limit]
    made = runs.made_by(piece, columns or ())
    listed = [{**_version(one), "run": _run(made.get(one.version))} for one in runs.entities(piece)]
    for one in listed:
        one["description"] = _cut(one["description"])
        one["tags"] = {key: _cut(value) for key, value in one["tags"].items()}
    return View(value={"versions": listed, "total": len(runs.versions)}, total=len(runs.versions))


def curve(store: Store, caller: Caller, name: str, column: str) -> View:
    """Give one column of the runs of a model's versions, of many the latest, to be drawn over the versions."""
    runs = _runs_of(store, caller, name)
    drawn = runs.versions[:_MOST_DRAWN][::-1]
    made = runs.made_by(drawn, [column])
    values = [made[version].values[column] if version in made else None for version in drawn]
    return View(value={"column": column, "versions": drawn, "values": values, "total": len(runs.versions)})


def columns(
    store: Store, caller: Caller, name: str, q: str = "", kind: list[str] | None = None, limit: int = 50
) -> View:
    """Find columns of the runs of the latest versions by a part of their names, the best match first."""
    from runlake import query

    runs = _runs_of(store, caller, name)
    question = runs.question(runs.versions[:_RECENT])
    if question is None:
        return View(value={"columns": [], "total": 0}, total=0)
    _, total, frame = query.search_columns(store, question, q, kind=kind or (), limit=limit)
    return View(value={"columns": query.to_rows(frame), "total": total}, total=total)


def version(store: Store, caller: Caller, name: str, version: int) -> View:
    """Describe a version: what its files say, where it comes from, what its run measured, and what was said of it."""
    tx = store.catalog.tx()
    found = store.catalog.get_version(names.check_model_name(name), version)
    told: dict[str, Any] = {**_version(found), "run": None}
    if found.run_id is not None and _may_read_run(store, caller, found.run_id):
        origin = lineage(store, name, version).to_dictionary()
        told["run"] = {
            **{key: value for key, value in origin.items() if key not in told},
            **_values(store, found.run_id),
        }
        told["run"]["run_id"] = found.run_id
    told["contents"] = _contents(store, name, version)
    told["approvals"] = [approval.to_dictionary() for approval in store.catalog.approvals(name, version)]
    told["checks"] = [result.to_dictionary() for result in store.catalog.checks(name, version)]
    return View(value={"version": told, "tx": tx}, tx=tx)


def events(
    store: Store,
    caller: Caller,
    name: str,
    version: int | None = None,
    actions: list[str] | None = None,
    before: int | None = None,
    limit: int = 50,
    verify: bool = False,
) -> View:
    """Tell what was done to a model, or to a version of it, the latest first; and whether the log is intact."""
    _check("limit", limit, _MOST_LISTED)
    _check("the number of actions", len(actions or ()), _MOST_ACTIONS)
    found = store.catalog.latest_model_events(
        names.check_model_name(name), before=before, version=version, actions=actions or (), limit=limit + 1
    )
    value: dict[str, Any] = {"events": [_event(event) for event in found[:limit]], "more": len(found) > limit}
    return View(value={**value, "chain": _chain(store)} if verify else value)


def gates_of(store: Store, caller: Caller, name: str, version: int | None = None, user_id: str | None = None) -> View:
    """Tell of each target of a model who holds it, what its gate demands, and what it finds of a version."""
    found = store.catalog.get_registered_model(names.check_model_name(name))
    if version is not None:
        store.catalog.get_version(name, version)
    demanded = {gate.target: gate for gate in store.catalog.gates(name)}
    aliases = {f"@{alias}": holder for alias, holder in found.aliases.items()}
    targets = [*ACTIVE_STAGES, *sorted({*aliases, *demanded} - {*ACTIVE_STAGES})]
    told = []
    for target in targets:
        holders, held = _holders(store, name, target, aliases)
        gate = demanded.get(target)
        report = None
        if version is not None:
            report = gates.evaluate(store, name, version, target, user_id=user_id).to_dictionary()
        told.append(
            {
                "target": target,
                "holders": holders,
                "held": held,
                "gate": None if gate is None else _gate(gate),
                "report": report,
            }
        )
    return View(value={"version": version, "targets": told})


def _runs_of(store: Store, caller: Caller, name: str, stage: str | None = None) -> version_runs.VersionRuns:
    def may_read(experiment_id: str) -> bool:
        return caller.may_read(Kind.EXPERIMENT, experiment_id)

    return version_runs.VersionRuns(store, names.check_model_name(name), may_read, stage)


def _may_read_run(store: Store, caller: Caller, run_id: str) -> bool:
    place = store.catalog.run_experiment([run_id]).get(run_id)
    return place is not None and caller.may_read(Kind.EXPERIMENT, place)


def _model(found: RegisteredModel) -> dict[str, Any]:
    latest = found.latest_versions[-1] if found.latest_versions else None
    return {
        "name": found.name,
        "description": found.description or "",
        "tags": found.tags,
        "creation_time": found.creation_timestamp,
        "last_updated": found.last_updated_timestamp,
        "latest": None if latest is None else {"version": latest.version, "stage": latest.current_stage},
        "aliases": dict(sorted(found.aliases.items())),
        "stages": {one.current_stage: one.version for one in found.latest_versions if one.current_stage != "None"},
    }


def _version(found: ModelVersion) -> dict[str, Any]:
    return {
        "version": found.version,
        "stage": found.current_stage,
        "aliases": found.aliases,
        "status": found.status,
        "creation_time": found.creation_timestamp,
        "last_updated": found.last_updated_timestamp,
        "user_id": found.user_id,
        "description": found.description or "",
        "tags": found.tags,
        "run_id": found.run_id,
        "model_id": found.model_id,
        "source": found.source,
    }


def _run(made: version_runs.MadeBy | None) -> dict[str, Any] | None:
    return None if made is None else asdict(made)


def _values(store: Store, run_id: str) -> dict[str, Any]:
    """Return a run's state, its parameters and its latest metrics, of each the first few hundred by name."""
    run = store.get_run(run_id)
    metrics, params = sorted(run.data.metrics.items()), sorted(run.data.params.items())
    return {
        "status": run.info.status,
        "lifecycle_stage": run.info.lifecycle_stage,
        "start_time": run.info.start_time,
        "metrics": {key: _number(value) for key, value in metrics[:_MOST_VALUES]},
        "metrics_total": len(metrics),
        "params": {key: _cut(value) for key, value in params[:_MOST_VALUES]},
        "params_total": len(params),
    }


def _contents(store: Store, name: str, version: int) -> dict[str, Any]:
    from runlake.models.signature_rows import SIGNATURE, signature_rows

    found = contents.contents_of(store, name, version)
    rows = () if found.signature is None else signature_rows(found.signature)
    return {
        "missing": found.missing,
        "signature": None if found.signature is None else [dict(zip(SIGNATURE, row, strict=True)) for row in rows],
        "flavors": {name: _plain(keys) for name, keys in found.flavors.items()},
        "requirements": found.requirements,
        **{name: _plain(value) for name, value in found.others.items()},
    }


def _event(event: RegistryEvent) -> dict[str, Any]:
    return {
        "number": event.number,
        "at_ms": event.at_ms,
        "user_id": event.user_id,
        "action": event.action,
        "name": event.name,
        "version": event.version,
        "payload": _plain(event.payload),
        "hash": event.hash,
    }


def _chain(store: Store) -> dict[str, Any]:
    try:
        head = store.catalog.verify_registry_events()
    except Corrupt as error:
        return {"intact": False, "message": error.message}
    return {"intact": True, "events": head.events, "hash": head.hash}


def _holders(store: Store, name: str, target: str, aliases: Mapping[str, int]) -> tuple[list[int], int]:
    """Return the versions that a target means, of many the highest, and how many they are."""
    if target.startswith("@"):
        holders = [aliases[target]] if target in aliases else []
        return holders, len(holders)
    return store.catalog.stage_holders(name, target, _MOST_HOLDERS)


def _gate(gate: Gate) -> dict[str, Any]:
    return {key: value for key, value in gate.to_dictionary().items() if key not in ("name", "target")}


def _number(value: float) -> float | str:
    return "NaN" if value != value else _NUMBERS.get(value, value)


def _cut(text: str) -> str:
    return text if len(text) <= _CHARACTERS else f"{text[:_CHARACTERS]}…"


def _plain(value: Any) -> Any:
    """Return a value that a file or a payload has as JSON may have it, with long texts cut."""
    match value:
        case None | bool():
            return value
        case int():
            return value if abs(value) < 1 << 63 else str(value)
        case float():
            return _number(value)
        case str():
            return _cut(value)
        case Mapping():
            return {str(key): _plain(inner) for key, inner in value.items()}
        case list() | tuple():
            return [_plain(inner) for inner in value]
    return _cut(str(value))


def _check(name: str, value: int, most: int) -> None:
    if not 0 <= value <= most:
        raise InvalidInput(f"{name} is {value}; it must be from 0 to {most:,}")
