"""Settings of a server; plain values, because every worker process gets a copy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

DEFAULT_MAX_BODY_BYTES: Final = 32 << 20
DEFAULT_MAX_MEMORY_BYTES: Final = 512 << 20


@dataclass(frozen=True)
class ServerSettings:
    """What the command line says."""

    store: str
    """Folder of the store; it is made when there is none."""
    host: str = "127.0.0.1"
    """Address to listen on."""
    port: int = 5000
    """Port to listen on; 0 is any that is free."""
    workers: int = 1
    """Processes that answer; all of them use the one store."""
    allowed_hosts: tuple[str, ...] = ()
    """Names in the Host header that are answered besides this machine's own and private addresses; `*` is any."""
    cors_origins: tuple[str, ...] = ()
    """Origins whose pages may call the server; `*` is any."""
    max_body_bytes: int = DEFAULT_MAX_BODY_BYTES
    """Longest body of a request; artifacts, which are streamed, may be longer."""
    max_memory_bytes: int = DEFAULT_MAX_MEMORY_BYTES
    """Memory that the requests under way in a worker may take together; who finds no room waits."""
    rate_limit: float = 0.0
    """Requests a second that one client may send; 0 is any number."""
    max_connections: int = 4096
    """Connections that a worker keeps; beyond them the one that has been silent longest is closed."""
    header_timeout_s: float = 20.0
    """Longest time for a request to be whole but for its body."""
    body_timeout_s: float = 30.0
    """Longest time in which nothing of a body comes."""
    answer_timeout_s: float = 60.0
    """Longest time in which a client takes nothing of its answer."""
    keep_alive_s: int = 75
    """How long a connection is kept on which nothing is asked."""
    room_timeout_s: float = 20.0
    """Longest wait for memory before a request is refused with 429."""
    ui: str | None = "runlake"
    """Pages to serve besides: `runlake` are our own, `mlflow` those of the installed mlflow package."""
    auth: bool = False
    """Whether every caller has to say who they are, and may do what the store's permissions say."""
    threads: int = 16
    """Threads of a worker that read and write the store."""
    log_requests: bool = True
    """Whether every request is a line of the log; what goes wrong is in any case."""
    stop_timeout_s: int = 30
    """Longest wait for requests that are being answered when the server is told to stop."""
