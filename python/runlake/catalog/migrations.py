"""Migrations: a catalog is made, or brought to this version, by running the versions it lacks in order."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Final

from runlake.catalog.schema import APPLICATION_ID, VERSIONS
from runlake.errors import Corrupt, NewerFormat

_TIMEOUT_S: Final = 10.0


def check_version(path: Path) -> None:
    """Refuse a catalog that a later version wrote, before anything of it is touched.

    A connection that can write would make, fold in or delete the WAL; one that cannot leaves all bytes as they are.

    Raises:
        NewerFormat: it has a version that this one does not know.
        Corrupt: it is not a catalog, or it is gone and points of its runs are there.
    """
    if not path.exists() or path.stat().st_size == 0:
        _require_new_store(path)
        return
    wal = path.with_name(path.name + "-wal")
    if not wal.exists() or wal.stat().st_size == 0:
        _check_file(path, "mode=ro&immutable=1")
        return
    try:
        _check_file(path, "mode=ro")
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode != sqlite3.SQLITE_IOERR_SHMMAP:
            raise
        # A copy from elsewhere, on a file system where a WAL cannot be read in place: what is in the file has to do.
        _check_file(path, "mode=ro&immutable=1")


def _check_file(path: Path, how: str) -> None:
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?{how}", uri=True, timeout=_TIMEOUT_S)
    try:
        _require_known(connection, path)
    finally:
        connection.close()


def _require_new_store(path: Path) -> None:
    """Refuse to make a catalog for points that another one knew: all of its runs would seem never to have been."""
    root = path.parent
    left = next(root.glob("segments/*/*.parquet"), None) or next(root.glob("journals/*.journal"), None)
    if left is not None:
        raise Corrupt(
            f"the store {root} has points and its {path.name} is {'empty' if path.exists() else 'gone'}",
            hint=f"restore {path.name} from a copy of the store; else `runlake doctor --repair` makes a new one",
        )


def enter_wal(connection: sqlite3.Connection) -> bool:
    """Give the catalog a WAL if it has none; the caller holds the lock.

    Returns:
        False where that could not be: it goes on without one, and every commit waits for the disk.
    """
    if _mode(connection, "journal_mode = WAL") == "wal":
        return True
    connection.executescript("PRAGMA synchronous = FULL; PRAGMA cache_spill = OFF;")
    return False


def leave_wal(path: Path, *, wait_s: float) -> bool:
    """Fold the WAL of a catalog, if it has one, into the file, for good; the caller holds the lock.

    It is done without the index in mapped memory, which only works while nobody else has the catalog open.

    Returns:
        False where others have had it open, with a WAL, for `wait_s` seconds.
    """
    if not path.exists() or path.stat().st_size == 0:
        return True
    connection = sqlite3.connect(path, timeout=wait_s, isolation_level=None)
    try:
        connection.execute("PRAGMA locking_mode = EXCLUSIVE").fetchall()
        _mode(connection, "journal_mode = TRUNCATE")
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
            raise
        return False
    finally:
        connection.close()
    path.with_name(path.name + "-shm").unlink(missing_ok=True)  # of a copy; nobody maps it
    return True


def _mode(connection: sqlite3.Connection, pragma: str) -> str:
    return str(connection.execute(f"PRAGMA {pragma}").fetchall()[0][0])


def migrate(connection: sqlite3.Connection, path: Path) -> None:
    """Bring the catalog to this version; the caller holds the lock. A new one gets its schema."""
    version = _require_known(connection, path)
    for number, statements in enumerate(VERSIONS[version:], start=version + 1):
        connection.execute("BEGIN IMMEDIATE")
        try:
            for statement in statements:
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {number}")
            connection.execute("COMMIT")
        finally:
            if connection.in_transaction:
                connection.execute("ROLLBACK")


def _require_known(connection: sqlite3.Connection, path: Path) -> int:
    version = int(connection.execute("PRAGMA user_version").fetchall()[0][0])
    if version > len(VERSIONS):
        raise NewerFormat(
            f"{path} has version {version}; this version of runlake knows versions up to {len(VERSIONS)}",
            hint="upgrade runlake",
        )
    owner = int(connection.execute("PRAGMA application_id").fetchall()[0][0])
    if version and owner != APPLICATION_ID:
        raise Corrupt(f"{path} is an SQLite file, but not a catalog of runlake")
    return version
