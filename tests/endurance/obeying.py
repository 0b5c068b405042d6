"""A process that logs what it is told to, one command at a time; it imports nothing that logging does without."""

import os
from array import array
from collections.abc import Mapping, Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import runlake
from runlake.store import get_store

SETTINGS = {
    "RUNLAKE_SEAL_BYTES": str(28 * 40),
    "RUNLAKE_CLOSE_SEAL_BYTES": str(28 * 20),
    "RUNLAKE_ADOPT_JOURNALS": "2",
    "RUNLAKE_REPLACED_GRACE_MS": "0",
}
"""So small that few points already become several segments."""

Point = tuple[int, int, float]
"""Step, timestamp in milliseconds, value."""


def obey(store: Path, pipe: "Connection[Any, Any]") -> None:
    """Run each command that comes and answer with what it returned, or with the name of what it raised."""
    os.environ.update(SETTINGS)
    runlake.set_tracking_uri(store)
    runlake.set_error_policy("all")
    get_store(store)
    pipe.send(None)
    commands = Commands(store)
    while True:
        name, arguments = pipe.recv()
        try:
            answer = getattr(commands, name)(*arguments)
        except Exception as error:
            answer = error if not isinstance(error, runlake.MlflowException) else type(error).__name__
        pipe.send(answer)


class Commands:
    """What the process can be told to do. Runs are started one inside the other; the innermost is logged to."""

    def __init__(self, store: Path) -> None:
        self.store = store
        self.client = runlake.MlflowClient()
        self.runs: list[runlake.ActiveRun] = []

    def start(self, name: str, run_id: str | None) -> str:
        nested = bool(self.runs)
        self.runs.append(runlake.start_run(run_id=run_id, run_name=None if run_id else name, nested=nested))
        return self.runs[-1].id

    def end(self, status: str) -> None:
        runlake.end_run(status)
        self.runs.pop()

    def metric(self, key: str, point: Point) -> None:
        runlake.log_metric(key, point[2], step=point[0], timestamp=point[1])

    def handle(self, key: str, points: Sequence[Point]) -> None:
        log = self.runs[-1].metric(key).log
        for step, timestamp, value in points:
            log(value, step, timestamp)

    def row(self, values: Mapping[str, float], step: int, timestamp: int) -> None:
        self.runs[-1].log(values, step, timestamp)

    def arrays(self, key: str, points: Sequence[Point]) -> None:
        steps, times, values = (
            array(kind, column) for kind, column in zip("qqd", zip(*points, strict=True), strict=True)
        )
        assert self.runs[-1].log_arrays(key, steps, values, times) == len(points)

    def param(self, key: str, value: str) -> None:
        runlake.log_param(key, value)

    def tag(self, key: str, value: str) -> None:
        runlake.set_tag(key, value)

    def delete_tag(self, key: str) -> None:
        runlake.delete_tag(key)

    def client_metric(self, run_id: str, key: str, point: Point) -> None:
        self.client.log_metric(run_id, key, point[2], point[1], point[0])

    def delete_run(self, run_id: str) -> None:
        runlake.delete_run(run_id)

    def restore_run(self, run_id: str) -> None:
        runlake.restore_run(run_id)

    def flush(self) -> None:
        runlake.flush()

    def seal(self) -> None:
        get_store(self.store).seal()

    def compact(self) -> None:
        get_store(self.store).compactor.compact()

    def close(self) -> None:
        get_store(self.store).close()

    def leave(self) -> None:
        """End as a program does."""
        raise SystemExit(0)
