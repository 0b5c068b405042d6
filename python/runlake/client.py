"""MlflowClient: runs and experiments by id, with no notion of an active run; its registry is `registry.methods`,
its logged models are `model_methods`.

Runs made here are ended by `set_terminated` or not at all: no other process, and no recovery, ends them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, BinaryIO

from runlake import lifecycle, logged_models, recording, run_files
from runlake.entities import (
    DatasetInput,
    Experiment,
    FileInfo,
    Metric,
    PagedList,
    Param,
    Run,
    RunStatus,
    RunTag,
    ViewType,
)
from runlake.guard import shielded
from runlake.location import chosen_registry_uri, get_tracking_uri, resolved
from runlake.missing_names import missing_client_method
from runlake.model_methods import LoggedModelMethods
from runlake.names import check_experiment_name
from runlake.operations import RunOperations
from runlake.registry.methods import RegistryMethods
from runlake.stores import AnyStore, opened

if TYPE_CHECKING:
    import pandas as pd

    from runlake.artifacts import Contents


class MlflowClient(RegistryMethods, LoggedModelMethods):
    """Records into and reads from one store; several clients of one process may use different stores."""

    def __init__(
        self, tracking_uri: str | None = None, registry_uri: str | None = None, workspace_store_uri: str | None = None
    ) -> None:
        """Name the store; it is opened by the first call.

        Args:
            tracking_uri: A folder as a path or `file:` URI, or the URL of a server; None is the one in force now.
            registry_uri: The store with the registry, likewise; None is what `set_registry_uri` says, or the same.
            workspace_store_uri: Accepted; there are no workspaces.
        """
        self._tracking_uri = str(tracking_uri) if tracking_uri else get_tracking_uri()
        self._where = resolved(self._tracking_uri)
        self._registry_uri = str(registry_uri) if registry_uri else chosen_registry_uri() or self._tracking_uri
        self._registry_where = resolved(self._registry_uri)

    def __getattr__(self, name: str) -> Any:
        raise missing_client_method(name)

    @property
    def tracking_uri(self) -> str:
        """The store, as it was named."""
        return self._tracking_uri

    @property
    def _store(self) -> AnyStore:
        return opened(self._where)

    @property
    def _registry(self) -> AnyStore:
        return opened(self._registry_where, renew=True)

    # -- experiments

    def create_experiment(
        self, name: str, artifact_location: str | None = None, tags: dict[str, Any] | None = None
    ) -> str:
        """Create an experiment and return its id.

        Raises:
            AlreadyExists: an active experiment has that name.
        """
        store = opened(self._where, renew=True)
        return lifecycle.create_experiment(store, name, artifact_location, tags or {})

    def get_experiment(self, experiment_id: str) -> Experiment:
        """Return an experiment, deleted or not.

        Raises:
            NotFound: there is none with that id.
        """
        return self._store.catalog.get_experiment(str(experiment_id))

    def get_experiment_by_name(self, name: str) -> Experiment | None:
        """Return the experiment of that name, an active one first; None when there is none."""
        return self._store.catalog.find_experiment(name)

    def search_experiments(
        self,
        view_type: int = ViewType.ACTIVE_ONLY,
        max_results: int | None = 1000,
        filter_string: str | None = None,
        order_by: list[str] | None = None,
        page_token: str | None = None,
    ) -> PagedList[Experiment]:
        """Return one page of the experiments that `filter_string` selects, newest first; `token` leads on."""
        size = lifecycle.page_size(max_results)
        return self._store.reads.search_experiments(view_type, size, filter_string, order_by, page_token)

    def rename_experiment(self, experiment_id: str, new_name: str) -> None:
        """Give an active experiment another name.

        Raises:
            AlreadyExists: another active experiment has that name.
            InvalidInput: the name is not legal.
        """
        self._store.catalog.rename_experiment(str(experiment_id), check_experiment_name(new_name))

    def delete_experiment(self, experiment_id: str) -> None:
        """Mark an experiment and its runs deleted; `restore_experiment` brings them back."""
        self._store.catalog.delete_experiment(str(experiment_id))

    def restore_experiment(self, experiment_id: str) -> None:
        """Bring back a deleted experiment with its runs."""
        self._store.catalog.restore_experiment(str(experiment_id))

    def set_experiment_tag(self, experiment_id: str, key: str, value: Any) -> None:
        """Set a tag of an experiment to `str(value)`."""
        lifecycle.set_experiment_tags(self._store, str(experiment_id), {key: value})

    def delete_experiment_tag(self, experiment_id: str, key: str) -> None:
        """Remove a tag of an experiment.

        Raises:
            NotFound: it has no such tag.
        """
        self._store.catalog.delete_experiment_tag(str(experiment_id), key)

    # -- runs

    def create_run(
        self,
        experiment_id: str,
        start_time: int | None = None,
        tags: dict[str, Any] | None = None,
        run_name: str | None = None,
    ) -> Run:
        """Create a run that stays RUNNING until `set_terminated`, whatever becomes of this process.

        Args:
            start_time: Milliseconds since 1970; None is now.
            run_name: None takes the tag `mlflow.runName`, or else a random name.
        """
        store = opened(self._where, renew=True)
        return lifecycle.create_run(store, str(experiment_id), start_time, tags or {}, run_name, owned=False)

    def get_run(self, run_id: str) -> Run:
        """Return a run with its latest metrics, those of live processes included.

        Raises:
            NotFound: there is none with that id.
        """
        return self._store.get_run(run_id)

    def get_parent_run(self, run_id: str) -> Run | None:
        """Return the run that `run_id` is nested in; None when it is not nested."""
        return lifecycle.parent_run(self._store, run_id)

    def update_run(self, run_id: str, status: str | None = None, name: str | None = None) -> None:
        """Change the status or the name of a run."""
        with shielded("update_run"):
            if status is not None:
                RunStatus.from_string(status)
            self._store.record(run_id, status=status, name=name)

    def set_terminated(self, run_id: str, status: str | None = None, end_time: int | None = None) -> None:
        """Set the final status of a run, FINISHED by default, and its end, now by default."""
        with shielded("set_terminated"):
            status = status or "FINISHED"
            RunStatus.from_string(status)
            end_time = lifecycle.now_ms() if end_time is None else int(end_time)
            self._store.record(run_id, status=status, end_time=end_time)
            self._store.let_go(run_id)

    def delete_run(self, run_id: str) -> None:
        """Mark a run deleted; `restore_run` brings it back."""
        self._store.catalog.delete_run(run_id)

    def restore_run(self, run_id: str) -> None:
        """Bring back a deleted run."""
        self._store.catalog.restore_run(run_id)

    def search_runs(
        self,
        experiment_ids: list[str],
        filter_string: str = "",
        run_view_type: int = ViewType.ACTIVE_ONLY,
        max_results: int = 1000,
        order_by: list[str] | None = None,
        page_token: str | None = None,
    ) -> PagedList[Run]:
        """Return one page of the runs that `filter_string` selects; `token` leads to the next page.

        Raises:
            InvalidInput: the filter or the order cannot be read, or `max_results` is above 50,000.
        """
        if isinstance(experiment_ids, int | str):
            experiment_ids = [str(experiment_ids)]
        return self._store.reads.search_runs(
            [str(experiment_id) for experiment_id in experiment_ids],
            filter_string,
            run_view_type,
            lifecycle.page_size(max_results, 50_000),
            order_by,
            page_token,
        )

    # -- metrics, parameters, tags

    def log_metric(
        self,
        run_id: str,
        key: str,
        value: float,
        timestamp: int | None = None,
        step: int | None = None,
        synchronous: bool | None = None,
        dataset_name: str | None = None,
        dataset_digest: str | None = None,
        model_id: str | None = None,
    ) -> RunOperations | None:
        """Log one value; step None is 0, timestamp None is now. The point is in the journal when this returns.

        With a `model_id` it is a metric of that logged model as well, on the data set if one is named.
        """
        with shielded("log_metric"):
            store, at, metrics = self._store, 0 if step is None else step, {key: value}
            if model_id is None:
                recording.log_metrics(store, run_id, metrics, at, timestamp)
                recording.note_unkept(dataset=dataset_name or dataset_digest)
            else:
                dataset = (dataset_name, dataset_digest) if dataset_name else None
                logged_models.log_metrics(
                    store, store, run_id, metrics, at, timestamp, model_id=model_id, dataset=dataset
                )
        return RunOperations() if synchronous is False else None

    def log_param(self, run_id: str, key: str, value: Any, synchronous: bool | None = None) -> Any:
        """Log a parameter as `str(value)` and return `value`.

        Raises:
            ParameterChanged: the run has another value for it.
        """
        with shielded("log_param"):
            work = recording.log_params(self._store, run_id, {key: value}, later=synchronous is False)
            return value if work is None else work
        return value

    def set_tag(self, run_id: str, key: str, value: Any, synchronous: bool | None = None) -> RunOperations | None:
        """Set a tag of a run to `str(value)`."""
        with shielded("set_tag"):
            return recording.set_tags(self._store, run_id, {key: value}, later=synchronous is False)
        return None

    def delete_tag(self, run_id: str, key: str) -> None:
        """Remove a tag of a run.

        Raises:
            NotFound: it has no such tag.
        """
        with shielded("delete_tag"):
            recording.delete_tag(self._store, run_id, key)

    def log_batch(
        self,
        run_id: str,
        metrics: Sequence[Metric] = (),
        params: Sequence[Param] = (),
        tags: Sequence[RunTag] = (),
        synchronous: bool | None = None,
    ) -> RunOperations | None:
        """Log metrics, parameters and tags together: all of them or, when anything is wrong with one, none."""
        with shielded("log_batch"):
            return recording.log_batch(self._store, run_id, metrics, params, tags, later=synchronous is False)
        return None

    def log_inputs(
        self, run_id: str, datasets: Sequence[DatasetInput] | None = None, models: Sequence[Any] | None = None
    ) -> None:
        """Record which data sets a run read."""
        with shielded("log_inputs"):
            recording.note_unkept(model=models)
            recording.log_inputs(self._store, run_id, datasets or ())

    def get_metric_history(self, run_id: str, key: str) -> list[Metric]:
        """Return every point of a metric by (timestamp, step, value), those of live processes included.

        An unknown run or key has no points.
        """
        return self._store.reads.metric_history(run_id, key)

    # -- artifacts

    def _artifacts(self, run_id: str) -> Contents:
        return run_files.artifacts(self._store, run_id)

    def log_artifact(self, run_id: str, local_path: str, artifact_path: str | None = None) -> None:
        """Copy a file, or a folder with its name, into the run's artifact folder `artifact_path`."""
        with shielded("log_artifact"):
            self._artifacts(run_id).log_file(local_path, artifact_path)

    def log_artifacts(self, run_id: str, local_dir: str, artifact_path: str | None = None) -> None:
        """Copy what is in a folder, and in the folders below it, into the run's artifact folder `artifact_path`."""
        with shielded("log_artifacts"):
            self._artifacts(run_id).log_dir(local_dir, artifact_path)

    def log_text(self, run_id: str, text: str, artifact_file: str) -> None:
        """Write a text as an artifact, in UTF-8."""
        with shielded("log_text"):
            self._artifacts(run_id).write_text(text, artifact_file)

    def log_dict(self, run_id: str, dictionary: dict[str, Any], artifact_file: str) -> None:
        """Write a dictionary as an artifact: YAML if the name ends in `.yml` or `.yaml`, else JSON."""
        with shielded("log_dict"):
            self._artifacts(run_id).write_dict(dictionary, artifact_file)

    def log_stream(self, run_id: str, stream: BinaryIO, artifact_file: str) -> None:
        """Write what is left in a binary stream as an artifact."""
        with shielded("log_stream"):
            self._artifacts(run_id).write_stream(stream, artifact_file)

    def log_figure(
        self, run_id: str, figure: Any, artifact_file: str, *, save_kwargs: dict[str, Any] | None = None
    ) -> None:
        """Write a figure of matplotlib or plotly as an artifact; the suffix chooses the format."""
        with shielded("log_figure"):
            run_files.log_figure(self._store, run_id, figure, artifact_file, save_kwargs)

    def log_image(
        self,
        run_id: str,
        image: Any,
        artifact_file: str | None = None,
        key: str | None = None,
        step: int | None = None,
        timestamp: int | None = None,
        synchronous: bool | None = None,
    ) -> None:
        """Write an image as an artifact: one file, or, with a key, one image a step."""
        later = synchronous is False and key is not None
        with shielded("log_image"):
            run_files.log_image(self._store, run_id, image, artifact_file, key, step, timestamp, later=later)

    def log_table(self, run_id: str, data: dict[str, Any] | pd.DataFrame, artifact_file: str) -> None:
        """Append rows to a table artifact (`.json` or `.parquet`), which is made if it is not there."""
        with shielded("log_table"):
            run_files.log_table(self._store, run_id, data, artifact_file)

    def load_table(
        self,
        experiment_id: str,
        artifact_file: str,
        run_ids: list[str] | None = None,
        extra_columns: list[str] | None = None,
    ) -> pd.DataFrame:
        """Read a table artifact of several runs of an experiment, all when `run_ids` is None, into one data frame."""
        return run_files.load_table(self._store, experiment_id, artifact_file, run_ids, extra_columns)

    def list_artifacts(self, run_id: str, path: str | None = None) -> list[FileInfo]:
        """List what is directly in a folder of the run's artifacts, sorted by path."""
        return self._artifacts(run_id).list(path)

    def download_artifacts(self, run_id: str, path: str, dst_path: str | None = None) -> str:
        """Return the local path of an artifact; with `dst_path` it is copied into that folder first.

        Raises:
            NotFound: there is no such run or artifact.
        """
        return self._artifacts(run_id).download(path, dst_path)
