"""Who may call: the names in the Host header, and the pages in the Origin header.

A page on the internet can make a browser on this network call a server that only this network reaches, by its address
or by a name that leads to it (DNS rebinding). Such calls carry the page's Origin, or a Host that is not ours.
"""

from __future__ import annotations

import ipaddress
import socket
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from starlette.responses import PlainTextResponse

if TYPE_CHECKING:
    from collections.abc import Iterable

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

_CHANGING: Final = ("POST", "PUT", "PATCH", "DELETE")
_PRIVATE: Final = tuple(
    ipaddress.ip_network(network)
    for network in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "127.0.0.0/8", "::1/128", "fc00::/7")
)
_OPEN_TO_ALL: Final = ("/health", "/version")
"""What load balancers ask for, by whatever name they have."""

_LONGEST_HOST: Final = 300  # a name has 253 characters; longer ones are not remembered either

_SAFE: Final = ((b"x-content-type-options", b"nosniff"), (b"x-frame-options", b"SAMEORIGIN"))


class Guard:
    """Answers 403 to calls from elsewhere, and marks every answer so that a browser does not guess its type."""

    def __init__(self, app: ASGIApp, *, allowed_hosts: Iterable[str] = (), cors_origins: Iterable[str] = ()) -> None:
        self._app = app
        self._hosts = tuple(host.lower() for host in allowed_hosts)
        self._origins = tuple(origin.lower() for origin in cors_origins)
        self._own_name = socket.gethostname().lower()
        self._knows_host = lru_cache(1024)(self.allows_host)  # the same few names, at 8 us each

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *_SAFE]
            await send(message)

        app = self._app if (refusal := self._refusal(scope)) is None else PlainTextResponse(refusal, 403)
        await app(scope, receive, send_marked)

    def _refusal(self, scope: Scope) -> str | None:
        """Say why a request is refused; None when it is not."""
        host = origin = ""
        for name, value in scope["headers"]:
            if name == b"host":
                host = value.decode("latin-1").lower()
            elif name == b"origin":
                origin = value.decode("latin-1").lower()
        if not (len(host) <= _LONGEST_HOST and self._knows_host(host)) and scope["path"] not in _OPEN_TO_ALL:
            return f"Invalid Host header: {host[:100]!r} is not served; start the server with --allowed-hosts"
        if origin and scope["method"] in _CHANGING and not self.allows_origin(origin, host):
            return f"Cross-origin request blocked: pages of {origin[:100]!r} may not change anything"
        return None

    def allows_host(self, host: str) -> bool:
        """Tell whether a Host header, in lower case, names this server."""
        name = _name_of(f"//{host}")
        if name is None:
            return False
        return self._is_near(name) or any(fnmatchcase(text, known) for text in (name, host) for known in self._hosts)

    def allows_origin(self, origin: str, host: str) -> bool:
        """Tell whether a page of `origin` may change something on a server that was called as `host`."""
        if any(fnmatchcase(origin, known) for known in self._origins):
            return True
        name = _name_of(origin)
        return name is not None and (urlsplit(origin).netloc == host or _is_loopback(name))

    def _is_near(self, name: str) -> bool:
        """Tell a name or address that nobody on the internet can give to a machine of theirs."""
        if name == self._own_name or _is_loopback(name):
            return True
        address = _address(name)
        return address is not None and any(address in network for network in _PRIVATE)


def _name_of(url: str) -> str | None:
    """Return the host of a URL, without port and brackets; None when it has none or cannot be read."""
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018  # raises on what is no number
        return parts.hostname if "@" not in parts.netloc and not (parts.path or parts.query or parts.fragment) else None
    except ValueError:
        return None


def _is_loopback(name: str) -> bool:
    if name == "localhost" or name.endswith(".localhost"):
        return True
    address = _address(name)
    return address is not None and address.is_loopback


def _address(name: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(name)
    except ValueError:
        return None
