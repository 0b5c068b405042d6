"""The one place that decides whether an error of a logging call reaches the training code.

Mistakes in the call (a wrong type, an illegal key, a changed parameter, a file that is not there) raise at once. What
the environment does (disk full, catalog locked, store gone) never does: it is said once a cause and counted, and
`errors_seen()` tells. `set_error_policy` moves the line.
"""

from __future__ import annotations

import logging
import os
import threading
from dataclasses import dataclass
from typing import Literal

from runlake.errors import InvalidInput, RunlakeError, StoreError

ErrorPolicy = Literal["default", "never", "all"]
_POLICIES = ("default", "never", "all")
_log = logging.getLogger("runlake")


@dataclass(frozen=True, slots=True)
class SeenError:
    """One cause of failed logging calls: how often it was met, and its first message."""

    cause: str
    count: int
    message: str


class _Guard:
    """Policy and counters of this process. The lock is held for a dict update only."""

    def __init__(self) -> None:
        self.policy: ErrorPolicy = "default"
        self.lock = threading.RLock()
        self.seen: dict[str, SeenError] = {}

    def note(self, error: BaseException, doing: str) -> None:
        """Count `error`, and say it on the first of its kind."""
        cause = f"{doing}: {type(error).__name__}"
        with self.lock:
            before = self.seen.get(cause)
            count, message = (before.count + 1, before.message) if before else (1, str(error))
            self.seen[cause] = SeenError(cause, count, message)
        if before is None:
            _log.warning(
                "runlake: %s failed and training goes on: %s: %s (said once; runlake.errors_seen() counts)",
                doing,
                type(error).__name__,
                error,
            )


_guard = _Guard()


def set_error_policy(policy: ErrorPolicy) -> None:
    """Choose which errors of logging calls raise.

    Args:
        policy: "default": mistakes in the call raise, errors of the environment are counted. "never": nothing raises,
            for unattended training. "all": everything raises, for tests.
    """
    if policy not in _POLICIES:
        raise InvalidInput(f"the error policy is one of 'default', 'never' and 'all', not {policy!r}")
    _guard.policy = policy


def never_raises() -> bool:
    """Tell whether the policy is "never"."""
    return _guard.policy == "never"


def seen() -> list[SeenError]:
    """Return what was counted, one entry a cause, most frequent first."""
    with _guard.lock:
        return sorted(_guard.seen.values(), key=lambda seen: -seen.count)


def is_environment(error: BaseException) -> bool:
    """Tell what the environment did from a mistake in the call.

    NOTE: an error that nobody foresaw is the environment's: a defect of this library must not end a training either.
    """
    if isinstance(error, StoreError):
        return True
    return not isinstance(error, RunlakeError | TypeError | ValueError | ImportError)


def raises(error: BaseException) -> bool:
    """Tell whether the policy lets `error` out of a logging call."""
    return _guard.policy == "all" or (_guard.policy == "default" and not is_environment(error))


def absorb(error: Exception, doing: str) -> None:
    """Count `error` and go on, or raise it: whichever the policy says."""
    if raises(error):
        raise error
    _guard.note(error, doing)


def note(error: Exception, doing: str) -> None:
    """Count `error`, which somebody else raises or has already raised."""
    _guard.note(error, doing)


class shielded:  # noqa: N801  # reads as a statement: `with shielded("log_param"):`
    """A block whose errors obey the policy; where they may not raise, the program goes on behind the block.

    Args:
        doing: What the block does, for the message and the count.
        always: Raise under no policy; for what the user has not asked for.
    """

    __slots__ = ("always", "doing")

    def __init__(self, doing: str, *, always: bool = False) -> None:
        self.doing = doing
        self.always = always

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> bool:
        if not isinstance(error, Exception) or (raises(error) and not self.always):
            return False
        _guard.note(error, self.doing)
        return True


def _fresh_lock() -> None:
    _guard.lock = threading.RLock()


os.register_at_fork(after_in_child=_fresh_lock)
