"""Spooling: what a catalog does besides whose store keeps runs only until a server has them."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from runlake.catalog.changes import put_tags
from runlake.catalog.part import Part, clock_ms
from runlake.catalog.session import placeholders
from runlake.catalog.states import Acknowledged, ExperimentState, RunState, digests_of
from runlake.catalog.typed import read_typed

_MOST_RUNS: Final = 500


class Spooling(Part):
    """Runs that came from a server, and what is let go of once it has it."""

    def release(self, writer_id: str, upto: int) -> None:
        """Let go of the points of a writer before `upto`, which are safe elsewhere: its journal may be trimmed.

        No segment holds them, so this is for stores that keep points only until a server has them.
        """
        with self._database.writing(durable=True) as session:
            session.run("UPDATE writer SET sealed = ? WHERE writer_id = ? AND sealed < ?", (upto, writer_id, upto))

    def forget_ended_runs(self, server: int, before_ms: int, *, keep: Collection[str]) -> int:
        """Remove runs that ended before a time and that a server has with all that belongs to them; return how many.

        It is for stores that keep runs only until a server has them. What is in use (`keep`, segments, conflicts that
        are to be shown) stays.

        Args:
            before_ms: Milliseconds since 1970.
        """
        with self._database.reading() as session:
            rows = session.all(_FORGETTABLE, (server, before_ms, _MOST_RUNS))
            tables = [name for (name,) in session.all(_TABLES_OF_RUNS)]
        unused = {run for run, run_id in rows if run_id not in keep}
        if not unused:
            return 0
        with self._database.writing() as session:
            # Another process may have taken one up again meanwhile.
            rows = session.all(_FORGETTABLE, (server, before_ms, _MOST_RUNS))
            runs = [run for run, _ in rows if run in unused]
            if not runs:
                session.cancel()
                return 0
            session.run("PRAGMA defer_foreign_keys = ON")
            for table in tables:
                session.run(f"DELETE FROM {table} WHERE run IN ({placeholders(len(runs))})", runs)
            session.run(f"DELETE FROM sent_writer WHERE writer IN ({_UNUSED_WRITERS})")
            session.run(f"DELETE FROM writer WHERE writer IN ({_UNUSED_WRITERS})")
        return len(runs)

    def take_over_experiment(self, state: ExperimentState) -> None:
        """Enter an experiment of a server under its id, unless the id or an active experiment of the name is there."""
        now_ms = clock_ms()
        with self._database.writing() as session:
            if session.one(
                "SELECT 1 FROM experiment WHERE experiment_id = ? OR (name = ? AND deleted = 0)",
                (state.experiment_id, state.name),
            ):
                session.cancel()
                return
            session.run(
                "INSERT INTO experiment (experiment_id, name, created_ms, updated_ms, tx) VALUES (?, ?, ?, ?, ?)",
                (state.experiment_id, state.name, now_ms, now_ms, session.tx),
            )

    def take_over_run(self, server: int, state: RunState) -> None:
        """Enter a run of a server, all of which it is known to have; nothing happens when the run is there.

        Its experiment has to be there, see `take_over_experiment`.
        """
        with self._database.writing() as session:
            row = session.one("SELECT experiment FROM experiment WHERE experiment_id = ?", (state.experiment_id,))
            if row is None or session.one("SELECT 1 FROM run WHERE run_id = ?", (state.run_id,)):
                session.cancel()
                return
            columns = (state.run_id, row[0], state.name, state.user_id, state.status, state.start_time)
            run = session.insert(
                "INSERT INTO run (run_id, experiment, name, user_id, status, start_ms, end_ms, deleted, deleted_ms,"
                f" owned, tx, param_tx, tag_tx) VALUES ({placeholders(13)})",
                (
                    *(*columns, state.end_time, bool(state.deleted), clock_ms() if state.deleted else None, 0),
                    *(session.tx, session.tx, session.tx),
                ),
            )
            put_tags(session, run, state.tags)
            session.run_many(
                "INSERT INTO param (run, key, value, kind, typed) VALUES (?, ?, ?, ?, ?)",
                [(run, session.name(key), value, *read_typed(value)) for key, value in state.params.items()],
            )
            known = Acknowledged(
                *(session.tx, state.status or "", state.end_time, bool(state.deleted)), digests_of(state.tags)
            )
            session.run(
                "INSERT INTO sent_run (server, run, tx, status, end_ms, deleted, tags, inputs, writers)"
                f" VALUES (?, ?, {placeholders(7)})",
                (server, run, *known.to_row()),
            )


_FORGETTABLE: Final = """
    SELECT r.run, r.run_id FROM run r JOIN sent_run s ON s.run = r.run AND s.server = ?
    WHERE s.tx >= r.tx AND r.end_ms < ? AND r.status IN ('FINISHED', 'FAILED', 'KILLED')
    AND NOT EXISTS (SELECT 1 FROM writer_run m JOIN writer w USING (writer) WHERE m.run = r.run AND w.state != 'sealed')
    AND NOT EXISTS (SELECT 1 FROM segment_run g WHERE g.run = r.run)
    AND NOT EXISTS (SELECT 1 FROM conflict c WHERE c.run = r.run) LIMIT ?"""
_TABLES_OF_RUNS: Final = """
    SELECT m.name FROM sqlite_master m
    WHERE m.type = 'table' AND EXISTS (SELECT 1 FROM pragma_table_info(m.name) c WHERE c.name = 'run')"""
_UNUSED_WRITERS: Final = """
    SELECT writer FROM writer w WHERE w.state = 'sealed'
    AND NOT EXISTS (SELECT 1 FROM writer_run m WHERE m.writer = w.writer)
    AND NOT EXISTS (SELECT 1 FROM segment_range r WHERE r.writer = w.writer)
    AND NOT EXISTS (SELECT 1 FROM gap g WHERE g.writer = w.writer)"""
