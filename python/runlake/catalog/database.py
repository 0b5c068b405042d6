"""Database: the connections of this process to one catalog, and the rules by which they are used.

Every write transaction, open, close and checkpoint runs under the exclusive lock of `catalog.lock`; reads do not.
Order of locks: `Database._write_mutex`, then `catalog.lock`, then `_read_mutex`.

Where mapped memory cannot be relied on there is no WAL: a commit waits for the disk and for whoever is reading, and
after it nothing is left to sync. So no thread may write in the middle of a read of its own.

NOTE: SQLite keeps, in the process, a list of the files it has locked, and a fork copies the list but not the locks. A
connection that the child opens would believe that it holds them, and the parent, closing as the last one, would delete
the WAL that the child writes to. So connections are closed before a fork, and opened again on both sides at the next
use.
"""

from __future__ import annotations

import contextlib
import math
import os
import sqlite3
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from runlake.catalog.lock import FileLock
from runlake.catalog.migrations import check_version, enter_wal, leave_wal, migrate
from runlake.catalog.owner import Owner
from runlake.catalog.session import Session
from runlake.errors import CatalogLocked, Corrupt, StoreError, StoreUnavailable
from runlake.filesystem import Keeping, keeping_of

NAME: Final = "catalog.db"
_FORK_WAIT_S = 10.0
_PRAGMAS: Final = "PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY;"
_WITH_WAL: Final = """
    PRAGMA synchronous = NORMAL;
    PRAGMA wal_autocheckpoint = 4000;"""  # 16 MiB: the same pages again and again go into the database once
_WITHOUT_WAL: Final = """
    PRAGMA journal_mode = TRUNCATE; PRAGMA synchronous = FULL;
    PRAGMA cache_spill = OFF;"""  # else a large transaction would keep readers out before it commits
_WAL_WAIT_S = 0.1
_BUSY_TIMEOUT_S = 10.0  # only recovery after a crash, by another process, makes SQLite itself wait


