"""Members: the processes that are in a run by `start_run`, and when the run ends: when the last one leaves it.

A process is known by its writer. One that died without leaving has failed; one that only logs (a forked child, a
client) is no member and is not waited for.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from runlake.catalog.changes import Change, find_run, put_rest
from runlake.catalog.part import Part
from runlake.errors import InvalidInput

if TYPE_CHECKING:
    from runlake.catalog.session import Session

Living = Callable[[Collection[str]], Collection[str]]
"""Gives those of some writers whose process may be alive: the lock is held, or the host is another one."""

_WORST_FIRST: Final = ("FAILED", "KILLED", "FINISHED")


class Members(Part):
    """Who is in a run."""

    def join_run(
        self, run_id: str, writer_id: str, living: Living, *, tags: Mapping[str, str], name: str | None = None
    ) -> None:
        """Make a run RUNNING and a writer, which is registered and attached, one of its members.

        When nobody else is in the run, how it ended before is forgotten.

        Raises:
            NotFound: there is no such run.
            InvalidInput: it is deleted.
        """
        with self._database.writing() as session:
            run, _, deleted = find_run(session, run_id)
            if deleted:
                raise InvalidInput(f"run {run_id} is deleted", hint="bring it back with restore_run()")
            writer = _number(session, writer_id)
            if not _anybody(living, _others(session, run, writer)):
                session.run("UPDATE writer_run SET member = 0, ended = NULL WHERE run = ?", (run,))
            session.run("UPDATE writer_run SET member = 1, ended = NULL WHERE run = ? AND writer = ?", (run, writer))
            put_rest(session, run, Change(run_id, tags=tags, status="RUNNING", name=name))

    def leave_run(
        self, run_id: str, writer_id: str, living: Living, *, status: str, end_ms: int, wait_s: float | None = None
    ) -> bool:
        """Take a writer out of a run, and end the run unless another member may be alive; return whether it ended.

        Its status is the worst with which a member left: FAILED, then KILLED, then FINISHED; a dead member has FAILED.

        Raises:
            NotFound: there is no such run.
            CatalogLocked: others kept the catalog for `wait_s`, or the catalog's own limit.
        """
        with self._database.writing(wait_s) as session:
            run = find_run(session, run_id)[0]
            rows = session.all(_WRITERS_OF_RUN, (run,))
            own = next((writer for writer, known_as, *_ in rows if known_as == writer_id), None)
            session.run("UPDATE writer_run SET member = 0, ended = ? WHERE run = ? AND writer = ?", (status, run, own))
            others = [row for row in rows if row[0] != own]
            members = [(other_id, state) for _, other_id, state, member, _ in others if member]
            if _anybody(living, members):
                return False
            reported = (
                {ended for *_, ended in others} | ({status} if own else set()) | ({"FAILED"} if members else set())
            )
            worst = next((end for end in _WORST_FIRST if end in reported), status)
            put_rest(session, run, Change(run_id, status=worst, end_ms=end_ms))
            return True


_WRITERS_OF_RUN: Final = """
    SELECT writer, w.writer_id, w.state, m.member, m.ended FROM writer_run m JOIN writer w USING (writer)
    WHERE m.run = ?"""


def _number(session: Session, writer_id: str) -> int:
    row = session.one("SELECT writer FROM writer WHERE writer_id = ?", (writer_id,))
    return -1 if row is None else int(row[0])


def _others(session: Session, run: int, writer: int) -> list[tuple[str, str]]:
    """Return id and state of the writers of the other members."""
    return session.all(
        "SELECT w.writer_id, w.state FROM writer_run m JOIN writer w USING (writer)"
        " WHERE m.run = ? AND m.member = 1 AND m.writer != ?",
        (run, writer),
    )


def _anybody(living: Living, members: Sequence[tuple[str, str]]) -> bool:
    """Tell whether the process of a member may be alive; the locks are looked at only where the catalog cannot tell."""
    opened = [writer_id for writer_id, state in members if state == "open"]
    return bool(opened) and bool(living(opened))
