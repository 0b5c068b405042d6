"""Writers of a catalog: which journals there are, whose they are, and which runs log to them.

A writer is `open` while its process may log, `closed` when nothing has to be mended and points may still wait in its
journal, and `sealed` when all its points are in segments.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from runlake.catalog.changes import find_active_run
from runlake.catalog.ledger import UnstoredPoints, put_ledger
from runlake.catalog.part import Part, clock_ms
from runlake.catalog.session import placeholders

if TYPE_CHECKING:
    from runlake.catalog.session import Session


@dataclass(frozen=True)
class WriterInfo:
    """A journal and the process that writes it; `id` is 32 hexadecimal digits.

    `rank` is the number of the process in its job; None when it has none.
    """

    id: str
    host: str
    boot_id: str
    pid: int
    created_ms: int
    rank: int | None = None


@dataclass(frozen=True)
class WriterState:
    """What the catalog knows of a writer; `sealed` is the first seq that no segment holds."""

    info: WriterInfo
    state: str
    sealed: int


@dataclass(frozen=True)
class GapInfo:
    """Points `first <= seq < upto` that a journal held and does not give back; `file` is what is left of it."""

    first: int
    upto: int
    reason: str
    file: str


@dataclass(frozen=True)
class FoundGap:
    """A gap, and since when and in which writer it has been known; `last_verified_ms` is the last proven sync."""

    writer_id: str
    gap: GapInfo
    last_verified_ms: int | None
    found_ms: int


class Writers(Part):
    """Journals and the runs in them."""

    def register_writer(self, writer: WriterInfo) -> None:
        """Make a writer known, so that its journal is adopted when its process dies."""
        with self._database.writing() as session:
            put_writer(session, writer)

    def attach(self, writer: WriterInfo, run_id: str, *, wait_s: float | None = None) -> None:
        """Note that a run logs to a writer, which becomes known with it.

        Raises:
            NotFound: there is no such run.
            InvalidInput: the run is deleted.
            CatalogLocked: others kept the catalog for `wait_s`, or the catalog's own limit.
        """
        with self._database.writing(wait_s) as session:
            attach_writer(session, put_writer(session, writer), find_active_run(session, run_id))

    def forget_journal(self, seen: WriterState, lost: GapInfo | None = None) -> bool:
        """Note that a writer has no files left, unless its state is another one than when it was `seen`.

        Args:
            lost: What went with its files.

        Returns:
            Whether that was noted.
        """
        with self._database.writing() as session:
            changed = session.run(
                "UPDATE writer SET state = 'sealed', closed_ms = coalesce(closed_ms, ?)"
                " WHERE writer_id = ? AND state = ? AND created_ms = ?",
                (clock_ms(), seen.info.id, seen.state, seen.info.created_ms),
            )
            if changed and lost is not None:
                _put_gaps(session, put_writer(session, seen.info), [lost], None)
        return changed > 0

    def close_writer(
        self,
        writer_id: str,
        *,
        sealed_all: bool = False,
        ledger: Sequence[UnstoredPoints] = (),
        wait_s: float | None = None,
    ) -> None:
        """Note that a writer's process logs nothing more to it; one that others have sealed meanwhile stays sealed.

        Args:
            sealed_all: Whether all its points are in segments and its files gone.
            ledger: What it did not store; it survives a power cut when this returns.
        """
        with self._database.writing(wait_s, durable=bool(ledger)) as session:
            put_ledger(session, writer_id, ledger)
            session.run(
                "UPDATE writer SET state = iif(state = 'sealed', state, ?), closed_ms = coalesce(closed_ms, ?)"
                " WHERE writer_id = ?",
                ("sealed" if sealed_all else "closed", clock_ms(), writer_id),
            )

    def unsealed_writers(self, state: str | None = None) -> list[WriterState]:
        """Return the writers that may have points outside segments, all or those in one state."""
        with self._database.reading() as session:
            return _states(session, "state != 'sealed' AND ifnull(state = ?, 1)", (state,))

    def all_writers(self) -> list[WriterState]:
        """Return all writers that there ever were."""
        with self._database.reading() as session:
            return _states(session, "1", ())

    def writer_states(self, writer_ids: Collection[str]) -> list[WriterState]:
        """Return what is known of some writers."""
        wanted = list(writer_ids)
        with self._database.reading() as session:
            return [
                state
                for start in range(0, len(wanted), 500)
                for state in _states(
                    session,
                    f"writer_id IN ({placeholders(len(wanted[start : start + 500]))})",
                    wanted[start : start + 500],
                )
            ]

    def writers_of(self, run_ids: Sequence[str]) -> list[str]:
        """Return the ids of the writers that may have points of these runs outside segments."""
        with self._database.reading() as session:
            return unsealed_writers_of(session, run_ids)

    def writer_states_of(self, run_id: str) -> dict[str, str]:
        """Return the state of every writer that a run has logged to, by id: open, closed or sealed."""
        with self._database.reading() as session:
            return dict(
                session.all(
                    "SELECT w.writer_id, w.state FROM run r JOIN writer_run wr USING (run) JOIN writer w USING (writer)"
                    " WHERE r.run_id = ?",
                    (run_id,),
                )
            )

    def writer_ranks(self) -> dict[str, int]:
        """Return the rank of every writer that has one, by id."""
        with self._database.reading() as session:
            return dict(session.all("SELECT writer_id, rank FROM writer WHERE rank IS NOT NULL"))

    def mend_writer(
        self,
        writer: WriterInfo,
        runs: Sequence[tuple[str, int]],
        gaps: Sequence[GapInfo],
        last_verified_ms: int | None,
        ledger: Sequence[UnstoredPoints] = (),
        *,
        sealed_all: bool = False,
    ) -> None:
        """Note that a writer was found without its process and is `closed` from now on, or `sealed`.

        Args:
            runs: Run id and time of the last point, in milliseconds, of each run in its journal.
            gaps: What the journal lost.
            ledger: What the writer did not store.
            sealed_all: Whether all its points are in segments. One that is `closed` has a file with others.
        """
        with self._database.writing(durable=sealed_all and bool(ledger)) as session:
            number = put_writer(session, writer)
            for run_id, last_ms in runs:
                row = session.one("SELECT run FROM run WHERE run_id = ?", (run_id,))
                if row is not None:
                    attach_writer(session, number, row[0])
                    session.run(
                        "UPDATE writer_run SET last_ms = ? WHERE run = ? AND writer = ?", (last_ms, row[0], number)
                    )
            _put_gaps(session, number, gaps, last_verified_ms)
            session.run("UPDATE writer SET state = ? WHERE writer = ?", ("sealed" if sealed_all else "closed", number))
            put_ledger(session, writer.id, ledger)

    def note_gaps(self, writer_id: str, gaps: Sequence[GapInfo], last_verified_ms: int | None) -> None:
        """Note what a journal has lost; of a writer that is not known, nothing."""
        with self._database.writing() as session:
            row = session.one("SELECT writer FROM writer WHERE writer_id = ?", (writer_id,))
            if row is None:
                session.cancel()
                return
            _put_gaps(session, row[0], gaps, last_verified_ms)

    def fail_orphans(self) -> list[str]:
        """End, as FAILED, every owned run that is RUNNING and whose writers are all closed; return their ids.

        Its end is the time of its last point; of one that logged nothing, the time when its writer was closed or else
        its own start.
        """
        with self._database.reading() as session:
            if not session.all(_ORPHANS):
                return []
        with self._database.writing() as session:
            orphans = session.all(_ORPHANS)
            for run, _, start_ms, last_ms in orphans:
                row = session.one("SELECT max(max_timestamp) FROM metric_summary WHERE run = ?", (run,)) or (None,)
                end_ms = max((ms for ms in (last_ms, row[0]) if ms is not None), default=start_ms)
                session.run(
                    "UPDATE run SET status = 'FAILED', end_ms = ?, tx = ? WHERE run = ?", (end_ms, session.tx, run)
                )
        return [run_id for _, run_id, _, _ in orphans]

    def gaps(self, run_id: str | None = None) -> list[FoundGap]:
        """Return what journals lost, of all writers or of those that a run logged to."""
        condition = (
            ""
            if run_id is None
            else ("WHERE g.writer IN (SELECT wr.writer FROM writer_run wr JOIN run r USING (run) WHERE r.run_id = ?)")
        )
        with self._database.reading() as session:
            rows = session.all(
                "SELECT w.writer_id, g.first, g.upto, g.reason, g.file, g.last_verified_ms, g.found_ms"
                f" FROM gap g JOIN writer w USING (writer) {condition} ORDER BY g.found_ms, g.writer, g.first",
                () if run_id is None else (run_id,),
            )
        return [FoundGap(row[0], GapInfo(*row[1:5]), row[5], row[6]) for row in rows]


_ORPHANS = """
    SELECT r.run, r.run_id, r.start_ms, max(coalesce(wr.last_ms, w.closed_ms)) FROM run r
    JOIN writer_run wr USING (run) JOIN writer w USING (writer)
    WHERE r.owned = 1 AND r.status = 'RUNNING'
    GROUP BY r.run HAVING sum(w.state = 'open') = 0"""


def _put_gaps(session: Session, writer: int, gaps: Sequence[GapInfo], last_verified_ms: int | None) -> None:
    now_ms = clock_ms()
    session.run_many(
        "INSERT OR IGNORE INTO gap (writer, first, upto, reason, file, last_verified_ms, found_ms)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        [(writer, gap.first, gap.upto, gap.reason, gap.file, last_verified_ms, now_ms) for gap in gaps],
    )


def put_writer(session: Session, writer: WriterInfo) -> int:
    """Make a writer known and return its number."""
    row = session.one("SELECT writer FROM writer WHERE writer_id = ?", (writer.id,))
    if row is not None:
        return int(row[0])
    return session.insert(
        "INSERT INTO writer (writer_id, host, boot_id, pid, created_ms, rank) VALUES (?, ?, ?, ?, ?, ?)",
        (writer.id, writer.host, writer.boot_id, writer.pid, writer.created_ms, writer.rank),
    )


def attach_writer(session: Session, writer: int, run: int, *, member: bool = False) -> None:
    """Note that a run logs to a writer, and whether the writer's process began it."""
    session.run("INSERT OR IGNORE INTO writer_run (run, writer, member) VALUES (?, ?, ?)", (run, writer, member))


def unsealed_writers_of(session: Session, run_ids: Sequence[str]) -> list[str]:
    """Return the ids of the writers that may have points of these runs outside segments."""
    found: set[str] = set()
    for start in range(0, len(run_ids), 500):
        part = run_ids[start : start + 500]
        rows = session.all(
            "SELECT DISTINCT w.writer_id FROM run r JOIN writer_run wr USING (run) JOIN writer w USING (writer)"
            f" WHERE r.run_id IN ({placeholders(len(part))}) AND w.state != 'sealed'",
            part,
        )
        found.update(writer_id for (writer_id,) in rows)
    return sorted(found)


def _states(session: Session, condition: str, values: Sequence[object]) -> list[WriterState]:
    rows = session.all(
        f"SELECT writer_id, host, boot_id, pid, created_ms, rank, state, sealed FROM writer WHERE {condition}", values
    )
    return [WriterState(WriterInfo(*row[:6]), row[6], row[7]) for row in rows]
