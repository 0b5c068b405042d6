"""Delivery: what the catalog could not take in time, and its syncing, in a thread that sleeps while there is neither.

A change that meets a locked catalog is written into the journal's outbox, which survives the process; the thread
delivers it as soon as the lock is free, and otherwise whoever adopts the journal does. Changes stay in order: while one
waits, later ones queue behind it.
"""

from __future__ import annotations

import collections
import contextlib
import logging
import queue
import threading
import time
from collections.abc import Callable
from typing import Final

from runlake import _engine
from runlake.catalog import Catalog, Change
from runlake.errors import StoreError

_log = logging.getLogger("runlake")

DELIVERY_WAIT_S: Final = 0.25
"""Longest wait for the catalog in one attempt; calls that record something wait behind it."""

_FIRST_PAUSE_S = 0.05
_LONGEST_PAUSE_S = 2.0


class Delivery:
    """The outbox of this process, and the thread that empties it and syncs the catalog."""

    def __init__(self, catalog: Catalog, deliver: Callable[[Change], None], sync_interval_ms: int) -> None:
        """Prepare; the thread starts with the first thing there is to do.

        Args:
            deliver: Hands one change to the catalog, however late it is.
        """
        self._catalog = catalog
        self._deliver = deliver
        self._sync_interval_s = sync_interval_ms / 1000
        self.forget()

    def forget(self) -> None:
        """Begin anew, in a forked child: what was queued is delivered by the parent."""
        self._mutex = threading.RLock()  # for signal handlers, see the store's
        self._delivering = threading.Lock()  # not reentrant: nobody may deliver in the middle of a delivery
        self._work: queue.SimpleQueue[None] = queue.SimpleQueue()  # an event cannot be set from within its own `set`
        self._stopped = threading.Event()
        self._queue: collections.deque[tuple[_engine.Writer, int, Change]] = collections.deque()
        self._thread: threading.Thread | None = None
        self._sync_failed = False
        self._unmarked: tuple[_engine.Writer, int] | None = None

    @property
    def pending(self) -> int:
        """Number of changes that wait."""
        return len(self._queue)

    def put(self, writer: _engine.Writer, change: Change) -> None:
        """Write a change into the journal's outbox and deliver it later."""
        with self._mutex:
            self._queue.append((writer, writer.push_outbox(change.to_bytes()), change))
        self.wake()

    def wake(self) -> None:
        """Say that there is something to deliver or to sync."""
        self._call_thread()
        if self._thread is None and not self._stopped.is_set():
            with self._mutex:
                if self._thread is None:
                    thread = threading.Thread(target=self._run, name="runlake-catalog", daemon=True)
                    thread.start()
                    self._thread = thread  # now, for `stop` cannot wait for one that has not begun

    def drain(self, timeout_s: float) -> bool:
        """Deliver what waits, in the calling thread; return whether nothing is left."""
        deadline = time.monotonic() + timeout_s
        while self._queue:
            if not self._deliver_first() and time.monotonic() >= deadline:
                return False
        return True

    def stop(self, timeout_s: float) -> None:
        """Deliver what can be delivered and end the thread, within about `timeout_s`; the rest stays in the journal."""
        self._stopped.set()
        self._call_thread()
        with self._mutex:
            thread = self._thread
        if thread is not None:
            thread.join(timeout_s)
        self.drain(timeout_s=0.0)
        self._mark_again()

    def _deliver_first(self) -> bool:
        """Deliver the change that waits longest; False when the catalog did not take it, or others are at it."""
        if not self._delivering.acquire(timeout=DELIVERY_WAIT_S):
            return False
        try:
            if not self._queue:
                return True
            writer, number, change = self._queue[0]
            try:
                self._deliver(change)
            except (OSError, MemoryError):  # StoreError, too: it may go better later
                return False
            except Exception as error:  # NOTE: a change that can never be delivered must not hold up those behind it
                _log.error("a change is lost: %s: %s", error, change)
            with self._mutex:
                self._queue.popleft()
            self._unmarked = writer, number
            self._mark()
            return True
        finally:
            self._delivering.release()

    def _mark(self) -> None:
        """Note in the journal what was delivered; without room there, later, or whoever adopts it delivers it again."""
        if self._unmarked is None:
            return
        writer, number = self._unmarked
        with contextlib.suppress(StoreError):
            writer.finish_outbox(number)
            self._unmarked = None

    def _mark_again(self) -> None:
        if self._unmarked is not None and self._delivering.acquire(timeout=DELIVERY_WAIT_S):
            try:
                self._mark()
            finally:
                self._delivering.release()
        if self._unmarked is not None:
            self._call_thread()

    def _call_thread(self) -> None:
        if self._work.empty():
            self._work.put(None)

    def _wait_for_work(self) -> None:
        self._work.get()
        with contextlib.suppress(queue.Empty):
            while True:
                self._work.get_nowait()

    def _run(self) -> None:
        pause_s = _FIRST_PAUSE_S
        synced = time.monotonic() - self._sync_interval_s
        while not self._stopped.is_set():
            self._wait_for_work()
            while self._queue and not self._stopped.is_set():
                if self._deliver_first():
                    pause_s = _FIRST_PAUSE_S
                else:
                    self._stopped.wait(pause_s)
                    pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
            self._stopped.wait(max(0.0, synced + self._sync_interval_s - time.monotonic()))
            synced = time.monotonic()
            self._sync()
            self._mark_again()

    def _sync(self) -> None:
        try:
            self._catalog.sync()
        except OSError as error:
            if not self._sync_failed:  # said once until it succeeds again
                _log.warning("the catalog could not be synced: %s", error)
            self._sync_failed = True
            self._call_thread()  # to try again, though nothing else may be committed
        else:
            self._sync_failed = False
