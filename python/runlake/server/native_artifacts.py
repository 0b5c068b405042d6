"""Native artifacts: what a run's page lists, shows in its own way, and reads tables of.

A file is sent as what it is only where a browser can show it without running anything of it: by its headers a document
has no scripts, no origin, and loads nothing.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from posixpath import basename, splitext
from typing import TYPE_CHECKING, Any, Final

from runlake import run_files
from runlake.artifacts.table import LOGGED_ARTIFACTS_TAG
from runlake.entities import FileInfo, Run
from runlake.errors import InvalidInput, MissingExtra, NotFound
from runlake.plain_yaml import NotPlain, read_yaml
from runlake.server import downloads
from runlake.server.calls import worker_of
from runlake.server.load import room_of
from runlake.server.view import View
from runlake.store import Store

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from runlake.artifacts import Contents

_MOST_FILES: Final = 1000
_MOST_MODEL_BYTES: Final = 1 << 20  # YAML is read at a megabyte a second or two
_MODEL_FILE: Final = "MLmodel"
_PLAIN: Final = "text/plain; charset=utf-8"

_TYPES: Final[Mapping[str, Mapping[str, str]]] = {
    "image": {
        ".avif": "image/avif",
        ".bmp": "image/bmp",
        ".gif": "image/gif",
        ".ico": "image/x-icon",
        ".jpeg": "image/jpeg",
        ".jpg": "image/jpeg",
        ".png": "image/png",
        ".svg": "image/svg+xml",
        ".webp": "image/webp",
    },
    "table": {".parquet": downloads.UNKNOWN, **dict.fromkeys((".csv", ".tsv", ".jsonl", ".ndjson"), _PLAIN)},
    "json": dict.fromkeys((".json", ".ipynb", ".geojson"), "application/json"),
    "markdown": dict.fromkeys((".md", ".markdown"), _PLAIN),
    "html": dict.fromkeys((".html", ".htm"), "text/html; charset=utf-8"),
    "pdf": {".pdf": "application/pdf"},
    "audio": {
        ".flac": "audio/flac",
        ".m4a": "audio/mp4",
        ".mp3": "audio/mpeg",
        ".oga": "audio/ogg",
        ".ogg": "audio/ogg",
    }
    | {".opus": "audio/ogg", ".wav": "audio/wav"},
    "video": {".mp4": "video/mp4", ".ogv": "video/ogg", ".webm": "video/webm"},
    "text": dict.fromkeys(
        (
            *(".c", ".cfg", ".conf", ".cpp", ".css", ".diff", ".h", ".ini", ".js", ".log", ".lock", ".out", ".patch"),
            *(".py", ".r", ".rs", ".sh", ".sql", ".tex", ".toml", ".ts", ".txt", ".xml", ".yaml", ".yml"),
        ),
        _PLAIN,
    ),
}
"""Kinds of files by their endings, and as what they are sent."""

_KINDS: Final = {suffix: (kind, media) for kind, suffixes in _TYPES.items() for suffix, media in suffixes.items()}
_TEXT_NAMES: Final = (_MODEL_FILE, "README", "LICENSE", "Dockerfile", "Makefile")
_ALONE: Final = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; media-src data:; font-src data:;"
    " base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)
_SHOWN: Final = {"content-security-policy": f"sandbox; {_ALONE}", "cross-origin-resource-policy": "same-origin"}
# NOTE: no sandbox has the viewer of a browser in it; what is sent as PDF is a document of no other kind.
_SHOWN_PDF: Final = {
    **_SHOWN,
    "content-security-policy": "default-src 'none'; object-src 'self'; style-src 'unsafe-inline'",
}


def artifacts(
    store: Store, run_id: str, path: str = "", name: str | None = None, offset: int = 0, limit: int = 200
) -> View:
    """List what is directly in a folder of a run's artifacts, folders first, or what has a name, and its kind."""
    if offset < 0 or not 1 <= limit <= _MOST_FILES:
        raise InvalidInput(f"offset is {offset} and limit {limit}; from 0 on, 1 to {_MOST_FILES:,} files are listed")
    run = store.catalog.get_run(run_id)
    contents = run_files.of_run(store, run)
    if contents.kind(path) != "folder" and path.strip("/") not in ("", "."):
        raise NotFound(f"run {run_id} has no artifact folder {path!r}")
    listed = [info for info in contents.list(path) if name is None or basename(info.path) == name]
    found = sorted(listed, key=lambda info: (not info.is_dir, info.path))
    tables = _logged_tables(run)
    files = [_said(info, contents, tables) for info in found[offset : offset + limit]]
    return View(value={"files": files, "total": len(found)}, total=len(found))


