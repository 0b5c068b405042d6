"""The registry of the store in force: registered models, their versions, what guards them and what was done to them.

    from runlake import registry

    registry.create_registered_model("churn")
    registry.set_gate("churn", "@champion", require="metrics.val_auc > 0.89", signature=True, approvals=1)
    version = registry.create_model_version("churn", f"runs:/{run_id}/model", run_id).version
    registry.evaluate("churn", version, "@champion").unmet
    registry.set_registered_model_alias("churn", "champion", version)    # or PromotionRefused, with each unmet rule
    registry.lineage("churn", version).git_commit
    registry.log("churn")

Functions that MLflow's client has are its methods, with its signatures. The rest is ours: docs/registry.md.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from runlake import config
from runlake.entities import ChainHead, ModelVersion, RegistryEvent, VersionLineage
from runlake.errors import PromotionRefused, VersionInUse
from runlake.promotion import Approval, CheckResult, Gate, GateReport, RuleOutcome
from runlake.registry import events, gates, operations, origins
from runlake.registry.current import in_force, store
from runlake.registry.methods import RegistryMethods

__all__ = [
    "Approval",
    "CheckResult",
    "Gate",
    "GateReport",
    "PromotionRefused",
    "RuleOutcome",
    "VersionInUse",
    "approve",
    "copy_model_version",
    "create_model_version",
    "create_registered_model",
    "delete_gate",
    "delete_model_version",
    "delete_model_version_tag",
    "delete_registered_model",
    "delete_registered_model_alias",
    "delete_registered_model_tag",
    "evaluate",
    "get_approvals",
    "get_checks",
    "get_gates",
    "get_latest_versions",
    "get_model_version",
    "get_model_version_by_alias",
    "get_model_version_download_uri",
    "get_model_version_stages",
    "get_registered_model",
    "lineage",
    "log",
    "post_check",
    "rename_registered_model",
    "search_model_versions",
    "search_registered_models",
    "set_gate",
    "set_model_version_tag",
    "set_registered_model_alias",
    "set_registered_model_tag",
    "transition_model_version_stage",
    "update_model_version",
    "update_registered_model",
    "verify",
]

create_registered_model = in_force(RegistryMethods.create_registered_model)
get_registered_model = in_force(RegistryMethods.get_registered_model)
rename_registered_model = in_force(RegistryMethods.rename_registered_model)
update_registered_model = in_force(RegistryMethods.update_registered_model)
delete_registered_model = in_force(RegistryMethods.delete_registered_model)
search_registered_models = in_force(RegistryMethods.search_registered_models)
get_latest_versions = in_force(RegistryMethods.get_latest_versions)
set_registered_model_tag = in_force(RegistryMethods.set_registered_model_tag)
delete_registered_model_tag = in_force(RegistryMethods.delete_registered_model_tag)
create_model_version = in_force(RegistryMethods.create_model_version)
copy_model_version = in_force(RegistryMethods.copy_model_version)
get_model_version = in_force(RegistryMethods.get_model_version)
get_model_version_download_uri = in_force(RegistryMethods.get_model_version_download_uri)
get_model_version_stages = in_force(RegistryMethods.get_model_version_stages)
update_model_version = in_force(RegistryMethods.update_model_version)
delete_model_version = in_force(RegistryMethods.delete_model_version)
search_model_versions = in_force(RegistryMethods.search_model_versions)
set_model_version_tag = in_force(RegistryMethods.set_model_version_tag)
delete_model_version_tag = in_force(RegistryMethods.delete_model_version_tag)
delete_registered_model_alias = in_force(RegistryMethods.delete_registered_model_alias)
get_model_version_by_alias = in_force(RegistryMethods.get_model_version_by_alias)


def transition_model_version_stage(
    name: str,
    version: int | str,
    stage: str,
    archive_existing_versions: bool = False,
    *,
    force: bool = False,
    reason: str | None = None,
) -> ModelVersion:
    """Move a version to a stage, when the gate of the stage lets it.

    Args:
        archive_existing_versions: Move those that are there to Archived, in the same transaction.
        force: Whether to do so whatever the gate finds.
        reason: Why, with `force`; it is kept in the log, with the rules that were not met.

    Raises:
        PromotionRefused: rules of the gate are not met; the error names each with what it found.
    """
    return operations.transition_model_version_stage(
        *(store(), name, version, stage, archive_existing_versions),
        force=force,
        reason=reason,
        user_id=config.os_user(),
    )


def set_registered_model_alias(
    name: str, alias: str, version: int | str, *, force: bool = False, reason: str | None = None
) -> None:
    """Let an alias mean a version, at once and for everybody, when the gate of the alias lets it.

    Args:
        force: Whether to do so whatever the gate finds.
        reason: Why, with `force`; it is kept in the log, with the rules that were not met.

    Raises:
        PromotionRefused: rules of the gate are not met; the error names each with what it found.
    """
    operations.set_registered_model_alias(
        store(), name, alias, version, force=force, reason=reason, user_id=config.os_user()
    )


# -- gates


def set_gate(
    name: str,
    target: str,
    *,
    require: str | None = None,
    signature: bool = False,
    pinned_environment: bool = False,
    tags: str | Iterable[str] = (),
    better_than: str | None = None,
    approvals: int = 0,
    check: str | Iterable[str] | None = None,
) -> Gate:
    """Demand of every version that is to become `target` what the rules say; the gate that was there is replaced.

    Args:
        target: `Staging`, `Production`, or an alias: `@champion`.
        require: A filter on the version's run: `metrics.val_auc > 0.89 AND params.seed IS NOT NULL`.
        signature: Its MLmodel has a signature with inputs.
        pinned_environment: Its requirements.txt names exactly one version of each package.
        tags: Keys of tags that the version, or its run, has.
        better_than: `@champion by max(metrics.val_auc)`: the latest value of the metric is larger, with `min` smaller,
            than that of every version that the target means, or else of the last that it meant.
        approvals: So many users approve, the one who promotes not counted.
        check: Name, or names, of checks whose latest result is good.

    Raises:
        NotFound: there is no such model.
        InvalidInput: the target is none, there is no rule, or a mistake in one, shown in its place.
    """
    return gates.set_gate(
        *(store(), name, target),
        require=require,
        signature=signature,
        pinned_environment=pinned_environment,
        tags=tags,
        better_than=better_than,
        approvals=approvals,
        check=check,
        user_id=config.os_user(),
    )


def get_gates(name: str) -> list[Gate]:
    """Return the gates of a model, by target."""
    return gates.get_gates(store(), name)


def delete_gate(name: str, target: str) -> None:
    """Remove the gate of a target.

    Raises:
        NotFound: it has none.
    """
    gates.delete_gate(store(), name, target, user_id=config.os_user())


def approve(name: str, version: int | str, target: str, *, comment: str | None = None) -> Approval:
    """Say, as the user of this process or of the server, that a version may become what a target means.

    It is for this version and this target, whatever rules the gate has or gets.
    """
    number = operations.version_number(version)
    return gates.approve(store(), name, number, target, comment, user_id=config.os_user())


def post_check(name: str, version: int | str, check: str, passed: bool, details: Any = None) -> CheckResult:
    """Post the result of a check that was made elsewhere; the latest one counts, and the log has them all.

    Args:
        details: Text, or anything that JSON has.
    """
    text = details if details is None or isinstance(details, str) else json.dumps(details, ensure_ascii=False)
    number = operations.version_number(version)
    return gates.post_check(store(), name, number, check, passed, text, user_id=config.os_user())


def get_approvals(name: str, version: int | str) -> list[Approval]:
    """Return the approvals of a version, by target and time."""
    return gates.get_approvals(store(), name, operations.version_number(version))


def get_checks(name: str, version: int | str) -> list[CheckResult]:
    """Return the latest result of each check of a version, by name."""
    return gates.get_checks(store(), name, operations.version_number(version))


def evaluate(name: str, version: int | str, target: str) -> GateReport:
    """Say what the gate of a target finds of a version, if this user were to promote it; nothing is changed.

    Returns:
        Each rule with what it demands and what it found; `passed` when all are met, and without a gate.
    """
    return gates.evaluate(store(), name, operations.version_number(version), target, user_id=config.os_user())


# -- what was done


def lineage(name: str, version: int | str) -> VersionLineage:
    """Return where a version comes from: its run, the data sets that the run read, the commit that it ran from.

    Raises:
        NotFound: there is no such version. That its run is not in the store is no error.
    """
    return origins.lineage(store(), name, version)


def log(name: str | None = None) -> list[RegistryEvent]:
    """Return who did what when, oldest first: to all models, or to those that have or had a name.

    On a server, what was done to models that are gone is for administrators.
    """
    return events.log(store(), name)


def verify() -> ChainHead:
    """Check that no event was changed or taken away, and return how many there are with the hash of the last.

    That the end was cut off shows when the hash was kept elsewhere.

    Raises:
        Corrupt: an event is not what was written, or one is missing.
    """
    return store().catalog.verify_registry_events()
