"""What a run logs in the fluent API: metrics, parameters and tags."""

from __future__ import annotations

from typing import Any

from runlake import _engine, operations, recording, run_files
from runlake.fluent.place import as_spool
from runlake.fluent.runs import active_or_new
from runlake.guard import shielded
from runlake.operations import RunOperations
from runlake.store import opened_stores
from runlake.stores import AnyStore, store_at

log_metric = _engine.log_metric
"""Log one value to the active run; compiled. What it cannot do by itself is done by `log_metric_slowly`."""


def log_metric_slowly(
    key: str,
    value: float,
    step: int | None = None,
    synchronous: bool | None = None,
    timestamp: int | None = None,
    run_id: str | None = None,
    model_id: str | None = None,
    dataset: object = None,
) -> RunOperations | None:
    """Do what the compiled `log_metric` does not: start a run, name another one, and obey the error policy."""
    store, run = target(run_id)
    with shielded("log_metric"):
        _log_metrics(store, run, {key: value}, 0 if step is None else step, timestamp, model_id, dataset)
    return _done(synchronous)


def log_metrics(
    metrics: dict[str, float],
    step: int | None = None,
    synchronous: bool | None = None,
    run_id: str | None = None,
    timestamp: int | None = None,
    model_id: str | None = None,
    dataset: object = None,
) -> RunOperations | None:
    """Log one value for each key, at one step and time; all of them or, on a mistake, none.

    Args:
        step: None is 0.
        run_id: None is the active run; without one, a run is started.
        timestamp: Milliseconds since 1970; None is now.
        model_id: A logged model, whose metrics these are as well; with a server this waits for its answer.
        dataset: What a model was measured on; without a model it is not kept.

    Raises:
        InvalidInput: a key, a value or the step is not legal.
        NotFound: there is no such model; nothing is logged.
    """
    store, run = target(run_id)
    with shielded("log_metrics"):
        _log_metrics(store, run, metrics, 0 if step is None else step, timestamp, model_id, dataset)
    return _done(synchronous)


def _log_metrics(
    store: AnyStore,
    run_id: str,
    metrics: dict[str, float],
    step: int,
    timestamp: int | None,
    model_id: str | None,
    dataset: object,
) -> None:
    if model_id is None:
        recording.log_metrics(store, run_id, metrics, step, timestamp)
        recording.note_unkept(dataset=dataset)
        return
    from runlake import logged_models  # few metrics are of a model

    name, digest = getattr(dataset, "name", None), getattr(dataset, "digest", None)
    models = store if as_spool(store) is None else store_at()  # a spool has none: its server has them
    measured_on = (name, digest) if name else None
    logged_models.log_metrics(store, models, run_id, metrics, step, timestamp, model_id=model_id, dataset=measured_on)


def log_param(key: str, value: Any, synchronous: bool | None = None) -> Any:
    """Log a parameter of the active run as `str(value)`, and return `value`.

    Raises:
        ParameterChanged: the run has another value for it.
    """
    operation = log_params({key: value}, synchronous)
    return value if operation is None else operation


def log_params(
    params: dict[str, Any], synchronous: bool | None = None, run_id: str | None = None
) -> RunOperations | None:
    """Log parameters, each as `str(value)`, in one transaction.

    Raises:
        ParameterChanged: the run has another value for one of them; none is logged then.
    """
    store, run = target(run_id)
    with shielded("log_params"):
        return recording.log_params(store, run, params, later=synchronous is False)
    return _done(synchronous)


def set_tag(key: str, value: Any, synchronous: bool | None = None) -> RunOperations | None:
    """Set a tag of the active run to `str(value)`."""
    return set_tags({key: value}, synchronous)


def set_tags(tags: dict[str, Any], synchronous: bool | None = None) -> RunOperations | None:
    """Set tags of the active run, each to `str(value)`, in one transaction."""
    store, run = target(None)
    with shielded("set_tags"):
        return recording.set_tags(store, run, tags, later=synchronous is False)
    return _done(synchronous)


def delete_tag(key: str) -> None:
    """Remove a tag of the active run.

    Raises:
        NotFound: it has no such tag.
    """
    store, run = target(None)
    with shielded("delete_tag"):
        recording.delete_tag(store, run, key)


def log_arrays(key: str, steps: Any, values: Any, timestamps: Any = None) -> int:
    """Log many values of one metric to the active run; return how many were stored. See `ActiveRun.log_arrays`."""
    return active_or_new().log_arrays(key, steps, values, timestamps)


def log_points(table: Any) -> int:
    """Log an Arrow table with `key`, `step` and `value` to the active run. See `ActiveRun.log_points`."""
    return active_or_new().log_points(table)


def log_config(config: object, *, prefix: str = "") -> None:
    """Log a nested configuration as parameters of the active run. See `ActiveRun.log_config`."""
    active_or_new().log_config(config, prefix=prefix)


def flush() -> None:
    """Return when everything that this process has logged is on disk, safe from a power cut.

    Raises:
        StoreError: the disk failed.
    """
    operations.flush()
    run_files.sync()
    for store in opened_stores():
        store.flush()


def flush_async_logging() -> None:
    """Return when everything that was logged with `synchronous=False` is recorded."""
    operations.flush()


def target(run_id: str | None) -> tuple[AnyStore, str]:
    """Return the store and the run that a logging call means; starts a run when there is none, which may raise."""
    if run_id is not None:
        return store_at(), run_id
    run = active_or_new()
    return run.store, run.id


def _done(synchronous: bool | None) -> RunOperations | None:
    return RunOperations() if synchronous is False else None


_engine.set_slow_path(log_metric_slowly)
