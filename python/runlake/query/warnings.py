"""Warnings of a query: keys and names that mean nothing in the store. They are legal, and they may be mistyped."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextvars import ContextVar
from typing import Final

from runlake.query.filter.nearest import did_you_mean
from runlake.query.filter.nodes import Condition
from runlake.query.filter.order import Order
from runlake.query.filter.suggest import unknown_keys
from runlake.query.reader import Lake
from runlake.query.table import RunTable

_MOST_SAID: Final = 1000
_MOST_OVERHEARD: Final = 10
_log = logging.getLogger("runlake")
_said: set[str] = set()


_overheard: ContextVar[list[str] | None] = ContextVar("overheard", default=None)


@contextlib.contextmanager
def overheard() -> Iterator[list[str]]:
    """Collect what queries of this thread warn of, instead of saying it: who asks a server does not see its log."""
    messages: list[str] = []
    token = _overheard.set(messages)
    try:
        yield messages
    finally:
        _overheard.reset(token)


def say(messages: Iterable[str]) -> None:
    """Say what was overheard elsewhere, each once a process."""
    for message in messages:
        _warn(message)


def warn_of_unknown_keys(table: RunTable, condition: Condition | None, orders: Sequence[Order] = ()) -> None:
    """Say, once a process for each, through the logger `runlake`, which keys no run of a table has."""
    if table.height == 0:
        return
    for message in unknown_keys(condition, orders, table.keys):
        _warn(message)


def warn_of_no_points(lake: Lake, key: str) -> None:
    """Say that none of the runs that were chosen has logged a metric."""
    known = {*lake.journals().keys(), *lake.catalog.key_names()}
    _warn(f"none of the runs has points of the metric {key!r}", did_you_mean(key, known))


def warn_of_unknown_experiment(name: str, known: Collection[str]) -> None:
    """Say that an experiment was passed over, as there is none of that name."""
    _warn(f"there is no experiment {name!r}", did_you_mean(name, known))


def _warn(message: str, hint: str | None = None) -> None:
    message = message if hint is None else f"{message}\nhint: {hint}"
    if (listener := _overheard.get()) is not None:
        if len(listener) < _MOST_OVERHEARD:
            listener.append(message)
    elif message not in _said and len(_said) < _MOST_SAID:
        _said.add(message)
        _log.warning("%s", message)
