"""Calls: from a request to an answer, with the work on the store in a bounded pool of threads."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, TypeVar

import orjson
from starlette.exceptions import HTTPException

from runlake.server.load import Load, room_of, worked_on
from runlake.server.watch import Counters

if TYPE_CHECKING:
    from starlette.requests import Request

    from runlake.store import Store

T = TypeVar("T")

CHUNK_BYTES = 1 << 20
"""Size of the pieces in which long bodies go to and from the disk."""

_BODY = "runlake.body"
_MOST_COST = 512 << 20  # 32 MiB of metrics and nothing else come to 340 MiB
_DRAINED_BYTES = 64 << 20
"""How much of a body that is too long is read and thrown away: a client that is still sending hears no answer."""


class Worker:
    """What one process of the server has: the store, the threads that use it, its counters and what they count."""

    def __init__(self, store: Store, threads: int, counters: Counters, load: Load) -> None:
        self.store = store
        self.counters = counters
        self.load = load
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="runlake-server")

    async def run(self, work: Callable[..., T], *arguments: object) -> T:
        """Run a function in a thread of the pool."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, work, *arguments)

    def begin(self, work: Callable[[], object]) -> None:
        """Run a function in a thread of the pool, and let nobody wait for it."""
        self._pool.submit(work)

    def close(self) -> None:
        """Wait for the threads, and close the store with everything on disk."""
        from runlake import run_files

        self._pool.shutdown()
        run_files.sync()
        self.store.flush()
        self.store.close()


def worker_of(request: Request) -> Worker:
    """Return the worker that a request came to."""
    worker: Worker = request.app.state.worker
    return worker


async def keep_body(request: Request, most_bytes: int) -> bytes:
    """Read the body of a request that somebody else will read again with `read_body`.

    Raises:
        HTTPException: it is longer than it may be.
    """
    request.scope[_BODY] = body = await read_body(request, most_bytes)
    return body


def replace_body(request: Request, body: bytes) -> None:
    """Let `read_body` return something else than what came."""
    request.scope[_BODY] = body


async def read_body(request: Request, most_bytes: int) -> bytes:
    """Read the body of a request, but no more than it may have.

    Raises:
        HTTPException: it has more, or there is no room for it.
    """
    if _BODY in request.scope:
        kept: bytes = request.scope[_BODY]
        return kept
    room = room_of(request)
    declared = _declared_bytes(request, most_bytes)
    if declared <= most_bytes:
        await room.arrive(declared)
    read, size = bytearray(), 0
    async for part in request.stream():
        size += len(part)
        if declared <= most_bytes and size <= most_bytes:
            read += part
        elif size > most_bytes + _DRAINED_BYTES:
            break
    if size > most_bytes or declared > most_bytes:
        raise HTTPException(413, f"the body of a request may have {most_bytes:,} bytes", {"Connection": "close"})
    if (cost := worked_on(read)) > _MOST_COST:
        raise HTTPException(413, "the body of the request has too many values; send them in several requests")
    await room.work(cost)
    return bytes(read)


def _declared_bytes(request: Request, most_bytes: int) -> int:
    """Return how long a body says that it is, or, when it does not say, how long it may be."""
    try:
        return int(request.headers.get("content-length", most_bytes))
    except ValueError:
        return most_bytes


def to_json(answer: Mapping[str, Any] | bytes) -> bytes:
    """Encode an answer, unless it is already."""
    return answer if isinstance(answer, bytes) else orjson.dumps(answer)


async def pieces(stream: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Join the small pieces of a body to larger ones, so that each is worth a change of threads."""
    waiting: list[bytes] = []
    size = 0
    async for part in stream:
        waiting.append(part)
        size += len(part)
        if size >= CHUNK_BYTES:
            yield b"".join(waiting)
            waiting, size = [], 0
    if waiting:
        yield b"".join(waiting)
