"""Connection to one server: requests that are sent again where that is harmless, and refusals as errors.

A request may be sent again when the server cannot have acted on it (no connection, 429, 503), or when it is marked
`repeatable`: to act on it twice is the same as once. All threads of a process share a connection; a forked child makes
one of its own. Redirects are not followed: they would carry a token to wherever they point.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import ssl
import time
import urllib.request
import weakref
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO, Final
from urllib.parse import quote, urlencode

import urllib3
from urllib3.exceptions import HTTPError, MaxRetryError, NewConnectionError, ReadTimeoutError, SSLError

from runlake import __version__, config
from runlake.config import Credentials, Tls
from runlake.errors import InvalidInput, NewerFormat, NotFound, ServerUnavailable
from runlake.remote.address import JSON, Address
from runlake.remote.backoff import Backoff
from runlake.remote.failures import BUSY, REFUSED_BEFORE, failure, retry_after_s

if TYPE_CHECKING:
    from urllib3 import BaseHTTPResponse

API: Final = "/api/runlake/v1/"
"""Where everything is that is ours."""
PROTOCOL: Final = 1

CONNECT_S: Final = 5.0
READ_S: Final = 300.0
PATIENCE_S: Final = 20.0
"""How long a request is tried, unless the caller says otherwise."""

_PIECE_BYTES: Final = 1 << 20
_MOST_ERROR_BYTES: Final = 1 << 20
_LEAST_S: Final = 0.05


@dataclass(frozen=True)
class Hello:
    """What a server says of itself."""

    version: str
    protocol: int
    store_id: str
    time_ms: int


@dataclass(frozen=True)
class Answer:
    """A whole answer."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """Read the body as JSON.

        Raises:
            ServerUnavailable: it is none, so that something else than a server of ours has answered.
        """
        try:
            return json.loads(self.body)
        except ValueError as error:
            raise ServerUnavailable(f"an answer of status {self.status} is no JSON: {self.body[:80]!r}") from error


class Body:
    """An answer that is read as it comes in. Leaving it unread tells the server to stop."""

    def __init__(self, response: BaseHTTPResponse, server: str) -> None:
        self._response = response
        self._server = server
        self.status = response.status
        self.headers: Mapping[str, str] = response.headers

    def read(self, most_bytes: int = -1) -> bytes:
        """Return the next bytes, fewer only at the end; b"" at the end.

        Raises:
            ServerUnavailable: the server broke off.
        """
        try:
            return self._response.read(None if most_bytes < 0 else most_bytes)
        except (HTTPError, OSError) as error:
            raise ServerUnavailable(f"the server {self._server} broke off in its answer: {_reason(error)}") from error

    def pieces(self) -> Iterator[bytes]:
        """Give what is left, a megabyte at a time."""
        while piece := self.read(_PIECE_BYTES):
            yield piece


class Connection:
    """Requests to one server.

    Attributes:
        address: Where it is.
    """

    def __init__(
        self,
        uri: str,
        *,
        credentials: Credentials | None = None,
        tls: Tls | None = None,
        connections: int = 1,
    ) -> None:
        """Make no connection yet.

        Args:
            uri: `http[s]://[user:password@]host[:port][/prefix]`.
            credentials: None takes those of the URL, or else of the environment.
            tls: None takes what the environment says.
            connections: How many are kept alive; more threads than that make more, which are closed afterwards.

        Raises:
            InvalidInput: the URL, or what the environment says of certificates, cannot be used.
        """
        self.address = Address.of(uri)
        given = credentials or (self.address.credentials if self.address.credentials != Credentials() else None)
        self._headers = {
            "User-Agent": f"runlake/{__version__}",
            **_authorization(given or config.tracking_credentials()),
        }
        self._tls = tls or config.tracking_tls()
        self._connections = connections
        self._pool = self._new_pool()
        _open_connections.add(self)

    def __repr__(self) -> str:
        return f"Connection({str(self.address)!r})"

    # -- requests

    def hello(self, *, within_s: float = CONNECT_S, tries: int | None = 1) -> Hello:
        """Ask the server who it is.

        Args:
            within_s: How long it may take.
            tries: How often it is asked at most when it does not answer; None is as often as time allows.

        Raises:
            ServerUnavailable: it did not answer within `within_s` seconds.
            Unauthenticated: it wants to know who asks.
            PermissionDenied: this user may not ask.
            InvalidInput: what answers is no server of runlake.
            NewerFormat: it is one that speaks another protocol.
        """
        try:
            answer = self.send("GET", "hello", read_s=within_s, within_s=within_s, tries=tries)
        except NotFound as error:
            raise self._no_runlake() from error
        try:
            said = json.loads(answer.body)
            theirs = said["product"]
            hello = Hello(said["version"], int(said["protocol"]), said["store_id"], int(said["time_ms"]))
        except (KeyError, TypeError, ValueError) as error:
            raise self._no_runlake() from error
        if theirs != "runlake":
            raise self._no_runlake()
        if hello.protocol != PROTOCOL:
            raise NewerFormat(
                f"the server {self.address} speaks protocol {hello.protocol} and this client {PROTOCOL}",
                hint=f"the server is runlake {hello.version} and this is {__version__}; install the same",
            )
        return hello

    def call(self, path: str, fields: Mapping[str, Any], **how: Any) -> Any:
        """Send fields as JSON and return the answer's JSON; other arguments as for `open`."""
        body = json.dumps(fields, allow_nan=False, separators=(",", ":")).encode()
        return self.send("POST", path, body, kind=JSON, **how).json()

    def send(self, method: str, path: str, body: bytes | BinaryIO = b"", **how: Any) -> Answer:
        """Send a request and read the whole answer; arguments as for `open`."""
        with self.open(method, path, body, **how) as answer:
            content = answer.read()
            return Answer(answer.status, answer.headers, content)

    @contextlib.contextmanager
    def open(
        self,
        method: str,
        path: str,
        body: bytes | BinaryIO = b"",
        *,
        kind: str | None = None,
        query: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        repeatable: bool = True,
        within_s: float = PATIENCE_S,
        read_s: float = READ_S,
        tries: int | None = None,
    ) -> Iterator[Body]:
        """Send a request and hand out its answer to be read.

        Args:
            path: Below `/api/runlake/v1/`, or below the server's own root if it begins with `/`; not yet quoted.
            body: Bytes, or a file that is sent from where it stands; it is sent again only if it can seek.
            kind: Content type of the body.
            query: Parameters of the URL; one that is a list is there once an item.
            repeatable: Whether the server may act on it twice.
            within_s: How long it is tried again.
            read_s: Longest silence of the server before it counts as gone.
            tries: How often it is sent at most; None is as often as time allows.

        Raises:
            ServerUnavailable: the server could not be reached, or was busy, for `within_s` seconds.
            RunlakeError: what the server says was wrong.
        """
        below = path if path.startswith("/") else API + path
        target = f"{self.address}{quote(below, safe='/')}" + (f"?{urlencode(query, doseq=True)}" if query else "")
        sent = {**self._headers, **(headers or {}), **({"Content-Type": kind} if kind else {})}
        start = None if isinstance(body, bytes) or not body.seekable() else body.tell()
        again = isinstance(body, bytes) or start is not None
        patience = _Patience(within_s, tries if again else 1)
        while True:
            if start is not None and not isinstance(body, bytes):
                body.seek(start)
            content: Any = body
            if not isinstance(body, bytes) and (length := sent.get("Content-Length")) is not None:
                content = _FirstBytes(body, int(length))
            try:
                response = self._request(method, target, content, sent, patience.left_s(), read_s)
            except ServerUnavailable as error:
                if not (repeatable or _never_sent(error)) or not patience.wait(None):
                    raise
                continue
            if 200 <= response.status < 300:
                break
            refusal = self._refused(response)
            may = response.status in (BUSY if repeatable else REFUSED_BEFORE)
            told_s = retry_after_s(response.headers.get("Retry-After"))
            if not may or not patience.wait(told_s):
                if isinstance(refusal, ServerUnavailable):
                    refusal.retry_after_s = told_s
                raise refusal
        try:
            yield Body(response, str(self.address))
        finally:
            if not response.closed:  # what was not read is not wanted
                response.close()
            response.release_conn()

    def close(self) -> None:
        """Close what is open; the object can be used again all the same."""
        self._pool.clear()

    # -- within

    def _request(
        self, method: str, target: str, body: Any, headers: Mapping[str, str], left_s: float, read_s: float
    ) -> BaseHTTPResponse:
        timeout = urllib3.Timeout(connect=max(_LEAST_S, min(CONNECT_S, left_s)), read=read_s)
        try:
            return self._pool.urlopen(
                method,
                target,
                body=body or None,
                headers=headers,
                timeout=timeout,
                retries=False,
                redirect=False,
                preload_content=False,
                decode_content=False,
            )
        except SSLError as error:
            raise self._untrusted(error) from error
        except MaxRetryError as error:
            raise self._unreachable(error.reason or error) from (error.reason or error)
        except (HTTPError, OSError) as error:
            if isinstance(error.__cause__, ssl.SSLCertVerificationError):
                raise self._untrusted(error) from error
            raise self._unreachable(error) from error

    def _refused(self, response: BaseHTTPResponse) -> Exception:
        if 300 <= response.status < 400:
            response.close()
            location = response.headers.get("Location", "")
            return InvalidInput(
                f"the server {self.address} sends callers on to {location[:200]!r}, which is not followed",
                hint="name the server by the address that it sends to",
            )
        try:
            body = response.read(_MOST_ERROR_BYTES)
        except (HTTPError, OSError):
            body = b""
        finally:
            response.close()
        return failure(response.status, body, str(self.address))

    def _unreachable(self, error: BaseException) -> ServerUnavailable:
        return ServerUnavailable(f"the server {self.address} does not answer: {_reason(error)}")

    def _untrusted(self, error: BaseException) -> InvalidInput:
        return InvalidInput(
            f"the certificate of the server {self.address} is not trusted: {_reason(error)}",
            hint="name its authority's certificate in RUNLAKE_TRACKING_SERVER_CERT_PATH",
        )

    def _no_runlake(self) -> InvalidInput:
        return InvalidInput(
            f"what answers at {self.address} is no server of runlake",
            hint="check host, port and path; for a server of MLflow's own use the mlflow package",
        )

    def _new_pool(self) -> urllib3.PoolManager:
        keywords: dict[str, Any] = {"num_pools": 1, "maxsize": self._connections, "blocksize": _PIECE_BYTES}
        if self.address.scheme == "https":
            keywords["ssl_context"] = _tls_context(self._tls)
        if (proxy := _proxy(self.address)) is not None:
            return urllib3.ProxyManager(proxy, **keywords)
        return urllib3.PoolManager(**keywords)

    def _begin_in_child(self) -> None:
        """Leave the parent's connections alone: a request of the child would get the parent's answers."""
        _of_parents.append(self._pool)
        self._pool = self._new_pool()


