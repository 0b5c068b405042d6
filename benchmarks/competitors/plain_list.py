"""A plain list: what code does that keeps its metrics in memory, and what is lost when it is killed."""

from __future__ import annotations

from pathlib import Path

from benchmarks.competitors.competitor import Held


class PlainList:
    name = "list.append"
    points = 1_000_000

    def __init__(self, folder: Path) -> None:
        self.kept: Path | None = None
        self._buffer: list[tuple[str, int, int, float]] = []

    def start(self) -> None:
        pass

    def loop(self, values: list[float]) -> None:
        buffer = self._buffer
        for step, value in enumerate(values):
            buffer.append(("loss", step, 0, value))

    def close(self) -> None:
        pass

    def held(self) -> Held:
        return Held(len(self._buffer), sum(value for _, _, _, value in self._buffer))
