"""The latest metrics of a few runs, those of live processes included.

NOTE: logging asks for them, in forked children too, where Polars would wait forever for threads that are the parent's.
So nothing here is an expression; single columns are turned into lists.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import TYPE_CHECKING, TypeAlias

from runlake.entities import Metric
from runlake.query.reader import Hook, Lake, ReadStep, arrow_frame, no_hook, open_journals, writers_of

if TYPE_CHECKING:
    from runlake._engine import LedgerEntry

Latest: TypeAlias = tuple[str, str, float, int, int]
"""Run, key, value, step, timestamp."""

_LIVE = ("run_id", "key", "last_value", "last_step", "last_timestamp")
_MOST_RUNS = 500


def latest_metrics(lake: Lake, run_ids: Sequence[str], *, hook: Hook = no_hook) -> dict[str, dict[str, Metric]]:
    """Return the latest value of every metric of some runs, by run and key; runs without metrics are left out.

    It follows the protocol of the module reader. What is sealed between its steps is seen in both places, which changes
    nothing: the later of two equal points is the same point.
    """
    latest: dict[tuple[str, str], Metric] = {}
    for points in (_live(lake, run_ids, hook), _sealed(lake, run_ids)):
        for run_id, key, value, step, timestamp in points:
            metric, known = Metric(key, value, timestamp, step), latest.get((run_id, key))
            if known is None or place_of(_point(metric)) >= place_of(_point(known)):
                latest[run_id, key] = metric
    found: dict[str, dict[str, Metric]] = {}
    for (run_id, key), metric in sorted(latest.items()):
        found.setdefault(run_id, {})[key] = metric
    return found


def place_of(point: tuple[int, int, float]) -> tuple[int, int, bool, float, float]:
    """What points of step, timestamp and value are ordered by: NaN comes before every number, -0.0 before 0.0."""
    step, timestamp, value = point
    order = (False, 0.0, 0.0) if math.isnan(value) else (True, value, math.copysign(1.0, value))
    return step, timestamp, *order


def _point(metric: Metric) -> tuple[int, int, float]:
    return metric.step, metric.timestamp, metric.value


def _live(lake: Lake, run_ids: Sequence[str], hook: Hook) -> Iterable[Latest]:
    journals = open_journals(lake, run_ids, hook)
    entries, wanted = journals.ledger(), set(run_ids)
    sealed = lake.catalog.plan([], writers=writers_of(journals)).sealed
    hook(ReadStep.PLANNED)
    live = arrow_frame(journals.summaries(sealed, list(run_ids)))
    hook(ReadStep.TAIL)
    unstored = (_unstored(entry) for found in entries.values() for entry in found if entry.run_id in wanted)
    return chain(zip(*(live[name].to_list() for name in _LIVE), strict=True), chain.from_iterable(unstored))


def _unstored(entry: LedgerEntry) -> Iterator[Latest]:
    """The latest of the points that a writer has accepted and not stored."""
    if (known := entry.summary) is not None:
        yield entry.run_id, entry.key, known.last_value, known.last_step, known.last_timestamp
    if entry.pending is not None:
        step, timestamp, value = entry.pending
        yield entry.run_id, entry.key, value, step, timestamp


def _sealed(lake: Lake, run_ids: Sequence[str]) -> Iterator[Latest]:
    for start in range(0, len(run_ids), _MOST_RUNS):
        rows = lake.catalog.run_rows(run_ids=run_ids[start : start + _MOST_RUNS])
        ids = dict(zip(rows.runs["run"], rows.runs["run_id"], strict=True))
        metrics = rows.metrics
        columns = (metrics[name] for name in ("run", "key", "last_value", "last_step", "last_timestamp"))
        for run, key, value, step, timestamp in zip(*columns, strict=True):
            # The catalog has no NaN and says None.
            yield ids[run], rows.names[key], math.nan if value is None else value, step, timestamp