class _FirstBytes:
    """A file up to the length that was told of it: what it grows by meanwhile would be read as the next request."""

    def __init__(self, file: BinaryIO, length: int) -> None:
        self._file = file
        self._left = length

    def read(self, most_bytes: int = -1) -> bytes:
        piece = self._file.read(self._left if most_bytes < 0 else min(most_bytes, self._left))
        self._left -= len(piece)
        return piece


class _Patience:
    """How often and how long a request is sent again."""

    def __init__(self, within_s: float, tries: int | None) -> None:
        self._until = time.monotonic() + within_s
        self._tries = tries
        self._backoff = Backoff()

    def left_s(self) -> float:
        return self._until - time.monotonic()

    def wait(self, told_s: float | None) -> bool:
        """Wait until it is time for another try; return False at once when there is to be none."""
        if self._tries is not None:
            self._tries -= 1
            if self._tries <= 0:
                return False
        wait_s = self._backoff.next_s(told_s)
        if wait_s > self.left_s():
            return False
        time.sleep(wait_s)
        return True


_open_connections: weakref.WeakSet[Connection] = weakref.WeakSet()
_of_parents: list[urllib3.PoolManager] = []  # kept, so that no child closes what its parent uses


def _authorization(credentials: Credentials) -> dict[str, str]:
    if credentials.token:
        return {"Authorization": f"Bearer {credentials.token}"}
    if credentials.username is None:
        return {}
    pair = f"{credentials.username}:{credentials.password or ''}".encode()
    return {"Authorization": f"Basic {base64.b64encode(pair).decode()}"}


