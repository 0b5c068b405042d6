"""Throttle: which points of this process are stored, said before they are logged."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from types import EllipsisType

from runlake import throttling
from runlake.store import opened_stores
from runlake.throttling import Aggregate, Policy, policy_of


def throttle(
    keys: str | Iterable[str],
    policy: Policy | EllipsisType | None = ...,
    *,
    every: int | None = None,
    max_per_second: float | None = None,
    burst: float | None = None,
    window: str | int | timedelta | None = None,
    keep: Iterable[Aggregate] | None = None,
) -> None:
    """Store only some points of the metrics whose keys match, in all runs of this process and its forked children.

        runlake.throttle("grad/*", every=10)
        runlake.throttle("gpu/*", max_per_second=2, burst=10)
        runlake.throttle("act/*", window="1s", keep=("min", "max", "mean"))
        runlake.throttle("act/mean", None)           # this one is stored in full

    The first and the last value of every key are always stored, `runlake.ledger` accounts for all others, and the
    summaries of a run (count, latest, min, max, mean) are over all accepted points. Of the rules that match a key the
    last one holds; those of a run (`run.throttle`) come before these, and these before RUNLAKE_THROTTLE.

    Args:
        keys: Keys or patterns, in which `*` stands for any characters and `?` for one.
        policy: None stores everything; else it is said by one of `every`, `max_per_second` and `window`.
        every: Store a point when its step is so many beyond that of the last stored one.
        max_per_second: Store so many points a second at most, on average.
        burst: How many may come at once after a pause; 1 unless given.
        window: Store the last point of every so many steps, or of a time such as "1s", "500ms" or "2m".
        keep: What of a window is kept beside its last point: "min", "max", "mean" and "count", all unless given;
            `points` gives them with `aggregates=True`, and `series` shows the extremes.

    Raises:
        InvalidInput: the policy is none, or no key can match.
    """
    patterns = throttling.patterns_of(keys)
    chosen = chosen_policy(policy, every, max_per_second, burst, window, keep)
    throttling.add_to_process(patterns, chosen)
    for store in opened_stores():
        store.throttle_process()


def chosen_policy(
    policy: Policy | EllipsisType | None,
    every: int | None,
    max_per_second: float | None,
    burst: float | None,
    window: str | int | timedelta | None,
    keep: Iterable[Aggregate] | None,
) -> Policy | None:
    """Return the policy that a call means: one that was made before, none, or what its options say."""
    options = (every, max_per_second, burst, window, keep)
    if policy is not ... and all(option is None for option in options):
        return policy
    return policy_of(every=every, max_per_second=max_per_second, burst=burst, window=window, keep=keep)
