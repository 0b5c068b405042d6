"""Soak: processes churn for minutes, are killed and replaced, and in the end every point is there exactly once."""

import random
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import runlake
from runlake.entities import ViewType
from runlake.store import get_store
from tests.endurance import processes, proofs
from tests.endurance.churn import BATCH, churn

PROCESSES = proofs.size(4, 16)
SECONDS = proofs.size(3, 150)
KILL_EVERY_S = proofs.size(1, 2) / 2


@dataclass
class Told:
    """What processes have told is done."""

    runs: dict[str, str] = field(default_factory=dict)
    """The process that began each."""
    ended: set[str] = field(default_factory=set)
    points: dict[tuple[str, str], int] = field(default_factory=dict)
    params: dict[tuple[str, str], str] = field(default_factory=dict)
    deleted: dict[str, bool] = field(default_factory=dict)
    acts: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)

    def take(self, what: str, *more: Any) -> None:
        self.acts[what] += 1
        match (what, *more):
            case ("run", run_id, name):
                self.runs[run_id] = name
            case ("ended", run_id):
                self.ended.add(run_id)
            case ("points", run_id, key, count):
                self.points[run_id, key] = count
            case ("param", run_id, key, value):
                self.params[run_id, key] = value
            case ("deleted", run_id, is_deleted):
                self.deleted[run_id] = is_deleted
            case ("failed", error):
                self.failures.append(error)


class Soak:
    """The processes and what they have told."""

    def __init__(self, store: Path, chance: random.Random) -> None:
        self.store, self.chance, self.told = store, chance, Told()
        self.end = time.monotonic() + SECONDS
        self.started = self.kills = 0
        self.at_work: list[tuple[BaseProcess, threading.Thread]] = []
        self.dead: set[str] = set()

    def start(self) -> None:
        """Start a process that may go on with runs of dead ones, which nobody deletes any more."""
        context = processes.fresh_processes()
        ours, theirs = context.Pipe(duplex=False)
        orphans = sorted(
            run_id
            for run_id, name in list(self.told.runs.items())  # listeners add some meanwhile
            if name in self.dead and get_store(self.store).get_run(run_id).info.lifecycle_stage == "active"
        )
        foreign = self.chance.sample(orphans, min(3, len(orphans)))
        name = f"process{self.started}"
        given = (self.store, name, str(self.chance.random()), self._left(), foreign, theirs)
        process = context.Process(target=churn, args=given, name=name)
        process.start()
        theirs.close()
        listener = processes.listening(ours, lambda pipe: self.told.take(*pipe.recv()))
        self.started += 1
        self.at_work.append((process, listener))

    def kill_one(self) -> None:
        process, listener = self.at_work.pop(self.chance.randrange(len(self.at_work)))
        process.kill()
        process.join()
        listener.join()
        self.dead.add(process.name)
        self.kills += 1

    def _left(self) -> float:
        return max(0.0, self.end - time.monotonic())

    def run(self) -> None:
        for _ in range(PROCESSES):
            self.start()
        while self._left() > 2 * KILL_EVERY_S and not self.told.failures:
            time.sleep(self.chance.expovariate(1 / KILL_EVERY_S))  # when they die is what is drawn here
            self.kill_one()
            self.start()
        for process, listener in self.at_work:
            process.join()
            listener.join()
        ends = [process.exitcode for process, _ in self.at_work]
        assert not self.told.failures, self.told.failures[0]
        assert ends == [0] * len(self.at_work)


@pytest.mark.timeout(600)
def test_processes_that_do_everything_at_once_and_are_killed_leave_every_point_exactly_once(tmp_path: Path) -> None:
    store = tmp_path / "lake"
    soak = Soak(store, proofs.chance("soak"))
    soak.run()
    told = soak.told
    runlake.set_tracking_uri(store)
    get_store(store).seal()
    runs = {
        run.info.run_id: run
        for run in runlake.search_runs(
            search_all_experiments=True, run_view_type=ViewType.ALL, output_format="list", max_results=1_000_000
        )
    }
    assert told.runs.keys() <= runs.keys()
    assert not {run.info.status for run in runs.values()} - {"FINISHED", "FAILED"}
    assert all(runs[run_id].data.params[key] == value for (run_id, key), value in told.params.items())

    found = runlake.points(list(runs)).collect()
    doubled = found.height - found.select("writer", "seq").n_unique()
    series = found.group_by("run_id", "key").agg(
        pl.len(),
        first=pl.col("step").min(),
        last=pl.col("step").max(),
        steps=pl.col("step").n_unique(),
        right=(pl.col("value") == pl.col("step") / 2).all(),
    )
    assert series["right"].all()
    assert series.filter((pl.col("len") != pl.col("steps")) | (pl.col("first") != 0)).is_empty()
    assert series.filter(pl.col("last") != pl.col("len") - 1).is_empty()
    counts = {(run_id, key): count for run_id, key, count in series.select("run_id", "key", "len").iter_rows()}
    lost = sum(max(0, count - counts.get(one, 0)) for one, count in told.points.items())
    extra = {one: count - told.points.get(one, 0) for one, count in counts.items()}
    assert max(extra.values()) <= BATCH, "points that nobody logged"
    get_store(store).close()
    counted = proofs.assert_sound(store)
    assert (lost, doubled) == (0, 0)
    proofs.say(
        "soak",
        processes=PROCESSES,
        seconds=SECONDS,
        started=soak.started,
        kills=soak.kills,
        runs=len(runs),
        points=counted["points"],
        lost=lost,
        doubled=doubled,
        **{f"acts_{name}": told.acts[name] for name in ("sealed", "compacted", "deleted", "read")},
    )
