"""A training on a disk that fills up and gets room again, many times; it raises nothing and counts exactly.

    python -m tests.endurance.full_disk FOLDER TURNS KIND

FOLDER is on a file system of some MiB. What the program asserts is what the test asserts.
"""

import contextlib
import errno
import logging
import os
import signal
import subprocess
import sys
import time
from array import array
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import runlake
from runlake.errors import StoreError
from runlake.fluent.run import LoggingStats
from runlake.store import get_store
from tests.endurance import proofs

LOGGED = 400
"""Rounds of calls a turn."""

ARRAY = 500
BOUND_S = 5.0
"""Longest that a call may take: two seconds for a catalog that is locked, one for room in the journal, and some."""


@dataclass
class Ballast:
    """A file that takes the room on a disk."""

    path: Path

    def take_all(self) -> None:
        """Leave no byte."""
        with self.path.open("ab", buffering=0) as file:
            for size in (1 << 20, 1 << 16, 1 << 12, 1):
                with contextlib.suppress(_DiskFull):
                    while True:
                        _write(file.fileno(), size)

    def give_back(self, size_bytes: int) -> None:
        """Make room for so many bytes."""
        os.truncate(self.path, max(0, self.path.stat().st_size - size_bytes))

    def give_all_back(self) -> None:
        self.path.unlink()


class _DiskFull(Exception):
    pass


def _write(file: int, size: int) -> None:
    try:
        os.write(file, bytes(size))
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise _DiskFull from error


@dataclass
class Said(logging.Handler):
    """Warnings that reach the user."""

    lines: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(logging.WARNING)

    __hash__ = logging.Handler.__hash__

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


