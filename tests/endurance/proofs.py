"""Proofs: tests that are small in every run, large in `make torture`, and print what they found.

A proof says its figures in one line, `proof: name key=value …`, which `python -m tests.torture` collects.
"""

import contextlib
import multiprocessing
import os
import random
import signal
import sqlite3
import subprocess
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

from runlake import _engine
from runlake.store import Store
from tests.store.reading import numbered, segment_files

LONG = "RUNLAKE_TORTURE" in os.environ  # read now: tests themselves see no such variable


def size(quick: int, long: int) -> int:
    """Return how much of something a proof does: a little in every run of the tests, all of it in `make torture`."""
    return long if LONG else quick


def say(name: str, **figures: object) -> None:
    """Print the figures of a proof."""
    print(f"\nproof: {name} " + " ".join(f"{key}={value}" for key, value in figures.items()), flush=True)


def chance(name: str) -> random.Random:
    """Return random numbers of a proof, which `RUNLAKE_SEED` repeats; the seed is printed for when it fails."""
    seed = os.environ.get("RUNLAKE_SEED") or str(random.SystemRandom().randrange(2**32))
    print(f"{name}: RUNLAKE_SEED={seed}")
    return random.Random(f"{name} {seed}")


def fresh_processes() -> ForkServerContext:
    """Return what starts processes that have imported runlake and done nothing with it, in a few milliseconds each."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["runlake", "runlake.store", "runlake.fluent.runs"])
    return context


def together(work: Callable[..., Any], arguments: Sequence[tuple[Any, ...]], *, killed: int = 0) -> list[Any]:
    """Call `work` in fresh processes that begin at the same moment, one a tuple of arguments; return the results.

    What a call raises fails the proof. The processes end as programs do, exit handlers included. They know nothing of
    this one but the arguments: settings of the environment do not reach them.

    Args:
        killed: How many of them die of SIGKILL, and give None.
    """
    context = fresh_processes()
    barrier = context.Barrier(len(arguments))
    pipes = [context.Pipe(duplex=False) for _ in arguments]
    processes = [
        context.Process(target=_at_once, args=(barrier, end, work, given))
        for (_, end), given in zip(pipes, arguments, strict=True)
    ]
    for process, (_, end) in zip(processes, pipes, strict=True):
        process.start()
        end.close()  # so that a process that dies is seen to be gone
    answers = [_answer(begin) for begin, _ in pipes]
    for process in processes:
        process.join()
    failures = [answer for answer in answers if isinstance(answer, _Failure)]
    assert not failures, failures[0].text
    ends = [process.exitcode for process in processes]
    assert (ends.count(0), ends.count(-signal.SIGKILL)) == (len(processes) - killed, killed)
    return answers


def _answer(pipe: "Connection[Any, Any]") -> Any:
    with pipe, contextlib.suppress(EOFError):
        return pipe.recv()


@dataclass(frozen=True)
class _Failure:
    text: str


def _at_once(barrier: Barrier, end: "Connection[Any, Any]", work: Callable[..., Any], given: tuple[Any, ...]) -> None:
    barrier.wait()
    try:
        answer = work(*given)
    except BaseException:
        answer = _Failure(traceback.format_exc())
    end.send(answer)


def assert_sound(root: Path) -> Mapping[str, int]:
    """Check a store that nobody uses, down to every byte of its files; return what was counted."""
    doctor = subprocess.run(
        [sys.executable, "-m", "runlake", "doctor", "--store", root], capture_output=True, text=True
    )
    assert doctor.returncode == 0, doctor.stdout + doctor.stderr
    damaged = sorted(path.name for path in root.rglob("*.damaged"))
    assert not damaged
    with contextlib.closing(sqlite3.connect(root / "catalog.db")) as catalog:
        assert catalog.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert catalog.execute("SELECT count(*) FROM gap").fetchone() == (0,)
    store = Store.open(root)
    try:
        segments = {segment.path for segment in store.catalog.plan().segments}
        assert segments <= segment_files(store)
        for path in segments:
            _engine.verify_segment(str(root / "segments" / path))
        every = numbered(store)
        assert len(every) == len(set(every)), "a point is there twice"
    finally:
        store.close()
    return {"points": len(every), "segments": len(segments), "journals": len(list(root.glob("journals/*.journal")))}
