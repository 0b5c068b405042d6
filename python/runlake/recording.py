"""What is written into one run of one store; the fluent API and MlflowClient both end here.

Values become text, legality is checked before anything is written, and each call is one transaction of the catalog.
Errors are raised: whether they reach the training is decided above.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, SupportsFloat, TypeVar

from runlake import names, operations
from runlake.entities import DatasetInput, InputTag, Metric, Param, RunTag
from runlake.errors import InvalidInput, InvalidType
from runlake.operations import RunOperations

if TYPE_CHECKING:
    from runlake.data import Dataset
    from runlake.stores import AnyStore

CONTEXT_TAG = "mlflow.data.context"

T = TypeVar("T")

_log = logging.getLogger("runlake")
_said: set[str] = set()


def warn_once(message: str, *, cause: str | None = None) -> None:
    """Say something once a process, through the logger `runlake`; messages of one `cause` count as one."""
    if (cause or message) not in _said:
        _said.add(cause or message)
        _log.warning("runlake: %s", message)


def note_unkept(*, model: object = None, dataset: object = None) -> None:
    """Say once that an input was given a model, or a metric of no model a data set, that is not kept with it."""
    if model:
        warn_once("inputs are not tied to logged models: the model argument has no effect")
    if dataset:
        warn_once("metrics are tied to data sets with a model_id only: the dataset argument has no effect")


def log_metrics(
    store: AnyStore, run_id: str, metrics: Mapping[str, SupportsFloat], step: int, timestamp: int | None
) -> None:
    """Append one value for each key to the journal; all of them or, on a mistake, none."""
    store.run_logger(run_id).log(metrics, step, timestamp)


def log_params(store: AnyStore, run_id: str, params: Mapping[str, Any], *, later: bool = False) -> RunOperations | None:
    """Record parameters as text, all or none.

    Args:
        later: Check now, write in the background.

    Raises:
        ParameterChanged: the run has another value for one of them.
    """
    texts = as_texts(params, "parameter", names.MAX_PARAM_VALUE)
    return _record(store, run_id, "log_params", later, params=texts)


def set_tags(store: AnyStore, run_id: str, tags: Mapping[str, Any], *, later: bool = False) -> RunOperations | None:
    """Record tags as text, all or none; a tag that exists is replaced."""
    return _record(store, run_id, "set_tags", later, tags=as_texts(tags, "tag", names.MAX_RUN_TAG_VALUE))


def delete_tag(store: AnyStore, run_id: str, key: str) -> None:
    """Remove a tag.

    Raises:
        NotFound: the run has no such tag.
    """
    store.record(run_id, deleted_tags=(key,))


def log_batch(
    store: AnyStore,
    run_id: str,
    metrics: Sequence[Metric],
    params: Sequence[Param],
    tags: Sequence[RunTag],
    *,
    later: bool = False,
) -> RunOperations | None:
    """Record metrics, parameters and tags; nothing is written unless everything is legal.

    The catalog is written first: only it can still refuse (a changed parameter). Then the points are appended together.
    """
    metrics = _each_with("key", metrics, "metrics of a batch are Metric objects")
    params = _each_with("key", params, "parameters of a batch are Param objects")
    tags = _each_with("key", tags, "tags of a batch are RunTag objects")
    points = [checked_point(metric) for metric in metrics]
    param_texts = as_texts(
        _distinct(((item.key, item.value) for item in params), "parameter"), "parameter", names.MAX_PARAM_VALUE
    )
    tag_texts = as_texts({tag.key: tag.value for tag in tags}, "tag", names.MAX_RUN_TAG_VALUE)
    store.run_logger(run_id)  # a run that is not there is refused now, not later

    def write() -> None:
        store.log_batch(run_id, points, params=param_texts, tags=tag_texts)

    if later:
        return operations.submit(write, "log_batch")
    write()
    return None


def log_inputs(store: AnyStore, run_id: str, inputs: Sequence[DatasetInput]) -> None:
    """Record which data sets a run read.

    Raises:
        InvalidInput: a text of a data set or of a tag is longer than MLflow's limit for it.
    """
    if inputs := _each_with("dataset", inputs, "inputs of a run are DatasetInput objects"):
        for entry in inputs:
            check_input(entry)
        store.catalog.log_inputs(run_id, inputs, wait_s=store.config.record_timeout_ms / 1000)


def dataset_input(dataset: Dataset, context: str | None, tags: Mapping[str, str]) -> DatasetInput:
    """Describe one use of a data set, with `context` as a tag."""
    describe = getattr(dataset, "_to_mlflow_entity", None)  # a data set of the mlflow package has it as well
    if describe is None:
        raise InvalidType(
            f"log_input takes a data set, not {type(dataset).__name__}",
            hint="make one with runlake.data.from_pandas, from_numpy or from_polars",
        )
    with_context = {CONTEXT_TAG: context, **tags} if context else dict(tags)
    return DatasetInput(describe(), [InputTag(str(key), str(value)) for key, value in with_context.items()])


def check_input(entry: DatasetInput) -> None:
    """Refuse what is no text or too long, before anything is written."""
    dataset = entry.dataset
    for what, text, limit in (
        ("data set name", dataset.name, names.MAX_DATASET_NAME),
        ("data set digest", dataset.digest, names.MAX_DATASET_DIGEST),
        ("data set source", dataset.source, names.MAX_DATASET_SOURCE),
        ("data set schema", dataset.schema or "", names.MAX_DATASET_SCHEMA),
        ("data set profile", dataset.profile or "", names.MAX_DATASET_PROFILE),
    ):
        names.check_text(text, limit, what)
    for tag in entry.tags:
        names.check_text(tag.key, names.MAX_INPUT_TAG_KEY, "input tag key")
        names.check_text(tag.value, names.MAX_INPUT_TAG_VALUE, f"the value of input tag {tag.key!r}")


def _each_with(attribute: str, items: Iterable[T], rule: str) -> list[T]:
    """Refuse items of another kind: a mistake in the call, which must not pass for an error of the environment."""
    listed = list(items)
    for item in listed:
        if not hasattr(item, attribute):
            raise InvalidType(f"{rule}, not {type(item).__name__}: {names.shortened(repr(item))}")
    return listed


def as_texts(values: Mapping[str, Any], kind: str, limit: int) -> dict[str, str]:
    """Check keys and turn values into text; a value longer than `limit` characters is cut, and that is said once.

    Args:
        kind: What the keys name: "parameter" or "tag".
    """
    if not isinstance(values, Mapping):
        raise InvalidType(f"{kind}s are given as a dictionary, not as {type(values).__name__}")
    return {names.check_key(key, kind): _text(value, kind, key, limit) for key, value in values.items()}


def _text(value: Any, kind: str, key: str, limit: int) -> str:
    text = names.check_utf8(str(value), f"the value of {kind} {key!r}")
    if len(text) <= limit:
        return text
    warn_once(f"{kind} {key!r} has {len(text):,} characters and is cut to {limit:,} (said once)", cause=f"long {kind}")
    return text[:limit]


def _record(
    store: AnyStore,
    run_id: str,
    doing: str,
    later: bool,
    *,
    params: Mapping[str, str] | None = None,
    tags: Mapping[str, str] | None = None,
) -> RunOperations | None:
    def write() -> None:
        if params or tags:
            store.record(run_id, params=params or {}, tags=tags or {})

    if later:
        return operations.submit(write, doing)
    write()
    return None


def checked_point(metric: Metric) -> tuple[str, float, int, int]:
    """Check one metric of a batch as the engine would, before anything of the batch is written.

    Raises:
        InvalidInput: key, value, step or timestamp is not legal.
    """
    key = names.check_key(metric.key)
    if metric.value is None or isinstance(metric.value, complex):
        raise InvalidType(f"metric {key!r} has the value {metric.value!r}; it must be a number")
    try:
        value = float(metric.value)
    except (TypeError, ValueError) as error:
        raise InvalidInput(f"metric {key!r} has the value {metric.value!r}; it must be a number") from error
    step = _whole_number(0 if metric.step is None else metric.step, f"the step of metric {key!r}")
    timestamp = _whole_number(metric.timestamp, f"the timestamp of metric {key!r}")
    if timestamp < 0:
        raise InvalidInput(f"the timestamp of metric {key!r} is {timestamp}; it must not be negative")
    return key, value, step, timestamp


def _whole_number(number: Any, what: str) -> int:
    try:
        whole = int(number)
    except (TypeError, ValueError, OverflowError) as error:
        raise InvalidInput(f"{what} is {number!r}; it must be a whole number") from error
    if isinstance(number, str) or whole != number or not -(2**63) <= whole < 2**63:
        raise InvalidInput(f"{what} is {number!r}; it must be a whole number of 64 bits")
    return whole


def _distinct(pairs: Iterable[tuple[str, Any]], kind: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise InvalidInput(f"{kind} {key!r} is twice in one batch")
        found[key] = value
    return found
