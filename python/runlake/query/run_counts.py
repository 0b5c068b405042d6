"""Run counts: how many runs experiments have, and how many of them are running."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from runlake.by_id import ById
from runlake.entities import RunStatus, ViewType
from runlake.query.ordered import Question, ordered_runs
from runlake.query.reader import Lake
from runlake.query.runs import experiment_ids

_RUNNING = RunStatus.to_string(RunStatus.RUNNING)


@dataclass(frozen=True)
class CountedExperiment:
    """An experiment, and of its active runs how many there are, how many are running, and when the last one began.

    Times are milliseconds since 1970.
    """

    experiment_id: str
    name: str
    lifecycle_stage: str
    tags: dict[str, str]
    creation_time: int | None
    last_update_time: int | None
    runs: int = 0
    live: int = 0
    last_start_time: int | None = None


def count_runs(lake: Lake, experiments: str | Sequence[str] | None, view: int) -> list[CountedExperiment]:
    """Return experiments with the number of their runs.

    Args:
        experiments: Ids or names; None is all.

    Raises:
        NotFound: an experiment that was named does not exist.
    """
    ids = experiment_ids(lake, experiments, ids_first=True)
    wanted = None if ids is None else frozenset(ids)
    found = [one for one in lake.catalog.experiments(view) if wanted is None or one.experiment_id in wanted]
    counts = _counts(lake, [one.experiment_id for one in found])
    return [
        CountedExperiment(
            *(one.experiment_id, one.name, one.lifecycle_stage, one.tags, one.creation_time, one.last_update_time),
            *counts.get(one.experiment_id, ()),
        )
        for one in found
    ]


def _counts(lake: Lake, ids: Sequence[str]) -> dict[str, tuple[int, int, int | None]]:
    if not ids:
        return {}
    found = ordered_runs(lake, Question(tuple(map(ById, ids)), view=ViewType.ACTIVE_ONLY))
    frame = found.table.wide(["experiment_id", "status", "start_time"], found.rows)
    counts = frame.group_by("experiment_id").agg(
        pl.len(), (pl.col("status") == _RUNNING).sum().alias("live"), pl.col("start_time").max().dt.epoch("ms")
    )
    return {experiment_id: (runs, live, last) for experiment_id, runs, live, last in counts.rows()}
