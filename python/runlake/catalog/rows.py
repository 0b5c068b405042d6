"""Rows: everything about many runs at once, column by column, for the run table."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from runlake.catalog.part import Part
from runlake.catalog.runs import ARTIFACT_URI
from runlake.catalog.session import placeholders
from runlake.entities import ViewType

if TYPE_CHECKING:
    from runlake.catalog.session import Row

Columns = dict[str, Sequence[Any]]
"""Values by column; all columns have the same length."""

RUN_COLUMNS: Final = (
    "run",
    "run_id",
    "experiment_id",
    "run_name",
    "user_id",
    "status",
    "start_time",
    "end_time",
    "lifecycle_stage",
    "artifact_uri",
    "tx",
)
PARAM_COLUMNS: Final = ("run", "key", "value", "kind", "typed")
TAG_COLUMNS: Final = ("run", "key", "value")
METRIC_COLUMNS: Final = (
    *("run", "key", "count", "nan_count"),
    *("first_step", "first_timestamp", "first_value"),
    *("last_step", "last_timestamp", "last_value"),
    *("min", "min_step", "max", "max_step", "sum", "max_timestamp"),
)
INPUT_COLUMNS: Final = ("run", "name", "digest", "context")


@dataclass(frozen=True)
class RunRows:
    """Runs with their parameters, tags, sealed summaries and inputs, as of transaction `tx`.

    `run` is the number that joins the tables; `key` is a number whose text is in `names`. A value of None where a
    metric's value should be is NaN. `kind` and `typed` are what `catalog.typed` reads in a parameter's text. One
    row of `inputs` is a data set in one role; `context` is None when it has none.
    """

    tx: int
    names: dict[int, str]
    runs: Columns
    params: Columns
    tags: Columns
    metrics: Columns
    inputs: Columns


class Rows(Part):
    """Bulk reading."""

    def run_rows(
        self,
        experiment_ids: Sequence[str] | None = None,
        view: int = ViewType.ALL,
        *,
        since_tx: int = 0,
        run_ids: Sequence[str] | None = None,
    ) -> RunRows:
        """Return runs with everything that belongs to them.

        Args:
            experiment_ids: Only runs of these experiments; None means all.
            view: A `ViewType`.
            since_tx: Only runs that a later transaction changed, in any of their tables.
            run_ids: Only these runs, at most 500.
        """
        condition, values = _condition(experiment_ids, view, since_tx, run_ids)
        chosen = f"WHERE t.run IN (SELECT r.run FROM run r JOIN experiment e USING (experiment) WHERE {condition})"
        chosen, chosen_values = (chosen, values) if condition else ("", [])
        with collector_paused(), self._database.reading() as session:
            runs = session.all(
                "SELECT r.run, r.run_id, e.experiment_id, r.name, r.user_id, r.status, r.start_ms, r.end_ms,"
                f" CASE r.deleted WHEN 0 THEN 'active' ELSE 'deleted' END, {ARTIFACT_URI}, r.tx"
                " FROM run r JOIN experiment e USING (experiment)"
                f" {'WHERE ' + condition if condition else ''} ORDER BY r.run",
                [str(self.artifacts_root), *values],
            )
            return RunRows(
                tx=session.last_tx(),
                names=dict(session.all("SELECT name, text FROM name")),
                runs=columns_of(RUN_COLUMNS, runs),
                params=columns_of(PARAM_COLUMNS, session.all(_select("param", PARAM_COLUMNS) + chosen, chosen_values)),
                tags=columns_of(TAG_COLUMNS, session.all(_select("tag", TAG_COLUMNS) + chosen, chosen_values)),
                metrics=columns_of(
                    METRIC_COLUMNS, session.all(_select("metric_summary", METRIC_COLUMNS) + chosen, chosen_values)
                ),
                inputs=columns_of(INPUT_COLUMNS, session.all(INPUTS + chosen, chosen_values)),
            )


INPUTS = """
    SELECT t.run, d.name, d.digest, c.value FROM input t JOIN dataset d USING (dataset)
    LEFT JOIN input_tag c ON c.run = t.run AND c.dataset = t.dataset AND c.key = 'mlflow.data.context' """


@contextlib.contextmanager
def collector_paused() -> Iterator[None]:
    """Keep the garbage collector from walking through millions of new tuples again and again: 3.9 s instead of 6.8."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _select(table: str, columns: Sequence[str]) -> str:
    return f"SELECT {', '.join('t.' + column for column in columns)} FROM {table} t "


def _condition(
    experiment_ids: Sequence[str] | None, view: int, since_tx: int, run_ids: Sequence[str] | None
) -> tuple[str, list[Any]]:
    parts: list[str] = []
    values: list[Any] = []
    if experiment_ids is None and since_tx:  # the index on (experiment, tx) serves this one as well
        parts.append("r.experiment IN (SELECT experiment FROM experiment)")
    if experiment_ids is not None:
        parts.append(f"e.experiment_id IN ({placeholders(len(experiment_ids))})")
        values += experiment_ids
    if view != ViewType.ALL:
        parts.append("r.deleted = 0" if view == ViewType.ACTIVE_ONLY else "r.deleted != 0")
    if since_tx:
        parts.append("r.tx > ?")
        values.append(since_tx)
    if run_ids is not None:
        parts.append(f"r.run_id IN ({placeholders(len(run_ids))})")
        values += run_ids
    return " AND ".join(parts), values


def columns_of(names: Sequence[str], rows: list[Row]) -> Columns:
    """Turn rows into columns."""
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(names)
    return dict(zip(names, columns, strict=True))
