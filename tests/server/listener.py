"""A client of server-sent events: it reads them as they come, in a thread."""

from __future__ import annotations

import http.client
import json
import queue
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from tests.server.wire import Server

PATH = "/api/runlake/v1/events"
_PATIENCE_S = 30.0


@dataclass(frozen=True)
class Event:
    """One event, and when it came, in seconds of `time.monotonic`."""

    name: str
    id: str
    data: Any
    at: float


class Listener:
    """A stream that is open.

    Attributes:
        status: That of the answer.
        last_id: Of the last event that was asked for.
        ended: Whether nothing more comes.
    """

    def __init__(self, response: http.client.HTTPResponse) -> None:
        self.status = response.status
        self.headers = {name.lower(): value for name, value in response.getheaders()}
        self.last_id = ""
        self.ended = False
        self._events: queue.Queue[Event | None] = queue.Queue()
        self._response = response
        threading.Thread(target=self._read, daemon=True).start()

    def next(self) -> Event:
        """Return the next event; it is an error when the stream has ended."""
        event = self._events.get(timeout=_PATIENCE_S)
        assert event is not None, "the stream has ended"
        self.last_id = event.id
        return event

    def until(self, wanted: Callable[[Event], bool]) -> list[Event]:
        """Return events up to the first one that is wanted."""
        found = [self.next()]
        while not wanted(found[-1]):
            found.append(self.next())
        return found

    def changed(self) -> Any:
        """Return what the next `changed` says."""
        return self.until(lambda event: event.name == "changed")[-1].data

    def has_ended(self) -> bool:
        """Wait for the end of the stream, and pass over what comes before it."""
        while self._events.get(timeout=_PATIENCE_S) is not None:
            pass
        return True

    def rest(self) -> list[Event]:
        """Return what has come and was not asked for yet."""
        found = []
        while not self._events.empty():
            event = self._events.get()
            assert event is not None
            found.append(event)
        return found

    def _read(self) -> None:
        fields: dict[str, str] = {}
        try:
            for line in iter(self._response.readline, b""):
                name, _, value = line.decode().rstrip("\n").partition(": ")
                if name:
                    fields[name] = value
                elif "data" in fields:
                    data = json.loads(fields["data"])
                    self._events.put(Event(fields["event"], fields["id"], data, time.monotonic()))
                    fields = {}
        except (OSError, ValueError, AttributeError, http.client.HTTPException):
            pass  # the test has closed it
        self.ended = True
        self._events.put(None)


@contextmanager
def listening(
    server: Server, headers: Mapping[str, str] | None = None, /, last_id: str | None = None, **asked: Any
) -> Iterator[Listener]:
    """Open a stream; unless it goes on from an id, it has begun when this returns."""
    connection = http.client.HTTPConnection(server.address, timeout=_PATIENCE_S)
    try:
        said = {**(headers or {}), **({} if last_id is None else {"Last-Event-ID": last_id})}
        connection.request("GET", f"{PATH}?{urlencode(asked, doseq=True)}", headers=said)
        listener = Listener(connection.getresponse())
        if listener.status == 200 and last_id is None and "since" not in asked:
            assert listener.next().name == "alive"
        yield listener
    finally:
        if connection.sock is not None:
            with suppress(OSError):
                connection.sock.shutdown(socket.SHUT_RDWR)  # the thread is reading, and closing would wait for it
        connection.close()
