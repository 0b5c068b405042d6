"""Events: what has changed in the store, offered to everybody who is connected; one look serves them all.

Nothing is looked at while nobody is connected. A look is a few reads of the catalog and of counters in journals, by a
thread of the worker's pool that is free again at once; who waits for the next one takes no thread and no memory budget.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from typing import TYPE_CHECKING, Final

from runlake.errors import RunlakeError

if TYPE_CHECKING:
    from runlake.catalog import Mark
    from runlake.query import Lookout, Tidings
    from runlake.server.calls import Worker
    from runlake.store import Store

_log = logging.getLogger("runlake")

_PERIOD_S: Final = 0.25
_REST: Final = 50
"""How many times as long as a look takes there is none after it, so that looking takes 2 % of a core at most."""
_LONGEST_S: Final = 2.0
_MOST_KEPT: Final = 10_000
"""Most runs with new points that are put together by name for a stream whose reader does not read."""


class Subscription:
    """What has been offered to one stream and not been taken yet, put together. Only the event loop's thread uses it.

    Attributes:
        user: Whose it is; None on a server that does not ask.
        ended: Whether the stream is to end.
        is_reset: Whether what it has told counts for nothing.
    """

    def __init__(self, user: str | None = None) -> None:
        self.user = user
        self.ended = self.is_reset = False
        self._offered: Tidings | None = None
        self._wake = asyncio.Event()
        self._begun = asyncio.Event()

    def begin(self) -> None:
        """Let the stream begin: from now on everything is offered."""
        self._begun.set()

    async def begun(self) -> None:
        """Wait until the stream begins, or is to end before."""
        await self._begun.wait()

    def offer(self, tidings: Tidings | None) -> None:
        """Give tidings, or None where everything has to be asked anew."""
        if tidings is None:
            self.is_reset, self._offered = True, None
        elif self._offered is None:
            self._offered = None if tidings.is_empty else tidings
        elif not tidings.is_empty:
            self._offered = self._offered.then(tidings)
            if len(self._offered.points) > _MOST_KEPT:  # who takes so long to read had better ask anew
                self.is_reset, self._offered = True, None
        if self.is_reset or self._offered is not None:
            self._wake.set()

    def end(self) -> None:
        """Let the stream end."""
        self.ended = True
        self._wake.set()
        self._begun.set()

    async def wait(self, wait_s: float) -> None:
        """Wait until there is something, or the stream is to end, for at most `wait_s` seconds."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                await self._wake.wait()

    def take(self) -> tuple[bool, Tidings | None]:
        """Return whether everything has to be asked anew, and what else there is to tell."""
        taken = self.is_reset, self._offered
        self.is_reset, self._offered = False, None
        if not self.ended:
            self._wake.clear()
        return taken


class Events:
    """All streams of a worker, and the task that looks for them."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self._subscriptions: set[Subscription] = set()
        self._watching: asyncio.Task[None] | None = None
        self._mark: Mark | None = None
        self._is_looking = False

    @property
    def subscriptions(self) -> int:
        """How many streams there are."""
        return len(self._subscriptions)

    def subscriptions_of(self, user: str) -> int:
        """How many of them are a user's."""
        return sum(subscription.user == user for subscription in self._subscriptions)

    @property
    def mark(self) -> Mark:
        """Up to where everything has been offered; there has been a subscription that has begun."""
        assert self._mark is not None
        return self._mark

    async def subscribe(self, subscription: Subscription) -> None:
        """Offer to a subscription whatever changes from now on, until it is dropped; it may have ended by then."""
        self._subscriptions.add(subscription)
        if self._watching is None:
            self._watching = asyncio.create_task(self._watch())
        if self._is_looking:
            subscription.begin()
        await subscription.begun()

    def drop(self, subscription: Subscription) -> None:
        """Offer nothing more to a subscription."""
        self._subscriptions.discard(subscription)

    async def close(self) -> None:
        """Stop looking."""
        if self._watching is not None:
            self._watching.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._watching

    async def _watch(self) -> None:
        """Look as long as there is a stream. A defect ends all streams: who comes back begins anew."""
        try:
            await self._look()
        finally:
            self._watching, self._is_looking = None, False
            for subscription in self._subscriptions:
                subscription.end()

    async def _look(self) -> None:
        lookout: Lookout | None = None
        while self._subscriptions:
            began = time.monotonic()
            pause_s = _LONGEST_S
            try:
                if lookout is None:
                    lookout = await self._worker.run(_lookout, self._worker.store)
                self._offer(lookout, await self._worker.run(lookout.look))
                pause_s = min(max(_PERIOD_S, _REST * (time.monotonic() - began)), _LONGEST_S)
            except (RunlakeError, OSError) as error:  # a catalog that is locked, say, is not so for ever
                _log.warning("what changes in the store is told later: %s", error)
            await asyncio.sleep(pause_s)

    def _offer(self, lookout: Lookout, tidings: Tidings | None) -> None:
        for subscription in self._subscriptions:
            subscription.offer(tidings)
        if lookout.mark is not None:
            self._mark, self._is_looking = lookout.mark, True
            for subscription in self._subscriptions:
                subscription.begin()


def _lookout(store: Store) -> Lookout:
    from runlake import query  # in a thread: it takes a while to load

    return query.Lookout(store)
