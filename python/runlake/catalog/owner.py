"""Owner: one host at a time has a store that several hosts can reach.

What a process of one host has written is seen by the others of that host at once, and by those of another host when it
pleases the file system. So the first host to open a store owns it: `owner.json` names it and has a beat, a random
number that its processes change every few seconds. Who finds another host's name watches the beat: when it changes the
owner lives, and the store is refused; when it stays the same for the length of a lease, the owner is gone. No clock is
compared with another one. The last process that lets go of the store says so, and the next host need not wait.

Processes of one host share the ownership. Each holds a shared `flock` on the file, so that the last one knows it is.
Taking over is done under a lock, which may keep out the processes of this host only; so it is Fischer's algorithm
besides: write, wait for longer than a write takes, and look whether it is still there.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import logging
import os
import platform
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Final

from runlake.catalog.lock import FileLock
from runlake.errors import StoreUnavailable

_log = logging.getLogger("runlake")

NAME: Final = "owner.json"
LOCK_NAME: Final = "owner.lock"
LEASE_S: Final = 15.0
_BYTES: Final = 512  # always as many, so that one write replaces all of it
_HINT: Final = "run `runlake server` on that host and log to it, or give each host a store of its own"


@dataclass(frozen=True)
class Said:
    """What `owner.json` says; of a file that is being made, or that is not what was written, nothing."""

    host: str = "another host"
    boot_id: str = ""
    beat: str = ""
    released: bool = False


def this_host() -> Said:
    """Return what this host would write, with a new beat."""
    boot_id = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    return Said(platform.node(), boot_id, os.urandom(8).hex())


class Owner:
    """The ownership of one store, for the processes of this host; its methods are called by one thread at a time."""

    def __init__(
        self,
        root: Path,
        file_system: str,
        *,
        me: Callable[[], Said] = this_host,
        lease_s: float = LEASE_S,
    ) -> None:
        """Prepare; nothing is read or written.

        Args:
            me: Says who this host is, each time with another beat.
            lease_s: Time without a beat after which an owner is taken for gone.
        """
        self.path = root / NAME
        self._file_system = file_system
        self._me = me
        self._lease_s = lease_s
        self._file: int | None = None
        self._seen_s = -lease_s  # by the monotonic clock: when the store was known to be this host's
        self._pid = 0  # the process that the rest is of
        self._stop, self._beating = threading.Event(), threading.Lock()
        self._thread: threading.Thread | None = None

    def ensure(self, timeout_s: float) -> None:
        """Make sure that the store is this host's, and stays so while this process lives or until `release`.

        Args:
            timeout_s: Longest time to watch another owner.

        Raises:
            StoreUnavailable: another host has it, or may have it still.
        """
        if self._pid == os.getpid() and time.monotonic() - self._seen_s < self._lease_s / 2:
            return
        deadline_s = time.monotonic() + timeout_s
        is_new = self._pid != os.getpid() and self._join()
        try:
            self._take(deadline_s, is_new=is_new)
        except BaseException:
            self._leave()
            raise
        self._seen_s = time.monotonic()
        self._begin_to_beat()

    def release(self) -> None:
        """Let go of the store; the last process of this host says so to the others."""
        if self._file is None or self._pid != os.getpid():
            return
        self._stop.set()
        with self._beating, contextlib.suppress(OSError):  # StoreError, too: then the lease ends by itself
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if self._read().boot_id == self._me().boot_id:
                self._write(replace(self._me(), released=True))
        self._leave()

    def _join(self) -> bool:
        """Open the file and hold the lock of those who use the store; return whether the file is new."""
        self._leave()
        flags = os.O_RDWR | os.O_CLOEXEC
        try:
            try:
                self._file, is_new = os.open(self.path, flags | os.O_CREAT | os.O_EXCL, 0o666), True
            except FileExistsError:
                self._file, is_new = os.open(self.path, flags), False
            fcntl.flock(self._file, fcntl.LOCK_SH)  # it waits for somebody who is letting go, and no longer
        except OSError as error:
            raise StoreUnavailable(f"the store {self.path.parent} cannot be written to: {error.strerror}") from error
        self._pid = os.getpid()
        self._stop, self._beating = threading.Event(), threading.Lock()
        self._thread = None
        return is_new

    def _leave(self) -> None:
        """Close the file; in a forked child that is the parent's, whose lock stays."""
        self._stop.set()
        self._pid = 0
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _take(self, deadline_s: float, *, is_new: bool) -> None:
        mine, said = self._me(), self._read()
        is_ours = said.boot_id == mine.boot_id
        if not is_ours and not said.released and not is_new:
            self._outlive(said, deadline_s)
        with self._alone():
            now = self._read()
            if not (is_new or now.released or now.boot_id == mine.boot_id or now == said):
                raise self._refusal(now)
            self._write(mine)
        if is_new or (is_ours and not said.released):
            return
        # Where locks keep no other host out, some may have read the same, and write a moment later. Those of this host
        # need not be waited for long.
        time.sleep(self._lease_s / (300 if is_ours else 30))
        if (now := self._read()).boot_id != mine.boot_id:
            raise self._refusal(now)

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        lock = FileLock(self.path.with_name(LOCK_NAME))
        lock.acquire(self._lease_s)
        try:
            yield
        finally:
            lock.forget()

    def _outlive(self, said: Said, deadline_s: float) -> None:
        """Return when an owner has not beaten for a lease, has let go, or turns out to be this host.

        Raises:
            StoreUnavailable: it has beaten, or the time is over.
        """
        mine = self._me()
        gone_s = time.monotonic() + self._lease_s
        pause_s = self._lease_s / 10_000
        while time.monotonic() < gone_s:
            if time.monotonic() >= deadline_s:
                raise self._refusal(said)
            time.sleep(pause_s)
            pause_s = min(2 * pause_s, self._lease_s / 30)
            now = self._read()
            if now.released or now.boot_id == mine.boot_id:
                return
            if now != said:
                raise self._refusal(now)
        _log.warning("host %s has left the store %s without a word; it is this host's now", said.host, self.path.parent)

    def _refusal(self, said: Said) -> StoreUnavailable:
        return StoreUnavailable(
            f"the store {self.path.parent} is in use by host {said.host!r}; on {self._file_system} one host at a time"
            " can use a store",
            hint=_HINT,
        )

    def _begin_to_beat(self) -> None:
        if self._thread is None:
            mine = self._stop, self._beating
            self._thread = threading.Thread(target=self._keep_beating, args=mine, name="runlake-owner", daemon=True)
            self._thread.start()

    def _keep_beating(self, stop: threading.Event, beating: threading.Lock) -> None:
        last, is_failing = Said(), False
        while not stop.wait(self._lease_s / 3):
            with beating:
                if stop.is_set():
                    return
                try:
                    last, is_failing = self._beat(last), False
                except StoreUnavailable as error:
                    _log.error("%s", error.message)
                    return
                except FileNotFoundError:  # the store was removed
                    return
                except OSError as error:  # it is tried again, and who writes to the catalog looks for itself
                    if not is_failing:
                        _log.warning("%s cannot be kept up to date: %s", self.path, error)
                    is_failing = True

    def _beat(self, last: Said) -> Said:
        """Change the beat, unless another process of this host has done so since `last`; return what the file says."""
        said, mine = self._read(), self._me()
        if said.boot_id and said.boot_id != mine.boot_id:
            raise self._refusal(said)
        if said == last or said.released or not said.boot_id:
            self._write(mine)
            said = mine
        self._seen_s = time.monotonic()
        return said

    def _read(self) -> Said:
        # NOTE: opened anew, for that is when NFS asks the server what the file holds.
        try:
            content = self.path.read_bytes()
            return Said(**json.loads(content))
        except (FileNotFoundError, ValueError, TypeError):
            return Said()

    def _write(self, said: Said) -> None:
        content = json.dumps(asdict(said)).ljust(_BYTES - 1) + "\n"
        # NOTE: closed at once, for that is when NFS brings it to the server.
        file = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            os.pwrite(file, content.encode(), 0)
            os.fsync(file)
        finally:
            os.close(file)