class Database:
    """Two connections, one that writes and one that reads, opened at first use and shared by all threads."""

    def __init__(
        self, root: Path, lock_timeout_s: float, keeping: Keeping | None = None, owner: Owner | None = None
    ) -> None:
        """Prepare; nothing is opened.

        Args:
            keeping: Whether the catalog has a WAL; without one every commit is on the disk when it returns. None takes
                what the file system asks for.
            owner: Keeps other hosts away, where there may be some.
        """
        self.lock_timeout_s = lock_timeout_s
        self._keeping = keeping or keeping_of(root)
        self._wal = self._keeping.wal
        self._owner = owner
        self.path = root / NAME
        self.lock = FileLock(root / "catalog.lock")
        self.names: dict[str, int] = {}  # key names that are committed; none is ever removed
        self._write_connection: sqlite3.Connection | None = None
        self._read_connection: sqlite3.Connection | None = None
        self._unsynced = self._writing = False
        self.on_commit: Callable[[], object] = bool
        self._forget()
        _databases.add(self)

    @contextlib.contextmanager
    def writing(self, wait_s: float | None = None, *, durable: bool = False) -> Iterator[Session]:
        """Run one write transaction: committed at the end, rolled back when the block raises.

        Args:
            wait_s: Longest wait for other threads and processes; None is the catalog's own.
            durable: Whether it has to survive a power cut when this returns; else it does so after the next `sync`.

        Raises:
            CatalogLocked: others kept the catalog for that long.
        """
        timeout_s = self.lock_timeout_s if wait_s is None else wait_s
        with translated(self.path), self._exclusive(timeout_s):
            connection = self._writer()
            if not self._wal:  # there a commit waits for those who read
                self._refuse_within_own_read()
                connection.execute(f"PRAGMA busy_timeout = {1000 * timeout_s:.0f}")
            elif durable:
                connection.execute("PRAGMA synchronous = FULL")
            connection.execute("BEGIN IMMEDIATE")
            try:
                session = Session(connection, self.names)
                session.begin_change()
                yield session
                if not session.cancelled:
                    connection.execute("COMMIT")
                    self.names.update(session.new_names)
                    self._unsynced = self._unsynced or (self._wal and not durable)
                    if self._unsynced:
                        self.on_commit()
            finally:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                if durable and self._wal:
                    connection.execute("PRAGMA synchronous = NORMAL")

    @contextlib.contextmanager
    def reading(self) -> Iterator[Session]:
        """Run one read transaction: everything in the block sees the same state."""
        with translated(self.path):
            shared = self._lock_reader()
            try:
                # A signal handler that reads in the middle of a read of its thread sees what is there now.
                connection = self._connect() if shared.in_transaction else shared
                try:
                    connection.execute("BEGIN")
                    try:
                        yield Session(connection, self.names)
                    finally:
                        connection.execute("COMMIT")
                finally:
                    if connection is not shared:
                        connection.close()
            finally:
                self._read_mutex.release()

    def open(self) -> None:
        """Open the catalog; make it or bring it to this version first.

        Raises:
            NewerFormat: a later version wrote it; nothing was touched.
        """
        with translated(self.path), self._exclusive(self.lock_timeout_s):
            self._writer()

    def file_identity(self) -> tuple[int, int] | None:
        """Return device and inode of the catalog's file, None when there is none; nothing is opened."""
        try:
            status = os.stat(self.path)
        except (FileNotFoundError, NotADirectoryError):
            return None
        return status.st_dev, status.st_ino

    @contextlib.contextmanager
    def exclusive(self) -> Iterator[None]:
        """Keep other threads and processes from writing; nothing is opened."""
        with self._exclusive(self.lock_timeout_s):
            yield

    def sync(self) -> None:
        """Make everything that was committed so far survive a power cut.

        Raises:
            StoreError: the disk failed; what was committed counts as not synced still.
        """
        with self._sync_mutex:  # what another thread is syncing is not on the disk before that thread is done
            if not self._unsynced:
                return
            self._unsynced = False
            try:
                self._sync_wal()
            except OSError as error:
                self._unsynced = True
                raise StoreError(f"{self.path}-wal could not be synced: {error.strerror}") from error

    def _sync_wal(self) -> None:
        # NOTE: SQLite locks catalog.db and catalog.db-shm, never the WAL, so closing this file drops no lock.
        with contextlib.suppress(FileNotFoundError):  # a checkpoint has synced and removed it
            file = os.open(f"{self.path}-wal", os.O_RDONLY | os.O_CLOEXEC)
            try:
                os.fdatasync(file)
            finally:
                os.close(file)

    @property
    def unsynced(self) -> bool:
        """Whether something was committed that a power cut could take."""
        return self._unsynced

    def close(self, wait_s: float | None = None) -> None:
        """Close the connections; the next use opens them again."""
        try:
            self.sync()
        finally:
            with self._write_mutex, self._read_mutex:
                self._refuse_within(self._in_use)
                self._close_connections(self.lock_timeout_s if wait_s is None else wait_s)
                self.lock.forget()
                if self._owner is not None:
                    self._owner.release()

    # -- connections

    @contextlib.contextmanager
    def _exclusive(self, timeout_s: float) -> Iterator[None]:
        deadline = time.monotonic() + timeout_s
        if not self._write_mutex.acquire(timeout=timeout_s):
            raise CatalogLocked(f"{self.path} was used by other threads for {timeout_s:g} s")
        try:
            self._refuse_within(self._writing)
            self._writing = True
            try:
                if self._owner is not None:
                    self._owner.ensure(timeout_s)
                self.lock.acquire(max(0.0, deadline - time.monotonic()))
                try:
                    yield
                finally:
                    self.lock.release()
            finally:
                self._writing = False
        finally:
            self._write_mutex.release()

    def _refuse_within(self, in_use: bool) -> None:
        """Refuse what a signal handler asks for in the middle of a use of the connections: waiting would be in vain."""
        if in_use:
            raise CatalogLocked(f"{self.path} is in use by the code that a signal handler has interrupted")

    def _refuse_within_own_read(self) -> None:
        if self._read_mutex.acquire(blocking=False):  # it is free, or this thread's
            try:
                self._refuse_within(self._read_connection is not None and self._read_connection.in_transaction)
            finally:
                self._read_mutex.release()

    @property
    def _in_use(self) -> bool:
        """Whether the thread that holds both mutexes is in the middle of using a connection."""
        return self._writing or (self._read_connection is not None and self._read_connection.in_transaction)

    def _writer(self) -> sqlite3.Connection:
        """Return the connection that writes, both opened if need be; the caller holds the lock."""
        if self._write_connection is None:
            self._refuse_stale_connection()
            check_version(self.path)
            if not self._wal:
                self._leave_wal()
            connection = self._connect()
            try:
                if self._wal:
                    self._wal = enter_wal(connection)
                migrate(connection, self.path)
            except BaseException:
                connection.close()
                raise
            self._write_connection = connection
            with self._read_mutex:  # now, so that reading need not wait for the lock later
                self._read_connection = self._connect()
        return self._write_connection

    def _leave_wal(self) -> None:
        """Take the catalog out of WAL mode, unless others use a WAL and it is only RUNLAKE_JOURNAL that wants none.

        Raises:
            CatalogLocked: the file system cannot keep a WAL, and others are using one.
        """
        may_stay = not self._keeping.reason
        if leave_wal(self.path, wait_s=_WAL_WAIT_S if may_stay else _BUSY_TIMEOUT_S):
            return
        if not may_stay:
            raise CatalogLocked(
                f"{self.path} is open in another process with a WAL, which {self._keeping.file_system} cannot keep",
                hint="end the processes that have opened the store in another way, or through another path",
            )
        self._wal = True

    def _lock_reader(self) -> sqlite3.Connection:
        """Take the read mutex and return the connection that reads; the caller releases the mutex."""
        while True:
            self._read_mutex.acquire()
            if self._read_connection is not None:
                return self._read_connection
            self._read_mutex.release()
            self.open()

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self.path, timeout=_BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False, cached_statements=256
        )
        connection.executescript(_PRAGMAS + (_WITH_WAL if self._wal else _WITHOUT_WAL))
        connection.create_function("signbit", 1, _signbit, deterministic=True)
        return connection

    def _close_connections(self, timeout_s: float) -> None:
        """Close both, under the lock when it is free in time: the last one of all processes makes a checkpoint."""
        locked = False
        if self._write_connection is not None or self._read_connection is not None:
            with contextlib.suppress(CatalogLocked, StoreUnavailable):
                self.lock.acquire(timeout_s)
                locked = True
        connections = self._read_connection, self._write_connection
        self._read_connection = self._write_connection = None  # first, for signal handlers
        for connection in connections:
            if connection is not None:
                connection.close()
        if locked:
            self.lock.release()

    @property
    def is_open(self) -> bool:
        """Whether there is a connection."""
        return self._read_connection is not None or self._write_connection is not None

    @contextlib.contextmanager
    def borrowed(self) -> Iterator[sqlite3.Connection | None]:
        """Give the connection that reads, if it is open; nothing else uses it meanwhile."""
        with self._read_mutex:
            connection = self._read_connection
            yield None if connection is None or connection.in_transaction else connection

    @contextlib.contextmanager
    def writing_beside(self, other: Path) -> Iterator[Session]:
        """Run one write transaction that survives a power cut, and can read the catalog file `other` as `said`.

        Raises:
            CatalogLocked: others kept the catalog for too long.
        """
        with translated(self.path), self._exclusive(self.lock_timeout_s):
            self._writer()  # of this version
            connection = self._connect()
            try:
                connection.execute("ATTACH ? AS said", (str(other),))
                connection.execute("PRAGMA main.synchronous = FULL")
                connection.execute("BEGIN IMMEDIATE")
                session = Session(connection, {})
                session.begin_change()
                yield session
                connection.execute("ROLLBACK" if session.cancelled else "COMMIT")
            finally:
                connection.close()  # rolls back what was not committed
        self.on_commit()

    # -- forks

    def _forget(self) -> None:
        # Reentrant for signal handlers, which must not wait for their own thread, nor enter what it has half done.
        self._write_mutex = threading.RLock()
        self._read_mutex = threading.RLock()
        self._sync_mutex = threading.RLock()
        self._writing = False
        self._write_connection = self._read_connection = None
        self._unsynced = False
        self._held_for_fork = False
        self._stale = False

    def _refuse_stale_connection(self) -> None:
        if self._stale:
            raise StoreUnavailable(
                f"{self.path} was in use by another thread when this process was forked",
                hint="start workers with the 'spawn' or 'forkserver' method",
            )

    def before_fork(self) -> None:
        """Close the connections, so that the child inherits none."""
        self._held_for_fork = self._take_both(_FORK_WAIT_S)
        if self._held_for_fork:
            self._close_connections(timeout_s=1.0)

    def _take_both(self, timeout_s: float) -> bool:
        """Take the mutexes; False when others use the connections, or this thread is in the middle of it."""
        if not self._write_mutex.acquire(timeout=timeout_s):
            return False
        if self._read_mutex.acquire(timeout=timeout_s):
            if not self._in_use:
                return True
            self._read_mutex.release()
        self._write_mutex.release()
        return False

    def after_fork_in_parent(self) -> None:
        """Let other threads go on."""
        if self._held_for_fork:
            self._held_for_fork = False
            self._read_mutex.release()
            self._write_mutex.release()

    def after_fork_in_child(self) -> None:
        """Begin anew; what the parent did not close in time stays as it is, unusable."""
        stale = not self._held_for_fork
        _abandoned.extend(c for c in (self._write_connection, self._read_connection) if c is not None)
        self.lock.forget()
        self._forget()
        self._stale = stale


