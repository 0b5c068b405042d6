"""Replicas of a catalog: writers of other stores whose streams are kept here, and who has them open.

A replica is `open` while a process here may take points for it, `closed` when points may wait in its journal, and
`sealed` when none do; it can be opened again in each of these.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from runlake.catalog.part import Part, clock_ms
from runlake.catalog.session import placeholders
from runlake.catalog.writers import WriterInfo, attach_writer
from runlake.errors import InvalidInput

if TYPE_CHECKING:
    from runlake.catalog.session import Session


class Replicas(Part):
    """Streams of other stores' writers."""

    def replica_sealed(self, writer_id: str) -> int:
        """Return the first seq of a replica that no segment holds; 0 for a writer that is not known.

        Raises:
            InvalidInput: the writer is one of this store.
        """
        with self._database.reading() as session:
            row = session.one("SELECT sealed, replica FROM writer WHERE writer_id = ?", (writer_id,))
        if row is None:
            return 0
        if not row[1]:
            raise InvalidInput(f"writer {writer_id} logs to this store itself and takes no points from others")
        return int(row[0])

    def open_replica(self, info: WriterInfo) -> None:
        """Note that this process takes points for a replica; its journal is there already.

        Args:
            info: The replica's id, and this process.
        """
        with self._database.reading() as session:
            is_known = session.one("SELECT 1 FROM writer WHERE writer_id = ?", (info.id,)) is not None
        # NOTE: a journal whose writer a power cut has taken from the catalog counts as one of this store, which takes
        # no points from others.
        with self._database.writing(durable=not is_known) as session:
            number = put_replica(session, info)
            session.run(
                "UPDATE writer SET state = 'open', host = ?, boot_id = ?, pid = ?, created_ms = ?, closed_ms = NULL"
                " WHERE writer = ?",
                (info.host, info.boot_id, info.pid, info.created_ms, number),
            )

    def attach_replica(self, writer_id: str, run_ids: Collection[str]) -> list[str]:
        """Note that runs have points in a replica, and return the ids among them that no run has."""
        unknown = []
        with self._database.writing() as session:
            writer = session.one("SELECT writer FROM writer WHERE writer_id = ?", (writer_id,))
            for run_id in run_ids:
                run = session.one("SELECT run FROM run WHERE run_id = ?", (run_id,))
                if run is None or writer is None:
                    unknown.append(run_id)
                else:
                    attach_writer(session, writer[0], run[0])
            if unknown:
                session.cancel()
        return unknown

    def replica_experiments(self, writer_id: str) -> list[str]:
        """Return the ids of the experiments that have points in a replica."""
        with self._database.reading() as session:
            rows = session.all(
                "SELECT DISTINCT e.experiment_id FROM writer w JOIN writer_run USING (writer) JOIN run r USING (run)"
                " JOIN experiment e USING (experiment) WHERE w.writer_id = ?",
                (writer_id,),
            )
        return [experiment_id for (experiment_id,) in rows]

    def skip_in_replica(self, writer_id: str, first: int, upto: int, reason: str) -> bool:
        """Note that the points `first <= seq < upto` of a replica will never come; what precedes them is sealed.

        Returns:
            False when the replica's sealed points do not end at `first`.
        """
        with self._database.writing(durable=True) as session:
            changed = session.run(
                "UPDATE writer SET sealed = ? WHERE writer_id = ? AND sealed = ? AND replica = 1",
                (upto, writer_id, first),
            )
            session.run(
                "INSERT OR IGNORE INTO gap (writer, first, upto, reason, file, found_ms)"
                " SELECT writer, ?, ?, ?, '', ? FROM writer WHERE writer_id = ? AND ?",
                (first, upto, reason, clock_ms(), writer_id, changed),
            )
        return changed > 0

    def replicas(self, writer_ids: Collection[str]) -> set[str]:
        """Return those of some writers whose streams come from other stores."""
        wanted = list(writer_ids)
        found: set[str] = set()
        with self._database.reading() as session:
            for start in range(0, len(wanted), 500):
                part = wanted[start : start + 500]
                rows = session.all(
                    f"SELECT writer_id FROM writer WHERE replica = 1 AND writer_id IN ({placeholders(len(part))})", part
                )
                found.update(writer_id for (writer_id,) in rows)
        return found


def put_replica(session: Session, writer: WriterInfo) -> int:
    """Make a writer of another store known and return its number; one that is known stays as it is.

    It is `sealed` at first: nothing of it is here.
    """
    row = session.one("SELECT writer FROM writer WHERE writer_id = ?", (writer.id,))
    if row is not None:
        return int(row[0])
    return session.insert(
        "INSERT INTO writer (writer_id, host, boot_id, pid, created_ms, rank, state, replica)"
        " VALUES (?, ?, ?, ?, ?, ?, 'sealed', 1)",
        (writer.id, writer.host, writer.boot_id, writer.pid, writer.created_ms, writer.rank),
    )
