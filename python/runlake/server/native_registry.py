"""Native calls on the registry that MLflow's wire does not have, as functions in one table; see `native_calls`.

`user_id` is who is signed in, whatever a client says; where nobody is asked, it is what the client says.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from runlake import names
from runlake.entities import ChainHead, ModelVersion, RegistryEvent, VersionLineage
from runlake.errors import InvalidInput
from runlake.promotion import Approval, CheckResult, Gate, GateReport
from runlake.registry import gates, operations, origins
from runlake.store import Store

_MOST_EVENTS: Final = 10_000


def set_stage(
    store: Store, name: str, version: int, stage: str, archive: bool, user_id: str | None = None
) -> ModelVersion:
    """Move a version to a stage."""
    return operations.transition_model_version_stage(store, name, version, stage, archive, user_id=user_id)


def force_stage(
    store: Store, name: str, version: int, stage: str, archive: bool, reason: str, user_id: str | None = None
) -> ModelVersion:
    """Move a version to a stage, whatever its gate finds."""
    return operations.transition_model_version_stage(
        store, name, version, stage, archive, force=True, reason=reason, user_id=user_id
    )


def set_alias(store: Store, name: str, alias: str, version: int, user_id: str | None = None) -> None:
    """Let an alias mean a version."""
    operations.set_registered_model_alias(store, name, alias, version, user_id=user_id)


def force_alias(store: Store, name: str, alias: str, version: int, reason: str, user_id: str | None = None) -> None:
    """Let an alias mean a version, whatever its gate finds."""
    operations.set_registered_model_alias(store, name, alias, version, force=True, reason=reason, user_id=user_id)


# -- gates


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
) -> Gate:
    """Set the gate of a stage or an alias."""
    return gates.set_gate(
        *(store, name, target),
        require=require,
        signature=signature,
        pinned_environment=pinned_environment,
        tags=tags or (),
        better_than=better_than,
        approvals=approvals,
        check=checks,
        user_id=user_id,
    )


def get_gates(store: Store, name: str) -> list[Gate]:
    """Return the gates of a registered model."""
    return gates.get_gates(store, name)


def delete_gate(store: Store, name: str, target: str, user_id: str | None = None) -> None:
    """Remove the gate of a stage or an alias."""
    gates.delete_gate(store, name, target, user_id=user_id)


def approve_version(
    store: Store, name: str, version: int, target: str, comment: str | None = None, user_id: str | None = None
) -> Approval:
    """Keep that the caller approves of a version for a stage or an alias."""
    return gates.approve(store, name, version, target, comment, user_id=user_id)


def post_check(
    store: Store,
    name: str,
    version: int,
    check: str,
    passed: bool,
    details: str | None = None,
    user_id: str | None = None,
) -> CheckResult:
    """Keep the result of a check of a version."""
    return gates.post_check(store, name, version, check, passed, details, user_id=user_id)


def get_approvals(store: Store, name: str, version: int) -> list[Approval]:
    """Return the approvals of a version."""
    return gates.get_approvals(store, name, version)


def get_checks(store: Store, name: str, version: int) -> list[CheckResult]:
    """Return the latest result of each check of a version."""
    return gates.get_checks(store, name, version)


def evaluate_gate(store: Store, name: str, version: int, target: str, user_id: str | None = None) -> GateReport:
    """Say what the gate of a stage or an alias finds of a version."""
    return gates.evaluate(store, name, version, target, user_id=user_id)


# -- what was done


def version_lineage(store: Store, name: str, version: int) -> VersionLineage:
    """Return where a version comes from."""
    return origins.lineage(store, name, version)


def model_events(store: Store, name: str, after: int, limit: int) -> list[RegistryEvent]:
    """Return what was done to a registered model that is there."""
    return store.catalog.model_events(names.check_model_name(name), after=after, limit=_checked(limit))


def registry_events(store: Store, name: str | None, after: int, limit: int) -> list[RegistryEvent]:
    """Return what was done to all models, or to all that have or had a name."""
    return store.catalog.registry_events(name, after=after, limit=_checked(limit))


def verify_registry_events(store: Store) -> ChainHead:
    """Check the chain of events, and return where it ends."""
    return store.catalog.verify_registry_events()


REGISTRY_CALLS: Final[Mapping[str, Callable[..., Any]]] = {
    call.__name__: call
    for call in (
        *(set_stage, force_stage, set_alias, force_alias),
        *(set_gate, get_gates, delete_gate, approve_version, post_check, evaluate_gate),
        *(get_approvals, get_checks),
        *(version_lineage, model_events, registry_events, verify_registry_events),
    )
}
"""Every call, by the name under which it is made."""


def _checked(limit: int) -> int:
    if not 0 < limit <= _MOST_EVENTS:
        raise InvalidInput(f"limit is {limit}; it must be from 1 to {_MOST_EVENTS:,}")
    return limit
