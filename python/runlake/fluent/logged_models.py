"""Logged models in the fluent API: of the active run and experiment where nothing else is said."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, overload

from runlake import pages
from runlake.client import MlflowClient
from runlake.errors import InvalidInput
from runlake.extras import import_extra
from runlake.fluent import active
from runlake.fluent.experiments import active_experiment_id
from runlake.fluent.runs import start_run
from runlake.logged_models import MOST_MODELS
from runlake.models import logged
from runlake.provenance import standard_tags
from runlake.stores import store_at

if TYPE_CHECKING:
    import pandas as pd

    from runlake.entities import LoggedModel, LoggedModelOutput

_COLUMNS = (
    *("artifact_location", "creation_timestamp", "experiment_id", "last_updated_timestamp", "metrics", "model_id"),
    *("model_type", "name", "params", "source_run_id", "status", "status_message", "tags"),
)


def initialize_logged_model(
    name: str | None = None,
    source_run_id: str | None = None,
    tags: dict[str, str] | None = None,
    params: dict[str, str] | None = None,
    model_type: str | None = None,
    experiment_id: str | None = None,
) -> LoggedModel:
    """Make a PENDING logged model, to be given files by `log_model(model_id=...)`, or to be finalized.

    Args:
        name: None is a random one.
        source_run_id: The run that it is of; None is the active one, if there is one.
        experiment_id: None is that of the run, else the active one.
    """
    client, run = MlflowClient(), active.top()
    run_id = source_run_id or (None if run is None else run.id)
    if experiment_id is None:
        experiment_id = (
            active_experiment_id(store_at()) if run_id is None else client.get_run(run_id).info.experiment_id
        )
    origin = {key: value for key, value in standard_tags().items() if logged.tells_origin(key)}
    model = client.create_logged_model(experiment_id, name, run_id, {**origin, **(tags or {})}, params, model_type)
    logged.remember(model.model_id)
    return model


def finalize_logged_model(model_id: str, status: str) -> LoggedModel:
    """Say that a logged model is READY, or that making it has FAILED."""
    return MlflowClient().finalize_logged_model(model_id, status)


def get_logged_model(model_id: str) -> LoggedModel:
    """Return a logged model with its parameters, tags and latest metrics.

    Raises:
        NotFound: there is none with that id.
    """
    return MlflowClient().get_logged_model(model_id)


def last_logged_model() -> LoggedModel | None:
    """Return the logged model that this process made last, as it is now; None when it has made none."""
    model_id = logged.last_id()
    return None if model_id is None else get_logged_model(model_id)


def set_logged_model_tags(model_id: str, tags: dict[str, Any]) -> None:
    """Set tags of a logged model to texts of these values."""
    MlflowClient().set_logged_model_tags(model_id, tags)


def delete_logged_model_tag(model_id: str, key: str) -> None:
    """Remove a tag of a logged model.

    Raises:
        NotFound: it has no such tag.
    """
    MlflowClient().delete_logged_model_tag(model_id, key)


def log_model_params(params: dict[str, str], model_id: str | None = None) -> None:
    """Set parameters of a logged model, all or none; like those of a run they are written once.

    Raises:
        InvalidInput: one of them has another value, or no model is named.
    """
    MlflowClient().log_model_params(str(model_id or ""), params)


def log_outputs(models: list[LoggedModelOutput] | None = None) -> None:
    """Record logged models that the active run wrote, each at its step; without a run, one is started."""
    run = active.top() or start_run()
    MlflowClient().log_outputs(run.info.run_id, models or [])


@overload
def search_logged_models(
    experiment_ids: list[str] | None = None,
    filter_string: str | None = None,
    datasets: list[dict[str, str]] | None = None,
    max_results: int | None = None,
    order_by: list[dict[str, Any]] | None = None,
    output_format: Literal["pandas"] = "pandas",
) -> pd.DataFrame: ...
@overload
def search_logged_models(
    experiment_ids: list[str] | None = None,
    filter_string: str | None = None,
    datasets: list[dict[str, str]] | None = None,
    max_results: int | None = None,
    order_by: list[dict[str, Any]] | None = None,
    *,
    output_format: Literal["list"],
) -> list[LoggedModel]: ...
def search_logged_models(
    experiment_ids: list[str] | None = None,
    filter_string: str | None = None,
    datasets: list[dict[str, str]] | None = None,
    max_results: int | None = None,
    order_by: list[dict[str, Any]] | None = None,
    output_format: Literal["pandas", "list"] = "pandas",
) -> list[LoggedModel] | pd.DataFrame:
    """Return the logged models that a filter selects, the newest first unless `order_by` says otherwise.

    Args:
        experiment_ids: None is the active experiment.
        datasets: `{"dataset_name": ..., "dataset_digest": ...}`: metrics of the filter are those on one of these.
        max_results: At most so many; None is all.
        order_by: `{"field_name": "metrics.accuracy", "ascending": False}`, also with `dataset_name`.
        output_format: "pandas": one row a model. "list": `entities.LoggedModel` objects.

    Raises:
        InvalidInput: the filter or an order cannot be read.
        MissingExtra: pandas is asked for and not installed.
    """
    if output_format not in ("pandas", "list"):
        raise InvalidInput(f"output_format is 'pandas' or 'list', not {output_format!r}")
    hint = "for a data frame; output_format='list' needs none"
    pandas = import_extra("pandas", hint) if output_format == "pandas" else None
    ids = [active_experiment_id(store_at())] if experiment_ids is None else experiment_ids
    client = MlflowClient()
    found = pages.collected(
        lambda size, token: client.search_logged_models(ids, filter_string, datasets, size, order_by, token),
        max_results,
        MOST_MODELS,
    ).to_list()
    return found if pandas is None else pandas.DataFrame([_row(model) for model in found])


def _row(model: LoggedModel) -> Mapping[str, Any]:
    return {name: getattr(model, name) for name in _COLUMNS}
