"""Catalog of a server: names and states, under the names that the catalog of a store on this machine has them by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from runlake.entities import DatasetInput, Experiment, Run, ViewType
from runlake.remote.logged_models import RemoteLoggedModels
from runlake.remote.registry import RemoteRegistry


class RemoteCatalog(RemoteRegistry, RemoteLoggedModels):
    """What the server knows of experiments, runs and models. What is raised is what a local catalog raises."""

    @property
    def store_id(self) -> str:
        """The id of the store that the server has."""
        return self._store.hello.store_id

    def is_there(self) -> bool:
        """Tell that a server cannot be removed from beneath its clients."""
        return True

    # -- experiments

    def create_experiment(
        self,
        name: str,
        *,
        artifact_location: str | None = None,
        tags: Mapping[str, str] | None = None,
        now_ms: int | None = None,
    ) -> str:
        """Create an experiment and return its id; the server's clock says when."""
        del now_ms
        fields = {"name": name, "tags": tags or {}, "artifact_location": artifact_location}
        created: str = self._store.call("create_experiment", fields, repeatable=False)
        return created

    def get_experiment(self, experiment_id: str) -> Experiment:
        """Return an experiment, deleted or not."""
        found: Experiment = self._store.call("get_experiment", {"experiment_id": experiment_id})
        return found

    def find_experiment(self, name: str) -> Experiment | None:
        """Return the experiment of that name, an active one first; None when there is none."""
        found: Experiment | None = self._store.call("find_experiment", {"name": name})
        return found

    def experiments(self, view: int = ViewType.ACTIVE_ONLY) -> list[Experiment]:
        """Return every experiment."""
        found: list[Experiment] = self._store.call("experiments", {"view": view})
        return found

    def rename_experiment(self, experiment_id: str, name: str) -> None:
        """Give an active experiment another name."""
        self._store.call("rename_experiment", {"experiment_id": experiment_id, "name": name})

    def delete_experiment(self, experiment_id: str) -> None:
        """Mark an experiment and its runs deleted."""
        self._store.call("delete_experiment", {"experiment_id": experiment_id}, repeatable=False)

    def restore_experiment(self, experiment_id: str) -> None:
        """Bring back a deleted experiment with its runs."""
        self._store.call("restore_experiment", {"experiment_id": experiment_id}, repeatable=False)

    def set_experiment_tags(self, experiment_id: str, tags: Mapping[str, str]) -> None:
        """Set tags of an experiment, all or none."""
        self._store.call("set_experiment_tags", {"experiment_id": experiment_id, "tags": tags})

    def delete_experiment_tag(self, experiment_id: str, key: str) -> None:
        """Remove a tag of an experiment."""
        self._store.call("delete_experiment_tag", {"experiment_id": experiment_id, "key": key}, repeatable=False)

    # -- runs

    def get_run(self, run_id: str) -> Run:
        """Return a run as it was recorded, without the latest of live metrics."""
        found: Run = self._of_run("recorded_run", run_id)
        return found

    def run_ids(self, named: str) -> list[str]:
        """Return the ids of the runs that a name, an id or the beginning of an id means."""
        found: list[str] = self._store.call("run_ids", {"named": named})
        return found

    def active_names(self) -> list[str]:
        """Return the names of all active runs."""
        found: list[str] = self._store.call("run_names", {})
        return found

    def delete_run(self, run_id: str) -> None:
        """Mark an active run deleted."""
        self._of_run("delete_run", run_id, repeatable=False)

    def restore_run(self, run_id: str) -> None:
        """Bring back a deleted run."""
        self._of_run("restore_run", run_id, repeatable=False)

    def log_inputs(self, run_id: str, inputs: Sequence[DatasetInput], *, wait_s: float | None = None) -> None:
        """Record which data sets a run read."""
        if (spooled := self._store.spooled(run_id)) is not None:
            spooled.catalog.log_inputs(run_id, inputs, wait_s=wait_s)
        else:
            self._store.write("log_inputs", {"run_id": run_id, "inputs": inputs})

    def _of_run(self, name: str, run_id: str, *, repeatable: bool = True) -> Any:
        self._store.settle(run_id)
        return self._store.call(name, {"run_id": run_id}, repeatable=repeatable)
