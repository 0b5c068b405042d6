"""A process is killed after each of its steps in turn, a step being a system call that changes the store.

The path is whole: a store is opened, a dead process's journal adopted, points logged, held back and synced, segments
sealed and committed, chunks removed, segments merged, a deleted run removed for good. After the death everything that
had been acknowledged is there, once, or in the ledger, and the deleted run is there as a whole, or can be removed for
good.
"""

import mmap
import os
import shutil
import signal
import struct
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from runlake import _engine, garbage
from runlake.store import Store
from tests.checkup.material import chosen_among
from tests.endurance import proofs
from tests.store.programs import BEGIN
from tests.store.reading import numbered, points

_SOURCE = Path(__file__).with_name("steps.c")
_ROOT = Path(__file__).parents[2]
DEATHS = proofs.size(10, 1_000_000)

DEAD = "log = new_run(Store.open(root), 'dead')\nfor i in range(50): log.log_metric('k', i, i)\nos._exit(1)\n"

LIFE = """
from runlake import garbage
from runlake.throttling import Policy
store = Store.open(root)
say("opened")
log = new_run(store, "run")
store.throttle_run("run", ["every"], Policy(every=7))
store.throttle_run("run", ["window"], Policy(window_steps=7))
gone = new_run(store, "gone", owned=False)
for i in range(50): gone.log_metric("k", i, i)
store.record("gone", status="FINISHED", end_time=2)
store.catalog.delete_run("gone")
say("deleted")
said = 0
def log_some(count):
    global said
    for _ in range(count):
        for key in ("k", "every", "window"): log.log_metric(key, said, said)
        said += 1
        say(said)
for turn in range(4):
    log_some(20)
    store.writer().flush(5000)
    store.seal()
    log_some(5)
store.compactor.compact()
store.compactor.remove_replaced(grace_ms=0)
log_some(5)
say("removing")
garbage.remove(store, 0)
say("removed")
log_some(5)
store.close()
say("closed")
"""


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("needs cc to compile tests/crash/steps.c")
    library = tmp_path_factory.mktemp("steps") / "steps.so"
    command = [compiler, "-O1", "-Wall", "-Werror", "-shared", "-fPIC", _SOURCE, "-o", library, "-ldl"]
    subprocess.run(command, check=True)
    return library


def run(root: Path, code: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-c", BEGIN + code, str(root)]
    return subprocess.run(command, capture_output=True, text=True, env={**os.environ, **environment}, check=False)


def live(folder: Path, library: Path, last: int) -> tuple[int, list[str], int]:
    """Live until after step `last`, or to the end for 0; return the exit status, what was said, and the steps done."""
    assert run(folder / "lake", DEAD).returncode == 1
    control = folder / "steps"
    control.write_bytes(struct.pack("=QQQ", last, 0, 0))
    lived = run(
        folder / "lake",
        LIFE,
        LD_PRELOAD=str(library),
        RUNLAKE_TEST_STEPS=str(control),
        RUNLAKE_TEST_ROOT=str(folder / "lake"),
    )
    assert lived.returncode in (0, -signal.SIGKILL), lived.stderr
    with control.open("r+b") as file, mmap.mmap(file.fileno(), 24) as steps:
        return lived.returncode, lived.stdout.split(), int(struct.unpack_from("=Q", steps, 8)[0])


def whole_or_gone(said: list[str], found: int) -> list[list[int]]:
    """Return what may be left of the run that is deleted and removed, of which some points were found."""
    whole = list(range(50))
    if "deleted" not in said:
        return [whole[:found]]
    return [[]] if "removed" in said else [whole, []] if "removing" in said else [whole]


def add_up(store: Store, found: list[tuple[str, str, int, float]], acknowledged: int, step: int) -> None:
    """Compare the ledger of throttled keys with what was said; a call may have done its work without returning."""
    for key in store.ledger("run").keys if acknowledged else ():
        stored = [row[2] for row in found if row[:2] == ("run", key.key)]
        what = f"step {step}: {acknowledged} points, {key}"
        assert key.accepted in (acknowledged, acknowledged + 1), what
        assert key.accepted == key.stored + key.merged + sum(key.dropped.values()) + key.in_flight, what
        assert (len(stored), stored[0]) == (key.stored, 0), what
        assert stored[-1] == key.accepted - 1, what


def check(root: Path, said: list[str], step: int) -> int:
    """Compare what is found with what was said; return the number of points."""
    acknowledged = max((int(word) for word in said if word.isdigit()), default=0)
    store = Store.open(root)
    try:
        for _ in range(2):
            found = points(store)
            logged = [row[2] for row in found if row[:2] == ("run", "k")]
            gone = [row[2] for row in found if row[0] == "gone"]
            assert [row[2] for row in found if row[0] == "dead"] == list(range(50)), f"step {step}"
            assert logged == list(range(len(logged))), f"step {step}"
            assert len(logged) >= acknowledged, f"step {step}: {len(logged)} points of {acknowledged}"
            assert len(set(numbered(store))) == len(found), f"step {step}"
            assert gone in whole_or_gone(said, len(gone)), f"step {step}: {len(gone)} points of the deleted run"
            add_up(store, found, acknowledged, step)
            store.seal()
            store.compactor.compact()
        if "deleted" in said:
            garbage.remove(store, 0)
            assert not [row for row in points(store) if row[0] == "gone"], f"step {step}"
        paths = list(store.segments_dir.glob("*/*.parquet"))
        assert chosen_among(paths, store.segments_dir).lost == {}, f"step {step}"
        assert not list(root.rglob("*.damaged")), f"step {step}"
    finally:
        store.close()
    return len(found)


@pytest.mark.timeout(900)
def test_a_process_killed_after_any_step_loses_and_doubles_nothing(tmp_path: Path, library: Path) -> None:
    def folder(name: str) -> Path:
        path = tmp_path / name
        path.mkdir()
        return path

    status, said, steps = live(folder("whole"), library, 0)
    assert (status, said[-1]) == (0, "closed")
    check(tmp_path / "whole" / "lake", said, 0)
    count = min(DEATHS, steps)

    def die(number: int) -> tuple[bool, int]:
        step = 1 + number * steps // count
        status, said, _ = live(folder(str(step)), library, step)
        found = check(tmp_path / str(step) / "lake", said, step)
        shutil.rmtree(tmp_path / str(step))
        return status != 0, found

    with ThreadPoolExecutor(2) as pool:
        results = list(pool.map(die, range(count)))
    killed = sum(died for died, _ in results)
    proofs.say("step-matrix", steps=steps, kills=killed, points=sum(found for _, found in results), lost=0, doubled=0)
    assert killed >= count * 9 // 10, "other threads take a step more or less; nearly every life is cut short"


def test_the_extension_has_no_failpoints() -> None:
    """They are for tests of the engine alone."""
    assert b"AdoptedRemoved" not in Path(_engine.__file__ or "").read_bytes()
