"""Load: what all requests under way may take of a worker's memory, of its time, and of each other's patience.

A request counts with its body while that arrives, with what the body becomes while it is worked on, and with its answer
until the client has it. Who finds no room is answered later, and only after a long wait refused, with 429.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from typing import TYPE_CHECKING, Final

from starlette.exceptions import HTTPException
from starlette.responses import Response

from runlake.server.budget import Budget

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.requests import Request
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from runlake.server.settings import ServerSettings

_ROOM: Final = "runlake.room"
_ARRIVING: Final = 2  # a body as it is read, and once more when it is joined
_WORKED_ON: Final = 10  # JSON of common requests becomes ten times as many bytes of Python's
_OBJECT_BYTES: Final = 240
_VALUE_BYTES: Final = 72  # of a number, a short text, an empty list, each with its place where it is kept
_TRANSFER_BYTES: Final = 2 << 20  # the pieces of one that are under way
_PIECE_BYTES: Final = 256 << 10
_SLOWEST_BYTES_S: Final = 16 << 10
_MOST_CLIENTS: Final = 10_000


class Load:
    """What the requests of a worker take together."""

    def __init__(self, settings: ServerSettings) -> None:
        self.wait_s = settings.room_timeout_s
        self.arriving = Budget(settings.max_memory_bytes // 4)
        self.working = Budget(settings.max_memory_bytes // 2)
        self.transfers = Budget(settings.max_memory_bytes // 4)
        self.refused = 0

    def lines(self, worker: str) -> Iterator[str]:
        """Give what is taken in Prometheus' text format; `worker` is the label."""
        budgets = (self.arriving, self.working, self.transfers)
        yield "# TYPE runlake_request_memory_bytes gauge"
        yield f"runlake_request_memory_bytes{{{worker}}} {sum(budget.taken for budget in budgets)}"
        yield "# TYPE runlake_requests_waiting_for_memory gauge"
        yield f"runlake_requests_waiting_for_memory{{{worker}}} {sum(budget.waiting for budget in budgets)}"
        yield "# TYPE runlake_requests_refused_total counter"
        yield f"runlake_requests_refused_total{{{worker}}} {self.refused}"


class Room:
    """What one request takes."""

    def __init__(self, load: Load) -> None:
        self._load = load
        self._held: list[tuple[Budget, int]] = []

    async def arrive(self, size: int) -> None:
        """Wait for room for a body of `size` bytes.

        Raises:
            HTTPException: 429, there was none for long.
        """
        await self._take(self._load.arriving, size * _ARRIVING)

    async def work(self, size: int) -> None:
        """Wait for room for the `size` bytes that a body becomes; see `worked_on`.

        Raises:
            HTTPException: 429, there was none for long.
        """
        await self._take(self._load.working, size)

    async def answer(self, size: int) -> None:
        """Wait for room for an answer that may take `size` bytes in the making.

        Raises:
            HTTPException: 429, there was none for long.
        """
        await self._take(self._load.working, size)

    async def transfer(self) -> None:
        """Wait for room for a file that goes in or out in pieces.

        Raises:
            HTTPException: 429, there was none for long.
        """
        await self._take(self._load.transfers, _TRANSFER_BYTES)

    async def _take(self, budget: Budget, size: int) -> None:
        size = budget.limited(size)
        if size == 0:
            return
        try:
            await budget.reserve(size, self._load.wait_s)
        except TimeoutError:
            self._load.refused += 1
            raise HTTPException(
                429, "the server has more to do than its memory allows; send this again later", {"Retry-After": "2"}
            ) from None
        self._held.append((budget, size))

    def settle(self, answer_bytes: int) -> None:
        """Give everything back but what the answer takes: the work is done."""
        self.close()
        self._load.working.force(answer_bytes)
        self._held.append((self._load.working, answer_bytes))

    def close(self) -> None:
        """Give everything back."""
        for budget, size in self._held:
            budget.release(size)
        self._held.clear()


