"""MLflow's own pages: the bundle of the installed package, as it is, and the paths that only its pages ask for.

The package is looked for and never imported. Its pages are below `/static-files`, hashed names among them for ever;
`/` is where they begin.
"""

from __future__ import annotations

import importlib.util
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import orjson
from starlette.responses import FileResponse, Response
from starlette.routing import Route
from starlette.staticfiles import StaticFiles

from runlake.errors import MissingExtra
from runlake.server import mlflow_graphql
from runlake.server.endpoint import Endpoint
from runlake.server.mlflow_absent import EMPTY_FOR_PAGES
from runlake.server.mlflow_routes import ENDPOINTS, answers
from runlake.server.watch import ROUTE

if TYPE_CHECKING:
    from starlette.requests import Request

    from runlake.server.endpoint import Answer

_BUNDLE: Final = ("server", "js", "build")
_START: Final = "index.html"
_TYPES: Final = {
    ".css": "text/css",
    ".cjs": "text/javascript",
    ".html": "text/html",
    ".ico": "image/x-icon",
    ".js": "text/javascript",
    ".json": "application/json",
    ".mjs": "text/javascript",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".ttf": "font/ttf",
    ".txt": "text/plain",
    ".woff": "font/woff",
    ".woff2": "font/woff2",
}
"""By suffix, and not from a table of the machine: browsers are told not to guess, so a wrong type breaks a page."""

_WHO: Final = ("GET", "2.0/mlflow/users/current")
_HASHED: Final = re.compile(r"\.[0-9a-f]{8,}\.")
_POLICY: Final = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self' 'unsafe-eval'",  # the charts of parallel coordinates are compiled in the browser
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "media-src 'self' data: blob:",
        "font-src 'self' data:",
        "connect-src 'self' data: blob:",
        "worker-src 'self' blob:",
        "frame-src 'self' blob:",
        "object-src 'none'",
        "base-uri 'self'",
        "form-action 'self'",
        "frame-ancestors 'self'",
    )
)


def find_bundle() -> Path:
    """Find the folder of MLflow's pages in the installed package.

    Raises:
        MissingExtra: the package is not installed, or has no pages (`mlflow-skinny`).
    """
    spec = importlib.util.find_spec("mlflow")
    for place in (spec and spec.submodule_search_locations) or ():
        if (bundle := Path(place, *_BUNDLE)).joinpath(_START).is_file():
            return bundle
    raise MissingExtra("mlflow is needed for its pages and is not installed, or has none", hint="pip install mlflow")


class _Pages(StaticFiles):
    """The files of a bundle. A name with a hash in it never stands for anything else, so that browsers may keep it."""

    def file_response(
        self, full_path: str | os.PathLike[str], stat_result: os.stat_result, scope: Any, status_code: int = 200
    ) -> Response:
        name = os.path.basename(full_path)
        answer = super().file_response(full_path, stat_result, scope, status_code)
        answer.headers["cache-control"] = "max-age=31536000, immutable" if _HASHED.search(name) else "no-cache"
        answer.headers["content-security-policy"] = _POLICY
        if isinstance(answer, FileResponse):
            kind = _TYPES.get(os.path.splitext(name)[1], "application/octet-stream")
            answer.headers["content-type"] = f"{kind}; charset=utf-8" if kind.startswith("text/") else kind
        return answer


GRAPHQL: Final = Endpoint("POST", "graphql", mlflow_graphql.answer, answer_bytes=mlflow_graphql.MAX_ANSWER_BYTES)


def routes(max_body_bytes: int, *, auth: bool) -> list[Route]:
    """Return the routes of the pages.

    Args:
        auth: Whether callers have names that pages may show.

    Raises:
        MissingExtra: the pages are not installed.
    """
    pages = _Pages(directory=find_bundle())
    return [
        Route("/", _page(pages, "index")),
        Route("/static-files/{path:path}", _page(pages, "static-files/{path:path}")),
        Route("/graphql", answers(GRAPHQL, max_body_bytes), methods=["POST"]),
        *(Route(f"/ajax-api/{path}", _empty(path, known), methods=[method]) for (method, path), known in _absent(auth)),
    ]


def _absent(auth: bool) -> Iterator[tuple[tuple[str, str], Mapping[str, object]]]:
    """Give what pages are told of things that are not there, without those that have come."""
    there = {(entry.method, f"{version}/{entry.path}") for entry in ENDPOINTS for version in entry.versions}
    if not auth:
        there.discard(_WHO)
    return ((asked, told) for asked, told in EMPTY_FOR_PAGES.items() if asked not in there)


def _empty(path: str, told: Mapping[str, object]) -> Answer:
    content = orjson.dumps(told)

    async def answer(request: Request) -> Response:
        request.scope[ROUTE] = path
        return Response(content, media_type="application/json")

    return answer


def _page(pages: _Pages, template: str) -> Answer:
    async def answer(request: Request) -> Response:
        request.scope[ROUTE] = template
        path = os.path.normpath(request.path_params.get("path", _START))
        return await pages.get_response(path, request.scope)

    return answer
