"""Lock: one process at a time, by flock on a file that holds nothing.

NOTE: flock belongs to the open file, so a forked child shares it with its parent; the child must `forget` it.
"""

from __future__ import annotations

import fcntl
import os
import random
import time
from pathlib import Path

from runlake.errors import CatalogLocked, StoreUnavailable

_FIRST_WAIT_S = 50e-6
_LONGEST_WAIT_S = 2e-3
_random = random.Random()  # its own, so that waiting never moves the random numbers of the training


class FileLock:
    """An exclusive lock between processes. Threads of one process need a mutex of their own in front of it.

    Waiting is polling with growing, random pauses: with 64 processes it gave each its turn as soon as a blocking flock
    does (docs/design.md, "Catalog"), and unlike that it can give up.
    """

    def __init__(self, path: Path, *, writable: bool = True) -> None:
        """Prepare.

        Args:
            writable: False leaves everything as it is: the file has to be there.
        """
        self.path = path
        self._flags = (os.O_RDWR | os.O_CREAT if writable else os.O_RDONLY) | os.O_CLOEXEC
        self._file: int | None = None

    def acquire(self, timeout_s: float) -> None:
        """Take the lock, waiting at most `timeout_s` seconds.

        Raises:
            CatalogLocked: others kept it for that long.
            StoreUnavailable: the file cannot be made, opened for writing, or locked.
        """
        deadline = time.monotonic() + timeout_s
        wait_s = _FIRST_WAIT_S
        while not self.try_acquire():
            if time.monotonic() >= deadline:
                raise CatalogLocked(
                    f"{self.path} was locked by other processes for {timeout_s:.3g} s",
                    hint="a process that was stopped while it wrote keeps the lock: `fuser` names it",
                )
            time.sleep(wait_s * (0.5 + _random.random()))
            wait_s = min(1.5 * wait_s, _LONGEST_WAIT_S)

    def try_acquire(self) -> bool:
        """Take the lock if it is free; return whether it was.

        Raises:
            StoreUnavailable: the file cannot be made, opened for writing, or locked.
        """
        if self._file is None:
            self._file = self._open()
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError as error:
            raise StoreUnavailable(
                f"{self.path} cannot be locked: {error.strerror}",
                hint="keep the store on a local disk (ext4, xfs, tmpfs), where files can be locked",
            ) from error
        return True

    def release(self) -> None:
        """Give the lock to the next one."""
        if self._file is not None:
            fcntl.flock(self._file, fcntl.LOCK_UN)

    def forget(self) -> None:
        """Close the file; whoever shares it through a fork keeps the lock."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _open(self) -> int:
        try:
            return os.open(self.path, self._flags, 0o666)
        except OSError as error:
            raise StoreUnavailable(
                f"the store {self.path.parent} cannot be written to: {error.strerror}",
                hint="choose another folder with runlake.set_tracking_uri() or RUNLAKE_TRACKING_URI",
            ) from error
