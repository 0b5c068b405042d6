"""Reading a store: runs, points, series and MLflow's searches. The only part of the package that imports Polars.

Import it where it is used, not at the top of a module: `import runlake` has to stay light. What a question to the run
table does without is loaded when it is first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from runlake.query.points import points
from runlake.query.reader import Lake, ReadStep
from runlake.query.runs import runs
from runlake.query.series import series

if TYPE_CHECKING:
    from runlake.query.bands import band
    from runlake.query.comparison import compare
    from runlake.query.experiments import search_experiments
    from runlake.query.exporting import export
    from runlake.query.history import metric_history, metric_places, stored_points
    from runlake.query.listing import Listing, list_runs
    from runlake.query.live_latest import latest_metrics
    from runlake.query.logged_models import search_logged_models
    from runlake.query.registered import search_model_versions, search_registered_models
    from runlake.query.search import search_latest, search_runs

__all__ = [
    "Lake",
    "Listing",
    "ReadStep",
    "band",
    "compare",
    "export",
    "latest_metrics",
    "list_runs",
    "metric_history",
    "metric_places",
    "points",
    "runs",
    "search_experiments",
    "search_latest",
    "search_logged_models",
    "search_model_versions",
    "search_registered_models",
    "search_runs",
    "series",
    "stored_points",
]

_HOMES = {
    "Listing": "listing",
    "band": "bands",
    "compare": "comparison",
    "export": "exporting",
    "latest_metrics": "live_latest",
    "list_runs": "listing",
    "metric_history": "history",
    "metric_places": "history",
    "search_experiments": "experiments",
    "search_latest": "search",
    "search_logged_models": "logged_models",
    "search_model_versions": "registered",
    "search_registered_models": "registered",
    "search_runs": "search",
    "stored_points": "history",
}
"""Modules of what is loaded later. NOTE: none may have the name of what it defines; importing it would hide that."""


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    return value
