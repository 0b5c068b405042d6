"""A process of the soak: starts, logs, ends, takes up, deletes, restores, seals, compacts and reads until time is up.

It tells through a pipe what has returned. This module is imported by every such process and brings nothing that logging
does without; Polars comes with the first read.
"""

import os
import random
import time
from array import array
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import runlake
from runlake.store import get_store

BATCH = 60
"""Most points that may be logged and not told yet."""

SETTINGS = {
    "RUNLAKE_SEAL_BYTES": str(128 << 10),
    "RUNLAKE_CLOSE_SEAL_BYTES": str(16 << 10),
    "RUNLAKE_ADOPT_JOURNALS": "8",
    "RUNLAKE_REPLACED_GRACE_MS": "500",
}


class Churn:
    """One process; every series it logs has its name, so nobody else logs to it."""

    def __init__(self, store: Path, name: str, seed: str, pipe: "Connection[Any, Any]") -> None:
        self.store, self.name, self.pipe = store, name, pipe
        self.chance = random.Random(seed)
        self.logged: dict[str, int] = {}
        """Points of this process's series, by run."""
        self.own: list[str] = []
        """Runs that this process began; only these are deleted, and only by it."""
        self.deleted: set[str] = set()
        self.client = runlake.MlflowClient()

    def go_on_until(self, end: float, foreign: list[str]) -> None:
        """Do one thing after the other. `foreign` are runs that processes before this one have left."""
        acts: list[tuple[int, Callable[[], None]]] = [
            (10, lambda: self.run(None)),
            (4, lambda: self.run(self._chosen(foreign))),
            (4, self.log_by_id),
            (2, self.delete),
            (2, self.restore),
            (3, self.read),
            (1, self.seal),
            (1, self.compact),
            (1, self.close),
        ]
        weights = [weight for weight, _ in acts]
        while time.monotonic() < end:
            self.chance.choices(acts, weights)[0][1]()

    def tell(self, *what: object) -> None:
        self.pipe.send(what)

    def _chosen(self, foreign: list[str]) -> str | None:
        runs = [run_id for run_id in self.logged if run_id not in self.deleted] + foreign
        return self.chance.choice(runs) if runs else None

    # -- acts

    def run(self, run_id: str | None) -> None:
        with runlake.start_run(run_id=run_id) as run:
            if run_id is None:
                self.own.append(run.id)
                self.tell("run", run.id, self.name)
            param = f"{self.name}/{len(run.data.params)}"
            if param not in run.data.params:
                runlake.log_param(param, self.name)
                self.tell("param", run.id, param, self.name)
            for _ in range(self.chance.randrange(12)):
                self.log(run)
        if run_id is None:
            self.tell("ended", run.id)

    def log(self, run: runlake.ActiveRun) -> None:
        first = self.logged.get(run.id, 0)
        steps = range(first, first + self.chance.randrange(1, BATCH))
        match self.chance.randrange(3):
            case 0:
                log = run.metric(self.name).log
                for step in steps:
                    log(step / 2, step)
            case 1:
                for step in steps:
                    run.log({self.name: step / 2}, step=step)
            case _:
                run.log_arrays(self.name, array("q", steps), array("d", [step / 2 for step in steps]))
        self._told(run.id, steps.stop)

    def log_by_id(self) -> None:
        if (run_id := self._chosen([])) is not None:
            step = self.logged.get(run_id, 0)
            self.client.log_metric(run_id, self.name, step / 2, step=step)
            self._told(run_id, step + 1)

    def _told(self, run_id: str, count: int) -> None:
        self.logged[run_id] = count
        self.tell("points", run_id, self.name, count)

    def delete(self) -> None:
        there = [run_id for run_id in self.own if run_id not in self.deleted]
        if there:
            run_id = self.chance.choice(there)
            runlake.delete_run(run_id)
            self.deleted.add(run_id)
            self.tell("deleted", run_id, True)

    def restore(self) -> None:
        if self.deleted:
            run_id = self.chance.choice(sorted(self.deleted))
            runlake.restore_run(run_id)
            self.deleted.discard(run_id)
            self.tell("deleted", run_id, False)

    def read(self) -> None:
        """Find in a run exactly what this process has logged to it, whoever seals and compacts meanwhile."""
        run_id = self._chosen([])
        if run_id is not None and run_id in self.logged:
            steps = runlake.points(run_id, self.name).collect()["step"].sort().to_list()
            assert steps == list(range(self.logged[run_id])), (self.name, run_id, self.logged[run_id], steps)
            last = runlake.get_run(run_id).data.metrics[self.name]
            assert last == (self.logged[run_id] - 1) / 2, (self.name, run_id, last)
            self.tell("read")

    def seal(self) -> None:
        get_store(self.store).seal()
        self.tell("sealed")

    def compact(self) -> None:
        get_store(self.store).compactor.compact()
        self.tell("compacted")

    def close(self) -> None:
        get_store(self.store).close()


def churn(store: Path, name: str, seed: str, seconds: float, foreign: list[str], pipe: "Connection[Any, Any]") -> None:
    """Be one of the processes of the soak."""
    os.environ.update(SETTINGS)
    runlake.set_tracking_uri(store)
    runlake.set_error_policy("all")
    try:
        Churn(store, name, seed, pipe).go_on_until(time.monotonic() + seconds, foreign)
    except BaseException as error:
        pipe.send(("failed", f"{type(error).__name__}: {error}"))
        raise
    assert not runlake.errors_seen(), runlake.errors_seen()
