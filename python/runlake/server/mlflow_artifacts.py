"""Artifacts over MLflow's wire: listings, and the proxy through which clients put and get files.

A path of the proxy is `<experiment>/<run>/artifacts/<path>` or `<experiment>/models/<model>/artifacts/<path>`; where
the files are is for the run or the model to say. Nothing else of the machine can be named. Files are streamed both
ways, and always offered as something to save, never to show.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack
from posixpath import splitext
from typing import TYPE_CHECKING, Any, BinaryIO, Final, TypeVar
from urllib.parse import quote

from starlette.responses import Response, StreamingResponse

from runlake import run_files
from runlake.artifacts import paths
from runlake.errors import NotFound
from runlake.server import mlflow_entities as wire
from runlake.server.calls import CHUNK_BYTES, pieces, worker_of
from runlake.server.mlflow_errors import not_implemented
from runlake.server.mlflow_fields import Fields

if TYPE_CHECKING:
    from starlette.requests import Request

    from runlake.artifacts import Contents
    from runlake.server.calls import Worker
    from runlake.store import Store

T = TypeVar("T")

_FOLDER: Final = "artifacts"
_RANGE: Final = re.compile(r"bytes=(\d{0,18})-(\d{0,18})", re.ASCII)
_NEVER_SHOWN: Final = {"content-security-policy": "sandbox; default-src 'none'", "accept-ranges": "bytes"}
_MODELS: Final = "models"
_NOT_YET: Final = {"traces": "Tracing is not there yet."}
_UNKNOWN: Final = "application/octet-stream"
_SHOWN: Final = {
    ".bmp": "image/bmp",
    ".gif": "image/gif",
    ".jpeg": "image/jpeg",
    ".jpg": "image/jpeg",
    ".mp3": "audio/mpeg",
    ".mp4": "video/mp4",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".wav": "audio/wav",
    ".webm": "video/webm",
    ".webp": "image/webp",
}
"""What a page can hold in an element of its own, where no script in it runs; all else is of no known type."""


def list_of_run(store: Store, fields: Fields) -> dict[str, Any]:
    """List what is directly in a folder of a run's artifacts."""
    run = store.catalog.get_run(fields.run_id())
    found = run_files.of_run(store, run).list(fields.text_or("path"))
    return {
        "root_uri": wire.artifacts_of_run(run.info.experiment_id, run.info.run_id),
        "files": [wire.file_info(info, info.path) for info in found],
    }


def list_proxied(store: Store, fields: Fields) -> dict[str, Any]:
    """List what is directly in a folder of the proxy; files go by their own names."""
    artifacts, path = _located(store, fields.text("path"))
    found = artifacts.list(path)
    return {"files": [wire.file_info(info, info.path.rpartition("/")[2]) for info in found]}


def _located(store: Store, proxied: str) -> tuple[Contents, str]:
    """Find the artifacts, and the path in them, that a path of the proxy means.

    Raises:
        NotFound: there is no such run or model in that experiment.
        InvalidInput: the path is not legal.
    """
    parts = paths.components(proxied)
    if len(parts) > 1 and parts[1] in _NOT_YET:
        raise not_implemented(_NOT_YET[parts[1]])
    if len(parts) > 3 and (parts[1], parts[3]) == (_MODELS, _FOLDER):
        model = store.catalog.get_logged_model(parts[2])
        if model.experiment_id != parts[0]:
            raise NotFound(f"model {parts[2]} is not in experiment {parts[0]!r}")
        return run_files.of_model(model), "/".join(parts[4:])
    if len(parts) < 3 or parts[2] != _FOLDER:
        raise NotFound(
            f"there is nothing at {proxied!r}; artifacts are at <experiment>/<run>/{_FOLDER}/<path> and"
            f" <experiment>/{_MODELS}/<model>/{_FOLDER}/<path>"
        )
    run = store.catalog.get_run(parts[1])
    if run.info.experiment_id != parts[0]:
        raise NotFound(f"run {parts[1]} is not in experiment {parts[0]!r}")
    return run_files.of_run(store, run), "/".join(parts[3:])


async def upload(request: Request) -> Response:
    """Write a file. It takes its name when it is whole; a client that goes away leaves nothing behind."""
    worker = worker_of(request)
    artifacts, path = await worker.run(_located, worker.store, request.path_params["path"])
    with ExitStack() as unused:
        creating = artifacts.create(path)
        file = await worker.run(creating.__enter__)
        unused.push(creating.__exit__)  # when something fails; closing and removing a file need no thread
        async for piece in pieces(request.stream()):
            await worker.run(file.write, piece)
        unused.pop_all()
        await worker.run(creating.__exit__, None, None, None)
    return Response(b"{}", media_type="application/json")


async def download(request: Request) -> Response:
    """Send a file, or with a Range header a part of it."""
    worker = worker_of(request)
    return await send(request, *await worker.run(_located, worker.store, request.path_params["path"]))


async def download_of_run(request: Request) -> Response:
    """Send a file by its run and its path there, to pages that show it: pictures say that they are pictures."""
    worker = worker_of(request)
    artifacts, path = await worker.run(_in_run, worker.store, Fields.of_query(request.query_params))
    return await send(request, artifacts, path, _SHOWN.get(splitext(path)[1].lower(), _UNKNOWN))


def _in_run(store: Store, fields: Fields) -> tuple[Contents, str]:
    """Find the artifacts of the run that a query names, and the path in them."""
    return run_files.of_run(store, store.catalog.get_run(fields.run_id())), fields.text("path")


async def send(request: Request, artifacts: Contents, path: str, media_type: str = _UNKNOWN) -> Response:
    """Send a file, or with a Range header a part of it."""
    worker = worker_of(request)
    opening = artifacts.open(path)
    file = await worker.run(_found, opening.__enter__, path)
    closing = ExitStack()
    closing.push(opening.__exit__)
    with ExitStack() as on_failure:
        on_failure.push(closing)
        size = await worker.run(file.seek, 0, 2)
        headers = {**_NEVER_SHOWN, "content-disposition": _disposition(path)}
        part = _part(request.headers.get("range"), size)
        if part is None:
            return Response(status_code=416, headers={**headers, "content-range": f"bytes */{size}"})
        start, end = part
        headers["content-length"] = str(end - start)
        if end - start < size:
            headers["content-range"] = f"bytes {start}-{end - 1}/{size}"
        await worker.run(file.seek, start)
        on_failure.pop_all()
    status = 206 if end - start < size else 200
    content = _sent(worker, file, end - start, closing)
    return StreamingResponse(content, status, headers, media_type=media_type)


def _found(look: Callable[[], T], path: str) -> T:
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
    found = _RANGE.fullmatch(header.strip()) if header else None
    if found is None or found.groups() == ("", ""):
        return 0, size
    first, last = found.groups()
    if first == "":
        start, end = max(size - int(last), 0), size
    else:
        start, end = int(first), min(int(last) + 1, size) if last else size
        if last and int(last) < start:
            return 0, size
    return (start, end) if start < end else None


def _disposition(path: str) -> str:
    return f"attachment; filename*=UTF-8''{quote(path.rpartition('/')[2], safe='')}"


async def remove(request: Request) -> Response:
    """Remove a file, a folder with everything in it, or all artifacts of a run."""
    worker = worker_of(request)
    await worker.run(_remove, worker.store, request.path_params["path"])
    return Response(b"{}", media_type="application/json")


def _remove(store: Store, proxied: str) -> None:
    artifacts, path = _located(store, proxied)
    _found(lambda: artifacts.remove(path), path)
