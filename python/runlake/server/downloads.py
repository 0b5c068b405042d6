"""Downloads: files as they go out, whole or in the part that a Range header asks for, in pieces of a megabyte."""

from __future__ import annotations

import os
import re
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import ExitStack
from typing import TYPE_CHECKING, BinaryIO, Final, TypeVar
from urllib.parse import quote

from starlette.responses import Response, StreamingResponse

from runlake.errors import NotFound
from runlake.server.calls import CHUNK_BYTES, worker_of

if TYPE_CHECKING:
    from starlette.requests import Request

    from runlake.artifacts import Contents
    from runlake.server.calls import Worker

T = TypeVar("T")

UNKNOWN: Final = "application/octet-stream"
NEVER_SHOWN: Final[Mapping[str, str]] = {"content-security-policy": "sandbox; default-src 'none'"}
"""What goes with a file that is there to be saved: whoever shows it nevertheless runs nothing of it."""

_RANGE: Final = re.compile(r"bytes=(\d{0,18})-(\d{0,18})", re.ASCII)


async def send(
    request: Request,
    artifacts: Contents,
    path: str,
    media_type: str = UNKNOWN,
    headers: Mapping[str, str] = NEVER_SHOWN,
    *,
    shown: bool = False,
) -> Response:
    """Send a file, or with a Range header a part of it; nothing where the client has it as it is.

    Args:
        shown: Whether a browser may show it; else it is offered as something to save.
    """
    worker = worker_of(request)
    opening = artifacts.open(path)
    file = await worker.run(found, opening.__enter__, path)
    closing = ExitStack()
    closing.push(opening.__exit__)
    with ExitStack() as on_failure:
        on_failure.push(closing)
        state = await worker.run(os.fstat, file.fileno())
        size, tag = state.st_size, f'"{state.st_ino:x}-{state.st_mtime_ns:x}-{state.st_size:x}"'
        said = {
            **headers,
            "accept-ranges": "bytes",
            "cache-control": "private, no-cache",
            "content-disposition": _disposition(path, shown=shown),
            "etag": tag,
        }
        if tag in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=said)
        wanted = request.headers.get("range") if request.headers.get("if-range", tag) == tag else None
        part = _part(wanted, size)
        if part is None:
            return Response(status_code=416, headers={**said, "content-range": f"bytes */{size}"})
        start, end = part
        said["content-length"] = str(end - start)
        if end - start < size:
            said["content-range"] = f"bytes {start}-{end - 1}/{size}"
        await worker.run(file.seek, start)
        on_failure.pop_all()
    status = 206 if end - start < size else 200
    return StreamingResponse(_sent(worker, file, end - start, closing), status, said, media_type=media_type)


def found(look: Callable[[], T], path: str) -> T:
    """Look for an artifact; where on the machine it was looked for is not for clients."""
    try:
        return look()
    except NotFound:
        raise NotFound(f"there is no artifact {path!r}") from None


async def _sent(worker: Worker, file: BinaryIO, left: int, closing: ExitStack) -> AsyncIterator[bytes]:
    with closing:
        while left > 0:
            piece = await worker.run(file.read, min(CHUNK_BYTES, left))
            if not piece:
                raise OSError(f"{file.name!r} became shorter while it was sent")
            left -= len(piece)
            yield piece


def _part(header: str | None, size: int) -> tuple[int, int] | None:
    """Return the first byte and the one after the last that a Range header asks for; None when it has none of these.

    What is not one range of bytes is ignored, as HTTP allows: the answer is the whole file.
    """
    asked = _RANGE.fullmatch(header.strip()) if header else None
    if asked is None or asked.groups() == ("", "") or size == 0:
        return 0, size
    first, last = asked.groups()
    if first == "":
        start, end = max(size - int(last), 0), size
    else:
        start, end = int(first), min(int(last) + 1, size) if last else size
        if last and int(last) < start:
            return 0, size
    return (start, end) if start < end else None


def _disposition(path: str, *, shown: bool) -> str:
    name = quote(path.rpartition("/")[2], safe="")
    return f"{'inline' if shown else 'attachment'}; filename*=UTF-8''{name}"
