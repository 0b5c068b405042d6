"""Access control: each request is held against one table of what each route needs; what is not in it is refused.

The table is `mlflow_access.TABLE`. A route is wrapped, so that what the router has chosen and what the table is asked
about cannot differ. What a request is about (an experiment, the runs of a list) is read from its fields. Endpoints do
that in the same visit to a thread in which they work; for all other routes the wrapper does it before they are called.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import orjson
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from runlake.access import ANYBODY, Caller, Kind, Level, Scope
from runlake.errors import PermissionDenied
from runlake.server.calls import keep_body, replace_body, worker_of
from runlake.server.mlflow_fields import Fields
from runlake.server.watch import USER

if TYPE_CHECKING:
    from starlette.requests import Request

    from runlake.server.endpoint import Answer
    from runlake.server.sign_in import SignIn
    from runlake.store import Store

Target = tuple[Kind, str]
Find = Callable[["Store", Fields], Iterable[Target]]
Narrow = Callable[["Store", Fields], Fields]
Then = Callable[["Store", Fields, Any], None]

_ADMISSION: Final = "runlake.admission"
_BY_ITSELF: Final = "admits_by_itself"


def nothing_named(_store: Store, _fields: Fields) -> Iterable[Target]:
    """Find nothing: the request is about no experiment and no model."""
    return ()


@dataclass(frozen=True)
class Need:
    """What it takes to call a route.

    Attributes:
        scope: What a token must be good for.
        level: What the caller must be allowed to do with each thing that `find` finds.
        reads: What else the caller must be allowed to read.
        manages: What the caller must be allowed to manage besides.
        admin: Whether only administrators may call it.
        open_to_all: Whether nobody is asked who they are.
        narrow: Leaves out of a request what the caller may not read, where that is better than refusing it.
        then: Called when the request has been answered well, with its fields and the answer.
        has_body: Whether fields are in a JSON body as well; only for routes that are not an `Endpoint`.
    """

    scope: Scope = Scope.READ
    level: Level = Level.READ
    find: Find = nothing_named
    reads: Find = nothing_named
    manages: Find = nothing_named
    admin: bool = False
    open_to_all: bool = False
    narrow: Narrow | None = None
    then: Then | None = None
    has_body: bool = False


class Admission:
    """A request that has been let in, to do what its route needs and no more."""

    def __init__(
        self,
        need: Need,
        caller: Caller,
        renewed: Callable[[Caller], Caller],
        again: Callable[[], Awaitable[Caller]] | None = None,
    ) -> None:
        self.caller = caller
        self._need = need
        self._renewed = renewed
        self._again = again

    async def again(self) -> Caller:
        """Return who the request comes from, with the permissions of now, give or take some seconds.

        Raises:
            Unauthenticated: the password or the token is good for nothing any more.
            HTTPException: 429, passwords cannot be compared now.
        """
        return self.caller if self._again is None else await self._again()

    def require_scope(self, method: str, path: str) -> None:
        """Refuse a token that is not for this.

        Raises:
            PermissionDenied: its scope is too small.
        """
        if self.caller.scope < self._need.scope:
            raise PermissionDenied(
                f"this token has the scope {self.caller.scope.name.lower()};"
                f" {method} {path[:200]} needs {self._need.scope.name.lower()}"
            )

    def admit(self, store: Store, fields: Fields) -> Fields:
        """Check what a request is about; return its fields with the caller, and without what they may not read.

        What was granted a moment ago counts: a refusal reads the permissions again first.

        Raises:
            PermissionDenied: the caller may not do that.
        """
        try:
            self._check(store, fields)
        except PermissionDenied:
            self.caller = self._renewed(self.caller)
            self._check(store, fields)
        fields.caller = self.caller
        return fields if self._need.narrow is None else self._need.narrow(store, fields)

    def _check(self, store: Store, fields: Fields) -> None:
        if self._need.admin and not self.caller.is_admin:
            raise PermissionDenied(f"user {self.caller.name!r} is no administrator; this needs one")
        if self.caller.is_admin:
            return
        for kind, resource in self._need.find(store, fields):
            self.caller.require(self._need.level, kind, resource)
        for kind, resource in self._need.reads(store, fields):
            self.caller.require(Level.READ, kind, resource)
        for kind, resource in self._need.manages(store, fields):
            self.caller.require(Level.MANAGE, kind, resource)

    def conclude(self, store: Store, fields: Fields, answer: Any) -> None:
        """Do what follows from a request that has been answered; what it has granted counts from now on."""
        if self._need.then is not None:
            self._need.then(store, fields, answer)
        if self._need.then is not None or self._need.scope is Scope.ADMIN:
            self._renewed(self.caller)


_FREE: Final = Admission(Need(open_to_all=True), ANYBODY, lambda caller: caller)
"""The admission of every request where nobody is asked."""


def admission_of(request: Request) -> Admission:
    """Return how a request was let in."""
    admission: Admission = request.scope.get(_ADMISSION, _FREE)
    return admission


def caller_of(request: Request) -> Caller:
    """Return who a request comes from."""
    return admission_of(request).caller


def admits_by_itself(answer: Answer) -> Answer:
    """Mark a function that calls `Admission.admit` with all fields of a request before it does anything."""
    setattr(answer, _BY_ITSELF, True)
    return answer


def guarded(
    routes: Iterable[BaseRoute], need_of: Callable[[str, str], Need | None], sign_in: SignIn, max_body_bytes: int
) -> list[BaseRoute]:
    """Wrap routes, so that none is reached by who may not.

    Raises:
        TypeError: one is of a kind that cannot be wrapped.
    """
    return [_guarded(route, need_of, sign_in, max_body_bytes) for route in routes]


def _guarded(
    route: BaseRoute, need_of: Callable[[str, str], Need | None], sign_in: SignIn, max_body_bytes: int
) -> Route:
    if not isinstance(route, Route):
        raise TypeError(f"{route!r} is not a Route, and nothing else can be guarded")
    needs: Mapping[str, Need | None] = {method: need_of(method, route.path) for method in route.methods or ()}

    async def answer(request: Request) -> Response:
        need = needs.get(request.method)
        if need is None:
            raise PermissionDenied(f"{request.method} {request.url.path[:200]} is open to nobody")
        if need.open_to_all:
            return await _call(route.endpoint, request)
        caller = await sign_in.caller_of(request)
        request.scope[USER] = caller.name
        request.scope[_ADMISSION] = admission = Admission(
            need, caller, sign_in.renewed, partial(sign_in.caller_of, request)
        )
        admission.require_scope(request.method, request.url.path)
        if getattr(route.endpoint, _BY_ITSELF, False):
            return await _call(route.endpoint, request)
        return await _admitted(route.endpoint, request, need, max_body_bytes)

    return Route(route.path, answer, methods=list(route.methods or ()), name=route.name)


async def _admitted(endpoint: Callable[..., Any], request: Request, need: Need, max_body_bytes: int) -> Response:
    """Call an endpoint that does not read fields for the table when the request has been let in."""
    worker, admission = worker_of(request), admission_of(request)
    fields = await _read_fields(request, need, max_body_bytes)
    cut = await worker.run(admission.admit, worker.store, fields)
    if need.has_body and cut is not fields:
        replace_body(request, orjson.dumps(cut.values))
    response = await _call(endpoint, request)
    if need.then is not None and response.status_code == 200:
        await worker.run(admission.conclude, worker.store, cut, orjson.loads(response.body))
    return response


async def _call(endpoint: Callable[..., Any], request: Request) -> Response:
    response: Response = await endpoint(request)
    return response


async def _read_fields(request: Request, need: Need, max_body_bytes: int) -> Fields:
    """Read what a request is about from its path and from its body, which is kept, or its query."""
    if need.has_body:
        return Fields.of_body(await keep_body(request, max_body_bytes)).with_path(request.path_params)
    return Fields.of_query(request.query_params).with_path(request.path_params)
