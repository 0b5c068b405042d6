"""Competitor: what each tracker has to do to be compared."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True)
class Held:
    """What a tracker gives back: how many points, and the sum of their values."""

    points: int
    total: float


class Competitor(Protocol):
    """One tracker. A new one is made for each round, in an empty folder of its own."""

    name: str
    points: int
    """Length of the loop: slow ones get a shorter one, long enough to take a second or so."""
    kept: Path | None
    """Folder whose growth from start to close is what the points take; None where nothing is kept."""

    def __init__(self, folder: Path) -> None: ...

    def start(self) -> None:
        """Begin a run."""

    def loop(self, values: list[float]) -> None:
        """Log every value; this alone is "time a point"."""

    def close(self) -> None:
        """End the run and return when the tracker has nothing more to write."""

    def held(self) -> Held:
        """Read all points back from what was written."""
