"""Plugin: what MLflow's own package loads for the scheme `runlake`, so that it logs into a store of this process.

`MLFLOW_TRACKING_URI=runlake:///path/lake` is all that a script needs. MLflow finds the functions below through the
entry points of the distribution, in every program that imports it: what they return is imported when it is asked for.
The modules of this package are the only ones that import `mlflow`, 2.22 or 3.

NOTE: no function may have the name of a module: importing that would hide it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

# NOTE: imported while MLflow is, so that MLflow, which registers later, ends its runs before stores are closed.
from runlake import store as store

if TYPE_CHECKING:
    from runlake.mlflow_plugin.artifact_repository import RunlakeArtifactRepository
    from runlake.mlflow_plugin.registry_store import RegistryStore
    from runlake.mlflow_plugin.tracking_store import TrackingStore


def make_tracking_store(store_uri: str, artifact_uri: str | None = None) -> TrackingStore:
    """Return the tracking store of a folder.

    Args:
        store_uri: `runlake:///absolute/path` of the store, which the first run or experiment makes.
        artifact_uri: Without effect: artifacts are kept in the store.
    """
    from runlake.mlflow_plugin.tracking_store import TrackingStore

    return TrackingStore(store_uri)


def make_registry_store(store_uri: str, tracking_uri: str | None = None) -> RegistryStore:
    """Return the model registry of a folder, `runlake:///absolute/path`; by default that of the tracking store."""
    from runlake.mlflow_plugin.registry_store import RegistryStore

    return RegistryStore(store_uri, tracking_uri)


def make_artifact_repository(
    artifact_uri: str, tracking_uri: str | None = None, registry_uri: str | None = None
) -> RunlakeArtifactRepository:
    """Return the repository of a folder with artifacts, `runlake:///absolute/path`."""
    from runlake.mlflow_plugin.artifact_repository import RunlakeArtifactRepository

    return RunlakeArtifactRepository(artifact_uri)
