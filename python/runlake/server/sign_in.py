"""Sign-in: from the Authorization header of a request to who sends it.

Basic carries a name and a password, Bearer a token. A password costs 0.2 s to check, so that what was right is
remembered for a while: as a keyed hash, in memory, and only for as long as the user has that password.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import hmac
import logging
import secrets
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeVar

from starlette.exceptions import HTTPException

from runlake.access import MAX_PASSWORD, MAX_USER_NAME, Caller, Policy, Scope, nobodys_hash, password_matches
from runlake.errors import Unauthenticated

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request

    from runlake.server.calls import Worker

T = TypeVar("T")

_log = logging.getLogger("runlake")

_RENEW_S: Final = 1.0
_STALE_S: Final = 3.0
_REMEMBER_S: Final = 300.0
_MOST_REMEMBERED: Final = 1024
_MOST_WAITING: Final = 64
_FREE_FAILURES: Final = 5
_LONGEST_BLOCK_S: Final = 60
_MOST_FAILING: Final = 4096
_CURE: Final = (
    "set MLFLOW_TRACKING_TOKEN or RUNLAKE_TRACKING_TOKEN, or MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD"
)


class SignIn:
    """Knows the users of a store. Changes of users and permissions that others make count after a second or so."""

    def __init__(self) -> None:
        self._policy: Policy | None = None
        self._read_at = float("-inf")
        self._renewing = False
        self._one_reader = threading.Lock()
        self._key = secrets.token_bytes(32)
        self._known: OrderedDict[bytes, _Known] = OrderedDict()
        self._failures = _Failures()
        self._hashing = asyncio.Semaphore(2)
        self._waiting = 0
        self._worker: Worker | None = None

    def begin(self, worker: Worker) -> None:
        """Use a worker's store and threads from now on."""
        self._worker = worker

    async def caller_of(self, request: Request) -> Caller:
        """Return who sends a request.

        Raises:
            Unauthenticated: nothing right was said.
            HTTPException: 429, there were too many wrong passwords.
        """
        header = request.headers.get("authorization")
        if header is None:
            raise Unauthenticated("this server asks who calls, and the request does not say", hint=_CURE)
        scheme, _, given = header.partition(" ")
        if scheme.lower() == "bearer":
            return await self._holder(given.strip())
        if scheme.lower() == "basic":
            return await self._user(*_name_and_password(given.strip()), request.client.host if request.client else "")
        raise Unauthenticated(f"{scheme[:20]!r} is no way to sign in here; Basic and Bearer are", hint=_CURE)

    async def _holder(self, secret: str) -> Caller:
        policy = await self._current()
        token = policy.find_token(secret)
        if token is None:
            policy = await self._run(self.renew)
            token = policy.find_token(secret)
        if token is None:
            raise Unauthenticated(
                "this token is not known here, or has expired", hint="`runlake tokens create` makes one"
            )
        return Caller(token.user, token.scope, policy)

    async def _user(self, name: str, password: str, address: str) -> Caller:
        policy = await self._current()
        key = hmac.digest(self._key, f"{name}:{password}".encode("utf-8", "surrogatepass"), hashlib.sha256)
        if self._remembers(key, policy):
            return Caller(name, Scope.ADMIN, policy)
        self._failures.check(address, name)
        policy = await self._run(self.renew)
        if await self._is_right(name, password, key, policy, address):
            return Caller(name, Scope.ADMIN, policy)
        self._failures.note(address, name)
        _log.warning("a wrong password, or no such user: %r from %s", name[:100], address)
        raise Unauthenticated("user or password is wrong", hint=_CURE)

    def _remembers(self, key: bytes, policy: Policy) -> bool:
        known = self._known.get(key)
        if known is None:
            return False
        user = policy.users.get(known.name)
        if user is None or user.password != known.password or known.until < time.monotonic():
            del self._known[key]
            return False
        self._known.move_to_end(key)
        return True

    async def _is_right(self, name: str, password: str, key: bytes, policy: Policy, address: str) -> bool:
        """Compare a password, a few at a time: each takes 32 MiB."""
        if self._waiting >= _MOST_WAITING:
            raise HTTPException(429, "too many passwords are being checked", {"Retry-After": "2"})
        self._waiting += 1
        try:
            async with self._hashing:
                if self._remembers(key, policy):  # another request with the same one was faster
                    return True
                self._failures.check(address, name)  # those that waited before it may have been wrong
                user = policy.users.get(name)
                hashed = await self._run(nobodys_hash) if user is None else user.password
                if not await self._run(password_matches, password, hashed):
                    return False
        finally:
            self._waiting -= 1
        if user is None:
            return False
        self._known[key] = _Known(name, hashed, time.monotonic() + _REMEMBER_S)
        while len(self._known) > _MOST_REMEMBERED:
            self._known.popitem(last=False)
        return True

    # -- permissions as they are now

    async def _current(self) -> Policy:
        age = time.monotonic() - self._read_at
        if self._policy is None or age > _STALE_S:
            return await self._run(self.renew)
        if age > _RENEW_S and not self._renewing:
            self._renewing = True
            self._require_worker().begin(self.renew)
        return self._policy

    def renew(self) -> Policy:
        """Read the permissions again, if they have changed. Any thread may call this."""
        store = self._require_worker().store
        with self._one_reader:  # or what one thread has read could come after what another read later
            began = time.monotonic()
            try:
                policy = self._policy
                if policy is None or store.catalog.access_version() != policy.version:
                    policy = self._policy = Policy.read(store)
                self._read_at = began
                return policy
            finally:
                self._renewing = False

    def renewed(self, caller: Caller) -> Caller:
        """Return a caller with the permissions of now."""
        return Caller(caller.name, caller.scope, self.renew())

    def _require_worker(self) -> Worker:
        assert self._worker is not None
        return self._worker

    async def _run(self, work: Callable[..., T], *arguments: object) -> T:
        return await self._require_worker().run(work, *arguments)


