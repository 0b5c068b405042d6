"""Logged models of one store, here or on a server: what is legal; MLflow's rules and words."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, SupportsFloat

from runlake import names, recording
from runlake.catalog import NewModel
from runlake.entities import LoggedModel, LoggedModelInput, LoggedModelOutput, LoggedModelStatus, ModelMetric, PagedList
from runlake.errors import InvalidInput
from runlake.lifecycle import now_ms
from runlake.recording import as_texts
from runlake.remote.store import RemoteStore
from runlake.run_names import random_run_name

if TYPE_CHECKING:
    from runlake.query.logged_models import ModelOrder
    from runlake.store import Store
    from runlake.stores import AnyStore

MOST_MODELS: Final = 50_000
"""Longest page of a search."""

_FINAL: Final = (LoggedModelStatus.READY, LoggedModelStatus.FAILED)
_HISTORY_FIELDS: Final = ("run_id", "utc_time_created", "artifact_path", "model_uuid")


def create_logged_model(
    store: AnyStore,
    experiment_id: str,
    name: str | None = None,
    source_run_id: str | None = None,
    tags: Mapping[str, Any] | None = None,
    params: Mapping[str, Any] | None = None,
    model_type: str | None = None,
) -> LoggedModel:
    """Create a PENDING logged model.

    Args:
        name: None is a random one.

    Raises:
        NotFound: there is no such experiment.
        InvalidInput: the experiment is deleted, or the name, a tag or a parameter is not legal.
    """
    new = NewModel(
        model_id=f"m-{uuid.uuid4().hex}",
        experiment_id=experiment_id,
        name=random_run_name() if name is None else names.check_logged_model_name(name),
        model_type=model_type and names.check_text(model_type, names.MAX_LOGGED_MODEL_NAME, "model_type"),
        source_run_id=source_run_id or None,
        params=as_texts(params or {}, "parameter", names.MAX_PARAM_VALUE),
        tags=as_texts(tags or {}, "tag", names.MAX_RUN_TAG_VALUE),
    )
    return store.catalog.create_logged_model(new, now_ms())


def get_logged_model(store: AnyStore, model_id: str, *, allow_deleted: bool = False) -> LoggedModel:
    """Return a logged model with its parameters, tags and latest metrics.

    Raises:
        NotFound: there is none with that id.
    """
    return store.catalog.get_logged_model(model_id, deleted=allow_deleted)


def finalize_logged_model(store: AnyStore, model_id: str, status: str) -> LoggedModel:
    """Say that a logged model is READY, or that making it has FAILED."""
    if status not in _FINAL:
        raise InvalidInput(f"a logged model ends READY or FAILED, not {status!r}")
    return store.catalog.finalize_logged_model(model_id, status, now_ms())


def delete_logged_model(store: AnyStore, model_id: str) -> None:
    """Mark a logged model deleted; once more is no mistake."""
    store.catalog.delete_logged_model(model_id, now_ms())


def log_model_params(store: AnyStore, model_id: str, params: Mapping[str, Any]) -> None:
    """Set parameters of a logged model, all or none.

    Raises:
        InvalidInput: one of them has another value.
    """
    store.catalog.log_model_params(model_id, as_texts(params, "parameter", names.MAX_PARAM_VALUE))


def set_logged_model_tags(store: AnyStore, model_id: str, tags: Mapping[str, Any]) -> LoggedModel:
    """Set tags of a logged model."""
    return store.catalog.set_logged_model_tags(model_id, as_texts(tags, "tag", names.MAX_RUN_TAG_VALUE))


def delete_logged_model_tag(store: AnyStore, model_id: str, key: str) -> None:
    """Remove a tag of a logged model.

    Raises:
        NotFound: it has no such tag.
    """
    store.catalog.delete_logged_model_tag(model_id, key)


def search_logged_models(
    store: AnyStore,
    experiment_ids: Sequence[str],
    filter_string: str | None = None,
    datasets: Sequence[tuple[str, str | None]] = (),
    max_results: int = 100,
    order_by: Sequence[ModelOrder] = (),
    page_token: str | None = None,
) -> PagedList[LoggedModel]:
    """Return one page of the logged models that a filter selects, the newest first unless `order_by` says otherwise.

    Args:
        datasets: Names and digests, None being any: metrics of a filter are those on one of them.
    """
    from runlake import query

    if not isinstance(max_results, int) or not 1 <= max_results <= MOST_MODELS:
        raise InvalidInput(f"max_results is {max_results!r}; it must be from 1 to {MOST_MODELS:,}")
    asked = experiment_ids, filter_string, datasets, max_results, order_by, page_token
    if isinstance(store, RemoteStore):
        return store.catalog.search_logged_models(*asked)
    return query.search_logged_models(store, *asked)


def log_model_metrics(store: AnyStore, run_id: str, metrics: Sequence[ModelMetric]) -> None:
    """Note values that a run logs for logged models; the points themselves go to the run's series.

    Raises:
        NotFound: there is no such run or model.
    """
    store.catalog.log_model_metrics(run_id, metrics)


def log_metrics(
    runs: AnyStore,
    models: AnyStore,
    run_id: str,
    metrics: Mapping[str, SupportsFloat],
    step: int,
    timestamp: int | None,
    *,
    model_id: str,
    dataset: tuple[str, str | None] | None,
) -> None:
    """Append one value for each key to a run, and note it for a logged model.

    Args:
        runs: Where the run is logged into.
        models: Where the model is; another store when runs are logged into a spool.
        dataset: Name and digest of what the model was measured on.

    Raises:
        NotFound: there is no such model; nothing is logged.
    """
    get_logged_model(models, model_id)
    at = now_ms() if timestamp is None else timestamp
    recording.log_metrics(runs, run_id, metrics, step, at)
    name, digest = dataset or (None, None)
    about = {"model_id": model_id, "dataset_name": name, "dataset_digest": digest}
    points = [ModelMetric(key, float(value), at, step, **about) for key, value in metrics.items()]
    log_model_metrics(models, run_id, points)


def log_inputs(store: Store, run_id: str, models: Sequence[LoggedModelInput]) -> None:
    """Record logged models that a run read."""
    store.catalog.log_model_inputs(run_id, models)


def log_outputs(store: AnyStore, run_id: str, models: Sequence[LoggedModelOutput]) -> None:
    """Record logged models that a run wrote."""
    store.catalog.log_model_outputs(run_id, models)


def record_model(store: Store, run_id: str, model_json: str) -> None:
    """Add a model, as clients of MLflow 2 describe it, to the list that a run has in a tag.

    Raises:
        InvalidInput: it is no JSON object, or lacks a field.
    """
    try:
        model = json.loads(model_json)
    except (ValueError, RecursionError):
        model = None
    if not isinstance(model, dict):
        raise InvalidInput(f"Malformed model info. \n {model_json[:1000]} \n is not a valid JSON.")
    if missing := {"artifact_path", "flavors", "utc_time_created", "run_id"} - set(model):
        raise InvalidInput(f"Model json is missing mandatory fields: {missing}")
    flavors = model["flavors"] if isinstance(model["flavors"], dict) else {}
    entry = {name: model[name] for name in _HISTORY_FIELDS if name in model}
    store.catalog.add_to_model_history(
        run_id, {**entry, "flavors": {k: _without_config(v) for k, v in flavors.items()}}
    )


def _without_config(flavor: Any) -> Any:
    return {name: value for name, value in flavor.items() if name != "config"} if isinstance(flavor, dict) else flavor
