"""Throttling: which points of which keys are stored, as policies by pattern.

Of the rules that match a key the last one holds; those of a run come behind those of the process, which come behind
those of RUNLAKE_THROTTLE. What a policy does with a point is decided in the engine.
"""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final, Literal, TypeAlias

from runlake import _engine, config
from runlake.errors import InvalidInput, InvalidType
from runlake.names import MAX_KEY, shortened

Aggregate: TypeAlias = Literal["min", "max", "mean", "last", "count"]
KEEP: Final[tuple[Aggregate, ...]] = ("min", "max", "mean", "last", "count")
"""What can be kept of a window: all of it, unless something else is said."""

_UNITS_S: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_DURATION: Final = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h)")
_STRANGER: Final = re.compile(r"[^/\w.\- :*?]")
_MOST: Final = 2**63 - 1
_OFF: Final = "off"
_SAYS: Final = f'{config.THROTTLE} is rules such as "grad/* every=10; act/* window=1s keep=min,max; loss off"'


@dataclass(frozen=True, slots=True)
class Policy:
    """What is stored of the points of a key; one of `every`, `max_per_second`, `window_s` and `window_steps` is given.

    Attributes:
        every: Steps from a stored point to the next.
        max_per_second: Points a second, on average.
        burst: Points that may come at once after a pause.
        window_s: Length of a window, of which the last point is stored, in seconds.
        window_steps: The same in steps.
        keep: Aggregates of a window that are kept beside its last point.
    """

    every: int | None = None
    max_per_second: float | None = None
    burst: float = 1.0
    window_s: float | None = None
    window_steps: int | None = None
    keep: tuple[Aggregate, ...] = KEEP


Rule: TypeAlias = tuple[str, Policy | None]
"""A pattern, in which `*` stands for any characters and `?` for one, and its policy; None is to store everything."""


def policy_of(
    *,
    every: int | None = None,
    max_per_second: float | None = None,
    burst: float | None = None,
    window: str | int | timedelta | None = None,
    keep: Iterable[str] | None = None,
) -> Policy:
    """Return the policy that is meant.

    Args:
        window: A number of steps, a time such as "1s", "500ms", "2m" or "1h", or a `timedelta`.

    Raises:
        InvalidInput: none or several of the three are given, or one has a value that it cannot have.
        InvalidType: a value has another type.
    """
    given = {"every": every, "max_per_second": max_per_second, "window": window}
    chosen = [name for name, value in given.items() if value is not None]
    if len(chosen) != 1:
        raise InvalidInput(
            f"a policy has one of every, max_per_second and window; {' and '.join(chosen) or 'none'} is given"
        )
    if burst is not None and max_per_second is None:
        raise InvalidInput(f"burst goes with max_per_second, not with {chosen[0]}")
    if keep is not None and window is None:
        raise InvalidInput(f"keep goes with window, not with {chosen[0]}")
    if every is not None:
        return Policy(every=_whole("every", every))
    if max_per_second is not None:
        rate = _number("max_per_second", max_per_second, above=0.0)
        return Policy(max_per_second=rate, burst=1.0 if burst is None else _number("burst", burst, least=1.0))
    kept = KEEP if keep is None else _kept(keep)
    if isinstance(window, str | timedelta):
        return Policy(window_s=_seconds(window), keep=kept)
    return Policy(window_steps=_whole("window", window), keep=kept)


def patterns_of(keys: str | Iterable[str]) -> list[str]:
    """Return the patterns that are given.

    Raises:
        InvalidInput: there is none, or one can match no key.
        InvalidType: one is no text.
    """
    patterns = [keys] if isinstance(keys, str) else list(keys)
    if not patterns:
        raise InvalidInput("no keys are given to throttle")
    for pattern in patterns:
        if not isinstance(pattern, str):
            raise InvalidType(f"a pattern of keys has type {type(pattern).__name__}: {shortened(pattern)!r}")
        if not pattern or len(pattern) > MAX_KEY or _STRANGER.search(pattern):
            raise InvalidInput(f"no key matches the pattern {shortened(pattern)!r}", hint="e.g. 'grad/*' or 'loss'")
    return patterns


def parse(text: str) -> list[Rule]:
    """Read rules as RUNLAKE_THROTTLE has them, divided by `;`: a pattern and `off`, or what `policy_of` takes.

    Raises:
        InvalidInput: a rule cannot be read.
    """
    return [_rule(part.strip()) for part in text.split(";") if part.strip()]


