"""Address of a server: its URL, and who asks it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final
from urllib.parse import unquote, urlsplit

from runlake.config import Credentials
from runlake.errors import InvalidInput

SCHEMES: Final = ("http", "https")
JSON: Final = "application/json"
ARROW: Final = "application/vnd.apache.arrow.stream"


def is_address(uri: object) -> bool:
    """Tell whether a tracking URI names a server."""
    return isinstance(uri, str) and uri.partition("://")[0].lower() in SCHEMES and "://" in uri


@dataclass(frozen=True)
class Address:
    """Where a server is. `str` is its URL, without the password."""

    scheme: str
    host: str
    port: int
    prefix: str = ""
    """What comes before every path, for a server behind a proxy: empty, or `/team`."""
    credentials: Credentials = field(default=Credentials())
    """Those in the URL."""

    @classmethod
    def of(cls, uri: str) -> Address:
        """Read `http[s]://[user:password@]host[:port][/prefix]`.

        Raises:
            InvalidInput: it is something else.
        """
        try:
            parts = urlsplit(uri)
            port, host = parts.port, parts.hostname
        except ValueError as error:
            raise InvalidInput(f"the address of a server cannot be read: {error}") from None
        if parts.scheme not in SCHEMES or not host:
            raise InvalidInput("the address of a server has no host", hint="write http://host:port")
        if parts.query or parts.fragment:
            raise InvalidInput(f"the address of the server {host!r} has a query or a fragment; a server has neither")
        credentials = Credentials(
            username=None if parts.username is None else unquote(parts.username),
            password=None if parts.password is None else unquote(parts.password),
        )
        default = 443 if parts.scheme == "https" else 80
        return cls(parts.scheme, host, port or default, parts.path.rstrip("/"), credentials)

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}{self.prefix}"
