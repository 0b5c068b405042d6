"""Replicator: the thread that keeps a server up to date with what this process logs, and with what dead ones left.

It works in rounds. A round sends everything that was there when it began, so whoever asks for a round and sees it end
knows that the server has what it had before. Nobody who records something wakes the thread: it looks four times a
second, so that it makes few requests, and begins at once when somebody asks.
"""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from typing import TYPE_CHECKING, Final

from runlake import guard
from runlake.errors import NewerFormat, RunlakeError, ServerUnavailable, StoreError
from runlake.remote.backoff import Backoff
from runlake.replication.progress import Progress
from runlake.replication.rounds import Rounds

if TYPE_CHECKING:
    from runlake.replication.peer import Peer
    from runlake.replication.spool import Spool

GREETING_S: Final = 1.0
"""Longest time that the start of a run waits for a server to say who it is, once a process."""

_LOOK_S: Final = 0.25
_LEFTOVERS_S: Final = 5.0
_MOST_BACKOFF_S: Final = 10.0
_REFUSED_S: Final = 30.0


class Replicator:
    """Sends what is new in one spool to its server. Calls return at once if they do not say that they wait."""

    def __init__(self, spool: Spool, peer: Peer) -> None:
        self._spool = spool
        self._peer = peer
        self.progress = Progress()
        self._rounds: Rounds | None = None
        self.forget()

    def forget(self) -> None:
        """Begin anew, in a forked child: the thread is the parent's, and so is what it has locked."""
        if self._rounds is not None:
            self._rounds.forget_lock()
        self._changed = threading.Condition()
        self._calls: queue.SimpleQueue[None] = queue.SimpleQueue()  # may be put to in the middle of a put
        self._greeted = threading.Event()
        self._refusal: RunlakeError | None = None
        self._waited = self._late = self._stopped = False
        self._asked = self._attempted = self._done = 0
        self._is_last = False
        self._thread: threading.Thread | None = None
        self._backoff = Backoff(most_s=_MOST_BACKOFF_S)
        self._leftovers_at = 0.0
        self._rounds = None
        self.last_error: RunlakeError | None = None
        self.attempts = 0  # rounds that have ended, well or not

    # -- for the threads that log

    def begin(self) -> None:
        """Start the thread, unless it runs or has been stopped."""
        if self._thread is None and not self._stopped:
            with self._changed:
                if self._thread is None:
                    thread = threading.Thread(target=self._run, name="runlake-replicator", daemon=True)
                    thread.start()
                    self._thread = thread

    def greet(self) -> None:
        """Find out whether the server is one of ours that takes what this process sends; a server that is away may be.

        The first call of a process waits up to a second for it.

        Raises:
            RunlakeError: it is no server of runlake, or refuses this user.
        """
        if self._refusal is not None:  # something may have been put right since
            self._greeted.clear()
            self._refusal, self._waited = None, False
        if not self._waited:
            self._waited = True
            self.ask()
            self._late = not self._greeted.wait(GREETING_S)
        if self._refusal is not None:
            raise self._refusal

    @property
    def rounds(self) -> Rounds | None:
        """What sends to the server; None until it has said who it is."""
        return self._rounds

    def has_met(self) -> bool:
        """Tell whether the server has said who it is, and answered last time."""
        return self._rounds is not None and self.last_error is None

    def ask(self, *, last: bool = False) -> int:
        """Ask for a round that includes what dead processes left, and return its number for `is_done`.

        Args:
            last: Whether this process logs nothing after it, so that everything that the server has is let go of.
        """
        with self._changed:
            self._asked += 1
            self._is_last = self._is_last or last
            asked = self._asked
        self.begin()
        self._calls.put(None)
        return asked

    def is_done(self, asked: int) -> bool:
        """Tell whether the round of that number has ended well."""
        return self._done >= asked

    def wait(self, asked: int, timeout_s: float) -> bool:
        """Wait until a round has ended well, or something happened that may be worth a look; return `is_done`."""
        with self._changed:
            if not self.is_done(asked):
                self._changed.wait(timeout_s)
        return self.is_done(asked)

    def is_this_thread(self) -> bool:
        """Tell whether the caller is the thread itself."""
        return threading.current_thread() is self._thread

    def stop(self, timeout_s: float) -> None:
        """End the thread, within `timeout_s`; what has not been sent stays in the spool."""
        self._stopped = True
        self._calls.put(None)
        thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(timeout_s)
        self._peer.close()

    # -- the thread

    def _run(self) -> None:
        while not self._stopped:
            self._sleep(self._attempt() if self._is_due() else _LOOK_S)

    def _sleep(self, pause_s: float) -> None:
        """Sleep until somebody asks who has not asked before the last attempt."""
        until = time.monotonic() + pause_s
        while not self._stopped and self._asked <= self._attempted and (left_s := until - time.monotonic()) > 0:
            with contextlib.suppress(queue.Empty):
                self._calls.get(timeout=left_s)

    def _is_due(self) -> bool:
        if self._rounds is None or self._asked > self._done:
            return True
        return self._rounds.has_news() or time.monotonic() - self._leftovers_at >= _LEFTOVERS_S

    def _attempt(self) -> float:
        """Make one round, and return how long to wait after it."""
        asked = self._attempted = self._asked
        try:
            try:
                rounds = self._rounds = self._rounds or self._greeting()
            finally:
                self._greeted.set()
            whole = asked > self._done or time.monotonic() - self._leftovers_at >= _LEFTOVERS_S
            rounds.send(leftovers=whole)
            if whole:
                self._leftovers_at = time.monotonic()
            if self._is_last:
                rounds.finish()
        except Exception as error:  # NOTE: without this thread nothing reaches the server any more
            return self._failed(error)
        self.last_error = None
        self._backoff.reset()
        with self._changed:
            self.attempts += 1
            self._done = max(self._done, asked)
            self._changed.notify_all()
        return 0.0 if rounds.has_backlog() else _LOOK_S

    def _greeting(self) -> Rounds:
        try:
            hello = self._peer.hello(GREETING_S)
        except RunlakeError as error:
            if is_misuse(error):
                self._refusal = error
            raise
        return Rounds(self._spool, self._peer, hello.store_id, self.progress)

    def _failed(self, error: Exception) -> float:
        if self._rounds is not None:
            self._rounds.forget()
        said = error if isinstance(error, RunlakeError) else StoreError(f"{type(error).__name__}: {error}")
        self.last_error = said
        with self._changed:
            self.attempts += 1
            self._changed.notify_all()
        if isinstance(error, ServerUnavailable):
            return self._backoff.next_s(error.retry_after_s)
        if self._refusal is None or self._late:  # else the start of a run raises it
            guard.note(error, "replication")
        return max(self._backoff.next_s(), _REFUSED_S if is_misuse(said) and self._rounds is not None else 0.0)


def is_misuse(error: RunlakeError) -> bool:
    """Tell a refusal, which waiting does not change, from what the environment did."""
    return isinstance(error, NewerFormat) or not isinstance(error, StoreError)