def _rule(text: str) -> Rule:
    words = text.split()
    options: list[str] = []
    while words and (("=" in words[-1] and len(words) > 1) or (words[-1] == _OFF and not options and len(words) > 1)):
        options.insert(0, words.pop())
    try:
        (pattern,) = patterns_of(" ".join(words))
        if not options:
            raise InvalidInput("it does not say how often")
        return pattern, None if options == [_OFF] else policy_of(**_options(options))
    except InvalidInput as error:
        raise InvalidInput(f"the rule {shortened(text)!r} cannot be read: {error.message}", hint=_SAYS) from error


def _options(options: Iterable[str]) -> dict[str, Any]:
    read = {"every": _integer, "max_per_second": _float, "burst": _float, "window": _window, "keep": _list}
    found: dict[str, Any] = {}
    for option in options:
        name, _, value = option.partition("=")
        if name not in read:
            raise InvalidInput(f"there is no option {name!r}; there are {', '.join(read)} and {_OFF}")
        if name in found:
            raise InvalidInput(f"{name} is given twice")
        found[name] = read[name](value)
    return found


def _integer(text: str) -> int | str:
    return int(text) if re.fullmatch(r"[+-]?\d+", text) else text


def _float(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text


def _window(text: str) -> str | int:
    return int(text) if text.isdigit() else text


def _list(text: str) -> list[str]:
    return [name for name in text.split(",") if name]


def _whole(name: str, value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= _MOST:
        raise InvalidInput(f"{name} is {shortened(repr(value))}; it must be a number of steps from 1 on")
    return value


def _number(name: str, value: object, *, above: float | None = None, least: float | None = None) -> float:
    bound = f"above {above:g}" if above is not None else f"{least:g} or more"
    right = isinstance(value, int | float) and not isinstance(value, bool) and value < float("inf")
    if not right or not (value > above if above is not None else value >= least):  # type: ignore[operator]
        raise InvalidInput(f"{name} is {shortened(repr(value))}; it must be a number {bound}")
    return float(value)  # type: ignore[arg-type]


def _seconds(window: str | timedelta) -> float:
    if isinstance(window, timedelta):
        seconds = window.total_seconds()
    else:
        read = _DURATION.fullmatch(window.strip())
        seconds = float(read[1]) * _UNITS_S[read[2]] if read else 0.0
    if not 0.001 <= seconds <= 86_400 * 366:
        raise InvalidInput(
            f"window is {shortened(repr(window))}; it must be a number of steps or a time from 1ms to a year",
            hint="e.g. window=100, window='1s', '500ms', '2m' or '1h'",
        )
    return seconds


def _kept(keep: Iterable[str]) -> tuple[Aggregate, ...]:
    wanted = [keep] if isinstance(keep, str) else list(keep)
    if unknown := [name for name in wanted if name not in KEEP]:
        raise InvalidInput(f"keep has {shortened(repr(unknown[0]))}; a window has {', '.join(KEEP)}")
    return tuple(name for name in KEEP if name in wanted)


class Rules:
    """Rules in the order in which they hold; a later one of the same pattern takes the place of the earlier."""

    def __init__(self) -> None:
        self._of: dict[str, Policy | None] = {}

    def add(self, patterns: Sequence[str], policy: Policy | None) -> None:
        """Set the policy of some patterns, behind all others."""
        for pattern in patterns:
            kept = {known: policy for known, policy in self._of.items() if known != pattern}
            self._of = {**kept, pattern: policy}  # whole, for whoever reads it in another thread

    def __iter__(self) -> Any:
        return iter(list(self._of.items()))


_lock = threading.Lock()
_of_process = Rules()


def for_engine(rules: Iterable[Rule]) -> list[tuple[str, _engine.Throttle | None]]:
    """Return rules as writers take them."""
    return [(pattern, None if policy is None else _for_engine(policy)) for pattern, policy in rules]


def _for_engine(policy: Policy) -> _engine.Throttle:
    if policy.every is not None:
        return _engine.Throttle.every(policy.every)
    if policy.max_per_second is not None:
        return _engine.Throttle.rate(policy.max_per_second, policy.burst)
    if policy.window_s is not None:
        return _engine.Throttle.window_ms(round(policy.window_s * 1000), list(policy.keep))
    return _engine.Throttle.window_steps(policy.window_steps or 1, list(policy.keep))


def add_to_process(patterns: Sequence[str], policy: Policy | None) -> None:
    """Set a policy for this process and its forked children, in all stores and runs."""
    with _lock:
        _of_process.add(patterns, policy)


def rules_of_process() -> list[Rule]:
    """Return the rules that hold in this process for runs that have none of their own.

    Raises:
        InvalidInput: RUNLAKE_THROTTLE cannot be read.
    """
    return [*parse(config.throttle_rules() or ""), *_of_process]


def _fresh_lock() -> None:
    global _lock
    _lock = threading.Lock()


os.register_at_fork(after_in_child=_fresh_lock)
