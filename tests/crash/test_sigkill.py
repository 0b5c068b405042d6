"""P1: what a logging call has accepted survives SIGKILL, at whatever moment that comes."""

import math
import random
import threading
import time
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import runlake
from runlake.store import get_store
from tests.crash.logging_process import ARRAY, Acknowledged, log_until_killed
from tests.endurance import processes, proofs

KILLS = proofs.size(24, 500)
WRITERS = 4
STEPS = 20_000
"""What a writer logs before it ends its run by itself; most do not come that far."""


@dataclass
class Writer:
    """A process that logs, and what it has been told is kept."""

    name: str
    process: BaseProcess
    acknowledged: Acknowledged
    listener: threading.Thread

    @property
    def started(self) -> bool:
        return bool(self.acknowledged.run_id)

    def die(self) -> None:
        """Kill it and read what it said before."""
        self.process.kill()
        self.wait()

    def wait(self) -> None:
        self.process.join()
        self.listener.join()


def start(store: Path, number: int, run_id: str | None) -> Writer:
    context = processes.fresh_processes()
    ours, theirs = context.Pipe(duplex=False)
    name, acknowledged = f"writer{number}", Acknowledged()
    process = context.Process(target=log_until_killed, args=(store, name, run_id, STEPS, theirs))
    process.start()
    theirs.close()
    listener = processes.listening(ours, lambda pipe: acknowledged.take(pipe.recv_bytes()))
    return Writer(name, process, acknowledged, listener)


def pause(chance: random.Random) -> None:
    """Let between a fraction of a millisecond and a second pass, short and long times being equally likely."""
    time.sleep(math.exp(chance.uniform(math.log(0.0003), math.log(proofs.size(0.3, 1)))))  # when it dies is the draw


def killed_at_random(store: Path, chance: random.Random) -> list[Writer]:
    """Keep `WRITERS` processes at it, and kill one of them again and again; return all there were, none alive."""
    every = [start(store, number, None) for number in range(WRITERS)]
    at_work, kills = list(every), 0
    while kills < KILLS:
        pause(chance)
        writer = at_work.pop(chance.randrange(WRITERS))
        alive = writer.process.is_alive()
        writer.die()
        kills += alive and writer.process.exitcode != 0
        joined = chance.choice([None, *(other.acknowledged.run_id or None for other in at_work)])
        at_work.append(start(store, len(every), joined))
        every.append(at_work[-1])
    for writer in at_work:
        writer.die()
    return every


def steps_of(run_id: str) -> dict[str, list[Any]]:
    """The steps of each metric, in order, once it is certain that the values belong to them."""
    points = runlake.points(run_id).sort("key", "step").collect()
    signed = pl.when(pl.col("key").str.ends_with("other")).then(-pl.col("step")).otherwise(pl.col("step") / 4)
    assert points.select((pl.col("value") == signed).all()).item(), "a value is not the one that was logged"
    return {key: part["step"].to_list() for (key,), part in points.partition_by("key", as_dict=True).items()}


def lost_of(writer: Writer) -> int:
    """How many acknowledged points are missing. What is there is a beginning of what was logged, without a hole."""
    kept, steps, lost = writer.acknowledged, steps_of(writer.acknowledged.run_id), 0
    counts = {"handle": (kept.handle, 1), "row": (kept.row, 1), "other": (kept.row, 1)}
    for key, (count, in_flight) in {**counts, "array": (kept.arrays * ARRAY, ARRAY)}.items():
        found = steps.get(f"{writer.name}/{key}", [])
        assert found == list(range(len(found))), f"{writer.name}/{key} has a hole or a double"
        assert len(found) <= count + in_flight, f"{writer.name}/{key} has points that were never logged"
        lost += max(0, count - len(found))
    return lost


def assert_records_kept(writer: Writer, ends: set[str]) -> None:
    kept, run = writer.acknowledged, runlake.get_run(writer.acknowledged.run_id)
    params = {key: value for key, value in run.data.params.items() if key.startswith(f"{writer.name}/")}
    assert len(params) in (kept.param, kept.param + 1)
    assert params == {f"{writer.name}/{number}": str(number) for number in range(len(params))}
    tag = run.data.tags.get(f"{writer.name}/tag")
    assert tag in (None if not kept.tag else str(kept.tag - 1), str(kept.tag))
    if run.info.run_id in ends:
        assert run.info.status in ("FINISHED", "FAILED")


@pytest.mark.timeout(1200)
def test_nothing_that_was_acknowledged_is_lost_and_no_file_corrupt_however_often_writers_are_killed(
    tmp_path: Path,
) -> None:
    store, began = tmp_path / "lake", time.monotonic()
    every = killed_at_random(store, proofs.chance("sigkill"))
    counted = proofs.assert_sound(store)
    runlake.set_tracking_uri(store)
    get_store(store).seal()
    writers = [writer for writer in every if writer.started]
    lost = sum(lost_of(writer) for writer in writers)
    for writer in writers:
        assert_records_kept(writer, {writer.acknowledged.run_id for writer in writers if writer.acknowledged.ended})
    assert runlake.runs().filter(pl.col("status") == "RUNNING").collect().is_empty()
    get_store(store).close()
    sealed = proofs.assert_sound(store)
    assert (sealed["points"], sealed["journals"]) == (counted["points"], 0)
    proofs.say(
        "sigkill",
        kills=KILLS,
        writers=WRITERS,
        processes=len(every),
        points=counted["points"],
        lost=lost,
        corrupt=0,
        segments=sealed["segments"],
        seconds=f"{time.monotonic() - began:.0f}",
    )
    assert lost == 0
