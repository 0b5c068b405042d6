"""The registry of the store in force: registered models, their versions, and the record of what was done to them.

    from runlake import registry

    registry.create_registered_model("churn")
    version = registry.create_model_version("churn", f"runs:/{run_id}/model", run_id)
    registry.set_registered_model_alias("churn", "champion", version.version)
    registry.lineage("churn", version.version).git_commit
    registry.log("churn")

Functions that MLflow's client has are its methods, with its signatures. The rest is ours: docs/registry.md.
"""

from __future__ import annotations

from typing import Final

from runlake.entities import ChainHead, RegistryEvent, VersionLineage
from runlake.registry import origins
from runlake.registry.current import in_force, store
from runlake.registry.methods import RegistryMethods

__all__ = [
    "copy_model_version",
    "create_model_version",
    "create_registered_model",
    "delete_model_version",
    "delete_model_version_tag",
    "delete_registered_model",
    "delete_registered_model_alias",
    "delete_registered_model_tag",
    "get_latest_versions",
    "get_model_version",
    "get_model_version_by_alias",
    "get_model_version_download_uri",
    "get_model_version_stages",
    "get_registered_model",
    "lineage",
    "log",
    "rename_registered_model",
    "search_model_versions",
    "search_registered_models",
    "set_model_version_tag",
    "set_registered_model_alias",
    "set_registered_model_tag",
    "transition_model_version_stage",
    "update_model_version",
    "update_registered_model",
    "verify",
]

_EVENTS_A_PAGE: Final = 1000

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
transition_model_version_stage = in_force(RegistryMethods.transition_model_version_stage)
delete_model_version = in_force(RegistryMethods.delete_model_version)
search_model_versions = in_force(RegistryMethods.search_model_versions)
set_model_version_tag = in_force(RegistryMethods.set_model_version_tag)
delete_model_version_tag = in_force(RegistryMethods.delete_model_version_tag)
set_registered_model_alias = in_force(RegistryMethods.set_registered_model_alias)
delete_registered_model_alias = in_force(RegistryMethods.delete_registered_model_alias)
get_model_version_by_alias = in_force(RegistryMethods.get_model_version_by_alias)


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
    catalog, found = store().catalog, list[RegistryEvent]()
    while page := catalog.registry_events(name, after=found[-1].number if found else 0, limit=_EVENTS_A_PAGE):
        found += page
    return found


def verify() -> ChainHead:
    """Check that no event was changed or taken away, and return how many there are with the hash of the last.

    That the end was cut off shows when the hash was kept elsewhere.

    Raises:
        Corrupt: an event is not what was written, or one is missing.
    """
    return store().catalog.verify_registry_events()
