"""Accounts: ledger entries as the JSON in which one store tells another, as in the metadata of segments.

Values are texts, since JSON has neither NaN nor infinities.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

from runlake.catalog import KnownSummary, Unstored, UnstoredPoints, unstored_points
from runlake.errors import InvalidInput
from runlake.names import check_key, check_run_id, shortened

MOST: Final = 500
"""Accounts of one request."""

_REASONS: Final = ("no space", "backlog", "late", "throttled")
_MOST_STRETCHES: Final = 80
_MOST_NUMBER: Final = 2**63 - 1


def account_to_json(writer_id: str, entry: UnstoredPoints) -> dict[str, Any]:
    """Return what a writer has not stored of one series, as it is sent."""
    return {
        "writer": writer_id,
        "run_id": entry.run_id,
        "key": entry.key,
        "merged": entry.merged,
        "dropped": dict(entry.dropped),
        "stretches": [list(stretch) for stretch in entry.stretches],
        "summary": None if entry.summary is None else _summary_to_json(KnownSummary.of(entry.summary)),
    }


def account_of(said: Mapping[str, Any]) -> Unstored:
    """Read what `account_to_json` has made, without the writer.

    Raises:
        InvalidInput: something in it is not legal.
    """
    run_id, key = check_run_id(said.get("run_id")), check_key(said.get("key"))
    dropped, stretches, summary = said.get("dropped"), said.get("stretches"), said.get("summary")
    if not isinstance(dropped, dict) or not set(dropped) <= set(_REASONS):
        raise _wrong("dropped", dropped)
    if not isinstance(stretches, list) or len(stretches) > _MOST_STRETCHES:
        raise _wrong("stretches", stretches)
    entry = Unstored(
        *(run_id, key, _count("merged", said.get("merged"))),
        {reason: _count("dropped", count) for reason, count in dropped.items()},
        [_stretch(stretch) for stretch in stretches],
        None if summary is None else _summary(run_id, key, summary),
    )
    if entry.summary is not None and entry.summary.count > unstored_points(entry):
        raise _wrong("count of the summary", entry.summary.count)
    return entry


def _summary_to_json(summary: KnownSummary) -> dict[str, Any]:
    return {
        "count": summary.count,
        "nan_count": summary.nan_count,
        "first": [summary.first_step, summary.first_timestamp, repr(summary.first_value)],
        "last": [summary.last_step, summary.last_timestamp, repr(summary.last_value)],
        "min": [repr(summary.min), summary.min_step],
        "max": [repr(summary.max), summary.max_step],
        "sum": repr(summary.sum),
        "max_timestamp": summary.max_timestamp,
    }


def _summary(run_id: str, key: str, said: Any) -> KnownSummary:
    if not isinstance(said, dict):
        raise _wrong("summary", said)
    count, nan_count = _count("count", said.get("count")), _count("nan_count", said.get("nan_count"))
    if count < 1 or nan_count > count:
        raise _wrong("count of the summary", count)
    first, last = (_items(name, said.get(name), 3) for name in ("first", "last"))
    lowest, highest = (_items(name, said.get(name), 2) for name in ("min", "max"))
    return KnownSummary(
        *(run_id, key, count, nan_count),
        *(_whole("first", first[0]), _whole("first", first[1]), _double("first", first[2])),
        *(_whole("last", last[0]), _whole("last", last[1]), _double("last", last[2])),
        _double("min", lowest[0]),
        _whole("min", lowest[1]),
        _double("max", highest[0]),
        _whole("max", highest[1]),
        _double("sum", said.get("sum")),
        _whole("max_timestamp", said.get("max_timestamp")),
    )


def _stretch(said: Any) -> tuple[str, int, int, int]:
    reason, count, first, last = _items("stretches", said, 4)
    if reason not in _REASONS:
        raise _wrong("stretches", said)
    return reason, _count("stretches", count), _whole("stretches", first), _whole("stretches", last)


def _items(name: str, said: Any, number: int) -> list[Any]:
    if not isinstance(said, list) or len(said) != number:
        raise _wrong(name, said)
    return said


def _count(name: str, said: Any) -> int:
    if _whole(name, said) < 0:
        raise _wrong(name, said)
    return int(said)


def _whole(name: str, said: Any) -> int:
    if not isinstance(said, int) or isinstance(said, bool) or not -_MOST_NUMBER - 1 <= said <= _MOST_NUMBER:
        raise _wrong(name, said)
    return said


def _double(name: str, said: Any) -> float:
    try:
        return math.nan if not isinstance(said, str) else float(said)
    except ValueError as error:
        raise _wrong(name, said) from error


def _wrong(name: str, said: object) -> InvalidInput:
    return InvalidInput(f"{name} of an account is {shortened(repr(said))}")
