"""Lineage of a version: the run that made it, the data sets that the run read, and the commit that it ran from."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Final

from runlake import names
from runlake.entities import DatasetInput, DatasetUse, Run, VersionLineage
from runlake.errors import NotFound
from runlake.provenance import origin_of
from runlake.registry.operations import version_number
from runlake.remote.store import RemoteStore

if TYPE_CHECKING:
    from runlake.stores import AnyStore

_CONTEXT: Final = "mlflow.data.context"


def lineage(store: AnyStore, name: str, version: object) -> VersionLineage:
    """Return where a version comes from.

    Raises:
        NotFound: there is no such version. That its run is not in the store is no error.
    """
    name, number = names.check_model_name(name), version_number(version)
    if isinstance(store, RemoteStore):
        told: VersionLineage = store.call("version_lineage", {"name": name, "version": number})
        return told
    found = store.catalog.get_version(name, number)
    made = VersionLineage(found.name, found.version, found.source, found.user_id, found.model_id, found.run_id)
    if found.run_id is not None:
        with contextlib.suppress(NotFound):
            return _with_run(store, made, store.catalog.get_run(found.run_id))
    return made


def _with_run(store: AnyStore, made: VersionLineage, run: Run) -> VersionLineage:
    origin = origin_of(run.data.tags)
    return VersionLineage(
        *(made.name, made.version, made.source, made.user_id, made.model_id, made.run_id),
        run_name=run.info.run_name,
        experiment_id=run.info.experiment_id,
        experiment_name=store.catalog.get_experiment(run.info.experiment_id).name,
        source_name=origin.source_name,
        git_commit=origin.git_commit,
        git_branch=origin.git_branch,
        git_repository=origin.git_repository,
        git_dirty=origin.git_dirty,
        datasets=[_dataset(used) for used in run.inputs.dataset_inputs],
    )


def _dataset(used: DatasetInput) -> DatasetUse:
    context = next((tag.value for tag in used.tags if tag.key == _CONTEXT), None)
    data = used.dataset
    return DatasetUse(data.name, data.digest, data.source_type, data.source, context)
