"""What `synchronous=False` returns, and the one thread that works such calls off in order.

Points are in the journal when the call returns, asynchronous or not: only what goes to the catalog is queued.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from runlake import guard

if TYPE_CHECKING:  # loaded on first use: most runs never queue anything
    from concurrent.futures import Future, ThreadPoolExecutor

_lock = threading.RLock()
_executor: ThreadPoolExecutor | None = None
_pending: set[Future[None]] = set()


class RunOperations:
    """Work that may still be under way; `wait()` returns when it is done."""

    def __init__(self, futures: list[Future[None]] | None = None) -> None:
        self._futures = futures or []

    def wait(self) -> None:
        """Wait until everything is recorded.

        Raises:
            RunlakeError: what the same call would have raised with `synchronous=True`.
        """
        for future in self._futures:
            future.result()


def submit(work: Callable[[], None], doing: str) -> RunOperations:
    """Queue `work` behind what was queued before; an error is counted for `doing`, and raised by `wait()`."""
    try:
        future = _queued(work, doing)
    except RuntimeError:  # the interpreter is leaving: its threads have ended, and what was queued is done
        future = _at_once(work, doing)
    return RunOperations([future])


def _queued(work: Callable[[], None], doing: str) -> Future[None]:
    global _executor
    with _lock:
        if _executor is None:
            from concurrent.futures import ThreadPoolExecutor

            _executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="runlake-async")
        future = _executor.submit(_counted, work, doing)
        _pending.add(future)
    future.add_done_callback(_pending.discard)
    return future


def _at_once(work: Callable[[], None], doing: str) -> Future[None]:
    """Do in the calling thread what the queue takes no more."""
    from concurrent.futures import Future

    future: Future[None] = Future()
    try:
        _counted(work, doing)
    except Exception as error:
        future.set_exception(error)
    else:
        future.set_result(None)
    return future


def _counted(work: Callable[[], None], doing: str) -> None:
    try:
        work()
    except Exception as error:
        guard.note(error, doing)
        raise


def flush(timeout_s: float | None = None) -> bool:
    """Wait until the queue of this process is empty; return False when it is not after `timeout_s` seconds."""
    waiting = list(_pending)
    if not waiting:
        return True
    from concurrent.futures import wait

    return not wait(waiting, timeout=timeout_s).not_done


def _forget_in_child() -> None:
    """A forked child has neither the thread nor the lock's holder; the parent works off what was queued."""
    global _lock, _executor
    _lock, _executor = threading.RLock(), None
    _pending.clear()


os.register_at_fork(after_in_child=_forget_in_child)
