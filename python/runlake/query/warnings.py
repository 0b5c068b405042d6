"""Warnings of a query: keys that it names and no run has. They are legal, and they may be mistyped."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Final

from runlake.query.filter.nodes import Condition
from runlake.query.filter.order import Order
from runlake.query.filter.suggest import unknown_keys
from runlake.query.table import RunTable

_MOST_SAID: Final = 1000
_log = logging.getLogger("runlake")
_said: set[str] = set()


def warn_of_unknown_keys(table: RunTable, condition: Condition | None, orders: Sequence[Order] = ()) -> None:
    """Say, once a process for each, through the logger `runlake`, which keys no run of a table has."""
    if table.height == 0:
        return
    for message in unknown_keys(condition, orders, table.keys):
        if message not in _said and len(_said) < _MOST_SAID:
            _said.add(message)
            _log.warning("%s", message)
