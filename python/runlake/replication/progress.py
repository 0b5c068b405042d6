"""Progress: what has been sent and what is left, as those who wait for it see it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Progress:
    """Counters of one process and one server; they only rise, except those that say what is left."""

    runs: int = 0
    """Acknowledged states of runs, without those that leave out an end."""
    points: int = 0
    """Acknowledged points."""
    files: int = 0
    """Acknowledged artifacts."""
    file_bytes: int = 0
    points_left: int = 0
    """Points that were there when the present round began and are not acknowledged yet."""
    files_left: int = 0
    """Artifacts that are known to lack at the server."""
    file_bytes_left: int = 0
