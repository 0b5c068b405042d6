"""Kills: processes that are killed while they log, and what is there of their points afterwards."""

from __future__ import annotations

import contextlib
import logging
import random
import select
import struct
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from runlake.bench.victim import KEY, VALUES
from runlake.errors import StoreError
from runlake.store import Store

_STARTED_S: Final = 20.0
_MOST_POINTS: Final = 300_000
"""A process is killed after 1 to so many points, drawn with even chances for each order of magnitude."""
_LONGEST_S: Final = 3.0


@dataclass(frozen=True)
class Kills:
    """What N kills cost.

    Attributes:
        acknowledged: Points whose logging call had returned.
        lost: Of these, how many are not there.
        wrong: Points that are there twice, or as nobody logged them.
    """

    kills: int
    acknowledged: int
    lost: int
    wrong: int


def measure(folder: Path, kills: int, tell: Callable[[int], object] = lambda _: None) -> Kills:
    """Kill `kills` processes with SIGKILL, each at a random moment of its logging, in one store; then open that.

    Args:
        tell: Called with the number of processes that have been killed.
    """
    root = folder / f"lake-{uuid.uuid4().hex[:8]}"
    Store.open(root).close()
    chance = random.Random()
    logged: dict[str, int] = {}
    for number in range(kills):
        logged |= _kill_one(root, folder / f"{number}.acknowledged", chance)
        tell(number + 1)
    with _without_warnings():
        store = Store.open(root)
    try:
        lost, wrong = zip(*(compare(store, *entry) for entry in logged.items()), strict=True) if logged else ((), ())
    finally:
        store.close(timeout_s=5)
    return Kills(kills, sum(logged.values()), sum(lost), sum(wrong))


@contextlib.contextmanager
def _without_warnings() -> Iterator[None]:
    """Keep to ourselves that runs ended with their processes, which we have killed."""
    log = logging.getLogger("runlake")
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        yield
    finally:
        log.setLevel(level)


def _kill_one(root: Path, file: Path, chance: random.Random) -> dict[str, int]:
    """Return the id of the killed process's run, and how many of its points were acknowledged."""
    file.write_bytes(bytes(8))
    command = [sys.executable, "-m", "runlake.bench.victim", str(root), str(file)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as victim:
        try:
            run_id = _first_line(victim)
            points = int(_MOST_POINTS ** chance.random())
            deadline = time.monotonic() + _LONGEST_S
            while _acknowledged(file) < points and time.monotonic() < deadline and victim.poll() is None:
                time.sleep(0.0002)
        finally:
            victim.kill()
    return {run_id: _acknowledged(file)}


def _first_line(victim: subprocess.Popen[str]) -> str:
    assert victim.stdout is not None
    assert victim.stderr is not None
    ready = select.select([victim.stdout], [], [], _STARTED_S)[0]
    line = victim.stdout.readline().strip() if ready else ""
    if not line:
        victim.kill()
        said = victim.stderr.read().strip().splitlines()
        raise StoreError(f"a process that was to log did not begin: {said[-1] if said else 'it said nothing'}")
    return line


def _acknowledged(file: Path) -> int:
    count: int = struct.unpack("<Q", file.read_bytes())[0]
    return count


def compare(store: Store, run_id: str, acknowledged: int) -> tuple[int, int]:
    """Return how many points are lost, and how many are there that should not be; the one in flight may be there."""
    found = store.reads.points(run_id, KEY).select("step", "value").collect().rows()
    right = {step for step, value in found if 0 <= step <= acknowledged and value == step / VALUES}
    return sum(step not in right for step in range(acknowledged)), len(found) - len(right)
