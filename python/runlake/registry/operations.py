"""Operations on the registry of one store, here or on a server: what is legal, and what a source leads to.

Rules and words are MLflow's. Who does something is `user_id`; None when nobody has said, and a server knows better.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from runlake import names
from runlake.catalog import NewVersion, Stamp
from runlake.entities import ModelVersion, PagedList, RegisteredModel
from runlake.errors import AlreadyExists, InvalidInput, NotFound
from runlake.lifecycle import now_ms
from runlake.model_sources import Lineage, find_version, resolve_source, version_files
from runlake.model_uris import STAGES, canonical_stage, parse_models_uri
from runlake.registry import gates
from runlake.registry.targets import ACTIVE_STAGES
from runlake.remote.store import RemoteStore

if TYPE_CHECKING:
    from runlake.promotion import PromotionState
    from runlake.stores import AnyStore

MOST_MODELS: Final = 1000
MOST_VERSIONS: Final = 200_000


def version_number(version: object) -> int:
    """Return the number that a version is named by."""
    try:
        return int(str(version))
    except ValueError:
        raise InvalidInput(f"Parameter 'version' must be an integer, got '{version}'.") from None


# -- registered models


def create_registered_model(
    store: AnyStore,
    name: str,
    tags: Mapping[str, Any] | None = None,
    description: str | None = None,
    *,
    user_id: str | None = None,
) -> RegisteredModel:
    """Create a registered model without versions.

    Raises:
        AlreadyExists: one has that name.
        InvalidInput: the name or a tag is not legal.
    """
    return store.catalog.create_registered_model(
        names.check_model_name(name),
        tags=checked_tags(tags or {}),
        description=checked_description(description),
        stamp=_stamp(user_id),
    )


def get_registered_model(store: AnyStore, name: str) -> RegisteredModel:
    """Return a registered model.

    Raises:
        NotFound: none has that name.
    """
    return store.catalog.get_registered_model(names.check_model_name(name))


def rename_registered_model(
    store: AnyStore, name: str, new_name: str, *, user_id: str | None = None
) -> RegisteredModel:
    """Give a registered model another name; its versions and aliases go with it.

    Raises:
        AlreadyExists: one has the new name.
    """
    checked = names.check_model_name(new_name, "new_name")
    return store.catalog.rename_registered_model(names.check_model_name(name), checked, _stamp(user_id))


def update_registered_model(
    store: AnyStore, name: str, description: str | None, *, user_id: str | None = None
) -> RegisteredModel:
    """Give a registered model another description."""
    name, description = names.check_model_name(name), checked_description(description)
    return store.catalog.update_registered_model(name, description, _stamp(user_id))


def delete_registered_model(store: AnyStore, name: str, *, user_id: str | None = None) -> None:
    """Remove a registered model with all of its versions, tags, aliases and gates.

    Raises:
        VersionInUse: one of its versions is what a stage or an alias with a gate means.
    """
    store.catalog.delete_registered_model(names.check_model_name(name), _stamp(user_id))


def search_registered_models(
    store: AnyStore,
    filter_string: str | None = None,
    max_results: int = 100,
    order_by: Sequence[str] | None = None,
    page_token: str | None = None,
    *,
    may_read: Callable[[str], bool] | None = None,
) -> PagedList[RegisteredModel]:
    """Return one page of the registered models that a filter selects, by name unless `order_by` says otherwise.

    Args:
        may_read: Tells by its name whether a model may be found; None is all.
    """
    size = _page_size(max_results, MOST_MODELS)
    return store.reads.search_registered_models(filter_string, size, order_by, page_token, may_read=may_read)


def get_latest_versions(store: AnyStore, name: str, stages: Sequence[str] | None = None) -> list[ModelVersion]:
    """Return the highest version in each of some stages, or in every one."""
    wanted = {canonical_stage(stage) for stage in stages or STAGES}
    found = get_registered_model(store, name).latest_versions
    return [version for version in found if version.current_stage in wanted]


def set_registered_model_tag(store: AnyStore, name: str, key: str, value: Any, *, user_id: str | None = None) -> None:
    """Set a tag of a registered model."""
    ((key, text),) = checked_tags({key: value}).items()
    store.catalog.set_registered_model_tag(names.check_model_name(name), key, text, _stamp(user_id))


def delete_registered_model_tag(store: AnyStore, name: str, key: str, *, user_id: str | None = None) -> None:
    """Remove a tag of a registered model; nothing happens when there is none."""
    store.catalog.delete_registered_model_tag(
        names.check_model_name(name), names.check_key(key, "tag"), _stamp(user_id)
    )


# -- versions


def create_model_version(
    store: AnyStore,
    name: str,
    source: str,
    run_id: str | None = None,
    tags: Mapping[str, Any] | None = None,
    run_link: str | None = None,
    description: str | None = None,
    model_id: str | None = None,
    *,
    local_sources: bool = True,
    user_id: str | None = None,
) -> ModelVersion:
    """Add the next version to a registered model.

    Args:
        run_id: None takes that of the model, or the version, that `source` names.
        local_sources: Whether `source` may be a path, inside the artifacts of the run or the model.

    Raises:
        NotFound: no registered model has that name.
        InvalidInput: the source is not one of this store's, or not of the run or model that is named with it.
    """
    name, texts = names.check_model_name(name), checked_tags(tags or {})
    lineage = _lineage(store, source, run_id, model_id, texts, local=local_sources)
    new = NewVersion(
        *(name, lineage.source, lineage.storage, lineage.run_id, lineage.model_id),
        run_link=None if run_link is None else _run_link(run_link),
        description=checked_description(description),
        tags=texts,
    )
    return store.catalog.create_version(new, _stamp(user_id))


def copy_model_version(store: AnyStore, source_uri: str, name: str, *, user_id: str | None = None) -> ModelVersion:
    """Add a version to a registered model, made if need be, that is a version which a `models:/` URI names.

    Raises:
        InvalidInput: the URI names no version.
        NotFound: there is no such version.
    """
    uri = parse_models_uri(source_uri)
    if uri.name is None:
        raise InvalidInput(f"{source_uri!r} names a logged model and no version", hint="write models:/name/version")
    found = find_version(store, uri)
    with contextlib.suppress(AlreadyExists):
        create_registered_model(store, name, user_id=user_id)
    return create_model_version(
        *(store, name, f"models:/{found.name}/{found.version}", found.run_id, found.tags, found.run_link),
        *(found.description, found.model_id),
        user_id=user_id,
    )


def download_uri(store: AnyStore, name: str, version: object) -> str:
    """Return where the files of a version are: a path on this machine, or a URI for those that are elsewhere."""
    name, number = names.check_model_name(name), version_number(version)
    if not isinstance(store, RemoteStore):
        with contextlib.suppress(NotFound):
            files, folder = version_files(store, name, number)
            return files.uri(folder or None)
    return store.catalog.version_storage(name, number)


def get_model_version(store: AnyStore, name: str, version: object) -> ModelVersion:
    """Return a version.

    Raises:
        NotFound: there is none.
    """
    return store.catalog.get_version(names.check_model_name(name), version_number(version))


def get_model_version_by_alias(store: AnyStore, name: str, alias: str) -> ModelVersion:
    """Return the version that an alias means; `latest` is the highest one, whatever its stage.

    Raises:
        NotFound: no registered model has that name.
        InvalidInput: it has no such alias.
    """
    name, alias = names.check_model_name(name), names.check_alias(alias)
    if alias.lower() == "latest":
        versions = get_latest_versions(store, name)
        if not versions:
            raise NotFound(f"Latest version not found for model {name}.")
        return versions[-1]
    return store.catalog.get_version_by_alias(name, alias)


def update_model_version(
    store: AnyStore, name: str, version: object, description: str | None, *, user_id: str | None = None
) -> ModelVersion:
    """Give a version another description."""
    name, number, description = names.check_model_name(name), version_number(version), checked_description(description)
    return store.catalog.update_version(name, number, description, _stamp(user_id))


def transition_model_version_stage(
    store: AnyStore,
    name: str,
    version: object,
    stage: str,
    archive_existing_versions: bool = False,
    *,
    force: bool = False,
    reason: str | None = None,
    user_id: str | None = None,
) -> ModelVersion:
    """Move a version to a stage, when the gate of the stage lets it.

    Args:
        archive_existing_versions: Move those that are there to Archived, in the same transaction.
        force: Whether to do so whatever the gate finds; that needs a reason and is in the log.

    Raises:
        PromotionRefused: rules of the gate are not met.
        InvalidInput: there is no such stage, or none that is served from and the others are to be archived.
    """
    target = canonical_stage(stage)
    if archive_existing_versions and target not in ACTIVE_STAGES:
        raise InvalidInput(
            "Model version transition cannot archive existing model versions because"
            f" '{stage}' is not an Active stage. Valid stages are {list(ACTIVE_STAGES)}"
        )
    name, number = names.check_model_name(name), version_number(version)
    if isinstance(store, RemoteStore):
        fields = {"name": name, "version": number, "stage": target, "archive": archive_existing_versions}
        moved: ModelVersion = _promote_there(store, "stage", {**fields, "user_id": user_id}, force, reason)
        return moved
    catalog, stamp = store.catalog, _stamp(user_id)

    def change(state: PromotionState | None, told: Mapping[str, Any]) -> ModelVersion | None:
        archive = archive_existing_versions
        return catalog.move_version(name, number, target, archive=archive, stamp=stamp, state=state, told=told)

    return gates.promote(store, name, number, target, change, user_id=user_id, force=force, reason=reason)


def delete_model_version(store: AnyStore, name: str, version: object, *, user_id: str | None = None) -> None:
    """Remove a version and the aliases that mean it.

    Raises:
        VersionInUse: it is what a stage or an alias with a gate means.
    """
    store.catalog.delete_version(names.check_model_name(name), version_number(version), _stamp(user_id))


def search_model_versions(
    store: AnyStore,
    filter_string: str | None = None,
    max_results: int = 10_000,
    order_by: Sequence[str] | None = None,
    page_token: str | None = None,
    *,
    may_read: Callable[[str], bool] | None = None,
) -> PagedList[ModelVersion]:
    """Return one page of the versions that a filter selects; without `order_by` what changed last comes first.

    Args:
        may_read: Tells by the name of its model whether a version may be found; None is all.
    """
    size = _page_size(max_results, MOST_VERSIONS)
    return store.reads.search_model_versions(filter_string, size, order_by, page_token, may_read=may_read)


def set_model_version_tag(
    store: AnyStore, name: str, version: object, key: str, value: Any, *, user_id: str | None = None
) -> None:
    """Set a tag of a version."""
    ((key, text),) = checked_tags({key: value}).items()
    store.catalog.set_version_tag(names.check_model_name(name), version_number(version), key, text, _stamp(user_id))


def version_of(store: AnyStore, name: str, version: object | None, stage: str | None) -> int:
    """Return the number of the version that is given, or of the latest in a stage.

    Raises:
        InvalidInput: both are given, or neither.
        NotFound: no version is in that stage.
    """
    if (version is None) == (stage is None):
        raise InvalidInput("exactly one of version and stage has to be given")
    if stage is None:
        return version_number(version)
    found = get_latest_versions(store, name, [stage])
    if not found:
        raise NotFound(f"no version of {name!r} is in the stage {canonical_stage(stage)}")
    return found[-1].version


def delete_model_version_tag(
    store: AnyStore, name: str, version: object, key: str, *, user_id: str | None = None
) -> None:
    """Remove a tag of a version; nothing happens when there is none."""
    name, number, key = names.check_model_name(name), version_number(version), names.check_key(key, "tag")
    store.catalog.delete_version_tag(name, number, key, _stamp(user_id))


# -- aliases


def set_registered_model_alias(
    store: AnyStore,
    name: str,
    alias: str,
    version: object,
    *,
    force: bool = False,
    reason: str | None = None,
    user_id: str | None = None,
) -> None:
    """Let an alias mean a version, at once and for everybody, when the gate of the alias lets it.

    Args:
        force: Whether to do so whatever the gate finds; that needs a reason and is in the log.

    Raises:
        PromotionRefused: rules of the gate are not met.
    """
    name, alias, number = names.check_model_name(name), names.check_new_alias(alias), version_number(version)
    if isinstance(store, RemoteStore):
        fields = {"name": name, "alias": alias, "version": number, "user_id": user_id}
        _promote_there(store, "alias", fields, force, reason)
        return
    catalog, stamp = store.catalog, _stamp(user_id)

    def change(state: PromotionState | None, told: Mapping[str, Any]) -> bool:
        return catalog.set_alias(name, alias, number, stamp=stamp, state=state, told=told)

    gates.promote(store, name, number, f"@{alias}", change, user_id=user_id, force=force, reason=reason)


def delete_registered_model_alias(store: AnyStore, name: str, alias: str, *, user_id: str | None = None) -> None:
    """Remove an alias; nothing happens when there is none."""
    store.catalog.delete_alias(names.check_model_name(name), names.check_alias(alias), _stamp(user_id))


# -- within


def _lineage(
    store: AnyStore, source: str, run_id: str | None, model_id: str | None, tags: Mapping[str, str], *, local: bool
) -> Lineage:
    if not isinstance(store, RemoteStore):
        return resolve_source(store, source, run_id, model_id, tags, local=local)
    if run_id:  # a server checks it when it has what this process wrote of the run
        store.settle(run_id)
    return Lineage(source, run_id, model_id)


def _promote_there(store: RemoteStore, what: str, fields: dict[str, Any], force: bool, reason: str | None) -> Any:
    """Let a stage or an alias of a server mean a version; the server judges it."""
    forced = gates.check_force(force, reason)
    if forced is None:
        return store.call(f"set_{what}", fields, repeatable=False)
    return store.call(f"force_{what}", {**fields, "reason": forced}, repeatable=False)


def _stamp(user_id: str | None) -> Stamp:
    return Stamp(user_id, now_ms())


def checked_tags(tags: Mapping[str, Any]) -> dict[str, str]:
    """Check tags; unlike those of runs, what is too long is refused."""
    return {names.check_key(key, "tag"): _tag_value(key, str(value)) for key, value in tags.items()}


def _tag_value(key: str, value: str) -> str:
    what = f"the value of tag {key!r}"
    return names.check_utf8(names.check_length(value, names.MAX_MODEL_TAG_VALUE, what), what)


def checked_description(description: str | None) -> str | None:
    if description is None:
        return None
    what = "the description"
    return names.check_utf8(names.check_text(description, names.MAX_MODEL_DESCRIPTION, what), what)


def _run_link(run_link: str) -> str:
    return names.check_utf8(names.check_length(run_link, names.MAX_MODEL_SOURCE, "run_link"), "run_link")


def _page_size(max_results: object, limit: int) -> int:
    if not isinstance(max_results, int) or isinstance(max_results, bool) or max_results < 1:
        raise InvalidInput(f"Invalid value for max_results. It must be a positive integer, but got {max_results}")
    if max_results > limit:
        raise InvalidInput(
            f"Invalid value for request parameter max_results. It must be at most {limit}, but got value {max_results}"
        )
    return max_results