@dataclass(frozen=True)
class _Known:
    """A password that was right, while the user's hash is that one."""

    name: str
    password: str
    until: float


class _Failures:
    """Wrong passwords by address and name: after a few, each makes the next one wait twice as long."""

    def __init__(self) -> None:
        self._counts: OrderedDict[tuple[str, str], tuple[int, float]] = OrderedDict()

    def check(self, address: str, name: str) -> None:
        """Refuse to compare another password yet.

        Raises:
            HTTPException: 429, with the time to wait.
        """
        _, until = self._counts.get((address, name), (0, 0.0))
        if (left := until - time.monotonic()) > 0:
            raise HTTPException(429, "too many wrong passwords", {"Retry-After": str(int(left) + 1)})

    def note(self, address: str, name: str) -> None:
        """Count a wrong password."""
        count, until = self._counts.pop((address, name), (0, 0.0))
        now = time.monotonic()
        count = 1 if until and now > until + 10 * _LONGEST_BLOCK_S else count + 1
        over = count - _FREE_FAILURES
        block_s = min(2.0**over, _LONGEST_BLOCK_S) if over >= 0 else 0.0
        self._counts[address, name] = count, now + block_s
        while len(self._counts) > _MOST_FAILING:
            self._counts.popitem(last=False)


def _name_and_password(given: str) -> tuple[str, str]:
    try:
        text = base64.b64decode(given, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError, ValueError):
        raise Unauthenticated("the Authorization header cannot be read", hint=_CURE) from None
    name, colon, password = text.partition(":")
    if not colon:
        raise Unauthenticated("the Authorization header has no password", hint=_CURE)
    if len(name) > MAX_USER_NAME or len(password) > MAX_PASSWORD:  # nobody has it: it is neither hashed nor remembered
        raise Unauthenticated("user or password is wrong", hint=_CURE)
    return name, password
