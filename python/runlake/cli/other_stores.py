"""Check for other stores: was MLflow's own package logging to another place while runs of this store were under way?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from runlake import query
from runlake.checkup.copy import StoreCopy
from runlake.checkup.findings import Finding, State
from runlake.entities import Run, ViewType
from runlake.fluent.other_store import TAG, last_written
from runlake.location import uri_of_folder

_CHECK = "other stores"
_MOST_RUNS = 50_000
_PLACES = ("mlflow.db", "mlruns", "lightning_logs/mlruns")
"""Where MLflow's package, and libraries with it, log to when nobody has told them."""


def check_other_stores(store: StoreCopy) -> Iterator[Finding]:
    """Name the stores that runs of this one have met beside them, and those whose files show that they were used."""
    hint = f"set MLFLOW_TRACKING_URI={uri_of_folder(store.root)}: MLflow's package and runlake then log into one store"
    tagged = Counter(run.data.tags[TAG] for run in _runs(store, f"tags.`{TAG}` IS NOT NULL", _MOST_RUNS))
    for uri, count in sorted(tagged.items()):
        runs = "1 run was" if count == 1 else f"{count:,} runs were"
        yield Finding(_CHECK, State.NOTE, f"{runs} under way while MLflow's package logged to {uri}", hint)
    found = list(_written_meanwhile(store, tagged))
    for says in found:
        yield Finding(_CHECK, State.NOTE, says, hint)
    if not tagged and not found:
        yield Finding(_CHECK, State.OK, "no sign of runs that were logged to two stores")


def _written_meanwhile(store: StoreCopy, known: Counter[str]) -> Iterator[str]:
    """Say which stores of MLflow's, here or beside the store, were last written to while a run was under way."""
    folders = dict.fromkeys((Path.cwd(), store.root.parent))
    for path in (folder / place for folder in folders for place in _PLACES):
        uri = f"sqlite:///{path}" if path.suffix else str(path)
        if any(other.endswith(str(path)) for other in known) or (written := last_written(uri)) is None:
            continue
        during = f"start_time <= {written} AND (end_time >= {written} OR end_time IS NULL)"
        for run in _runs(store, during, 1):
            when = datetime.fromtimestamp(written / 1000).isoformat(" ", "seconds")
            yield (
                f"{path} was written to at {when}, while run {run.info.run_name} ({run.info.run_id[:8]}) was under way"
            )


def _runs(store: StoreCopy, where: str, most: int) -> list[Run]:
    experiments = [experiment.experiment_id for experiment in store.catalog.experiments(ViewType.ALL)]
    with query.overheard():  # that no run has the tag is what one hopes for
        return query.search_runs(store, experiments, where, ViewType.ALL, most)
