"""Native events: a stream that says what has changed, for pages that ask again for that; no values are in it.

An event's id says up to where its reader has been told everything: the transaction of the catalog, the last event of
the registry, and the store. Whoever comes back with it hears what was missed, or `reset`, where nobody can say.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import orjson
from fastapi.sse import format_sse_event
from starlette.exceptions import HTTPException
from starlette.responses import Response

from runlake.access import Caller, Kind
from runlake.catalog import Mark
from runlake.errors import MlflowException
from runlake.server.access import admission_of
from runlake.server.calls import worker_of
from runlake.server.connections import ENDING
from runlake.server.events import Events, Subscription
from runlake.server.mlflow_fields import Fields
from runlake.server.native_arguments import bound, from_query
from runlake.server.watch import LASTING
from runlake.store import Store

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.types import Receive, Scope, Send

    from runlake.query import Tidings
    from runlake.server.access import Admission

MEDIA_TYPE: Final = "text/event-stream"
_MOST_STREAMS: Final = 1000
_MOST_OF_A_USER: Final = 100  # a browser has one, however many pages are open in it
_ALIVE_S: Final = 15.0
_RETRY_MS: Final = 2000
_MOST_NAMED: Final = 200
_ID: Final = re.compile(r"([0-9]{1,18})(?:-([0-9]{1,18})-([0-9a-f]{1,32}))?")
_HEADERS: Final = {"cache-control": "no-store", "x-accel-buffering": "no"}  # which nginx would keep until it is long


def events(
    store: Store, experiments: str | list[str] | None = None, points: bool = True, since: str | int | None = None
) -> Interest:
    """Tell what changes from now on, as server-sent events: `changed`, `reset` and, each 15 s, `alive`."""
    from runlake.query.runs import experiment_ids

    ids = experiment_ids(store, experiments, ids_first=True)
    return Interest(None if ids is None else frozenset(ids), points, "" if since is None else str(since))


@dataclass(frozen=True)
class Interest:
    """What somebody wants to hear of: experiments (None is all that may be read), and whether of points, since when."""

    experiments: frozenset[str] | None
    points: bool
    since: str

    def said(self, tidings: Tidings, caller: Caller) -> dict[str, Any] | None:
        """Return what is told of tidings; None when nothing of it is for this caller."""
        known: dict[str, bool] = {}

        def shown(experiment: str) -> bool:
            if experiment not in known:
                wanted = self.experiments is None or experiment in self.experiments
                known[experiment] = wanted and caller.may_read(Kind.EXPERIMENT, experiment)
            return known[experiment]

        experiments = sorted(filter(shown, tidings.experiments))
        named = tidings.runs or {}
        runs = [run_id for run_id, experiment in named.items() if shown(experiment)]
        many = len(runs) > _MOST_NAMED or (tidings.runs is None and bool(experiments))
        places = {run_id: of for run_id, of in tidings.points.items() if shown(of)} if self.points else {}
        points = {run_id: _listed(tidings.keys[run_id]) for run_id in places}
        registry = any(caller.may_read(Kind.MODEL, name) for name in tidings.models)
        if not (experiments or points or registry):
            return None
        return {
            "tx": tidings.mark.tx,
            "experiments": experiments,
            "runs": None if many else runs,
            "live": sorted(set(places.values())),
            "points": None if len(points) > _MOST_NAMED else points,
            "registry": registry,
        }


async def answer_events(request: Request, _max_body_bytes: int) -> Response:
    """Answer with a stream that lasts until the client, or the server, goes away."""
    given = from_query(events, {name: request.query_params.getlist(name) for name in request.query_params})
    worker, admission = worker_of(request), admission_of(request)

    def work() -> Interest:
        fields = admission.admit(worker.store, Fields(given))
        return events(worker.store, **bound(events, fields.values))

    interest = await worker.run(work)
    if request.method == "HEAD":
        return Response(None, 200, _HEADERS, MEDIA_TYPE)
    hub: Events = request.app.state.events
    _require_place(hub, admission.caller)
    since = request.headers.get("last-event-id") or interest.since

    async def missed(mark: Mark) -> Tidings | None:
        from runlake import query

        return await worker.run(query.missed, worker.store, mark)

    telling = _Telling(hub, interest, admission, worker.store.catalog.store_id[:8])
    return EventStream(telling.subscription, telling.stream(since, missed))


def _require_place(hub: Events, caller: Caller) -> None:
    """Refuse one stream too many, of all or of a user: nobody takes the place of all others.

    Raises:
        HTTPException: 429.
    """
    refusal = None
    if hub.subscriptions >= _MOST_STREAMS:
        refusal = "this server tells as many pages as it can what changes"
    elif caller.name is not None and hub.subscriptions_of(caller.name) >= _MOST_OF_A_USER:
        refusal = f"user {caller.name!r} has {_MOST_OF_A_USER} streams of events; close one first"
    if refusal is not None:
        raise HTTPException(429, refusal, {"Retry-After": "5"})


class EventStream(Response):
    """The answer: it ends with its subscription, which ends with the client and with the server."""

    def __init__(self, subscription: Subscription, told: AsyncIterator[bytes]) -> None:
        super().__init__(None, 200, _HEADERS, MEDIA_TYPE)
        del self.headers["content-length"]
        self._subscription = subscription
        self._told = told

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send each piece when it is there."""
        scope[LASTING] = True
        scope[ENDING] = self._subscription.end
        leaving = asyncio.create_task(self._end_with(receive))
        try:
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            async with contextlib.aclosing(self._told) as told:  # type: ignore[type-var]
                async for part in told:
                    await send({"type": "http.response.body", "body": part, "more_body": True})
            await send({"type": "http.response.body", "body": b""})
        finally:
            leaving.cancel()

    async def _end_with(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self._subscription.end()


@dataclass
class _Telling:
    """One stream, piece by piece."""

    hub: Events
    interest: Interest
    admission: Admission
    life: str

    def __post_init__(self) -> None:
        self.subscription = Subscription(self.admission.caller.name)

    async def stream(self, since: str, missed: Callable[[Mark], Any]) -> AsyncIterator[bytes]:
        """Give what was missed and then each change, at most one in each look, or a sign of life."""
        subscription = self.subscription
        try:
            await self.hub.subscribe(subscription)
            if subscription.ended:
                return
            yield format_sse_event(retry=_RETRY_MS)
            yield self._event("alive") if not since else await self._again(since, missed)
            told = time.monotonic()
            while not subscription.ended:
                await subscription.wait(told + _ALIVE_S - time.monotonic())
                if subscription.ended or (caller := await self._caller()) is None:
                    return
                if (piece := self._next(caller, told + _ALIVE_S)) is not None:
                    yield piece
                    told = time.monotonic()
        finally:
            self.hub.drop(subscription)

    def _next(self, caller: Caller, alive_at: float) -> bytes | None:
        """Return what there is to tell; None where nothing of it is for this caller, who has heard something lately."""
        is_reset, tidings = self.subscription.take()
        if is_reset:
            return self._event("reset")
        if tidings is not None and (said := self.interest.said(tidings, caller)) is not None:
            return self._event("changed", said, tidings.mark)
        return self._event("alive") if time.monotonic() >= alive_at else None

    async def _again(self, since: str, missed: Callable[[Mark], Any]) -> bytes:
        """Tell what has changed since an id or, without a store in it, a transaction."""
        found = _ID.fullmatch(since)
        if found is None or found[3] not in (None, self.life):
            return self._event("reset")
        tidings = await missed(Mark(int(found[1]), int(found[2] or 0)))
        if tidings is None:
            return self._event("reset")
        said = self.interest.said(tidings, self.admission.caller)
        return self._event("alive" if said is None else "changed", said, tidings.mark)

    async def _caller(self) -> Caller | None:
        """Return who is told, with the rights of now; None for who may not be there any more."""
        try:
            return await self.admission.again()
        except (MlflowException, HTTPException):
            return None

    def _event(self, name: str, said: dict[str, Any] | None = None, mark: Mark | None = None) -> bytes:
        mark = mark or self.hub.mark
        data = orjson.dumps({"tx": mark.tx} if said is None else said).decode()
        return format_sse_event(event=name, data_str=data, id=f"{mark.tx}-{mark.event}-{self.life}")


def _listed(keys: frozenset[str] | None) -> list[str] | None:
    return None if keys is None else sorted(keys)
