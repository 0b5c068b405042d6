"""runlake: an experiment tracker that takes every step of every metric, and keeps runs as Parquet you own.

    import runlake                                   # or: import runlake as mlflow

    with runlake.start_run(run_name="sgd-3") as run:
        runlake.log_params({"lr": 1e-3, "depth": 6})
        loss = run.metric("train/loss")              # a bound handle: the fastest path
        for step, batch in enumerate(batches):
            loss.log(model.step(batch), step)

Functions that MLflow has keep its names, signatures and return types; docs/compatibility.md lists them. Nothing
else is loaded by `import runlake`; Polars, NumPy and pandas not before they are needed.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

from runlake import interpreter, lazy

interpreter.require_main()

from runlake._engine import __debug_build__  # noqa: E402

if TYPE_CHECKING:
    from runlake import (
        artifacts,
        client,
        data,
        entities,
        exceptions,
        lightgbm,
        models,
        onnx,
        pyfunc,
        pytorch,
        registry,
        sklearn,
        tracking,
        types,
        xgboost,
    )
    from runlake.artifacts import Image
    from runlake.backlog import on_backlog
    from runlake.client import MlflowClient
    from runlake.errors import MlflowException
    from runlake.fluent.experiments import (
        create_experiment,
        delete_experiment,
        delete_experiment_tag,
        get_experiment,
        get_experiment_by_name,
        restore_experiment,
        search_experiments,
        set_experiment,
        set_experiment_tag,
        set_experiment_tags,
    )
    from runlake.fluent.export import export
    from runlake.fluent.files import (
        flush_artifact_async_logging,
        get_artifact_uri,
        load_table,
        log_artifact,
        log_artifacts,
        log_dict,
        log_figure,
        log_image,
        log_stream,
        log_table,
        log_text,
    )
    from runlake.fluent.frames import band, compare, points, runs, series
    from runlake.fluent.inputs import log_input, log_inputs
    from runlake.fluent.ledger import ledger
    from runlake.fluent.logged_models import (
        delete_logged_model_tag,
        finalize_logged_model,
        get_logged_model,
        initialize_logged_model,
        last_logged_model,
        log_model_params,
        log_outputs,
        search_logged_models,
        set_logged_model_tags,
    )
    from runlake.fluent.losses import errors_seen
    from runlake.fluent.missing import missing_points
    from runlake.fluent.registry import search_model_versions, search_registered_models, set_model_version_tag
    from runlake.fluent.run import ActiveRun
    from runlake.fluent.runs import (
        active_run,
        delete_run,
        end_run,
        get_parent_run,
        get_run,
        last_active_run,
        restore_run,
        start_run,
    )
    from runlake.fluent.search import search_runs
    from runlake.fluent.throttle import throttle
    from runlake.fluent.values import (
        delete_tag,
        flush,
        flush_async_logging,
        log_arrays,
        log_config,
        log_metric,
        log_metrics,
        log_param,
        log_params,
        log_points,
        set_tag,
        set_tags,
    )
    from runlake.guard import set_error_policy
    from runlake.location import (
        get_registry_uri,
        get_tracking_uri,
        is_tracking_uri_set,
        set_registry_uri,
        set_tracking_uri,
    )
    from runlake.models.registering import register_model

__version__ = "0.1.0"

__all__ = [
    "ActiveRun",
    "Image",
    "MlflowClient",
    "MlflowException",
    "active_run",
    "artifacts",
    "band",
    "client",
    "compare",
    "create_experiment",
    "data",
    "delete_experiment",
    "delete_experiment_tag",
    "delete_logged_model_tag",
    "delete_run",
    "delete_tag",
    "end_run",
    "entities",
    "errors_seen",
    "exceptions",
    "export",
    "finalize_logged_model",
    "flush",
    "flush_artifact_async_logging",
    "flush_async_logging",
    "get_artifact_uri",
    "get_experiment",
    "get_experiment_by_name",
    "get_logged_model",
    "get_parent_run",
    "get_registry_uri",
    "get_run",
    "get_tracking_uri",
    "initialize_logged_model",
    "is_tracking_uri_set",
    "last_active_run",
    "last_logged_model",
    "ledger",
    "lightgbm",
    "load_table",
    "log_arrays",
    "log_artifact",
    "log_artifacts",
    "log_config",
    "log_dict",
    "log_figure",
    "log_image",
    "log_input",
    "log_inputs",
    "log_metric",
    "log_metrics",
    "log_model_params",
    "log_outputs",
    "log_param",
    "log_params",
    "log_points",
    "log_stream",
    "log_table",
    "log_text",
    "missing_points",
    "models",
    "on_backlog",
    "onnx",
    "points",
    "pyfunc",
    "pytorch",
    "register_model",
    "registry",
    "restore_experiment",
    "restore_run",
    "runs",
    "search_experiments",
    "search_logged_models",
    "search_model_versions",
    "search_registered_models",
    "search_runs",
    "series",
    "set_error_policy",
    "set_experiment",
    "set_experiment_tag",
    "set_experiment_tags",
    "set_logged_model_tags",
    "set_model_version_tag",
    "set_registry_uri",
    "set_tag",
    "set_tags",
    "set_tracking_uri",
    "sklearn",
    "start_run",
    "throttle",
    "tracking",
    "types",
    "xgboost",
]

_HOMES = {
    "runlake.artifacts": ("Image",),
    "runlake.backlog": ("on_backlog",),
    "runlake.client": ("MlflowClient",),
    "runlake.errors": ("MlflowException",),
    "runlake.fluent.experiments": (
        "create_experiment", "delete_experiment", "delete_experiment_tag", "get_experiment", "get_experiment_by_name",
        "restore_experiment", "search_experiments", "set_experiment", "set_experiment_tag", "set_experiment_tags",
    ),
    "runlake.fluent.export": ("export",),
    "runlake.fluent.files": (
        "flush_artifact_async_logging", "get_artifact_uri", "load_table", "log_artifact", "log_artifacts", "log_dict",
        "log_figure", "log_image", "log_stream", "log_table", "log_text",
    ),
    "runlake.fluent.frames": ("band", "compare", "points", "runs", "series"),
    "runlake.fluent.missing": ("missing_points",),
    "runlake.fluent.inputs": ("log_input", "log_inputs"),
    "runlake.fluent.registry": ("search_model_versions", "search_registered_models", "set_model_version_tag"),
    "runlake.fluent.run": ("ActiveRun",),
    "runlake.fluent.runs": (
        "active_run", "delete_run", "end_run", "get_parent_run", "get_run", "last_active_run", "restore_run",
        "start_run",
    ),
    "runlake.fluent.search": ("search_runs",),
    "runlake.fluent.throttle": ("throttle",),
    "runlake.fluent.values": (
        "delete_tag", "flush", "flush_async_logging", "log_arrays", "log_config", "log_metric", "log_metrics",
        "log_param", "log_params", "log_points", "set_tag", "set_tags",
    ),
    "runlake.fluent.ledger": ("ledger",),
    "runlake.fluent.logged_models": (
        "delete_logged_model_tag", "finalize_logged_model", "get_logged_model", "initialize_logged_model",
        "last_logged_model", "log_model_params", "log_outputs", "search_logged_models", "set_logged_model_tags",
    ),
    "runlake.fluent.losses": ("errors_seen",),
    "runlake.guard": ("set_error_policy",),
    "runlake.models.registering": ("register_model",),
    "runlake.location": (
        "get_registry_uri", "get_tracking_uri", "is_tracking_uri_set", "set_registry_uri", "set_tracking_uri",
    ),
}  # fmt: skip
"""Where each public name is defined; its module is imported when the name is first used."""

_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}
_MODULES = frozenset(
    {
        "artifacts",
        "client",
        "data",
        "entities",
        "exceptions",
        "lightgbm",
        "models",
        "onnx",
        "pyfunc",
        "pytorch",
        "registry",
        "sklearn",
        "tracking",
        "types",
        "xgboost",
    }
)

if __debug_build__:
    warnings.warn("this is a debug build of runlake: it says nothing about the speed of a release", stacklevel=2)

__getattr__ = lazy.attributes(__name__, _HOME_OF, _MODULES)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