@contextlib.contextmanager
def opened_in_this_process(path: Path) -> Iterator[sqlite3.Connection | None]:
    """Give a connection that this process has to a catalog, for reading; None when it has none."""
    for database in list(_databases):
        if _is_same_file(database.path, path):
            with database.borrowed() as connection:
                if connection is not None:
                    yield connection
                    return
    yield None


def is_open_in_this_process(path: Path) -> bool:
    """Tell whether this process has a connection to a catalog."""
    return any(database.is_open and _is_same_file(database.path, path) for database in list(_databases))


def _is_same_file(path: Path, other: Path) -> bool:
    try:
        return path.samefile(other)
    except OSError:
        return False


def _signbit(value: float | None) -> bool | None:
    """Whether a number has a minus: to SQLite -0.0 and 0.0 are the same."""
    return None if value is None else math.copysign(1.0, value) < 0


_databases: weakref.WeakSet[Database] = weakref.WeakSet()
_abandoned: list[sqlite3.Connection] = []  # of a parent process: closing them here would act on the parent's files


def _before_fork() -> None:
    for database in sorted(_databases, key=id):
        database.before_fork()


def _after_fork_in_parent() -> None:
    for database in sorted(_databases, key=id):
        database.after_fork_in_parent()


def _after_fork_in_child() -> None:
    for database in sorted(_databases, key=id):
        database.after_fork_in_child()


os.register_at_fork(before=_before_fork, after_in_parent=_after_fork_in_parent, after_in_child=_after_fork_in_child)


@contextlib.contextmanager
def translated(path: Path) -> Iterator[None]:
    """Raise what SQLite says as an error of the store."""
    try:
        yield
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", None)
        primary = None if code is None else code & 0xFF
        if primary in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            raise CatalogLocked(f"{path} is locked: {error}") from error
        if primary in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
            raise Corrupt(
                f"{path} is damaged: {error}", hint="keep the folder as it is and run `runlake doctor`"
            ) from error
        if primary in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM):
            raise StoreUnavailable(f"{path} cannot be written to: {error}") from error
        if isinstance(error, sqlite3.OperationalError):  # disk full, reading failed, no memory, locking failed, ...
            raise StoreError(f"{path} could not be read or written: {error}") from error
        raise
