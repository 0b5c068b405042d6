"""What takes longer to find out about a run: the repository, the uncommitted changes, the installed packages.

It is collected once for each script and working folder of a process, in a thread that mostly waits for other processes,
so that neither the start of a run nor its training waits. A loop that holds the interpreter loses about 10 ms to it,
once a process, in pauses of at most 1 to 3 ms (2 cores, a repository with changes).
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from runlake.provenance.git import Repository, read_repository
from runlake.provenance.packages import requirements
from runlake.provenance.tags import notebook_path, script_path

DIFF_FILE = "runlake/uncommitted.diff"
"""Artifact with the changes of tracked files against the commit; only in runs of a changed repository."""

REQUIREMENTS_FILE = "runlake/requirements.txt"
"""Artifact with the installed packages."""

REQUIREMENTS_TAG = "runlake.requirements"
"""Tag with the digest of the installed packages: runs in one environment have the same."""

FILE_TAGS = {REQUIREMENTS_FILE: REQUIREMENTS_TAG, DIFF_FILE: "runlake.diff"}
"""Tag with the SHA-256 of each file, under which the store keeps it once for all runs that have it."""

TIME_LIMIT_S = 20.0
"""After this, git is stopped and what it has not told is left out."""


@dataclass(frozen=True, slots=True)
class Collected:
    """Tags to set, and artifacts to write (contents by path)."""

    tags: dict[str, str] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)


class Background:
    """A collection that is under way or finished; finding out never raises, whatever the machine is like."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._finished = threading.Event()
        self._collected: Collected | None = None
        self._waiting: list[Callable[[Collected], None]] = []
        self._process = os.getpid()

    @classmethod
    def start(cls) -> Background:
        """Give the collection for the present script and working folder; it is begun at the first call."""
        key = (_folder_now(), script_path(), notebook_path())
        with _begun_lock:
            job = _begun.get(key)
            if job is None or job._is_lost():
                job = _begun[key] = cls()
                job._begin([folder for folder in (_parent(key[2]), _parent(key[1]), key[0]) if folder])
            return job

    def result(self, timeout_s: float = 0.0) -> Collected | None:
        """Wait for what was found; None if it is not there in time."""
        if timeout_s > 0 and not self._is_lost():  # asking takes no lock: an event's is not reentrant
            self._finished.wait(timeout_s)
        return self._collected if self._finished.is_set() else None

    def then(self, receive: Callable[[Collected], None]) -> None:
        """Have a function called with what was found: now if it is there, else later in the collecting thread.

        It runs before a `result` that waits in another thread returns. It must not raise: in the collecting thread that
        would end up on stderr, and keep those behind it from being called.
        """
        with self._lock:
            if not self._finished.is_set():
                self._waiting.append(receive)
                return
        if self._collected is not None:
            receive(self._collected)

    def _is_lost(self) -> bool:
        """Tell a collection that a parent process had under way when it forked: its thread is not here."""
        return not self._finished.is_set() and self._process != os.getpid()

    def _begin(self, folders: list[str]) -> None:
        thread = threading.Thread(target=self._collect, args=(folders,), name="runlake-provenance", daemon=True)
        try:
            thread.start()
        except RuntimeError:  # no more threads, or the interpreter is leaving
            self._finish(Collected())

    def _collect(self, folders: list[str]) -> None:
        collected = Collected()
        try:
            collected = _collect(folders, time.monotonic() + TIME_LIMIT_S)
        finally:  # whatever happened, nobody waits for it any longer
            self._finish(collected)

    def _finish(self, collected: Collected) -> None:
        self._collected = collected
        try:
            while waiting := self._take_waiting():
                for receive in waiting:
                    receive(collected)
        finally:
            self._finished.set()

    def _take_waiting(self) -> list[Callable[[Collected], None]]:
        """Give those who wait to be called; when there are none, nobody can begin to wait any more."""
        with self._lock:
            waiting, self._waiting = self._waiting, []
            if not waiting:
                self._finished.set()
            return waiting


_begun: dict[tuple[str | None, str | None, str | None], Background] = {}
_begun_lock = threading.RLock()  # as all locks here: a signal handler may start a run while the same thread does


def _forget_locks() -> None:
    """Make the locks anew in a forked child: a thread that is not there may have held them."""
    global _begun_lock
    _begun_lock = threading.RLock()
    for key, job in list(_begun.items()):
        job._lock = threading.RLock()
        if job._is_lost():
            del _begun[key]


os.register_at_fork(after_in_child=_forget_locks)


def _collect(folders: list[str], deadline: float) -> Collected:
    files = {REQUIREMENTS_FILE: requirements().encode()}
    repository = _first_repository(folders, deadline)
    if repository is None:
        return Collected(files=files)
    if repository.diff:
        files[DIFF_FILE] = repository.diff
    return Collected(tags=repository.tags(), files=files)


def _first_repository(folders: list[str], deadline: float) -> Repository | None:
    """Look in the folder of the notebook or script, then in the working folder."""
    for folder in dict.fromkeys(folders):
        repository = read_repository(Path(folder), deadline=deadline)
        if repository is not None:
            return repository
    return None


def _folder_now() -> str | None:
    try:
        return os.getcwd()
    except OSError:  # it was removed
        return None


def _parent(path: str | None) -> str | None:
    parent = os.path.dirname(os.path.abspath(path)) if path else None
    return parent if parent and os.path.isdir(parent) else None
