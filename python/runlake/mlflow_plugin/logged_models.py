"""Logged models in the tracking store, which MLflow 3 asks for; 2.22 notes its models in a tag of the run."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mlflow.store.entities import PagedList

from runlake import logged_models
from runlake.entities import LoggedModelOutput, ModelMetric
from runlake.mlflow_plugin import entities
from runlake.mlflow_plugin.errors import answered, recorded
from runlake.store import Store

if TYPE_CHECKING:
    from mlflow.entities import LoggedModel
    from mlflow.models import Model

_PAGE = 100


class LoggedModels:
    """The part of a tracking store that knows logged models."""

    if TYPE_CHECKING:

        @property
        def _store(self) -> Store: ...

    def create_logged_model(
        self,
        experiment_id: str,
        name: str | None = None,
        source_run_id: str | None = None,
        tags: Sequence[Any] | None = None,
        params: Sequence[Any] | None = None,
        model_type: str | None = None,
    ) -> LoggedModel:
        """Create a PENDING logged model."""
        with answered():
            texts, settings = _texts(tags), _texts(params)
            return entities.logged_model(
                logged_models.create_logged_model(
                    self._store, str(experiment_id), name, source_run_id, texts, settings, model_type
                )
            )

    def get_logged_model(self, model_id: str, allow_deleted: bool = False) -> LoggedModel:
        """Return a logged model with its parameters, tags and latest metrics."""
        with answered():
            return entities.logged_model(
                logged_models.get_logged_model(self._store, model_id, allow_deleted=allow_deleted)
            )

    def finalize_logged_model(self, model_id: str, status: Any) -> LoggedModel:
        """Say that a logged model is READY, or that making it has FAILED."""
        with answered():
            return entities.logged_model(logged_models.finalize_logged_model(self._store, model_id, str(status)))

    def delete_logged_model(self, model_id: str) -> None:
        """Mark a logged model deleted."""
        with answered():
            logged_models.delete_logged_model(self._store, model_id)

    def log_logged_model_params(self, model_id: str, params: Sequence[Any]) -> None:
        """Set parameters of a logged model, once."""
        with recorded("log_model_params"):
            logged_models.log_model_params(self._store, model_id, _texts(params))

    def set_logged_model_tags(self, model_id: str, tags: Sequence[Any]) -> None:
        """Set tags of a logged model."""
        with recorded("set_logged_model_tags"):
            logged_models.set_logged_model_tags(self._store, model_id, _texts(tags))

    def delete_logged_model_tag(self, model_id: str, key: str) -> None:
        """Remove a tag of a logged model."""
        with recorded("delete_logged_model_tag"):
            logged_models.delete_logged_model_tag(self._store, model_id, key)

    def search_logged_models(
        self,
        experiment_ids: Sequence[str],
        filter_string: str | None = None,
        datasets: Sequence[Mapping[str, Any]] | None = None,
        max_results: int | None = None,
        order_by: Sequence[Mapping[str, Any]] | None = None,
        page_token: str | None = None,
    ) -> PagedList[LoggedModel]:
        """Return one page of the logged models that a filter selects."""
        from runlake.query.logged_models import ModelOrder

        with answered():
            choices = [(given["dataset_name"], given.get("dataset_digest")) for given in datasets or ()]
            orders = [
                ModelOrder(
                    given["field_name"],
                    given.get("ascending", True),
                    (given["dataset_name"], given.get("dataset_digest")) if given.get("dataset_name") else None,
                )
                for given in order_by or ()
            ]
            ids = [str(experiment_id) for experiment_id in experiment_ids]
            size = _PAGE if max_results is None else max_results
            page = logged_models.search_logged_models(
                self._store, ids, filter_string, choices, size, orders, page_token
            )
            return entities.page(map(entities.logged_model, page), page.token)

    # -- runs and models

    def log_outputs(self, run_id: str, models: Sequence[Any]) -> None:
        """Record which logged models a run wrote."""
        with recorded("log_outputs"):
            written = [LoggedModelOutput(model.model_id, model.step) for model in models]
            logged_models.log_outputs(self._store, run_id, written)

    def record_logged_model(self, run_id: str, mlflow_model: Model) -> None:
        """Add a model to the list that the run has in a tag."""
        with recorded("record_logged_model"):
            logged_models.record_model(self._store, run_id, json.dumps(mlflow_model.get_tags_dict()))


def models_of(store: Store, metrics: Sequence[Any]) -> list[ModelMetric]:
    """Return those of some metrics that are of a logged model; their points go to the run, as those of the others.

    Raises:
        NotFound: there is no such model. Nothing has been written then.
    """
    tied = [
        ModelMetric(
            *(metric.key, metric.value, metric.timestamp, metric.step),
            model_id=metric.model_id,
            dataset_name=metric.dataset_name,
            dataset_digest=metric.dataset_digest,
        )
        for metric in metrics
        if getattr(metric, "model_id", None)  # MLflow 2.22 has no such attribute
    ]
    for model_id in {str(metric.model_id) for metric in tied}:
        logged_models.get_logged_model(store, model_id)
    return tied


def _texts(pairs: Sequence[Any] | None) -> dict[str, str]:
    return {pair.key: pair.value for pair in pairs or ()}
