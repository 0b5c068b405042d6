"""Reading a store: runs, points, series and MLflow's searches. The only part of the package that imports Polars.

Import it where it is used, not at the top of a module: `import runlake` has to stay light.
"""

from runlake.query.band import band
from runlake.query.compare import compare
from runlake.query.experiments import search_experiments
from runlake.query.export import export
from runlake.query.history import metric_history
from runlake.query.listing import Listing, list_runs
from runlake.query.live_latest import latest_metrics
from runlake.query.points import points
from runlake.query.reader import Lake, ReadStep
from runlake.query.runs import runs
from runlake.query.search import search_runs
from runlake.query.series import series

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
    "points",
    "runs",
    "search_experiments",
    "search_runs",
    "series",
]
