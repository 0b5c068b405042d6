"""Salvaging: the rows that a broken catalog still gives, in a new one.

Each table is read from both ends, so that a broken page costs what is on it. Rows whose partner is gone go, too. What
segments say is put right afterwards, see `rebuilding`.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import sqlite3
import struct
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from runlake.catalog.database import NAME, is_open_in_this_process
from runlake.catalog.migrations import migrate
from runlake.filesystem import sync_folder

_OPENED_BYTE: Final = 128

_MADE_WITH_A_CATALOG: Final = ("counter", "access", "experiment")
"""Tables of which a new catalog has rows, in whose place the old ones come."""


def salvage(broken: Path | None, folder: Path) -> dict[str, int]:
    """Make a catalog in a folder, of the rows that a broken file gives.

    Args:
        broken: A copy that may be changed; None when nothing is left.

    Returns:
        How many rows each table has got that had some.
    """
    path = folder / NAME
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as into:
        migrate(into, path)
        into.execute("PRAGMA foreign_keys = OFF")
        into.execute("BEGIN IMMEDIATE")
        tables = _tables(into)
        found = {table: _fill(into, table, columns, broken) for table, columns in tables.items()} if broken else {}
        for _ in tables:  # what is dropped can leave others without a partner
            if not sum(_drop_dangling(into, table) for table in tables):
                break
        into.execute("COMMIT")
    return {table: count for table, count in found.items() if count}


def install(made: Path, root: Path) -> None:
    """Put a catalog that was made elsewhere in the place of the store's, which is kept aside; under the lock.

    It may be cut short anywhere and done again: it is done when `made` is gone.
    """
    path = root / NAME
    aside = _name_aside(root)
    for suffix in ("-wal", "-shm", "-journal", ""):  # a WAL of the old file would be taken for one of the new file
        with contextlib.suppress(FileNotFoundError):
            path.with_name(path.name + suffix).rename(aside.with_name(aside.name + suffix))
    made.rename(path)
    sync_folder(root)


def is_open(root: Path) -> bool:
    """Tell whether a process has the store's catalog open: what it wrote would go into the file that is kept aside.

    Without a WAL nothing tells of other processes.

    Source: SQLite, os_unix.c: whoever has a WAL open holds a lock on byte 128 of its index.
    """
    if is_open_in_this_process(root / NAME):
        return True
    try:
        file = os.open(root / f"{NAME}-shm", os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        asked = struct.pack("hhqqi", fcntl.F_WRLCK, os.SEEK_SET, _OPENED_BYTE, 1, 0)
        found, *_ = struct.unpack("hhqqi", fcntl.fcntl(file, fcntl.F_GETLK, asked))
    finally:
        os.close(file)
    return bool(found != fcntl.F_UNLCK)


def last_aside(root: Path) -> Path | None:
    """Return the catalog that was kept aside last; None when there is none."""
    found = [path for path in root.glob(f"{NAME}.damaged-*") if path.name.rpartition("-")[2].isdecimal()]
    return max(found, key=lambda path: int(path.name.rpartition("-")[2]), default=None)


def _name_aside(root: Path) -> Path:
    taken = [int(path.name.partition("damaged-")[2].partition("-")[0]) for path in root.glob(f"{NAME}.damaged-*")]
    return root / f"{NAME}.damaged-{max(taken, default=0) + 1}"


def _tables(connection: sqlite3.Connection) -> dict[str, list[str]]:
    """Return the tables of a catalog with their columns."""
    names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    return {
        name: [row[1] for row in connection.execute(f"PRAGMA table_info({name})").fetchall()]
        for (name,) in names
        if not name.startswith("sqlite_")
    }


def _fill(into: sqlite3.Connection, table: str, columns: Sequence[str], broken: Path) -> int:
    how = "REPLACE" if table in _MADE_WITH_A_CATALOG else "IGNORE"
    put = f"INSERT OR {how} INTO {table} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"
    count = 0
    for row in _rows_of(broken, table, columns):
        with contextlib.suppress(sqlite3.IntegrityError):  # garbage, which contradicts the schema
            count += into.execute(put, row).rowcount
    return count


def _rows_of(broken: Path, table: str, columns: Sequence[str]) -> Iterator[tuple[Any, ...]]:
    """Give the rows of a table that can be read, from its first one on, and then from its last one back."""
    with contextlib.closing(sqlite3.connect(broken)) as connection, contextlib.suppress(sqlite3.DatabaseError):
        about = connection.execute(f"PRAGMA table_info({table})").fetchall()
        there = {row[1] for row in about}
        key = [name for _, name in sorted((row[5], row[1]) for row in about if row[5])] or ["rowid"]
        wanted = ", ".join(name if name in there else _default(name) for name in columns)
        for direction in ("ASC", "DESC") if there else ():
            order = ", ".join(f"{name} {direction}" for name in key)
            with contextlib.suppress(sqlite3.DatabaseError):
                yield from connection.execute(f"SELECT {wanted} FROM {table} NOT INDEXED ORDER BY {order}")
                return


def _default(column: str) -> str:
    """Return what a column that an earlier version lacked is filled with."""
    return "0" if column.endswith("_tx") or column == "replica" else "NULL"


def _drop_dangling(connection: sqlite3.Connection, table: str) -> int:
    """Remove the rows of a table that refer to a row which is not there; return how many there were."""
    partners: dict[int, tuple[str, list[tuple[str, str | None]]]] = {}
    for number, _, parent, column, other, *_ in connection.execute(f"PRAGMA foreign_key_list({table})").fetchall():
        partners.setdefault(number, (parent, []))[1].append((column, other))
    dropped = 0
    for parent, columns in partners.values():
        keys = [row for row in connection.execute(f"PRAGMA table_info({parent})").fetchall() if row[5]]
        primary = [row[1] for row in sorted(keys, key=lambda row: row[5])]
        same = " AND ".join(
            f"p.{other or primary[place]} = {table}.{column}" for place, (column, other) in enumerate(columns)
        )
        dropped += connection.execute(
            f"DELETE FROM {table} WHERE NOT EXISTS (SELECT 1 FROM {parent} p WHERE {same})"
        ).rowcount
    return dropped
