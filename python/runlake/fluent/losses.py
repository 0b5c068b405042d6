"""Points that found no room, which no logging call raises: found in the journal's counters, and reported."""

from __future__ import annotations

import threading
import weakref

from runlake import guard
from runlake.errors import StoreError
from runlake.guard import SeenError
from runlake.store import Store, opened_stores

_lock = threading.RLock()
_reported: weakref.WeakKeyDictionary[Store, tuple[str, int]] = weakref.WeakKeyDictionary()  # writer, points


def errors_seen() -> list[SeenError]:
    """Return what logging calls of this process met and did not raise, one entry a cause, most frequent first.

    Points that the journal had no room for are counted exactly in `run.stats()` and `run.ledger()`; here they are one
    entry.
    """
    for store in opened_stores():
        lost = _newly_lost(store)
        if lost is not None:
            guard.note(lost, "log")
    return guard.seen()


def report(store: Store) -> None:
    """Say how many points found no room since the last report, as the error policy has it."""
    lost = _newly_lost(store)
    if lost is not None:
        guard.absorb(lost, "log")


def _newly_lost(store: Store) -> StoreError | None:
    stats = store.stats()
    if stats is None:
        return None
    with _lock:
        writer, before = _reported.get(store, ("", 0))
        now = store.writer().id
        lost = stats.met_no_room - (before if writer == now else 0)
        _reported[store] = (now, stats.met_no_room)
    if lost <= 0:
        return None
    return StoreError(
        f"{lost:,} points were merged or dropped in {store.root}: {stats.last_error or 'no room in the journal'}",
        hint="run.ledger() says which",
    )
