"""Migrations: a catalog is made, or brought to this version, by running the versions it lacks in order."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from runlake.catalog.schema import APPLICATION_ID, VERSIONS
from runlake.errors import Corrupt, NewerFormat


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
    how = "mode=ro" if wal.exists() and wal.stat().st_size else "mode=ro&immutable=1"
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?{how}", uri=True, timeout=10.0)
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
            hint=f"restore {path.name} from a copy of the store, and keep the other files as they are",
        )


def migrate(connection: sqlite3.Connection, path: Path) -> None:
    """Bring the catalog to this version; the caller holds the lock. A new one gets its schema and WAL mode."""
    version = _require_known(connection, path)
    if version == 0:
        connection.execute("PRAGMA journal_mode = WAL").fetchall()
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
