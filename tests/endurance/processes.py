"""Processes of proofs, and what they do. Each imports this module: it brings nothing that logging does without."""

import contextlib
import logging
import multiprocessing
import os
import signal
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

import runlake


def fresh_processes() -> ForkServerContext:
    """Return what starts processes that have imported runlake and done nothing with it, in a few milliseconds each."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.endurance.processes", "runlake.fluent.values"])
    return context


def listening(to: Connection, receive: Callable[[Connection], object]) -> threading.Thread:
    """Start a thread that takes what a process says until it is gone, possibly in the middle of a message."""

    def listen() -> None:
        with to, contextlib.suppress(EOFError, OSError):
            while True:
                receive(to)

    listener = threading.Thread(target=listen)
    listener.start()
    return listener


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


class _Said(logging.Handler):
    """Everything that runlake says in a process; there is nothing to be said when all goes well."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


def log_runs(root: Path, number: int, runs: int, points: int) -> tuple[list[str], float]:
    """Log runs, one after the other; return what was said, and the longest that a run took to start or end."""
    said = _Said()
    logging.getLogger("runlake").addHandler(said)
    runlake.set_error_policy("all")
    runlake.set_tracking_uri(root)
    longest_s = 0.0
    for index in range(runs):
        began = time.monotonic()
        run = runlake.start_run(run_name=f"{number}/{index}")
        runlake.log_params({"process": number, "index": index})
        started = time.monotonic()
        loss = run.metric("loss")
        for step in range(points):
            loss.log(step / 4 + number, step)
        logged = time.monotonic()
        run.end()
        longest_s = max(longest_s, started - began, time.monotonic() - logged)
    return said.lines + [f"{seen.cause}: {seen.message}" for seen in runlake.errors_seen()], longest_s


def log_as_rank(lake: Path, run_id: str, rank: int, points: int, killed: bool) -> tuple[int, int, int]:
    """Log from two threads; return how many points were accepted, how many stored, and how many met no room."""
    os.environ.update(RUNLAKE_TRACKING_URI=str(lake), RUNLAKE_RUN_ID=run_id, RANK=str(rank))
    with runlake.start_run() as run:
        loss = run.metric("loss")

        def log(begin: int) -> None:
            for step in range(begin, points, 2):
                loss.log(step / 2, step)
                run.log({f"rank/{rank}": step}, step=step)

        threads = [threading.Thread(target=log, args=(begin,)) for begin in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert runlake.get_run(run_id).info.status == "RUNNING"
        if killed:
            os.kill(os.getpid(), signal.SIGKILL)
        stats = run.stats()
    return stats.accepted, stats.stored, stats.without_room
