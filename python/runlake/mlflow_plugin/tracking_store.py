"""Tracking store: MLflow's package on a store of this process, with no server and no requests between.

A point is in the journal when a call returns, asynchronous or not, and exact repeats are kept: nobody sends a point
again. Runs belong to no process, as over the wire: they end when the script says so.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any

import mlflow.entities as theirs
from mlflow.store.entities import PagedList
from mlflow.store.tracking import SEARCH_MAX_RESULTS_DEFAULT
from mlflow.store.tracking.abstract_store import AbstractStore
from mlflow.utils.async_logging.run_operations import RunOperations

from runlake import lifecycle, logged_models, recording
from runlake.entities import LoggedModelInput, RunStatus, ViewType
from runlake.location import SCHEME, folder_of_uri, store_root
from runlake.mlflow_plugin import entities
from runlake.mlflow_plugin.errors import absent, answered, recorded
from runlake.mlflow_plugin.logged_models import LoggedModels, models_of
from runlake.names import check_experiment_name
from runlake.store import Store, get_store


class TrackingStore(LoggedModels, AbstractStore):
    """The experiments and runs of one folder, which is opened by the first call.

    Args:
        store_uri: `runlake:///absolute/path`.
    """

    def __init__(self, store_uri: str) -> None:
        super().__init__()
        with answered():
            self._root = store_root(store_uri)

    @property
    def _store(self) -> Store:
        return get_store(self._root)

    # -- experiments

    def create_experiment(
        self, name: str, artifact_location: str | None = None, tags: Sequence[theirs.ExperimentTag] | None = None
    ) -> str:
        """Create an experiment and return its id.

        Args:
            artifact_location: A folder of this machine; None is a folder of the store.
        """
        with answered():
            if artifact_location and artifact_location.startswith(f"{SCHEME}:"):
                artifact_location = str(folder_of_uri(artifact_location))
            texts = {tag.key: tag.value for tag in tags or ()}
            store = get_store(self._root, renew=True)
            return lifecycle.create_experiment(store, name, artifact_location or None, texts)

    def get_experiment(self, experiment_id: str) -> theirs.Experiment:
        """Return an experiment, deleted or not."""
        with answered():
            return entities.experiment(self._store.catalog.get_experiment(str(experiment_id)))

    def get_experiment_by_name(self, experiment_name: str) -> theirs.Experiment | None:
        """Return the experiment of that name, an active one first; None when there is none."""
        with answered():
            found = self._store.catalog.find_experiment(experiment_name)
            return None if found is None else entities.experiment(found)

    def search_experiments(
        self,
        view_type: int = ViewType.ACTIVE_ONLY,
        max_results: int = SEARCH_MAX_RESULTS_DEFAULT,
        filter_string: str | None = None,
        order_by: list[str] | None = None,
        page_token: str | None = None,
    ) -> PagedList[theirs.Experiment]:
        """Return one page of the experiments that a filter selects."""
        from runlake import query

        with answered():
            size = lifecycle.page_size(max_results, 50_000)
            page = query.search_experiments(self._store, view_type, size, filter_string, order_by, page_token)
            return entities.page(map(entities.experiment, page), page.token)

    def rename_experiment(self, experiment_id: str, new_name: str) -> None:
        """Give an active experiment another name."""
        with answered():
            self._store.catalog.rename_experiment(str(experiment_id), check_experiment_name(new_name))

    def delete_experiment(self, experiment_id: str) -> None:
        """Mark an experiment and its runs deleted."""
        with answered():
            self._store.catalog.delete_experiment(str(experiment_id))

    def restore_experiment(self, experiment_id: str) -> None:
        """Bring back a deleted experiment with its runs."""
        with answered():
            self._store.catalog.restore_experiment(str(experiment_id))

    def set_experiment_tag(self, experiment_id: str, tag: theirs.ExperimentTag) -> None:
        """Set a tag of an experiment."""
        with answered():
            lifecycle.set_experiment_tags(self._store, str(experiment_id), {tag.key: tag.value})

    def delete_experiment_tag(self, experiment_id: str, key: str) -> None:
        """Remove a tag of an experiment."""
        with answered():
            self._store.catalog.delete_experiment_tag(str(experiment_id), key)

    # -- runs

    def create_run(
        self,
        experiment_id: str,
        user_id: str | None,
        start_time: int | None,
        tags: Sequence[theirs.RunTag] | None,
        run_name: str | None,
    ) -> theirs.Run:
        """Create a RUNNING run, which no process owns."""
        with answered():
            run = lifecycle.create_run(
                get_store(self._root, renew=True),
                str(experiment_id),
                start_time,
                {tag.key: tag.value for tag in tags or ()},
                run_name,
                user_id=user_id or None,
                owned=False,
            )
            return entities.run(run, ())

    def get_run(self, run_id: str) -> theirs.Run:
        """Return a run, deleted or not, with its latest metrics."""
        from runlake import query

        with answered():
            store = self._store
            store.mend_when_due()
            run = store.catalog.get_run(run_id)
            latest = query.latest_metrics(store, [run_id]).get(run_id, {})
            models = store.catalog.models_of_runs([run_id]).get(run_id)
            return entities.run(run, latest.values(), models)

    def update_run_info(
        self, run_id: str, run_status: int | None, end_time: int | None, run_name: str | None
    ) -> theirs.RunInfo | None:
        """Change status, end or name of a run, and return what it is then; None when the store cannot be read."""
        with recorded("update_run"):
            status = None if run_status is None else RunStatus.to_string(run_status)
            self._store.record(run_id, status=status, end_time=end_time, name=run_name)
            if run_status is not None and RunStatus.is_terminated(run_status):
                self._store.let_go(run_id)
            return entities.run_info(self._store.catalog.get_run(run_id).info)
        return None

    def delete_run(self, run_id: str) -> None:
        """Mark a run deleted; this process logs no more into it."""
        with answered():
            self._store.catalog.delete_run(run_id)
            self._store.let_go(run_id)

    def restore_run(self, run_id: str) -> None:
        """Bring back a deleted run."""
        with answered():
            self._store.catalog.restore_run(run_id)

    def _search_runs(
        self,
        experiment_ids: Sequence[str],
        filter_string: str | None,
        run_view_type: int,
        max_results: int,
        order_by: list[str] | None,
        page_token: str | None,
    ) -> tuple[list[theirs.Run], str | None]:
        from runlake import query

        with answered():
            ids = [str(experiment_id) for experiment_id in experiment_ids]
            size = lifecycle.page_size(max_results, 50_000)
            store = self._store
            page = query.search_latest(store, ids, filter_string, run_view_type, size, order_by, page_token)
            models = store.catalog.models_of_runs([run.info.run_id for run, _ in page])
            return [entities.run(run, latest, models.get(run.info.run_id)) for run, latest in page], page.token

    # -- metrics, parameters, tags, inputs

    def log_metric(self, run_id: str, metric: theirs.Metric) -> None:
        """Log one value: the point is in the journal when this returns."""
        with recorded("log_metric"):
            store = self._store
            tied = models_of(store, (metric,))
            store.run_logger(run_id).log_metric(metric.key, metric.value, metric.step, metric.timestamp)
            if tied:
                logged_models.log_model_metrics(store, run_id, tied)

    def log_param(self, run_id: str, param: theirs.Param) -> None:
        """Record a parameter, once."""
        with recorded("log_param"):
            recording.log_params(self._store, run_id, {param.key: param.value})

    def set_tag(self, run_id: str, tag: theirs.RunTag) -> None:
        """Set a tag of a run."""
        with recorded("set_tag"):
            recording.set_tags(self._store, run_id, {tag.key: tag.value})

    def delete_tag(self, run_id: str, key: str) -> None:
        """Remove a tag of a run."""
        with recorded("delete_tag"):
            recording.delete_tag(self._store, run_id, key)

    def log_batch(
        self, run_id: str, metrics: Sequence[Any] = (), params: Sequence[Any] = (), tags: Sequence[Any] = ()
    ) -> None:
        """Log metrics, parameters and tags: all of them or, when anything is wrong with one, none."""
        with recorded("log_batch"):
            store = self._store
            tied = models_of(store, metrics)
            recording.log_batch(store, run_id, metrics, params, tags)
            if tied:
                logged_models.log_model_metrics(store, run_id, tied)

    def log_metric_async(self, run_id: str, metric: theirs.Metric) -> RunOperations:
        """Log one value at once; an error is raised by `wait()`."""
        return _done(lambda: self.log_metric(run_id, metric))

    def log_param_async(self, run_id: str, param: theirs.Param) -> RunOperations:
        """Record a parameter at once; an error is raised by `wait()`."""
        return _done(lambda: self.log_param(run_id, param))

    def set_tag_async(self, run_id: str, tag: theirs.RunTag) -> RunOperations:
        """Set a tag at once; an error is raised by `wait()`."""
        return _done(lambda: self.set_tag(run_id, tag))

    def log_batch_async(
        self, run_id: str, metrics: Sequence[Any], params: Sequence[Any], tags: Sequence[Any]
    ) -> RunOperations:
        """Log a batch at once, so that the end of the process takes nothing; an error is raised by `wait()`."""
        return _done(lambda: self.log_batch(run_id, metrics, params, tags))

    def log_inputs(
        self, run_id: str, datasets: Sequence[theirs.DatasetInput] | None = None, models: Sequence[Any] | None = None
    ) -> None:
        """Record which data sets and logged models a run read."""
        with recorded("log_inputs"):
            store = self._store
            store.catalog.require_active(run_id)
            recording.log_inputs(store, run_id, entities.dataset_inputs(datasets or ()))
            if models:
                logged_models.log_inputs(store, run_id, [LoggedModelInput(model.model_id) for model in models])

    # -- histories

    def get_metric_history(
        self, run_id: str, metric_key: str, max_results: int | None = None, page_token: str | None = None
    ) -> PagedList[theirs.Metric]:
        """Return the points of a metric by (timestamp, step, value): all, or a page of `max_results`.

        An unknown run or key has no points.
        """
        from runlake import query
        from runlake.query.paging import page_start
        from runlake.query.paging import page_token as token_of

        with answered():
            start = page_start(page_token)
            points = query.metric_history(self._store, run_id, metric_key)
            end = len(points) if max_results is None else start + lifecycle.page_size(max_results)
            return entities.page(entities.metrics(points[start:end]), token_of(end) if end < len(points) else None)

    def get_metric_history_bulk(
        self, run_ids: Sequence[str], metric_key: str, max_results: int
    ) -> list[theirs.metric.MetricWithRunId]:
        """Return the points of a metric of several runs, run by run, at most `max_results` in all."""
        found: list[theirs.metric.MetricWithRunId] = []
        for run_id in sorted(set(run_ids)):
            part = self.get_metric_history(run_id, metric_key)[: max_results - len(found)]
            found += [theirs.metric.MetricWithRunId(point, run_id) for point in part]
        return found

    # -- what is not there

    def link_traces_to_run(self, trace_ids: Sequence[str], run_id: str) -> None:
        """Refuse: there are no traces."""
        raise absent("traces", "keep them in MLflow's own server")


def _done(work: Callable[[], None]) -> RunOperations:
    """Do what may be done later at once, and return what MLflow waits for."""
    future: Future[None] = Future()
    try:
        work()
    except Exception as error:
        future.set_exception(error)
    else:
        future.set_result(None)
    return RunOperations([future])