class Training:
    """Logs by every kind of call and knows what it has logged."""

    def __init__(self) -> None:
        self.run = runlake.start_run()
        self.loss = self.run.metric("loss")
        self.step = 0
        self.accepted = 0
        self.longest_s = 0.0
        self.params: dict[str, str] = {}

    def go_on(self, rounds: int) -> None:
        for _ in range(rounds):
            step = self.step
            self.timed(1, self.loss.log, step, step)
            self.timed(2, self.run.log, {"a": step, "b": -step}, step=step)
            self.timed(1, runlake.log_metric, "fluent", step, step=step)
            if step % 10 == 0:
                steps = array("q", range(step // 10 * ARRAY, step // 10 * ARRAY + ARRAY))
                self.timed(ARRAY, self.run.log_arrays, "array", steps, steps)
            if step % 200 == 0:
                self.record(f"p{step}", str(step))
            self.step += 1

    def go_on_until_points_find_no_room(self) -> None:
        """Use up what the journal has reserved; at most what a chunk of 16 MiB takes."""
        before = self.run.stats().without_room
        for _ in range(1000):
            self.go_on(LOGGED // 4)
            if self.run.stats().without_room > before:
                return
        raise AssertionError("the disk is full and every point finds room")

    def record(self, key: str, value: str) -> None:
        """Log a parameter, a tag and an artifact; what is not counted as failed has to be kept."""
        before = _failures()
        self.timed(0, runlake.log_param, key, value)
        if _failures() == before:
            self.params[key] = value
        self.timed(0, runlake.set_tag, "latest", value)
        self.timed(0, runlake.log_text, "x" * 10_000, f"{key}.txt")

    def timed(self, points: int, call: Callable[..., object], *arguments: object, **more: object) -> None:
        began = time.monotonic()
        call(*arguments, **more)
        self.longest_s = max(self.longest_s, time.monotonic() - began)
        self.accepted += points

    def assert_ledger(self) -> None:
        stats = self.run.stats()
        accounted = stats.stored + stats.merged + stats.dropped + stats.in_flight
        assert stats.accepted == self.accepted == accounted, (self.accepted, stats)
        assert stats.merged + stats.dropped <= stats.without_room, stats
        assert stats.throttled == 0, stats
        ledger = self.run.ledger()
        while (now := self.run.stats()) != stats:  # what was on hold has found room in between
            stats, ledger = now, self.run.ledger()
        stored = (ledger.accepted, ledger.stored, ledger.in_flight)
        assert stored == (self.accepted, stats.stored, stats.in_flight), (self.accepted, ledger, stats)
        assert (ledger.merged, ledger.dropped) == (stats.merged, stats.dropped), (ledger, stats)


def _failures() -> int:
    return sum(seen.count for seen in runlake.errors_seen() if not seen.cause.startswith("log:"))


def train(folder: Path, turns: int) -> None:
    """Log while the disk fills and empties; leave the run as the end of a program does."""
    said = Said()
    logging.getLogger("runlake").addHandler(said)
    chance, ballast = proofs.chance("full_disk"), Ballast(folder / "ballast")
    runlake.set_tracking_uri(folder / "lake")
    training = Training()
    training.go_on(LOGGED)
    assert training.run.stats().without_room == 0
    for turn in range(turns):
        ballast.take_all()
        training.go_on_until_points_find_no_room()
        for _ in range(chance.randrange(4)):
            ballast.give_back(chance.randrange(1 << 18))
            training.go_on(LOGGED // 4)
            if chance.random() < 0.5:
                ballast.take_all()
        if turn % 2:
            with contextlib.suppress(StoreError):  # who asks to seal is told that it cannot be done
                get_store(folder / "lake").seal()
        training.assert_ledger()
        ballast.give_all_back()
        resumed(training)
    stats = training.run.stats()
    training.assert_ledger()
    causes = [seen.cause for seen in runlake.errors_seen()]
    about_points = [line for line in said.lines if "points were merged or dropped" in line]
    assert len(about_points) == 1, about_points
    assert training.longest_s < BOUND_S, training.longest_s
    (folder / "expected").write_text(
        repr((training.run.id, counted(stats), training.step, training.params, causes, training.longest_s))
    )


def leave_full(folder: Path, how: str) -> None:
    """Fill the disk under a training, which then ends, as programs do or by SIGKILL, and finds no room for anything."""
    ballast = Ballast(folder / "ballast")
    runlake.set_tracking_uri(folder / "lake")
    training = Training()
    training.go_on(LOGGED)
    ballast.take_all()
    training.go_on_until_points_find_no_room()
    training.assert_ledger()
    stats = training.run.stats()
    print(training.run.id, training.step, *counted(stats), flush=True)
    if how == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    began = time.monotonic()
    training.run.end()
    assert time.monotonic() - began < 4 * BOUND_S


def left_full(folder: Path, kind: str, how: str) -> dict[str, object]:
    """Have a program leave a full disk, and look at the store when there is room again."""
    done = _part(folder, "0", kind, how)
    assert done.returncode == (-signal.SIGKILL if how == "killed" else 0), done.stdout + done.stderr
    (folder / "ballast").unlink()
    run_id, *numbers = done.stdout.split()[-6:]
    steps, stored, merged, dropped, in_flight = map(int, numbers)
    runlake.set_tracking_uri(folder / "lake")
    assert stored <= runlake.points(run_id).collect().height <= stored + in_flight
    get_store(folder / "lake").seal()  # and puts in order what the dead have left; reading does so every few seconds
    assert runlake.get_run(run_id).info.status == ("FAILED" if how == "killed" else "FINISHED")
    assert (
        runlake.points(run_id).collect().height == stored + in_flight
    )  # what was on hold is stored now that it can be
    ledger = runlake.ledger(run_id)
    assert (ledger.stored, ledger.merged, ledger.dropped, ledger.in_flight) == (stored + in_flight, merged, dropped, 0)
    assert_last_values(run_id, steps)
    get_store(folder / "lake").close()
    proofs.assert_sound(folder / "lake")
    return {f"{how}_stored": stored + in_flight, f"{how}_merged": merged, f"{how}_dropped": dropped, f"{how}_lost": 0}


def counted(stats: LoggingStats) -> tuple[int, int, int, int]:
    """What became of the accepted points: stored, merged, dropped, in flight."""
    return stats.stored, stats.merged, stats.dropped, stats.in_flight


def assert_last_values(run_id: str, steps: int) -> None:
    """Find the last point of every key among the stored ones, whatever there was room for when it was logged."""
    found = {key: (step, value) for key, step, value in _last_points(run_id)}
    last, of_array = steps - 1, ((steps - 1) // 10 + 1) * ARRAY - 1
    expected = dict.fromkeys(("loss", "a", "fluent"), (last, last))
    assert found == expected | {"b": (last, -last), "array": (of_array, of_array)}, (found, steps)


def _last_points(run_id: str) -> list[tuple[str, int, float]]:
    points = runlake.points(run_id).collect()
    return points.sort("step").group_by("key").last().select("key", "step", "value").rows()


def resumed(training: Training) -> None:
    """Log until points are stored again, which takes a moment: a file has to be made."""
    deadline = time.monotonic() + 30
    while True:
        before = training.run.stats()
        training.go_on(1)
        after = training.run.stats()
        if after.without_room == before.without_room and after.in_flight == 0:
            break
        assert time.monotonic() < deadline, "logging does not resume"
        time.sleep(0.001)
    before = training.run.stats()
    training.go_on(LOGGED)
    after = training.run.stats()
    assert after.stored - before.stored == after.accepted - before.accepted
    assert after.without_room == before.without_room


def check(folder: Path) -> dict[str, object]:
    """Look at the store as another process finds it."""
    run_id, (stored, merged, dropped, in_flight), steps, params, causes, longest_s = eval(
        (folder / "expected").read_text()
    )
    assert in_flight == 0
    assert proofs.assert_sound(folder / "lake")["points"] == stored
    runlake.set_tracking_uri(folder / "lake")
    run = runlake.get_run(run_id)
    assert run.info.status == "FINISHED"
    assert params.items() <= run.data.params.items()
    points = runlake.points(run_id).collect()
    signed = points.filter(points["key"] != "b")
    assert (signed["value"] == signed["step"]).all()
    assert_last_values(run_id, steps)
    kept = points.filter(points["key"] == "loss")["step"]
    assert kept.n_unique() == len(kept) < steps
    get_store(folder / "lake").seal()
    get_store(folder / "lake").close()
    assert proofs.assert_sound(folder / "lake")["points"] == stored
    return {
        "accepted": stored + merged + dropped,
        "stored": stored,
        "merged": merged,
        "dropped": dropped,
        "raised": 0,
        "counted_causes": len(causes),
        "longest_call_s": f"{longest_s:.2f}",
    }


def _part(folder: Path, turns: str, kind: str, stage: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "tests.endurance.full_disk", str(folder), turns, kind, stage]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def main(folder: str, turns: str, kind: str, stage: str = "all") -> None:
    if stage == "train":
        train(Path(folder), int(turns))
    elif stage in ("ended", "killed"):
        leave_full(Path(folder), stage)
    else:
        done = _part(Path(folder), turns, kind, "train")
        assert done.returncode == 0, done.stdout + done.stderr
        figures = check(Path(folder))
        for how in ("ended", "killed"):
            figures |= left_full(Path(folder), kind, how)
        proofs.say(f"full_disk_{kind}", turns=turns, **figures)


if __name__ == "__main__":
    main(*sys.argv[1:])