def _tls_context(tls: Tls) -> ssl.SSLContext:
    context = ssl.create_default_context()
    try:
        if tls.insecure:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        elif tls.ca_path:
            folder = os.path.isdir(tls.ca_path)
            context.load_verify_locations(**{"capath" if folder else "cafile": tls.ca_path})
        if tls.client_path:
            context.load_cert_chain(tls.client_path)
    except (OSError, ssl.SSLError) as error:
        raise InvalidInput(
            f"the certificates {tls.ca_path or tls.client_path!r} cannot be used: {error}",
            hint="see RUNLAKE_TRACKING_SERVER_CERT_PATH and RUNLAKE_TRACKING_CLIENT_CERT_PATH",
        ) from error
    return context


def _proxy(address: Address) -> str | None:
    """Return the proxy that the environment names for a server; this machine itself is asked without one."""
    if address.host in ("localhost", "::1") or address.host.startswith("127."):
        return None
    if urllib.request.proxy_bypass(address.host):
        return None
    return urllib.request.getproxies().get(address.scheme)


def _never_sent(error: ServerUnavailable) -> bool:
    return isinstance(error.__cause__, NewConnectionError | urllib3.exceptions.ConnectTimeoutError)


def _reason(error: BaseException) -> str:
    """Say in few words what urllib3 says in many."""
    if isinstance(error, ReadTimeoutError):
        return "it is silent"
    if isinstance(error, urllib3.exceptions.ConnectTimeoutError) and not isinstance(error, NewConnectionError):
        return "no connection in time"
    inner = error.__cause__ or error.__context__
    while inner is not None and not (isinstance(inner, OSError) and inner.strerror):
        inner = inner.__cause__ or inner.__context__
    if isinstance(inner, OSError):
        return str(inner.strerror)
    return str(error).rpartition(": ")[2] or type(error).__name__


def _forget_in_child() -> None:
    for connection in list(_open_connections):
        connection._begin_in_child()


os.register_at_fork(after_in_child=_forget_in_child)
