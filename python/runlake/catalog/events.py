"""Events of the registry: who did what when, in a chain that shows when a row was changed or taken away.

The hash of an event is SHA-256 over the hash of the one before it and all of its own fields, as JSON without spaces.
Events are numbered from 1 without gaps. What the chain cannot show is that its end was cut off: who wants to know that
keeps the head that `verify_registry_events` returns somewhere else.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from runlake.catalog.part import Part
from runlake.catalog.session import placeholders
from runlake.entities import ChainHead, RegistryEvent
from runlake.errors import Corrupt, NotFound

if TYPE_CHECKING:
    from runlake.catalog.session import Row, Session

GENESIS: Final = "0" * 64
"""What stands for the hash before the first event."""

_COLUMNS = "event, at_ms, user_id, action, model, name, version, payload, hash"
_PAGE = 10_000
_AFTER_ALL = (1 << 63) - 1
_ABOUT_VERSION = (
    "(version = ? OR (action = 'set_alias' AND json_extract(payload, '$.before') = ?) OR (action = 'move_version'"
    " AND EXISTS (SELECT 1 FROM json_each(payload, '$.archived') WHERE value = ?)))"
)


@dataclass(frozen=True)
class Stamp:
    """Who does something, None when nobody has said, and when, in milliseconds since 1970."""

    user_id: str | None
    at_ms: int


class Events(Part):
    """Reading and checking the events."""

    def registry_events(self, name: str | None = None, *, after: int = 0, limit: int = 1000) -> list[RegistryEvent]:
        """Return events in their order, of all models or of those that have or had a name.

        Args:
            after: Only events with a larger number.
            limit: At most so many.
        """
        condition, values = "event > ?", [after]
        if name is not None:
            condition += " AND model IN (SELECT model FROM registry_event WHERE name = ?)"
        with self._database.reading() as session:
            rows = session.all(
                f"SELECT {_COLUMNS} FROM registry_event WHERE {condition} ORDER BY event LIMIT ?",
                [*values, *([] if name is None else [name]), limit],
            )
        return [_event(row) for row in rows]

    def model_events(self, name: str, *, after: int = 0, limit: int = 1000) -> list[RegistryEvent]:
        """Return events of the registered model that has a name now, those under earlier names included.

        Raises:
            NotFound: none has that name.
        """
        with self._database.reading() as session:
            model = session.one("SELECT model FROM registered_model WHERE name = ?", (name,))
            if model is None:
                raise NotFound(f"Registered Model with name={name} not found")
            rows = session.all(
                f"SELECT {_COLUMNS} FROM registry_event WHERE model = ? AND event > ? ORDER BY event LIMIT ?",
                (*model, after, limit),
            )
        return [_event(row) for row in rows]

    def latest_model_events(
        self,
        name: str,
        *,
        before: int | None = None,
        version: int | None = None,
        actions: Sequence[str] = (),
        limit: int = 100,
    ) -> list[RegistryEvent]:
        """Return events of the registered model that has a name now, the latest first.

        Args:
            before: Only events with a smaller number.
            version: Only what was done to this version, which includes that another took an alias or a stage from it.
            actions: Only these; none is all.

        Raises:
            NotFound: none has that name.
        """
        conditions, values = ["event < ?"], list[int | str]([_AFTER_ALL if before is None else before])
        if version is not None:
            conditions.append(_ABOUT_VERSION)
            values += [version] * 3
        if actions:
            conditions.append(f"action IN ({placeholders(len(actions))})")
            values += actions
        with self._database.reading() as session:
            model = session.one("SELECT model FROM registered_model WHERE name = ?", (name,))
            if model is None:
                raise NotFound(f"Registered Model with name={name} not found")
            rows = session.all(
                f"SELECT {_COLUMNS} FROM registry_event WHERE model = ? AND {' AND '.join(conditions)}"
                " ORDER BY event DESC LIMIT ?",
                (*model, *values, limit),
            )
        return [_event(row) for row in rows]

    def verify_registry_events(self) -> ChainHead:
        """Check every event against the chain, and return where it ends.

        Raises:
            Corrupt: an event is not what was written, or one is missing before it.
        """
        head = ChainHead(0, GENESIS)
        with self._database.reading() as session:
            for row in _all_rows(session):
                number, *fields, found = row
                if number != head.events + 1:
                    raise Corrupt(f"event {head.events + 1} of the registry is missing; the next one is {number}")
                if _hash(head.hash, number, *fields) != found:
                    raise Corrupt(f"event {number} of the registry is not what was written")
                head = ChainHead(number, found)
        return head


def add_event(
    session: Session,
    stamp: Stamp,
    action: str,
    model: int,
    name: str,
    version: int | None = None,
    **payload: object,
) -> None:
    """Write an event, in the transaction of the change that it tells of."""
    last = session.one("SELECT event, hash FROM registry_event ORDER BY event DESC LIMIT 1")
    number, before = (1, GENESIS) if last is None else (last[0] + 1, last[1])
    text = json.dumps(payload, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    fields = (stamp.at_ms, stamp.user_id, action, model, name, version, text)
    session.run(
        f"INSERT INTO registry_event ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (number, *fields, _hash(before, number, *fields)),
    )


def _hash(before: str, *fields: object) -> str:
    text = json.dumps([before, *fields], separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _all_rows(session: Session) -> Iterator[Row]:
    after = 0
    while page := session.all(
        f"SELECT {_COLUMNS} FROM registry_event WHERE event > ? ORDER BY event LIMIT {_PAGE}", (after,)
    ):
        yield from page
        after = page[-1][0]


def _event(row: Row) -> RegistryEvent:
    number, at_ms, user_id, action, model, name, version, payload, found = row
    return RegistryEvent(number, at_ms, user_id, action, model, name, version, json.loads(payload), found)
