"""Drain: waiting until a server has what was logged, and saying how it gets the rest.

While the server answers, the wait is as long as the limit says. Time that is spent waiting for a server that is away
is counted over all runs of the process, so that a sweep of a hundred runs waits for it once and not a hundred times,
and says so after the first and at its end.
"""

from __future__ import annotations

import contextlib
import shlex
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Final

from runlake.errors import ServerUnavailable
from runlake.replication.bar import bar
from runlake.replication.replicator import is_misuse

if TYPE_CHECKING:
    from runlake.replication.spool import Spool

_QUIET_S: Final = 0.5
"""After this long the wait shows what it waits for."""
_STEP_S: Final = 0.1


def drain(spool: Spool, *, last: bool = False) -> bool:
    """Wait until the server has everything that this process has logged; say on stderr what to do when it has not.

    Args:
        last: Whether the process ends with it, so that what the server has is let go of.

    Returns:
        Whether the server has everything.
    """
    waiting = spool.replicator
    limit_s = spool.config.drain_timeout_ms / 1000
    asked = waiting.ask(last=last)
    began = time.monotonic()
    try:
        done = _wait(spool, asked, began + limit_s)
    except KeyboardInterrupt:
        _tell(spool)
        raise
    if done:
        spool.told = spool.untold = False
    elif not spool.told or (last and spool.untold):
        _tell(spool)
        spool.told, spool.untold = True, False
    else:
        spool.untold = not last
    return done


def _wait(spool: Spool, asked: int, deadline: float) -> bool:
    replicator = spool.replicator
    attempts = replicator.attempts
    with contextlib.ExitStack() as shown:
        move: Callable[[], object] | None = None
        quiet_until = time.monotonic() + _QUIET_S
        before = time.monotonic()
        while not replicator.wait(asked, _STEP_S):
            now = time.monotonic()
            spool.waited_in_vain_s = 0.0 if replicator.last_error is None else spool.waited_in_vain_s + now - before
            before = now
            if now >= deadline or spool.waited_in_vain_s >= spool.config.drain_timeout_ms / 1000:
                return False
            if (
                replicator.attempts > attempts
                and replicator.last_error is not None
                and is_misuse(replicator.last_error)
            ):
                return False
            if move is None and now >= quiet_until:
                move = shown.enter_context(bar(spool.url, replicator.progress, partial(_trouble, spool)))
            if move is not None:
                move()
        spool.waited_in_vain_s = 0.0
        return True


def _trouble(spool: Spool) -> str | None:
    error = spool.replicator.last_error
    if error is None:
        return None
    return "it does not answer" if isinstance(error, ServerUnavailable) else error.message


def command(spool: Spool) -> str:
    """Return the command that sends what is left in a spool."""
    return f"runlake sync {shlex.quote(str(spool.root))} {spool.url}"


def _tell(spool: Spool) -> None:
    error = spool.replicator.last_error
    why = f": {error.message}" if error is not None else ""
    if sys.stderr is not None and not sys.stderr.closed:
        sys.stderr.write(
            f"runlake: not everything is at {spool.url} yet{why}\n"
            f"runlake: it is kept, and the next process that logs there sends it, or:\n    {command(spool)}\n"
        )
