"""Limits: what the system lets a server process have."""

from __future__ import annotations

import contextlib
import resource


def raise_file_limit() -> None:
    """Let the process have as many open files as the system allows it: each stream and each connection needs some."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