def worked_on(body: bytes | bytearray) -> int:
    """Return how many bytes a body becomes when it is read as JSON, at most: nothing but small values is the worst."""
    values = body.count(b",") + body.count(b"[")
    return max(_WORKED_ON * len(body), _OBJECT_BYTES * body.count(b"{") + _VALUE_BYTES * values)


def room_of(request: Request) -> Room:
    """Return what a request takes."""
    room: Room = request.scope[_ROOM]
    return room


class Bounded:
    """The layer that keeps count, sends long answers piece by piece, and hurries bodies that do not come."""

    def __init__(self, app: ASGIApp, *, load: Load, settings: ServerSettings) -> None:
        self._app = app
        self._load = load
        self._idle_s = settings.body_timeout_s
        self._rates = _Rates(settings.rate_limit) if settings.rate_limit else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if self._rates is not None and (wait_s := self._rates.wait_s(scope)) > 0:
            await _too_many(wait_s)(scope, receive, send)
            return
        room = scope[_ROOM] = Room(self._load)
        try:
            await self._app(scope, _hurried(receive, self._idle_s), _in_pieces(room, send))
        finally:
            room.close()


def _hurried(receive: Receive, idle_s: float) -> Receive:
    """Give up on a body of which nothing has come for `idle_s` seconds, or for which that much longer was waited.

    Only what the client takes counts, and not how long its bytes are worked on.
    """
    arriving, size, waited_s = True, 0, 0.0

    async def receive_hurried() -> Message:
        nonlocal arriving, size, waited_s
        if not arriving:  # from here on it is waited for the client to go away
            return await receive()
        began = time.monotonic()
        try:
            message = await asyncio.wait_for(receive(), idle_s)
        except TimeoutError:
            raise give_up(f"nothing of the body came for {idle_s:g} s") from None
        size += len(message.get("body", b""))
        waited_s += time.monotonic() - began
        arriving = message["type"] == "http.request" and message.get("more_body", False)
        if arriving and waited_s > idle_s + size / _SLOWEST_BYTES_S:
            raise give_up("the body of the request comes too slowly")
        return message

    def give_up(why: str) -> HTTPException:
        nonlocal arriving
        arriving = False
        return HTTPException(408, why, {"Connection": "close"})

    return receive_hurried


def _in_pieces(room: Room, send: Send) -> Send:
    """Send long bodies so that no more of them is handed over than the client takes."""

    async def send_in_pieces(message: Message) -> None:
        body = message.get("body", b"")
        if message["type"] != "http.response.body" or message.get("more_body"):
            await send(message)
            return
        room.settle(len(body))
        view = memoryview(body)
        while len(view) > _PIECE_BYTES:
            await send({"type": "http.response.body", "body": bytes(view[:_PIECE_BYTES]), "more_body": True})
            view = view[_PIECE_BYTES:]
        await send({"type": "http.response.body", "body": bytes(view) if len(body) > _PIECE_BYTES else body})

    return send_in_pieces


def _too_many(wait_s: float) -> Response:
    from runlake.server.mlflow_errors import error_response

    headers = {"Retry-After": str(int(wait_s) + 1)}
    return error_response("REQUEST_LIMIT_EXCEEDED", "too many requests of this client", 429, headers)


class _Rates:
    """A bucket of requests for each client's address, filled `rate` times a second up to two seconds' worth."""

    def __init__(self, rate: float) -> None:
        self._rate = rate
        self._most = max(2 * rate, 1.0)
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait_s(self, scope: Scope) -> float:
        """Take one request out of the client's bucket; return how long it has to wait when there is none."""
        client = scope.get("client")
        address, now = client[0] if client else "", time.monotonic()
        left, at = self._buckets.pop(address, (self._most, now))
        left = min(self._most, left + (now - at) * self._rate)
        wait_s = 0.0 if left >= 1 else (1 - left) / self._rate
        self._buckets[address] = (left - 1 if wait_s == 0 else left), now
        if len(self._buckets) > _MOST_CLIENTS:
            self._buckets.popitem(last=False)
        return wait_s
