"""Runs under way in this process: a stack a thread, and all of them for the interpreter's exit.

A forked child inherits the stack of the thread that forked and may log into its runs, but it never ends them: every
entry knows the process that put it here.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import sys
import threading
from typing import TYPE_CHECKING

from runlake import _engine
from runlake.fluent import origin

if TYPE_CHECKING:
    from runlake.fluent.run import ActiveRun

_ORIGIN_S = 5.0  # how long the exit waits for the repository and the packages to be written down


class _Thread(threading.local):
    """What one thread has under way, innermost last."""

    def __init__(self) -> None:
        self.stack: list[ActiveRun] = []
        self.last: ActiveRun | None = None


class _Process:
    """Every run under way in any thread of one process."""

    def __init__(self) -> None:
        self.pid = os.getpid()
        self.lock = threading.RLock()  # a signal handler may end runs while the same thread starts or ends one
        self.runs: list[ActiveRun] = []
        self.watches_exit = False


_thread = _Thread()
_process = _Process()


def top() -> ActiveRun | None:
    """Return the innermost run of the calling thread; runs that another thread has ended are forgotten."""
    stack = _thread.stack
    while stack and stack[-1].ended:
        stack.pop()
    return stack[-1] if stack else None


def last() -> ActiveRun | None:
    """Return the run that the calling thread started last, whether or not it has ended."""
    return _thread.last


def inner_first(run: ActiveRun) -> list[ActiveRun]:
    """Return `run` and what the calling thread has started inside it, innermost first; only `run` if it is not here."""
    stack = _thread.stack
    return stack[stack.index(run) :][::-1] if run in stack else [run]


def push(run: ActiveRun) -> None:
    """Make `run` the innermost of the calling thread."""
    with _process.lock:
        _process.runs.append(run)
        if not _process.watches_exit:
            _watch_exit()
            _process.watches_exit = True
    _thread.stack.append(run)
    _thread.last = run
    _engine.set_active_logger(run.logger)


def remove(run: ActiveRun) -> bool:
    """Take `run` off; return whether it was the last of this process to have that run of that store under way."""
    if run in _thread.stack:
        _discard(_thread.stack, run)
        innermost = top()
        _engine.set_active_logger(innermost.logger if innermost else None)
    with _process.lock:
        _discard(_process.runs, run)
        return not any(other.same_run(run) for other in _process.runs)


def _discard(runs: list[ActiveRun], run: ActiveRun) -> None:
    with contextlib.suppress(ValueError):  # a signal handler was faster
        runs.remove(run)


def _watch_exit() -> None:
    """Have `_end_all` called when this process exits, however it was started.

    NOTE: registered when the first run starts, because the store registers its own closing when it is opened and the
    last that is registered is called first. Children of `multiprocessing` leave without `atexit`, hence its finalizer.
    """
    atexit.register(_end_all)
    util = sys.modules.get("multiprocessing.util")
    if util is not None:
        util.Finalize(None, _end_all, exitpriority=100)


def _end_all() -> None:
    """End what this process has begun and nobody has ended, inner runs first."""
    for run in reversed(list(_process.runs)):
        run.end("FINISHED")
    origin.finish(_ORIGIN_S)


def _after_fork() -> None:
    """Start the child with nothing of its own; the stack of this thread stays, to be logged into."""
    global _process
    _process = _Process()


os.register_at_fork(after_in_child=_after_fork)
