"""Runs over MLflow's wire. No process owns them: they end when a client says so, not with a client or the server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from runlake import lifecycle, logged_models, names, recording
from runlake.entities import Dataset, DatasetInput, InputTag, LoggedModelInput, RunStatus
from runlake.server import mlflow_entities as wire
from runlake.server.mlflow_errors import invalid, missing
from runlake.server.mlflow_fields import Fields, read_whole

if TYPE_CHECKING:
    from collections.abc import Mapping

    from runlake.store import Store

_DEFAULT_PAGE = 1000
_MOST_RUNS = 50_000
_FIRST_PART = 100
_PART = 2000
_PART_BYTES = 8 << 20
_LONG_ANSWER_BYTES = 32 << 20
_DATASET_LIMITS = {
    "name": names.MAX_DATASET_NAME,
    "digest": names.MAX_DATASET_DIGEST,
    "source_type": names.MAX_DATASET_SOURCE,
    "source": names.MAX_DATASET_SOURCE,
    "schema": names.MAX_DATASET_SCHEMA,
    "profile": names.MAX_DATASET_PROFILE,
}
_OPTIONAL = ("schema", "profile")


def create(store: Store, fields: Fields) -> dict[str, Any]:
    """Create a RUNNING run. Where the server asks who calls, it is of that user, whoever it says it is of."""
    tags = dict(fields.pairs("tags"))
    run = lifecycle.create_run(
        store,
        fields.text("experiment_id"),
        fields.whole("start_time") or None,
        tags,
        fields.text_or("run_name"),
        user_id=fields.caller.name or fields.text_or("user_id"),
        owned=False,
    )
    return {"run": wire.run(run, ())}


def get(store: Store, fields: Fields) -> dict[str, Any]:
    """Return a run, deleted or not, with its latest metrics."""
    from runlake import query

    store.mend_when_due()
    run = store.catalog.get_run(fields.run_id())
    latest = query.latest_metrics(store, [run.info.run_id]).get(run.info.run_id, {})
    return {"run": wire.run(run, latest.values())}


def update(store: Store, fields: Fields) -> dict[str, Any]:
    """Change status, end or name of a run."""
    run_id, status = fields.run_id(), _status(fields)
    name = fields.text_or("run_name") or None
    store.record(run_id, status=status, end_time=fields.whole("end_time"), name=name)
    return {"run_info": wire.run_info(store.catalog.get_run(run_id).info)}


def _status(fields: Fields) -> str | None:
    """Return the name of the status that a request gives by name or number."""
    given = fields.values.get("status")
    if given is None:
        return None
    if isinstance(given, str) and not given.isdigit():
        RunStatus.from_string(given)
        return given
    if (code := read_whole(given, "status")) not in RunStatus.all_status():
        raise invalid("status", given)
    return RunStatus.to_string(code)


def delete(store: Store, fields: Fields) -> dict[str, Any]:
    """Mark a run deleted."""
    store.catalog.delete_run(fields.run_id())
    return {}


def restore(store: Store, fields: Fields) -> dict[str, Any]:
    """Bring back a deleted run."""
    store.catalog.restore_run(fields.run_id())
    return {}


def search(store: Store, fields: Fields) -> bytes:
    """Return one page of the runs that a filter selects; it ends early where the answer becomes very long.

    Many runs are read and written part by part, so that not all of them are there as objects at once. How long runs are
    shows in the first part, and says how many are in the next.
    """
    from runlake import query

    size = fields.whole("max_results")
    left = lifecycle.page_size(_DEFAULT_PAGE if size is None else size, _MOST_RUNS)
    found: list[bytes] = []
    token, answer_bytes, part = fields.text_or("page_token"), 0, _FIRST_PART
    while left > 0 and answer_bytes < _LONG_ANSWER_BYTES:
        page = query.search_latest(
            store,
            fields.ids("experiment_ids"),
            fields.text_or("filter"),
            fields.view("run_view_type"),
            min(left, part),
            fields.texts("order_by"),
            token,
        )
        if page:
            found.append(orjson.dumps([wire.run(run, latest) for run, latest in page])[1:-1])
            answer_bytes += len(found[-1])
            part = max(1, min(_PART, _PART_BYTES * len(page) // len(found[-1])))
        left, token = left - len(page), page.token
        if token is None:
            break
    more = b"" if token is None else b',"next_page_token":' + orjson.dumps(token)
    return b'{"runs":[' + b",".join(found) + b"]" + more + b"}"


def set_tag(store: Store, fields: Fields) -> dict[str, Any]:
    """Set a tag of a run."""
    recording.set_tags(store, fields.run_id(), {fields.text("key"): fields.text_or("value", "")})
    return {}


def delete_tag(store: Store, fields: Fields) -> dict[str, Any]:
    """Remove a tag of a run."""
    recording.delete_tag(store, fields.run_id(), fields.text("key"))
    return {}


def log_parameter(store: Store, fields: Fields) -> dict[str, Any]:
    """Set a parameter of a run, once."""
    recording.log_params(store, fields.run_id(), {fields.text("key"): fields.text_or("value", "")})
    return {}


def log_inputs(store: Store, fields: Fields) -> dict[str, Any]:
    """Record which data sets and logged models a run read."""
    run_id = fields.run_id()
    inputs = [_dataset_input(item, f"datasets[{index}]") for index, item in enumerate(fields.objects("datasets"))]
    models = [LoggedModelInput(Fields(item).text("model_id")) for item in fields.objects("models")]
    store.catalog.require_active(run_id)
    recording.log_inputs(store, run_id, inputs)
    if models:
        logged_models.log_inputs(store, run_id, models)
    return {}


def _dataset_input(item: Mapping[str, Any], path: str) -> DatasetInput:
    given = item.get("dataset")
    if not isinstance(given, dict):
        raise missing(f"{path}.dataset") if given is None else invalid(f"{path}.dataset", given)
    dataset = Fields(given)
    texts: dict[str, Any] = {}
    for name, limit in _DATASET_LIMITS.items():
        text = dataset.text_or(name) if name in _OPTIONAL else dataset.text(name)
        texts[name] = None if text is None else names.check_length(text, limit, f"{path}.dataset.{name}")
    tags = Fields(item).pairs("tags")
    for key, value in tags:
        names.check_length(key, names.MAX_INPUT_TAG_KEY, f"the key of a tag of {path}")
        names.check_length(value, names.MAX_INPUT_TAG_VALUE, f"the value of tag {key!r} of {path}")
    return DatasetInput(Dataset(**texts), [InputTag(key, value) for key, value in tags])
