"""A server that answers as a test has written down, one answer a request; the last one again and again."""

from __future__ import annotations

import contextlib
import ssl
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass(frozen=True)
class Reply:
    """What is sent. With `cut`, the connection ends before the whole body was."""

    status: int = 200
    body: bytes = b"{}"
    headers: Mapping[str, str] = field(default_factory=dict)
    cut: bool = False


SILENCE = Reply(0)
"""The connection is closed without an answer."""


@dataclass
class Asked:
    """A request that has come."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    port: int
    """That of the client: one a connection."""


@dataclass
class Scripted:
    """A server under script."""

    url: str
    asked: list[Asked]


@contextlib.contextmanager
def answering(*replies: Reply, tls: ssl.SSLContext | None = None) -> Iterator[Scripted]:
    """Answer requests with `replies`, in order; over TLS with the certificate of a context."""
    asked: list[Asked] = []
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_one(self) -> None:
            length = int(self.headers.get("Content-Length", 0))
            body = self.rfile.read(length)
            with lock:
                reply = replies[min(len(asked), len(replies) - 1)]
                asked.append(Asked(self.command, self.path, dict(self.headers), body, self.client_address[1]))
            if reply is SILENCE:
                self.close_connection = True
                return
            self.send_response(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(reply.body) + reply.cut))
            self.end_headers()
            self.wfile.write(reply.body)
            self.close_connection = self.close_connection or reply.cut

        do_GET = do_POST = do_PUT = handle_one  # noqa: N815

        def log_message(self, *_arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        scheme = "http" if tls is None else "https"
        yield Scripted(f"{scheme}://127.0.0.1:{server.server_address[1]}", asked)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
