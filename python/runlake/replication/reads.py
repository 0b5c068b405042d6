"""Reads: what calls that go to a server have to know of the runs that this process logs there."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from runlake.remote.address import Address
from runlake.replication.folder import folder_for
from runlake.replication.spool import Spool, spool_for
from runlake.store import opened_stores

if TYPE_CHECKING:
    from runlake.replication.replicator import Replicator
    from runlake.store import Store


class Spooled:
    """The runs of this process at one server: where they are written, and how long until the server has them."""

    def __init__(self, uri: str) -> None:
        self._uri = uri

    @property
    def store(self) -> Store:
        """The store that new runs are begun in, once the server has been greeted; see `Replicator.greet`."""
        spool = spool_for(self._uri)
        spool.replicator.greet()
        return spool

    def store_of(self, run_id: str) -> Store | None:
        """Return the store that this process writes a run into; None for a run that it does not write."""
        spool = spool_of(self._uri)
        return spool if spool is not None and spool.is_member(run_id) else None

    def wait_for(self, run_id: str) -> None:
        """Return when the server has what was written of a run here, or cannot be waited for any longer."""
        spool = self.store_of(run_id)
        if spool is not None:
            wait_for(self._uri, run_id, spool.config.lock_timeout_ms / 1000)


def spool_of(uri: str) -> Spool | None:
    """Return the spool of a server if this process logs to that; none is opened."""
    root = folder_for(Address.of(uri))
    return next((store for store in opened_stores() if isinstance(store, Spool) and store.root == root), None)


def wait_for(uri: str, run_id: str | None = None, timeout_s: float = 30.0) -> bool:
    """Wait until a server has what this process has logged there so far; return whether it has.

    Args:
        run_id: Wait only if this process logs to that run; None waits in any case.
        timeout_s: Longest wait. A server that does not answer ends it at once: asking it will say so.
    """
    spool = spool_of(uri)
    if spool is None or (run_id is not None and not spool.is_member(run_id)):
        return True
    return _wait(spool.replicator, timeout_s)


def _wait(replicator: Replicator, timeout_s: float) -> bool:
    asked = replicator.ask()
    deadline = time.monotonic() + timeout_s
    attempts = replicator.attempts
    while not replicator.wait(asked, max(0.0, deadline - time.monotonic())):
        failed = replicator.last_error is not None and replicator.attempts > attempts
        if failed or time.monotonic() >= deadline:
            return False
    return True
