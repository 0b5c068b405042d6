"""Experiments over MLflow's wire."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from runlake import lifecycle
from runlake.access import Kind
from runlake.errors import InvalidInput, NotFound
from runlake.names import check_experiment_name
from runlake.server import mlflow_entities as wire

if TYPE_CHECKING:
    from runlake.server.mlflow_fields import Fields
    from runlake.store import Store

_DEFAULT_PAGE = 1000
_MOST_EXPERIMENTS = 20
_MOST_DATASETS = 1000


def create(store: Store, fields: Fields) -> dict[str, Any]:
    """Create an experiment. Its artifacts are kept in the store: a client may not name a folder of the server."""
    name = fields.text("name")
    location = fields.text_or("artifact_location")
    if location and not location.startswith(wire.ARTIFACTS):
        raise InvalidInput(
            f"artifact_location is {location[:100]!r}; this server keeps artifacts in its store",
            hint="leave artifact_location out",
        )
    tags = dict(fields.pairs("tags"))
    return {"experiment_id": lifecycle.create_experiment(store, name, None, tags)}


def get(store: Store, fields: Fields) -> dict[str, Any]:
    """Return an experiment, deleted or not."""
    return {"experiment": wire.experiment(store.catalog.get_experiment(fields.text("experiment_id")))}


def get_by_name(store: Store, fields: Fields) -> dict[str, Any]:
    """Return the experiment of a name, an active one first."""
    name = fields.text("experiment_name")
    found = store.catalog.find_experiment(name)
    if found is None:
        raise NotFound(f"Could not find experiment with name '{name}'")
    return {"experiment": wire.experiment(found)}


def search(store: Store, fields: Fields) -> dict[str, Any]:
    """Return one page of the experiments that a filter selects and the caller may read."""
    from runlake import query

    size = fields.whole("max_results")
    page = query.search_experiments(
        store,
        fields.view("view_type"),
        lifecycle.page_size(_DEFAULT_PAGE if size is None else size, 50_000),
        fields.text_or("filter"),
        fields.texts("order_by"),
        fields.text_or("page_token"),
        may_read=partial(fields.caller.may_read, Kind.EXPERIMENT),
    )
    answer: dict[str, Any] = {"experiments": [wire.experiment(found) for found in page]}
    return answer if page.token is None else {**answer, "next_page_token": page.token}


def delete(store: Store, fields: Fields) -> dict[str, Any]:
    """Mark an experiment and its runs deleted."""
    store.catalog.delete_experiment(fields.text("experiment_id"))
    return {}


def restore(store: Store, fields: Fields) -> dict[str, Any]:
    """Bring back a deleted experiment with its runs."""
    store.catalog.restore_experiment(fields.text("experiment_id"))
    return {}


def update(store: Store, fields: Fields) -> dict[str, Any]:
    """Give an experiment another name."""
    experiment_id, name = fields.text("experiment_id"), fields.text("new_name")
    store.catalog.rename_experiment(experiment_id, check_experiment_name(name))
    return {}


def set_tag(store: Store, fields: Fields) -> dict[str, Any]:
    """Set a tag of an experiment."""
    experiment_id, key = fields.text("experiment_id"), fields.text("key")
    lifecycle.set_experiment_tags(store, experiment_id, {key: fields.text_or("value", "")})
    return {}


def delete_tag(store: Store, fields: Fields) -> dict[str, Any]:
    """Remove a tag of an experiment."""
    store.catalog.delete_experiment_tag(fields.text("experiment_id"), fields.text("key"))
    return {}


def search_datasets(store: Store, fields: Fields) -> dict[str, Any]:
    """Return the data sets that runs of up to 20 experiments read, at most 1,000."""
    experiment_ids = fields.ids("experiment_ids")
    if not experiment_ids:
        raise InvalidInput("SearchDatasets request must specify at least one experiment_id.")
    if len(experiment_ids) > _MOST_EXPERIMENTS:
        raise InvalidInput(
            f"SearchDatasets request cannot specify more than {_MOST_EXPERIMENTS} experiment_ids."
            f" Received {len(experiment_ids)} experiment_ids."
        )
    found = store.catalog.datasets_of(experiment_ids, _MOST_DATASETS)
    return {"dataset_summaries": [wire.dataset_summary(*summary) for summary in found]}
