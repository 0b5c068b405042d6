"""Connections: how long and how big what a client sends before its request may be, and how many clients there may be.

A request that has begun has to be whole, but for its body, within some seconds; an answer has to be taken. What does
not keep to it is cut off. When there are as many connections as a worker takes, the one that does least goes.
"""

from __future__ import annotations

import asyncio
import time
from functools import partial
from typing import TYPE_CHECKING, Any, Final, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

if TYPE_CHECKING:
    from runlake.server.settings import ServerSettings

_MOST_HEADER_BYTES: Final = 64 << 10
ENDING: Final = "runlake.ending"
"""Where an answer that would last leaves, in the scope of its request, what ends it when the server stops."""

_MOST_HEADERS: Final = 256  # short ones become forty times as many bytes of Python's


class Connection(HttpToolsProtocol):
    """One connection, with limits."""

    def __init__(self, settings: ServerSettings, **given: Any) -> None:
        super().__init__(**given)
        self._header_timeout_s = settings.header_timeout_s
        self._answer_timeout_s = settings.answer_timeout_s
        self._most_connections = settings.max_connections
        self._head_bytes = 0
        self._headers = 0
        self._in_head = True
        self._head_timer: asyncio.TimerHandle | None = None
        self._answer_timer: asyncio.TimerHandle | None = None
        self.idle_since = 0.0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take the connection, if there is room for it or can be made."""
        super().connection_made(transport)
        self.idle_since = time.monotonic()
        if len(self.connections) > self._most_connections:
            (_least_busy(self.connections) or self)._abort()
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget it."""
        for timer in (self._head_timer, self._answer_timer):
            if timer is not None:
                timer.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read on, within the limits."""
        if self._in_head:
            if self._head_bytes > _MOST_HEADER_BYTES:
                self.send_400_response("The head of the request is too long.")
                return
            self._head_bytes += len(data)
        super().data_received(data)

    def on_message_begin(self) -> None:
        """Wait for the end of the headers."""
        super().on_message_begin()
        self._in_head = True
        self._head_bytes = self._headers = 0
        self._await_head()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header, before the body or behind it."""
        self._head_bytes += len(name) + len(value)
        self._headers += 1
        most = 2 * _MOST_HEADER_BYTES  # the bytes in which they came may have been counted as well
        if self._head_bytes > most or self._headers > _MOST_HEADERS:
            self._abort()
            return
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Begin to answer."""
        self._in_head = False
        self._head_bytes = 0
        self.idle_since = 0.0
        if self._head_timer is not None:
            self._head_timer.cancel()
        super().on_headers_complete()

    def on_response_complete(self) -> None:
        """Wait for the next request."""
        super().on_response_complete()
        if not self.pipeline:
            self.idle_since = time.monotonic()

    def shutdown(self) -> None:
        """Finish what is being answered; what would last is told to end."""
        super().shutdown()
        if self.cycle is not None and not self.cycle.response_complete:
            self.cycle.scope.get(ENDING, bool)()  # type: ignore[operator]

    def pause_writing(self) -> None:
        """Hold the answer back until the client has taken some of it."""
        super().pause_writing()
        self._answer_timer = self.loop.call_later(self._answer_timeout_s, self._abort)

    def resume_writing(self) -> None:
        """Go on with the answer."""
        if self._answer_timer is not None:
            self._answer_timer.cancel()
        super().resume_writing()

    def _await_head(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
        self._head_timer = self.loop.call_later(self._header_timeout_s, self._abort)

    def _abort(self) -> None:
        """Cut it off; what waits to be sent is thrown away."""
        self.transport.abort()


def _least_busy(connections: set[Any]) -> Connection | None:
    """Return the connection that has waited longest for a request to begin or to become whole; None when none waits."""
    waiting = [connection for connection in connections if getattr(connection, "idle_since", 0.0)]
    return min(waiting, key=lambda connection: connection.idle_since) if waiting else None


def protocol_of(settings: ServerSettings) -> type[asyncio.Protocol]:
    """Return what uvicorn makes a connection with."""
    return cast("type[asyncio.Protocol]", partial(Connection, settings))
