"""Metrics over MLflow's wire: points in, and histories out. The hot path: plain loops over what orjson gives."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import orjson

from runlake import logged_models, names, recording
from runlake.entities import ModelMetric
from runlake.errors import InvalidInput, NotFound
from runlake.server import repeats
from runlake.server.mlflow_errors import invalid, missing
from runlake.server.mlflow_fields import Fields, read_number, read_whole, require_at_most

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from runlake.server.repeats import Point
    from runlake.store import Store

_MOST_METRICS: Final = 1000
_MOST_PARAMS_OR_TAGS: Final = 100
_MOST_ENTITIES: Final = 1000
_MOST_HISTORY: Final = 25_000
_MOST_RUNS: Final = 100
_MOST_SAMPLES: Final = 2500
_LONG_HISTORY: Final = 500_000


def log_metric(store: Store, fields: Fields) -> dict[str, Any]:
    """Log one value of one metric."""
    point, run_id = _point(fields.values, ""), fields.run_id()
    if tied := _of_models(store, [fields.values], [point]):
        logged_models.log_model_metrics(store, run_id, tied)
    repeats.append(store, run_id, [point])
    return {}


def log_batch(store: Store, fields: Fields) -> dict[str, Any]:
    """Log metrics, parameters and tags: all of them or, when anything is wrong with one, none.

    The catalog is written first: only it can still refuse. Then the points are appended together, but for repeats.
    """
    run_id = fields.run_id()
    metrics, params, tags = fields.objects("metrics"), fields.pairs("params"), fields.pairs("tags")
    require_at_most(metrics, _MOST_METRICS, "metrics")
    require_at_most(params, _MOST_PARAMS_OR_TAGS, "params")
    require_at_most(tags, _MOST_PARAMS_OR_TAGS, "tags")
    require_at_most([*metrics, *params, *tags], _MOST_ENTITIES, "metrics, params, and tags")
    points = [_point(metric, f"metrics[{index}].") for index, metric in enumerate(metrics)]
    tied = _of_models(store, metrics, points)
    param_texts = recording.as_texts(_unique(params), "parameter", names.MAX_PARAM_VALUE)
    tag_texts = recording.as_texts(dict(tags), "tag", names.MAX_RUN_TAG_VALUE)
    if param_texts or tag_texts:
        store.record(run_id, params=param_texts, tags=tag_texts)
    if tied:
        logged_models.log_model_metrics(store, run_id, tied)
    repeats.append(store, run_id, points)
    return {}


def _point(metric: Mapping[str, Any], path: str) -> Point:
    """Read one point; `path` is where it stands in the request, for the message."""
    key, value, timestamp, step = metric.get("key"), metric.get("value"), metric.get("timestamp"), metric.get("step")
    if key is None or key == "":
        raise missing(f"{path}key")
    if value is None or value == "":
        raise missing(f"{path}value")
    if timestamp is None or timestamp == "":
        raise missing(f"{path}timestamp")
    if type(value) is not float:
        value = read_number(value, f"{path}value")
    if type(timestamp) is not int or timestamp < 0:
        timestamp = _timestamp(timestamp, f"{path}timestamp")
    if type(step) is not int:
        step = 0 if step is None else read_whole(step, f"{path}step")
    if not isinstance(key, str):
        raise invalid(f"{path}key", key)
    return names.check_key(key), value, step, timestamp


def _of_models(store: Store, metrics: Sequence[Mapping[str, Any]], points: Sequence[Point]) -> list[ModelMetric]:
    """Return the points that are metrics of logged models as well; without a model a data set means nothing.

    Raises:
        NotFound: there is no such model.
    """
    tied = [
        ModelMetric(
            *(key, value, timestamp, step),
            model_id=Fields(metric).text("model_id"),
            dataset_name=Fields(metric).text_or("dataset_name"),
            dataset_digest=Fields(metric).text_or("dataset_digest"),
        )
        for metric, (key, value, step, timestamp) in zip(metrics, points, strict=True)
        if metric.get("model_id")
    ]
    if tied:
        store.catalog.require_logged_models({str(metric.model_id) for metric in tied})
    return tied


def _timestamp(value: Any, name: str) -> int:
    timestamp = read_whole(value, name)
    if timestamp < 0:
        raise invalid(name, value, "Timestamp must be a nonnegative long (64-bit integer)")
    return timestamp


def _unique(params: Sequence[tuple[str, str]]) -> dict[str, str]:
    found = dict(params)
    if len(found) == len(params):
        return found
    seen: set[str] = set()
    twice = [key for key, _ in params if key in seen or seen.add(key)]  # type: ignore[func-returns-value]
    raise InvalidInput(
        f"Duplicate parameter keys have been submitted: {twice}. Please ensure the request contains only one param"
        " value per param key."
    )


# -- reading


def get_history(store: Store, fields: Fields) -> bytes:
    """Return the points of a metric by (timestamp, step, value): a page of `max_results`, or of half a million."""
    from runlake import query
    from runlake.query.paging import page_start, page_token

    run_id, key, size = fields.run_id(), fields.text("metric_key"), fields.whole("max_results")
    start = page_start(fields.text_or("page_token"))
    if size is not None and size <= 0:
        raise invalid("max_results", size, "It must be a positive integer.")
    size = _LONG_HISTORY if size is None else min(size, _LONG_HISTORY)
    try:
        places = query.metric_places(store, run_id, key)
    except NotFound:  # as MLflow has it
        return b'{"metrics":[]}'
    token = b""
    if start + size < len(places):
        token = b',"next_page_token":' + orjson.dumps(page_token(start + size))
    return b'{"metrics":[' + places.part(start, size).to_json(key=key) + b"]" + token + b"}"


def get_history_bulk(store: Store, fields: Fields) -> bytes:
    """Return the points of a metric of up to 100 runs, run by run, at most 25,000 in all."""
    from runlake import query

    run_ids = fields.texts("run_id")
    if not run_ids:
        raise InvalidInput("GetMetricHistoryBulk request must specify at least one run_id.")
    if len(run_ids) > _MOST_RUNS:
        raise InvalidInput(
            f"GetMetricHistoryBulk request cannot specify more than {_MOST_RUNS} run_ids."
            f" Received {len(run_ids)} run_ids."
        )
    key = fields.text_or("metric_key")
    if key is None:
        raise InvalidInput("GetMetricHistoryBulk request must specify a metric_key.")
    size = fields.whole("max_results")
    left = _MOST_HISTORY if size is None else min(max(size, 0), _MOST_HISTORY)
    found: list[bytes] = []
    for run_id in sorted(set(run_ids)):
        if left == 0:
            break
        part = query.metric_places(store, run_id, key).part(0, left)
        left -= len(part)
        found.append(part.to_json(key=key, run_id=run_id))
    return _metrics(found)


def get_history_bulk_interval(store: Store, fields: Fields) -> bytes:
    """Return up to `max_results` points of a metric for each run, evenly chosen by step, first and last among them."""
    from runlake import query

    run_ids, key = fields.texts("run_ids"), fields.text("metric_key")
    if not run_ids:
        raise missing("run_ids")
    if len(run_ids) > _MOST_RUNS:
        raise InvalidInput(
            f"GetMetricHistoryBulkInterval request must specify at most {_MOST_RUNS} run_ids."
            f" Received {len(run_ids)} run_ids."
        )
    size = fields.whole("max_results")
    size = _MOST_SAMPLES if size is None else size
    if not 1 <= size <= _MOST_SAMPLES:
        raise InvalidInput(f"max_results must be between 1 and {_MOST_SAMPLES}.")
    interval = _interval(fields)
    found: list[bytes] = []
    for run_id in dict.fromkeys(run_ids):
        places = query.metric_places(store, run_id, key, by_step=True)
        inside = places if interval is None else places.between(*interval)
        found.append(inside.spread(size).to_json(key=key, run_id=run_id))
    return _metrics(found)


def _metrics(parts: Sequence[bytes]) -> bytes:
    return b'{"metrics":[' + b",".join(part for part in parts if part) + b"]}"


def _interval(fields: Fields) -> tuple[int, int] | None:
    """Return the first and the last step that are wanted; None is any."""
    start, end = fields.whole("start_step"), fields.whole("end_step")
    if start is None and end is None:
        return None
    if start is None or end is None:
        raise InvalidInput("If either start step or end step are specified, both must be specified.")
    if start > end:
        raise InvalidInput(f"end_step must be greater than start_step. Found start_step={start} and end_step={end}.")
    return start, end
