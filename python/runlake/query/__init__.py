"""Reading a store: runs, points, series and MLflow's searches. The only part of the package that imports Polars.

Import it where it is used, not at the top of a module: `import runlake` has to stay light. What a question to the run
table does without is loaded when it is first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from runlake import lazy
from runlake.query.points import points
from runlake.query.reader import Lake, ReadStep
from runlake.query.runs import runs
from runlake.query.series import series

if TYPE_CHECKING:
    from runlake.query.bands import band
    from runlake.query.binning import Axis
    from runlake.query.brushing import Best, crossfilter
    from runlake.query.by_seq import Stretch, points_by_seq
    from runlake.query.column_search import search_columns
    from runlake.query.comparison import compare
    from runlake.query.completion import complete
    from runlake.query.curve_bands import MOST_GROUPED, Band, grouped
    from runlake.query.curves import NO_GRID, Since, WantedCurves, chart
    from runlake.query.experiments import search_experiments
    from runlake.query.exporting import export
    from runlake.query.filter.better import BetterThan, parse_better_than
    from runlake.query.filter.parser import parse_filter
    from runlake.query.history import (
        history_frame,
        metric_history,
        metric_places,
        metrics_of,
        points_from,
        stored_points,
    )
    from runlake.query.judging import Judged, judge_run, metric_of_run, parts_of
    from runlake.query.ledger import run_ledger
    from runlake.query.listing import Listing, list_runs
    from runlake.query.live_latest import latest_metrics
    from runlake.query.logged_models import search_logged_models
    from runlake.query.ordered import question_of, run_ids_of
    from runlake.query.registered import search_model_versions, search_registered_models
    from runlake.query.run_counts import count_runs
    from runlake.query.run_overview import metric_summaries, runs_with_tag
    from runlake.query.run_window import window
    from runlake.query.scatter_plot import scatter
    from runlake.query.search import search_latest, search_runs
    from runlake.query.served import members_of, sent_keys, sent_runs, served_points, served_runs, whole
    from runlake.query.serving import point_pieces, served_rows, table_of, with_places
    from runlake.query.streams import from_stream, to_rows, to_stream, types_of
    from runlake.query.tables_in_files import Part, read_part
    from runlake.query.tidings import Lookout, Tidings, missed
    from runlake.query.unstored_points_of_runs import unstored_of_runs
    from runlake.query.warnings import overheard, say

__all__ = [
    "MOST_GROUPED",
    "NO_GRID",
    "Axis",
    "Band",
    "Best",
    "BetterThan",
    "Judged",
    "Lake",
    "Listing",
    "Lookout",
    "Part",
    "ReadStep",
    "Since",
    "Stretch",
    "Tidings",
    "WantedCurves",
    "band",
    "chart",
    "compare",
    "complete",
    "count_runs",
    "crossfilter",
    "export",
    "from_stream",
    "grouped",
    "history_frame",
    "judge_run",
    "latest_metrics",
    "list_runs",
    "members_of",
    "metric_history",
    "metric_of_run",
    "metric_places",
    "metric_summaries",
    "metrics_of",
    "missed",
    "overheard",
    "parse_better_than",
    "parse_filter",
    "parts_of",
    "point_pieces",
    "points",
    "points_by_seq",
    "points_from",
    "question_of",
    "read_part",
    "run_ids_of",
    "run_ledger",
    "runs",
    "runs_with_tag",
    "say",
    "scatter",
    "search_columns",
    "search_experiments",
    "search_latest",
    "search_logged_models",
    "search_model_versions",
    "search_registered_models",
    "search_runs",
    "sent_keys",
    "sent_runs",
    "series",
    "served_points",
    "served_rows",
    "served_runs",
    "stored_points",
    "table_of",
    "to_rows",
    "to_stream",
    "types_of",
    "unstored_of_runs",
    "whole",
    "window",
    "with_places",
]

_HOMES = {
    "MOST_GROUPED": "curve_bands",
    "NO_GRID": "curves",
    "Axis": "binning",
    "Band": "curve_bands",
    "BetterThan": "filter.better",
    "Judged": "judging",
    "Listing": "listing",
    "Part": "tables_in_files",
    "Lookout": "tidings",
    "Since": "curves",
    "Stretch": "by_seq",
    "Tidings": "tidings",
    "WantedCurves": "curves",
    "band": "bands",
    "chart": "curves",
    "compare": "comparison",
    "complete": "completion",
    "count_runs": "run_counts",
    "Best": "brushing",
    "crossfilter": "brushing",
    "export": "exporting",
    "from_stream": "streams",
    "grouped": "curve_bands",
    "history_frame": "history",
    "judge_run": "judging",
    "latest_metrics": "live_latest",
    "list_runs": "listing",
    "members_of": "served",
    "metric_history": "history",
    "metric_of_run": "judging",
    "metric_places": "history",
    "metric_summaries": "run_overview",
    "metrics_of": "history",
    "missed": "tidings",
    "overheard": "warnings",
    "parse_better_than": "filter.better",
    "parse_filter": "filter.parser",
    "parts_of": "judging",
    "point_pieces": "serving",
    "points_by_seq": "by_seq",
    "points_from": "history",
    "question_of": "ordered",
    "read_part": "tables_in_files",
    "run_ids_of": "ordered",
    "run_ledger": "ledger",
    "runs_with_tag": "run_overview",
    "say": "warnings",
    "scatter": "scatter_plot",
    "search_columns": "column_search",
    "search_experiments": "experiments",
    "search_latest": "search",
    "search_logged_models": "logged_models",
    "search_model_versions": "registered",
    "search_registered_models": "registered",
    "search_runs": "search",
    "sent_keys": "served",
    "sent_runs": "served",
    "served_points": "served",
    "served_rows": "serving",
    "served_runs": "served",
    "stored_points": "history",
    "table_of": "serving",
    "to_rows": "streams",
    "to_stream": "streams",
    "types_of": "streams",
    "unstored_of_runs": "unstored_points_of_runs",
    "whole": "served",
    "window": "run_window",
    "with_places": "serving",
}
"""Modules of what is loaded later. NOTE: none may have the name of what it defines; importing it would hide that."""

__getattr__ = lazy.attributes(__name__, {name: f"{__name__}.{home}" for name, home in _HOMES.items()})
