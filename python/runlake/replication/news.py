"""News: which runs of this process may have changed since they were sent."""

from __future__ import annotations

import threading
from collections.abc import Collection


class News:
    """What the threads that record tell the one that sends."""

    def __init__(self) -> None:
        self._mutex = threading.RLock()  # a signal handler may record in the middle of recording
        self._runs: set[str] = set()
        self._with_files: set[str] = set()
        self._something = False

    @property
    def has_runs(self) -> bool:
        """Whether a run may have changed."""
        return self._something or bool(self._runs)

    @property
    def has_files(self) -> bool:
        """Whether an artifact was written."""
        return bool(self._with_files)

    def note_something(self) -> None:
        """Take note that the catalog has changed, in one of the runs that are under way."""
        self._something = True

    def note_run(self, run_id: str) -> None:
        """Take note that a run has changed."""
        with self._mutex:
            self._runs.add(run_id)

    def note_files(self, run_id: str) -> None:
        """Take note that an artifact of a run was written."""
        with self._mutex:
            self._with_files.add(run_id)

    def take(self, under_way: Collection[str], *, files: bool) -> tuple[set[str], set[str]]:
        """Return the runs that may have changed since the last call, and those whose artifacts may have.

        Args:
            under_way: What may have changed when it is not known what has.
            files: Whether artifacts are taken now; else they are left for a later call.
        """
        with self._mutex:
            something, self._something = self._something, False
            runs, self._runs = self._runs, set()
            with_files: set[str] = set()
            if files:
                with_files, self._with_files = self._with_files, with_files
        return (runs | set(under_way) if something else runs), with_files

    def give_back(self, runs: Collection[str], with_files: Collection[str]) -> None:
        """Take back what could not be sent."""
        with self._mutex:
            self._runs.update(runs)
            self._with_files.update(with_files)
