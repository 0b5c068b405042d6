"""Watch: counts and times every request, writes the access log, and gives the counters to Prometheus."""

from __future__ import annotations

import os
import time
from bisect import bisect_left
from collections import Counter
from typing import TYPE_CHECKING, Final

from runlake.server.logs import ACCESS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from runlake.store import Store

ROUTE: Final = "runlake.route"
"""Where an endpoint leaves, in the scope of a request, what it is counted as: a template, not the path as asked."""

USER: Final = "runlake.user"
"""Where the name of who sends a request is left, for the access log."""

LASTING: Final = "runlake.lasting"
"""Set in the scope of a request whose answer lasts as long as its client likes: its time says nothing."""

_BOUNDS_S: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
_QUIET: Final = ("/health", "/metrics")
"""Polled for ever, and not worth a line each time."""


class Counters:
    """What one worker has answered. Only the event loop's thread touches it."""

    def __init__(self) -> None:
        self.requests: Counter[tuple[str, str, int]] = Counter()
        self.within: list[int] = [0] * (len(_BOUNDS_S) + 1)
        self.seconds = 0.0
        self.under_way = 0

    def note(self, method: str, route: str, status: int, seconds: float | None) -> None:
        """Count one answer; its time is None where it says nothing."""
        self.requests[method, route, status] += 1
        if seconds is None:
            return
        self.within[bisect_left(_BOUNDS_S, seconds)] += 1
        self.seconds += seconds

    def lines(self, store: Store) -> Iterator[str]:
        """Give the counters in Prometheus' text format, with those of the worker's journal."""
        worker = f'worker="{os.getpid()}"'
        yield "# TYPE runlake_http_requests_total counter"
        for (method, route, status), count in sorted(self.requests.items()):
            labels = f'{worker},method="{method}",route="{route}",status="{status}"'
            yield f"runlake_http_requests_total{{{labels}}} {count}"
        yield "# TYPE runlake_http_request_seconds histogram"
        total = 0
        for bound, count in zip((*_BOUNDS_S, "+Inf"), self.within, strict=True):
            total += count
            yield f'runlake_http_request_seconds_bucket{{{worker},le="{bound}"}} {total}'
        yield f"runlake_http_request_seconds_sum{{{worker}}} {self.seconds:.6f}"
        yield f"runlake_http_request_seconds_count{{{worker}}} {total}"
        yield "# TYPE runlake_http_requests_under_way gauge"
        yield f"runlake_http_requests_under_way{{{worker}}} {self.under_way}"
        stats = store.stats()
        for name, kind, value in (
            ("points_stored_total", "counter", stats.stored if stats else 0),
            ("points_dropped_total", "counter", stats.dropped if stats else 0),
            ("points_without_room_total", "counter", stats.met_no_room if stats else 0),
            ("journal_unsealed_bytes", "gauge", stats.unsealed_bytes if stats else 0),
        ):
            yield f"# TYPE runlake_{name} {kind}"
            yield f"runlake_{name}{{{worker}}} {value}"


class Watch:
    """The outermost layer: what it counts is what clients got."""

    def __init__(self, app: ASGIApp, counters: Counters) -> None:
        self._app = app
        self._counters = counters

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on and note how it went."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status, sent = 500, 0
        began = time.perf_counter()

        async def send_counted(message: Message) -> None:
            nonlocal status, sent
            if message["type"] == "http.response.start":
                status = message["status"]
            else:
                sent += len(message.get("body", b""))
            await send(message)

        self._counters.under_way += 1
        try:
            await self._app(scope, receive, send_counted)
        finally:
            self._counters.under_way -= 1
            self._note(scope, status, sent, time.perf_counter() - began)

    def _note(self, scope: Scope, status: int, sent: int, seconds: float) -> None:
        method = scope["method"] if scope["method"] in _METHODS else "other"
        self._counters.note(method, scope.get(ROUTE, "other"), status, None if scope.get(LASTING) else seconds)
        if scope["path"] in _QUIET and status == 200:
            return
        client = scope.get("client")
        ACCESS.info(
            {
                "method": method,
                "path": scope["path"],
                "status": status,
                "ms": round(seconds * 1000, 3),
                "bytes": sent,
                "client": client[0] if client else None,
                **({"user": user} if (user := scope.get(USER)) is not None else {}),
            }
        )
