"""Missing points: what a store says that it cannot give back."""

from __future__ import annotations

from runlake.entities import MissingPoints
from runlake.stores import store_at


def missing_points(run_id: str) -> list[MissingPoints]:
    """Return which points of a run were accepted and are proven missing: none, unless a disk or a machine failed.

    Raises:
        NotFound: there is no such run.
    """
    return store_at().reads.missing_points(run_id)
