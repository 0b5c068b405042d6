"""Forks: a child of a process that has used Polars lacks Polars' threads, and most queries would wait for them forever.

What logging needs in a child (`latest_metrics`) is done without these threads; all else is refused.
"""

from __future__ import annotations

import os
from pathlib import Path

from runlake.errors import StoreError

_POOL = tuple(f"polars-{digit}" for digit in range(10))
_had_threads = False
_lacks_threads = False


def require_threads() -> None:
    """Refuse a query that would never end.

    Raises:
        StoreError: this process was forked from one in which Polars had begun to work.
    """
    if _lacks_threads:
        raise StoreError(
            "this process was forked from one that had used Polars, and cannot query without Polars' threads",
            hint="start processes by 'spawn' or 'forkserver', or query in the parent; logging works in both",
        )


def _has_threads() -> bool:
    try:
        return any(name.read_text().startswith(_POOL) for name in Path("/proc/self/task").glob("*/comm"))
    except OSError:  # a thread has ended meanwhile
        return True


def _before_fork() -> None:
    global _had_threads
    _had_threads = _has_threads()


def _after_fork_in_child() -> None:
    global _lacks_threads
    _lacks_threads = _lacks_threads or _had_threads


os.register_at_fork(before=_before_fork, after_in_child=_after_fork_in_child)
