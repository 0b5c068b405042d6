"""Ledger: what became of every point that a run accepted."""

from __future__ import annotations

from runlake.entities import RunLedger
from runlake.stores import store_at


def ledger(run_id: str) -> RunLedger:
    """Return how many points of a run were accepted, stored, merged and dropped, by key; live ones included.

    For each key, `accepted = stored + merged + sum(dropped.values()) + in_flight`. Unless a policy throttles (see
    `throttle`) or there was no room, all accepted points are stored.

    Raises:
        NotFound: there is no such run.
    """
    return store_at().reads.ledger(run_id)
