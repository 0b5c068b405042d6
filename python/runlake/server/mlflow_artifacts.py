"""Artifacts over MLflow's wire: listings, and the proxy through which clients put and get files.

A path of the proxy is `<experiment>/<run>/artifacts/<path>` or `<experiment>/models/<model>/artifacts/<path>`; where
the files are is for the run or the model to say. Nothing else of the machine can be named. Files are streamed both
ways, and always offered as something to save, never to show.
"""

from __future__ import annotations

from contextlib import ExitStack
from posixpath import splitext
from typing import TYPE_CHECKING, Any, Final

from starlette.responses import Response

from runlake import run_files
from runlake.artifacts import paths
from runlake.errors import NotFound
from runlake.server import mlflow_entities as wire
from runlake.server.calls import pieces, worker_of
from runlake.server.downloads import UNKNOWN, found, send
from runlake.server.mlflow_errors import not_implemented
from runlake.server.mlflow_fields import Fields

if TYPE_CHECKING:
    from starlette.requests import Request

    from runlake.artifacts import Contents
    from runlake.store import Store

_FOLDER: Final = "artifacts"
_MODELS: Final = "models"
_NOT_YET: Final = {"traces": "Tracing is not there yet."}
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
    listed = run_files.of_run(store, run).list(fields.text_or("path"))
    return {
        "root_uri": wire.artifacts_of_run(run.info.experiment_id, run.info.run_id),
        "files": [wire.file_info(info, info.path) for info in listed],
    }


def list_proxied(store: Store, fields: Fields) -> dict[str, Any]:
    """List what is directly in a folder of the proxy; files go by their own names."""
    artifacts, path = _located(store, fields.text("path"))
    listed = artifacts.list(path)
    return {"files": [wire.file_info(info, info.path.rpartition("/")[2]) for info in listed]}


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
    return await send(request, artifacts, path, _SHOWN.get(splitext(path)[1].lower(), UNKNOWN))


def _in_run(store: Store, fields: Fields) -> tuple[Contents, str]:
    """Find the artifacts of the run that a query names, and the path in them."""
    return run_files.of_run(store, store.catalog.get_run(fields.run_id())), fields.text("path")


async def remove(request: Request) -> Response:
    """Remove a file, a folder with everything in it, or all artifacts of a run."""
    worker = worker_of(request)
    await worker.run(_remove, worker.store, request.path_params["path"])
    return Response(b"{}", media_type="application/json")


def _remove(store: Store, proxied: str) -> None:
    artifacts, path = _located(store, proxied)
    found(lambda: artifacts.remove(path), path)
