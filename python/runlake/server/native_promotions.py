"""Native views that change the registry: what is said of models and versions, what targets mean, and gates.

`user_id` is who is signed in, whatever a client says; where nobody is asked, it is what the client says. By force is
for those who manage the model.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from runlake import names
from runlake.access import Caller
from runlake.registry import editing, gates, operations
from runlake.server import native_models, native_registry
from runlake.server.view import View
from runlake.store import Store


def edit_model(
    store: Store,
    caller: Caller,
    name: str,
    description: str | None = None,
    tags: dict[str, str | None] | None = None,
    user_id: str | None = None,
) -> View:
    """Change the description and tags of a registered model; a tag with null is removed."""
    editing.edit_model(store, name, description=description, tags=tags, user_id=user_id)
    return native_models.model(store, caller, name)


def edit_version(
    store: Store,
    caller: Caller,
    name: str,
    version: int,
    description: str | None = None,
    tags: dict[str, str | None] | None = None,
    user_id: str | None = None,
) -> View:
    """Change the description and tags of a version; a tag with null is removed."""
    editing.edit_version(store, name, version, description=description, tags=tags, user_id=user_id)
    return native_models.version(store, caller, name, version)


def set_alias(
    store: Store,
    name: str,
    alias: str,
    version: int,
    force: bool = False,
    reason: str | None = None,
    user_id: str | None = None,
) -> View:
    """Let an alias mean a version, when its gate lets it or by force, and say which one it meant before."""
    before = store.catalog.get_registered_model(names.check_model_name(name)).aliases.get(alias)
    operations.set_registered_model_alias(
        *(store, name, alias, version),
        force=force,
        reason=reason,
        user_id=user_id,
    )
    return View(value={"target": f"@{alias}", "version": version, "before": before})


def remove_alias(store: Store, name: str, alias: str, user_id: str | None = None) -> View:
    """Remove an alias of a registered model."""
    operations.delete_registered_model_alias(store, name, alias, user_id=user_id)
    return View(value={"target": f"@{alias}", "version": None})


def move_version(
    store: Store,
    name: str,
    version: int,
    stage: str,
    archive_existing: bool = False,
    force: bool = False,
    reason: str | None = None,
    user_id: str | None = None,
) -> View:
    """Move a version to a stage, when its gate lets it or by force; those that are there go to Archived if wanted."""
    moved = operations.transition_model_version_stage(
        *(store, name, version, stage, archive_existing),
        force=force,
        reason=reason,
        user_id=user_id,
    )
    return View(value={"target": moved.current_stage, "version": moved.version})


def set_gate(
    store: Store,
    name: str,
    target: str,
    require: str | None = None,
    signature: bool = False,
    pinned_environment: bool = False,
    tags: list[str] | None = None,
    better_than: str | None = None,
    approvals: int = 0,
    checks: list[str] | None = None,
    user_id: str | None = None,
) -> View:
    """Set the gate of a stage or an alias, in place of the one that it had."""
    demands = (require, signature, pinned_environment, tags, better_than, approvals, checks)
    made = native_registry.set_gate(store, name, target, *demands, user_id)
    return _said("gate", made)


def remove_gate(store: Store, name: str, target: str, user_id: str | None = None) -> View:
    """Remove the gate of a stage or an alias."""
    gates.delete_gate(store, name, target, user_id=user_id)
    return View(value={"gate": None})


def approve(
    store: Store, name: str, version: int, target: str, comment: str | None = None, user_id: str | None = None
) -> View:
    """Keep that the caller approves of a version for a stage or an alias."""
    return _said("approval", gates.approve(store, name, version, target, comment, user_id=user_id))


def post_check(
    store: Store,
    name: str,
    version: int,
    check: str,
    passed: bool,
    details: str | None = None,
    user_id: str | None = None,
) -> View:
    """Keep the result of a check of a version."""
    return _said("check", gates.post_check(store, name, version, check, passed, details, user_id=user_id))


MODEL_VIEWS: Final[Mapping[tuple[str, str], Callable[..., View]]] = {
    ("GET", "models"): native_models.models,
    ("GET", "models/{name}"): native_models.model,
    ("PATCH", "models/{name}"): edit_model,
    ("GET", "models/{name}/versions"): native_models.versions,
    ("GET", "models/{name}/versions/{version}"): native_models.version,
    ("PATCH", "models/{name}/versions/{version}"): edit_version,
    ("GET", "models/{name}/curve"): native_models.curve,
    ("GET", "models/{name}/columns"): native_models.columns,
    ("GET", "models/{name}/events"): native_models.events,
    ("PUT", "models/{name}/aliases/{alias}"): set_alias,
    ("DELETE", "models/{name}/aliases/{alias}"): remove_alias,
    ("POST", "models/{name}/versions/{version}/stage"): move_version,
    ("GET", "models/{name}/gates"): native_models.gates_of,
    ("PUT", "models/{name}/gates/{target}"): set_gate,
    ("DELETE", "models/{name}/gates/{target}"): remove_gate,
    ("POST", "models/{name}/versions/{version}/approvals"): approve,
    ("POST", "models/{name}/versions/{version}/checks"): post_check,
}
"""Every view of the registry, by the method and the path under which it is asked for."""


def _said(what: str, made: Any) -> View:
    return View(value={what: made.to_dictionary()})
