"""Changed runs: what the run table of a process lacks, experiment by experiment, in pieces.

A hundred thousand runs are never there as Python objects all at once.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from runlake.catalog.ledger import KnownUnstored, Series, known_unstored
from runlake.catalog.part import Part
from runlake.catalog.rows import (
    INPUT_COLUMNS,
    INPUTS,
    METRIC_COLUMNS,
    PARAM_COLUMNS,
    TAG_COLUMNS,
    Columns,
    collector_paused,
    columns_of,
)
from runlake.catalog.segments import sealed_of
from runlake.catalog.session import placeholders

if TYPE_CHECKING:
    from runlake.catalog.session import Row, Session

RUN_COLUMNS: Final = (
    *("run", "run_id", "run_name", "user_id", "status", "start_time", "end_time", "deleted", "artifact_uri"),
    *("param_tx", "tag_tx", "summary_tx"),
)
_RUNS_A_PIECE = 5000


@dataclass(frozen=True)
class ChangedRuns:
    """Some runs of one experiment, oldest first, with all that belongs to them; columns and keys as in `RunRows`.

    `runs` has `RUN_COLUMNS`: `deleted` is 0 for an active run, `artifact_uri` is None unless the run has a place of its
    own. `params` (run, key, value, kind) and `tags` (run, key, value) have one row, an array of each column as JSON:
    a text instead of thousands of Python objects, which halves the time of reading them.

    Parameters, tags and metrics are there for runs whose `param_tx`, `tag_tx` or `summary_tx` is after `since`: those
    of the others have not changed.
    """

    since: int
    runs: Columns
    params: Columns
    tags: Columns
    metrics: Columns
    inputs: Columns


@dataclass(frozen=True)
class TableState:
    """What the run table has to know of the catalog, as of transaction `tx`.

    `artifacts` is the folder of the artifacts of each experiment, `sealed` the first seq of each writer that no segment
    holds, `unstored` what the summaries have of points that are in no segment and no journal.
    """

    tx: int
    artifacts: dict[str, str]
    sealed: dict[str, int]
    unstored: dict[Series, KnownUnstored]


class Changed(Part):
    """Reading what has changed since a transaction."""

    def changed_runs(
        self,
        experiment_ids: Sequence[str] | None,
        since: Callable[[str, int, int], int],
        receive: Callable[[str, ChangedRuns], object],
        *,
        writers: Sequence[str],
        counting: Sequence[str] = (),
    ) -> TableState:
        """Hand over the runs that have changed, and return what holds for all of it: one transaction sees everything.

        Args:
            experiment_ids: None means all; ids that there are not are passed over.
            since: Gives, for an experiment that has runs or had some, the transaction up to which its runs are known
                already; it is told the last one that this reading sees, and gives no later one, and the one that last
                removed runs: what is known from before that counts for nothing.
            receive: Called with the experiment for at most 5,000 runs at a time.
            writers: Those whose journals were opened before.
            counting: Those of them that have points which they did not store.
        """
        with collector_paused(), self._database.reading() as session:
            tx = session.last_tx()
            artifacts = {}
            for number, experiment_id, location, removed_tx, last_tx in _experiments(session, experiment_ids):
                artifacts[experiment_id] = location or f"{self.artifacts_root}/{experiment_id}"
                if last_tx is None and not removed_tx:
                    continue
                known = since(experiment_id, tx, removed_tx)
                if last_tx is not None and known < last_tx:
                    for piece in _changed(session, number, known):
                        receive(experiment_id, piece)
            return TableState(tx, artifacts, sealed_of(session, writers), known_unstored(session, counting))

    def key_names_after(self, after: int) -> list[tuple[int, str]]:
        """Return number and text of every key name whose number is larger than `after`, by number."""
        with self._database.reading() as session:
            return session.all("SELECT name, text FROM name WHERE name > ? ORDER BY name", (after,))

    def run_places(self, run_ids: Sequence[str]) -> dict[str, tuple[int, str]]:
        """Return number and experiment id of each run; runs that the catalog does not know are left out."""
        found: dict[str, tuple[int, str]] = {}
        with self._database.reading() as session:
            for start in range(0, len(run_ids), 500):
                part = run_ids[start : start + 500]
                rows = session.all(
                    "SELECT r.run_id, r.run, e.experiment_id FROM run r JOIN experiment e USING (experiment)"
                    f" WHERE r.run_id IN ({placeholders(len(part))})",
                    part,
                )
                found.update((run_id, (run, experiment_id)) for run_id, run, experiment_id in rows)
        return found


def _experiments(session: Session, experiment_ids: Sequence[str] | None) -> list[Row]:
    """Return number, id, place of artifacts, last removal and last change of experiments, None without runs."""
    statement = (
        "SELECT e.experiment, e.experiment_id, e.artifact_location, e.removed_tx,"
        " (SELECT max(r.tx) FROM run r WHERE r.experiment = e.experiment) FROM experiment e"
    )
    if experiment_ids is None:
        return session.all(statement)
    wanted = list(dict.fromkeys(experiment_ids))
    return [
        row
        for start in range(0, len(wanted), 500)
        for row in session.all(
            f"{statement} WHERE e.experiment_id IN ({placeholders(len(wanted[start : start + 500]))})",
            wanted[start : start + 500],
        )
    ]


def _changed(session: Session, experiment: int, since: int) -> Iterator[ChangedRuns]:
    """Yield the runs of an experiment that a later transaction than `since` changed, a piece at a time."""
    numbers = [
        run
        for (run,) in session.all(
            "SELECT run FROM run WHERE experiment = ? AND tx > ? ORDER BY run", (experiment, since)
        )
    ]
    start, size = 0, _RUNS_A_PIECE
    while start < len(numbers):
        bounds = (experiment, since, numbers[start], numbers[min(start + size, len(numbers)) - 1])
        try:
            columns = [
                columns_of(names, session.all(statement, (*bounds, since) if own else bounds))
                for names, statement, own in _PIECES
            ]
        except sqlite3.DataError:  # an array is longer than a text of SQLite's may be, a billion bytes
            if size == 1:
                raise
            size = max(1, size // 8)
            continue
        yield ChangedRuns(since, *columns)
        start += size


def _arrays(table: str, columns: Sequence[str]) -> str:
    arrays = ", ".join(f"json_group_array(t.{column})" for column in columns)
    return f"SELECT {arrays} FROM {table} t {_in_piece(table + '_tx')}"


def _in_piece(changed: str) -> str:
    return f"{_IN_PIECE[:-1]} AND {changed} > ?)"


_IN_PIECE: Final = "WHERE t.run IN (SELECT run FROM run WHERE experiment = ? AND tx > ? AND run BETWEEN ? AND ?)"
_RUNS: Final = (
    "SELECT t.run, t.run_id, t.name, t.user_id, t.status, t.start_ms, t.end_ms, t.deleted, t.artifact_uri,"
    " t.param_tx, t.tag_tx, t.summary_tx FROM run t "
)
_METRICS: Final = f"SELECT {', '.join('t.' + column for column in METRIC_COLUMNS)} FROM metric_summary t "
_PARAM_COLUMNS: Final = PARAM_COLUMNS[:-1]
_PIECES: Final = (
    (RUN_COLUMNS, _RUNS + _IN_PIECE + " ORDER BY t.run", False),
    (_PARAM_COLUMNS, _arrays("param", _PARAM_COLUMNS), True),
    (TAG_COLUMNS, _arrays("tag", TAG_COLUMNS), True),
    (METRIC_COLUMNS, _METRICS + _in_piece("summary_tx"), True),
    (INPUT_COLUMNS, INPUTS + _IN_PIECE, False),
)
"""For each field of `ChangedRuns` its columns, the statement that reads them, and whether `since` is in it twice."""
