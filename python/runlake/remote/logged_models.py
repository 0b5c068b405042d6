"""Logged models of a server, under the names that a local catalog has them by; asked as MLflow's clients ask."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from runlake.entities import LoggedModel, LoggedModelOutput, LoggedModelStatus, ModelMetric, PagedList
from runlake.remote.address import JSON

if TYPE_CHECKING:
    from runlake.catalog import NewModel
    from runlake.query.logged_models import DatasetChoice, ModelOrder
    from runlake.remote.store import RemoteStore

_MODELS: Final = "logged-models"
_STATUSES: Final = {
    LoggedModelStatus.PENDING: "LOGGED_MODEL_PENDING",
    LoggedModelStatus.READY: "LOGGED_MODEL_READY",
    LoggedModelStatus.FAILED: "LOGGED_MODEL_UPLOAD_FAILED",
}
_STATUS_OF: Final = {said: status for status, said in _STATUSES.items()}


class RemoteLoggedModels:
    """What a server knows of logged models. It says itself when something was done, and which id a new one has."""

    _store: RemoteStore

    def create_logged_model(self, new: NewModel, now_ms: int) -> LoggedModel:
        """Create a PENDING model in an active experiment."""
        fields = {"experiment_id": new.experiment_id, "name": new.name, "model_type": new.model_type}
        fields |= {"source_run_id": new.source_run_id}
        about = {"params": _pairs(new.params), "tags": _pairs(new.tags)}
        if new.source_run_id is not None:
            self._store.settle(new.source_run_id)
        return _model(self._change("POST", _MODELS, {**fields, **about})["model"])

    def get_logged_model(self, model_id: str, *, deleted: bool = False) -> LoggedModel:
        """Return a logged model."""
        query = {"allow_deleted": "true"} if deleted else {}
        return _model(self._store.send_mlflow("GET", f"{_MODELS}/{model_id}", query=query)["model"])

    def search_logged_models(
        self,
        experiment_ids: Sequence[str],
        filter_string: str | None,
        datasets: Sequence[DatasetChoice],
        size: int,
        order_by: Sequence[ModelOrder],
        page_token: str | None,
    ) -> PagedList[LoggedModel]:
        """Return one page of logged models."""
        fields = {
            "experiment_ids": list(experiment_ids),
            "filter": filter_string,
            "datasets": [_dataset(choice) for choice in datasets],
            "max_results": size,
            "order_by": [_order(order) for order in order_by],
            "page_token": page_token,
        }
        said = self._store.send_mlflow("POST", f"{_MODELS}/search", json.dumps(_given(fields)).encode(), kind=JSON)
        return PagedList(map(_model, said.get("models", ())), said.get("next_page_token"))

    def finalize_logged_model(self, model_id: str, status: str, now_ms: int) -> LoggedModel:
        """Give a logged model another status."""
        return _model(self._change("PATCH", f"{_MODELS}/{model_id}", {"status": _STATUSES[status]})["model"])

    def delete_logged_model(self, model_id: str, now_ms: int) -> None:
        """Mark a logged model deleted."""
        self._change("DELETE", f"{_MODELS}/{model_id}", {})

    def log_model_params(self, model_id: str, params: Mapping[str, str]) -> None:
        """Set parameters of a logged model, all or none."""
        self._change("POST", f"{_MODELS}/{model_id}/params", {"params": _pairs(params)})

    def set_logged_model_tags(self, model_id: str, tags: Mapping[str, str]) -> LoggedModel:
        """Set tags of a logged model."""
        self._change("PATCH", f"{_MODELS}/{model_id}/tags", {"tags": _pairs(tags)})
        return self.get_logged_model(model_id)

    def delete_logged_model_tag(self, model_id: str, key: str) -> None:
        """Remove a tag of a logged model."""
        self._change("DELETE", f"{_MODELS}/{model_id}/tags/{key}", {})

    def log_model_outputs(self, run_id: str, models: Iterable[LoggedModelOutput]) -> None:
        """Record logged models that a run wrote."""
        self._store.settle(run_id)
        written = [{"model_id": model.model_id, "step": model.step} for model in models]
        self._change("POST", "runs/outputs", {"run_id": run_id, "models": written})

    def log_model_metrics(self, run_id: str, metrics: Sequence[ModelMetric]) -> None:
        """Note values that a run has logged for logged models; the points that it has already are not there twice."""
        self._store.settle(run_id)
        points = [{**_given(dict(metric)), "value": _number(metric.value)} for metric in metrics]
        self._change("POST", "runs/log-batch", {"run_id": run_id, "metrics": points})

    def _change(self, method: str, path: str, fields: Mapping[str, Any]) -> Any:
        return self._store.send_mlflow(method, path, json.dumps(_given(fields)).encode(), kind=JSON, repeatable=False)


def _given(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


def _dataset(choice: DatasetChoice) -> dict[str, Any]:
    name, digest = choice
    return _given({"dataset_name": name, "dataset_digest": digest})


def _order(order: ModelOrder) -> dict[str, Any]:
    said = {"field_name": order.field_name, "ascending": order.ascending}
    return said if order.dataset is None else {**said, **_dataset(order.dataset)}


def _number(value: float) -> float | str:
    """Return a double as JSON can hold it."""
    return value if math.isfinite(value) else "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def _pairs(texts: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"key": key, "value": value} for key, value in texts.items()]


def _texts(said: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    return {pair["key"]: pair.get("value", "") for pair in said}


def _model(said: Mapping[str, Any]) -> LoggedModel:
    info, data = said["info"], said.get("data", {})
    return LoggedModel(
        experiment_id=info["experiment_id"],
        model_id=info["model_id"],
        name=info["name"],
        artifact_location=info["artifact_uri"],
        creation_timestamp=int(info["creation_timestamp_ms"]),
        last_updated_timestamp=int(info["last_updated_timestamp_ms"]),
        model_type=info.get("model_type") or None,  # "" is none
        source_run_id=info.get("source_run_id") or None,
        status=_STATUS_OF.get(info.get("status"), LoggedModelStatus.UNSPECIFIED),
        status_message=info.get("status_message"),
        tags=_texts(info.get("tags", ())),
        params=_texts(data.get("params", ())),
        metrics=[_metric(metric) for metric in data.get("metrics", ())],
    )


def _metric(said: Mapping[str, Any]) -> ModelMetric:
    about = {name: said.get(name) for name in ("model_id", "dataset_name", "dataset_digest", "run_id")}
    return ModelMetric(said["key"], float(said["value"]), int(said["timestamp"]), int(said.get("step", 0)), **about)
