"""Sending: which runs of a catalog changed since a server acknowledged them, and what of each is new to it.

A run is sent as the difference between what it is and what that server acknowledged last, so that a tag which
somebody changed there meanwhile is not overwritten by one that has not changed here. A server is known by the id of its
store: at an address that serves another store everything is new.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from runlake.catalog.changes import Conflict
from runlake.catalog.inputs import read_inputs
from runlake.catalog.part import Part, clock_ms
from runlake.catalog.session import placeholders
from runlake.catalog.states import Acknowledged, ExperimentState, RunState, UnsentCounts, digest_of, digests_of
from runlake.catalog.writers import WriterInfo
from runlake.entities import DatasetInput

if TYPE_CHECKING:
    from runlake.catalog.session import Row, Session

_MOST_VALUES: Final = 500
_MOST_VERSION: Final = 1 << 53
"""Versions beyond it are none: a server that tells of one must not use up the numbers of transactions."""


class Sending(Part):
    """What was sent where."""

    def server(self, store_id: str, url: str) -> int:
        """Return the number of a server, which becomes known with it, and note where it was found."""
        with self._database.reading() as session:
            row = session.one("SELECT server, url FROM server WHERE store_id = ?", (store_id,))
        if row is not None and row[1] == url:
            return int(row[0])
        with self._database.writing() as session:
            session.run(
                "INSERT INTO server (store_id, url) VALUES (?, ?) ON CONFLICT (store_id) DO UPDATE SET url = ?",
                (store_id, url, url),
            )
            row = session.one("SELECT server FROM server WHERE store_id = ?", (store_id,))
            assert row is not None
            return int(row[0])

    def unsent_runs(
        self, server: int, run_ids: Collection[str] | None = None, *, limit: int = 200, after: int = 0
    ) -> tuple[list[RunState], int]:
        """Return runs that changed since a server acknowledged them, oldest first, and the place to go on `after`.

        Args:
            run_ids: Only these; None means all.
        """
        with self._database.reading() as session:
            rows = _changed_rows(session, server, run_ids, limit, after)
            states = _states(session, rows)
        return states, (rows[-1][0] if rows else after)

    def unsent_idle_runs(self, server: int, writer_id: str | None) -> list[str]:
        """Return the runs that changed since a server acknowledged them and that nobody but `writer_id` may log to."""
        with self._database.reading() as session:
            rows = session.all(f"SELECT r.run_id {_CHANGED} AND {_IDLE} ORDER BY r.run", (server, writer_id))
        return [run_id for (run_id,) in rows]

    def idle_runs(self, run_ids: Sequence[str], writer_id: str | None) -> list[str]:
        """Return those of some runs that nobody but `writer_id` may log to."""
        found: list[str] = []
        with self._database.reading() as session:
            for start in range(0, len(run_ids), _MOST_VALUES):
                part = run_ids[start : start + _MOST_VALUES]
                rows = session.all(
                    f"SELECT r.run_id FROM run r WHERE r.run_id IN ({placeholders(len(part))}) AND {_IDLE}",
                    (*part, writer_id),
                )
                found += [run_id for (run_id,) in rows]
        return found

    def unsent_experiments(self, server: int, experiment_ids: Collection[str] | None = None) -> list[ExperimentState]:
        """Return experiments that changed since a server acknowledged them, and those of `experiment_ids` in any case.

        Args:
            experiment_ids: Only these, whether they have changed or not; None means all that have changed.
        """
        condition, values = "e.tx > coalesce(s.tx, 0)", tuple[str, ...]()
        if experiment_ids is not None:
            condition, values = f"e.experiment_id IN ({placeholders(len(experiment_ids))})", tuple(experiment_ids)
        with self._database.reading() as session:
            rows = session.all(
                "SELECT e.experiment, e.experiment_id, e.name, e.tx, s.tags FROM experiment e"
                f" LEFT JOIN sent_experiment s ON s.experiment = e.experiment AND s.server = ? WHERE {condition}",
                (server, *values),
            )
            return [_experiment_state(session, row) for row in rows]

    def mark_sent(
        self,
        server: int,
        runs: Iterable[RunState],
        experiments: Iterable[tuple[ExperimentState, str]],
        conflicts: Iterable[Conflict] = (),
    ) -> list[Conflict]:
        """Note that a server has acknowledged runs, and experiments under the ids that it gave them.

        Returns:
            The conflicts that are new.
        """
        with self._database.writing() as session:
            session.run("UPDATE server SET acknowledged_ms = ? WHERE server = ?", (clock_ms(), server))
            session.run_many(
                "INSERT INTO sent_experiment (server, experiment, tx, remote_id, tags)"
                " SELECT ?, experiment, ?, ?, ? FROM experiment WHERE experiment_id = ?"
                " ON CONFLICT (server, experiment) DO UPDATE SET"
                " tx = excluded.tx, remote_id = excluded.remote_id, tags = excluded.tags",
                [(server, s.tx, remote_id, s.known_tags(), s.experiment_id) for s, remote_id in experiments],
            )
            session.run_many(
                "INSERT INTO sent_run (server, run, tx, status, end_ms, deleted, tags, inputs, writers)"
                " SELECT ?, run, ?, ?, ?, ?, ?, ?, ? FROM run WHERE run_id = ? ON CONFLICT (server, run) DO UPDATE SET"
                " tx = excluded.tx, status = excluded.status, end_ms = excluded.end_ms, deleted = excluded.deleted,"
                " tags = excluded.tags, inputs = excluded.inputs, writers = excluded.writers"
                " WHERE excluded.tx >= sent_run.tx",
                [(server, *state.acknowledged.to_row(), state.run_id) for state in runs],
            )
            return [conflict for conflict in conflicts if _put_conflict(session, conflict)]

    def runs_of(self, writer_id: str) -> list[str]:
        """Return the runs that log to a writer, in the order of their making."""
        with self._database.reading() as session:
            rows = session.all(
                "SELECT r.run_id FROM run r JOIN writer_run m USING (run) JOIN writer w USING (writer)"
                " WHERE w.writer_id = ? ORDER BY r.run",
                (writer_id,),
            )
        return [run_id for (run_id,) in rows]

    def forget_sent(self, server: int, run_ids: Sequence[str]) -> None:
        """Note that a server has nothing of some runs, whatever it has acknowledged: it lacks some of it."""
        with self._database.writing() as session:
            for run_id in run_ids:
                for table in ("sent_run", "sent_file"):
                    session.run(
                        f"DELETE FROM {table} WHERE server = ? AND run IN (SELECT run FROM run WHERE run_id = ?)",
                        (server, run_id),
                    )
                session.run(
                    "DELETE FROM sent_experiment WHERE server = ?"
                    " AND experiment IN (SELECT experiment FROM run WHERE run_id = ?)",
                    (server, run_id),
                )

    def catch_up(self, versions: Mapping[str, int]) -> list[str]:
        """Give runs a version beyond those that a server has, where these were never given here; return these runs.

        This catalog was set back then, by a power cut or from a backup, and the server takes what it says for old.
        """
        found: list[str] = []
        with self._database.writing() as session:
            last = session.tx
            for run_id, version in versions.items():
                if version > _MOST_VERSION:
                    continue
                # What is held back of a run is sent as the version before its own.
                tx = max(session.tx, version + 2)
                if session.run("UPDATE run SET tx = ? WHERE run_id = ? AND tx < ?", (tx, run_id, version)):
                    found.append(run_id)
                    last = max(last, tx)
            if found:
                session.run("UPDATE counter SET tx = ?", (last,))
            else:
                session.cancel()
        return found

    def mark_points_sent(self, server: int, have: Mapping[str, int]) -> None:
        """Note up to where a server has the points of writers, `have` being the first seq that it lacks."""
        with self._database.writing() as session:
            session.run_many(
                "INSERT INTO sent_writer (server, writer, have) SELECT ?, writer, ? FROM writer WHERE writer_id = ?"
                " ON CONFLICT (server, writer) DO UPDATE SET have = excluded.have",
                [(server, upto, writer_id) for writer_id, upto in have.items()],
            )

    def sent_files(self, server: int, run_id: str) -> dict[str, tuple[int, int]]:
        """Return size and time of change, in ns, of each artifact of a run that a server has acknowledged, by path."""
        with self._database.reading() as session:
            rows = session.all(
                "SELECT f.path, f.size, f.mtime_ns FROM sent_file f JOIN run r USING (run)"
                " WHERE f.server = ? AND r.run_id = ?",
                (server, run_id),
            )
        return {path: (size, mtime_ns) for path, size, mtime_ns in rows}

    def mark_files_sent(self, server: int, run_id: str, files: Mapping[str, tuple[int, int]]) -> None:
        """Note that a server has acknowledged artifacts of a run, with size and time of change, in ns, by path."""
        with self._database.writing() as session:
            session.run_many(
                "INSERT OR REPLACE INTO sent_file (server, run, path, size, mtime_ns)"
                " SELECT ?, run, ?, ?, ? FROM run WHERE run_id = ?",
                [(server, path, *facts, run_id) for path, facts in files.items()],
            )

    def unsent_counts(self) -> list[UnsentCounts]:
        """Return, for each server that this store was sent to, what it has not acknowledged yet."""
        with self._database.reading() as session:
            return [
                UnsentCounts(
                    server,
                    url,
                    _count_changed(session, server),
                    acknowledged_ms,
                    dict(
                        session.all(
                            "SELECT w.writer_id, s.have FROM sent_writer s JOIN writer w USING (writer)"
                            " WHERE s.server = ?",
                            (server,),
                        )
                    ),
                )
                for server, url, acknowledged_ms in session.all("SELECT server, url, acknowledged_ms FROM server")
            ]

    def nothing_sent(self, url: str) -> UnsentCounts:
        """Return what a server lacks that has never answered: everything."""
        with self._database.reading() as session:
            return UnsentCounts(0, url, _count_changed(session, 0), None, {})

    def sealed_points_beyond(self, sent: Mapping[str, int]) -> int:
        """Return how many points are in segments that come after those of each writer in `sent`."""
        with self._database.reading() as session:
            ranges = session.all(
                "SELECT DISTINCT w.writer_id, r.first, r.upto FROM segment_range r JOIN writer w USING (writer)"
            )
        return sum(max(0, upto - max(first, sent.get(writer, 0))) for writer, first, upto in ranges)

    def all_conflicts(self) -> list[Conflict]:
        """Return every value that was refused because its parameter had another one, oldest first."""
        with self._database.reading() as session:
            rows = session.all(
                "SELECT r.run_id, c.key, c.value, c.kept FROM conflict c JOIN run r USING (run)"
                " ORDER BY c.found_ms, c.key"
            )
        return [Conflict(*row) for row in rows]


_CHANGED: Final = " FROM run r LEFT JOIN sent_run s ON s.run = r.run AND s.server = ? WHERE r.tx > coalesce(s.tx, 0)"

_IDLE: Final = (
    "NOT EXISTS (SELECT 1 FROM writer_run m JOIN writer w USING (writer)"
    " WHERE m.run = r.run AND w.state = 'open' AND w.writer_id IS NOT ?)"
)


def _experiment_state(session: Session, row: Row) -> ExperimentState:
    number, experiment_id, name, tx, known = row
    rows = session.all("SELECT key, value FROM experiment_tag WHERE experiment = ?", (number,))
    tags: dict[str, str] = dict(rows)
    digests, acknowledged = digests_of(tags), {} if known is None else json.loads(known)
    new = {key: tags[key] for key, digest in digests.items() if acknowledged.get(key) != digest}
    return ExperimentState(experiment_id, name, new, tx, digests)


def _changed_rows(session: Session, server: int, run_ids: Collection[str] | None, limit: int, after: int) -> list[Row]:
    condition, values = "", tuple[str, ...]()
    if run_ids is not None:
        condition, values = f" AND r.run_id IN ({placeholders(len(run_ids))})", tuple(run_ids)
    return session.all(
        "SELECT r.run, r.run_id, e.experiment_id, r.name, r.user_id, r.start_ms, r.status, r.end_ms, r.deleted, r.tx,"
        " r.param_tx, r.tag_tx, coalesce(s.tx, 0), s.status, s.end_ms, s.deleted, s.tags, s.inputs, s.writers"
        + _CHANGED.replace("FROM run r", "FROM run r JOIN experiment e USING (experiment)")
        + f"{condition} AND r.run > ? ORDER BY r.run LIMIT ?",
        (server, *values, after, limit),
    )


def _count_changed(session: Session, server: int) -> int:
    return int(session.all("SELECT count(*)" + _CHANGED, (server,))[0][0])


def _states(session: Session, rows: Sequence[Row]) -> list[RunState]:
    numbers = [row[0] for row in rows]
    params = _texts(session, "param", [row[0] for row in rows if row[10] > row[12]])
    tags = _texts(session, "tag", numbers)
    inputs: dict[int, list[DatasetInput]] = {}
    for start in range(0, len(numbers), _MOST_VALUES):
        inputs.update(read_inputs(session, numbers[start : start + _MOST_VALUES]))
    writers = _writers(session, numbers)
    return [
        _state(row, params.get(row[0], {}), tags.get(row[0], {}), inputs.get(row[0], []), writers.get(row[0], []))
        for row in rows
    ]


def _state(
    row: Row,
    params: Mapping[str, str],
    tags: Mapping[str, str],
    inputs: Sequence[DatasetInput],
    writers: Sequence[WriterInfo],
) -> RunState:
    _, run_id, experiment_id, name, user_id, start_ms, status, end_ms, deleted, tx, _, _, _, *before = row
    known = Acknowledged.of_row((row[12], *before))
    digests, known_digests = digests_of(tags), dict(known.tags)
    inputs_digest = digest_of(repr(inputs)) if inputs else ""
    now = Acknowledged(tx, status, end_ms, bool(deleted), digests, inputs_digest, len(writers))
    has_moved = (status, end_ms) != (known.status, known.end_ms)
    return RunState(
        *(run_id, experiment_id, tx, name, user_id, start_ms),
        status=status if has_moved else None,
        end_time=end_ms if has_moved else None,
        deleted=bool(deleted) if bool(deleted) != known.deleted else None,
        tags={key: tags[key] for key, digest in digests.items() if known_digests.get(key) != digest},
        deleted_tags=[key for key in known_digests if key not in digests],
        params=params,
        inputs=inputs if inputs_digest != known.inputs else [],
        writers=writers if len(writers) != known.writers else [],
        acknowledged=now,
        known_version=known.tx,
    )


def _texts(session: Session, table: str, runs: Sequence[int]) -> dict[int, dict[str, str]]:
    found: dict[int, dict[str, str]] = {}
    for start in range(0, len(runs), _MOST_VALUES):
        part = runs[start : start + _MOST_VALUES]
        for run, key, value in session.all(
            f"SELECT t.run, n.text, t.value FROM {table} t JOIN name n ON n.name = t.key"
            f" WHERE t.run IN ({placeholders(len(part))})",
            part,
        ):
            found.setdefault(run, {})[key] = value
    return found


def _writers(session: Session, runs: Sequence[int]) -> dict[int, list[WriterInfo]]:
    found: dict[int, list[WriterInfo]] = {}
    for start in range(0, len(runs), _MOST_VALUES):
        part = runs[start : start + _MOST_VALUES]
        for run, *columns in session.all(
            "SELECT m.run, w.writer_id, w.host, w.boot_id, w.pid, w.created_ms, w.rank FROM writer_run m"
            f" JOIN writer w USING (writer) WHERE m.run IN ({placeholders(len(part))}) ORDER BY m.run, m.writer",
            part,
        ):
            found.setdefault(run, []).append(WriterInfo(*columns))
    return found


def _put_conflict(session: Session, conflict: Conflict) -> bool:
    """Note a refused value; return whether it was not known."""
    return (
        session.run(
            "INSERT OR IGNORE INTO conflict (run, key, value, kept, found_ms)"
            " SELECT run, ?, ?, ?, ? FROM run WHERE run_id = ?",
            (conflict.key, conflict.value, conflict.kept, clock_ms(), conflict.run_id),
        )
        > 0
    )
