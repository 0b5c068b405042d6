"""P1: a point whose logging call has returned survives SIGKILL."""

import random
import struct
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import polars as pl
import pytest

import runlake

PROGRAM = Path(__file__).with_name("logging_process.py")
KILLS = 50
THREADS = 4


@contextmanager
def logging_process(store: Path, acks: Path, run_id: str | None = None) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A process that logs, and the id of its run; it is killed at the latest on the way out."""
    arguments = [sys.executable, PROGRAM, store, acks, *([run_id] if run_id else [])]
    pipe = subprocess.PIPE
    with subprocess.Popen(arguments, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            assert process.stdout is not None
            yield process, process.stdout.readline().strip()
        finally:
            process.kill()


def acknowledged(acks: Path) -> list[int]:
    """Points of each thread whose logging call returned."""
    return list(struct.unpack(f"<{THREADS}Q", acks.read_bytes()))


def kill_at_a_random_moment(store: Path, acks: tuple[Path, Path], chance: random.Random) -> str:
    with logging_process(store, acks[0]) as (first, run_id), logging_process(store, acks[1], run_id) as (joined, _):
        for process in (first, joined):
            assert process.stdin is not None
            process.stdin.write("begin\n")
            process.stdin.flush()
        threshold = int(10 ** chance.uniform(0, 5))
        while sum(acknowledged(acks[0])) < threshold or sum(acknowledged(acks[1])) == 0:
            assert first.poll() is None
            assert joined.poll() is None
        first.kill()
        joined.kill()
    return run_id


def assert_all_there(run_id: str, acks: tuple[Path, Path]) -> None:
    """Each series is the steps from 0 on without a hole, up to its last acknowledged point or the one in flight."""
    series = runlake.points(runs=run_id).sort("key", "step").collect().partition_by("key", as_dict=True)
    for role, file in zip(("first", "joined"), acks, strict=True):
        for number, count in enumerate(acknowledged(file)):
            found = series.get((f"{role}/{number}",), pl.DataFrame(schema={"step": pl.Int64, "value": pl.Float64}))
            assert found.height in (count, count + 1)
            assert found["step"].equals(pl.int_range(found.height, eager=True).alias("step"))
            assert (found["value"] == found["step"] / 4).all()


@pytest.mark.timeout(300)
def test_points_whose_call_returned_are_there_after_fifty_kills_at_random_moments(tmp_path: Path) -> None:
    store = tmp_path / "lake"
    runlake.set_tracking_uri(store)
    chance = random.Random(20)
    killed = {}
    for number in range(KILLS):
        acks = (tmp_path / f"{number}.first", tmp_path / f"{number}.joined")
        run_id = kill_at_a_random_moment(store, acks, chance)
        assert_all_there(run_id, acks)
        killed[run_id] = acks

    reopened = subprocess.run(
        [sys.executable, "-m", "runlake", "doctor", "--store", store], capture_output=True, text=True
    )
    assert reopened.returncode == 0, reopened.stdout + reopened.stderr
    for run_id, acks in killed.items():
        assert_all_there(run_id, acks)
        run = runlake.get_run(run_id)
        last_point = runlake.points(runs=run_id).select(pl.col("timestamp").max()).collect().item()
        assert (run.info.status, run.info.end_time) == ("FAILED", last_point)