def _said(info: FileInfo, contents: Contents, tables: frozenset[str]) -> dict[str, Any]:
    kind = "table" if info.path in tables else kind_of(info.path)
    if info.is_dir:
        kind = "model" if _has_model(contents, info.path) else "folder"
    name = basename(info.path)
    return {"path": info.path, "name": name, "is_dir": info.is_dir, "size": info.file_size, "kind": kind}


def _has_model(contents: Contents, folder: str) -> bool:
    try:
        return contents.kind(f"{folder}/{_MODEL_FILE}") == "file"
    except (InvalidInput, NotFound):  # a link; or the folder has just gone
        return False


def kind_of(path: str) -> str:
    """Return as what a file can be shown, by its name."""
    name = basename(path)
    if name == _MODEL_FILE:
        return "model"
    return "text" if name in _TEXT_NAMES else _KINDS.get(splitext(name)[1].lower(), ("binary", ""))[0]


def _logged_tables(run: Run) -> frozenset[str]:
    """Return the paths of the tables that were logged as such: those of JSON have no ending of their own."""
    try:
        said = json.loads(run.data.tags.get(LOGGED_ARTIFACTS_TAG, "[]"))
        return frozenset(entry["path"] for entry in said if entry.get("type") == "table")
    except (ValueError, TypeError, KeyError, AttributeError):  # anybody may have written the tag
        return frozenset()


def artifact_table(
    store: Store,
    run_id: str,
    path: str,
    offset: int = 0,
    limit: int = 100,
    column: int = 0,
    columns: int = 50,
    characters: int = 200,
) -> View:
    """Give some rows and columns of an artifact that is a table, as texts."""
    from runlake import query

    part = query.Part(offset, limit, column, columns, characters)
    contents = run_files.artifacts(store, run_id)
    opening = contents.open(path)
    file = downloads.found(opening.__enter__, path)
    try:
        table = query.read_part(file, basename(path), part)
    finally:
        opening.__exit__(None, None, None)
    said = [{"name": name, "type": dtype} for name, dtype in table.columns]
    notes = {"columns": said, "width": table.width, "whole": table.whole}
    return View(lambda: [[table.frame]], {}, None, table.rows, None, notes)


def artifact_model(store: Store, run_id: str, path: str) -> View:
    """Return what an MLmodel file says of its model; what is wrong with it where it cannot be read."""
    contents = run_files.artifacts(store, run_id)
    opening = contents.open(path)
    file = downloads.found(opening.__enter__, path)
    try:
        text = file.read(_MOST_MODEL_BYTES + 1)
    finally:
        opening.__exit__(None, None, None)
    if len(text) > _MOST_MODEL_BYTES:
        return View(value={"model": None, "error": f"it has more than {_MOST_MODEL_BYTES:,} bytes"})
    try:
        said = json.loads(json.dumps(read_yaml(text, "to read an MLmodel file"), default=str))
    except (NotPlain, MissingExtra, TypeError, ValueError) as error:
        return View(value={"model": None, "error": str(error)})
    if not isinstance(said, dict):
        return View(value={"model": None, "error": "it does not consist of keys and values"})
    return View(value={"model": said, "error": None})


async def raw(request: Request, _max_body_bytes: int) -> Response:
    """Send an artifact of a run as what it is, for a browser to show, or to save with `download=1`."""
    await room_of(request).transfer()
    worker = worker_of(request)
    path = request.query_params.get("path", "")
    contents = await worker.run(run_files.artifacts, worker.store, request.path_params["run_id"])
    media = _PLAIN if kind_of(path) in ("text", "model") else _KINDS.get(splitext(path)[1].lower(), ("", ""))[1]
    saved = request.query_params.get("download", "") in ("1", "true") or media in ("", downloads.UNKNOWN)
    headers = downloads.NEVER_SHOWN if saved else _SHOWN_PDF if media == "application/pdf" else _SHOWN
    return await downloads.send(request, contents, path, media or downloads.UNKNOWN, headers, shown=not saved)


ARTIFACT_VIEWS: Final[Mapping[tuple[str, str], Callable[..., View]]] = {
    ("GET", "runs/{run_id}/artifacts"): artifacts,
    ("GET", "runs/{run_id}/artifacts/table"): artifact_table,
    ("GET", "runs/{run_id}/artifacts/model"): artifact_model,
}
"""What can be asked of a run's artifacts, by method and path; `raw` is a file."""
