"""Pages: runlake's own, one document for all of them and the files that it is made of.

Nothing comes from elsewhere, and nothing that is in a store can become a script: the policy allows neither inline
scripts and styles nor text that is made into markup, but by the one policy that sanitises Markdown.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Route

from runlake.server.codings import takes_gzip
from runlake.server.page_files import START, PageFiles
from runlake.server.watch import ROUTE

if TYPE_CHECKING:
    from starlette.requests import Request

    from runlake.server.endpoint import Answer
    from runlake.server.page_files import PageFile

PAGES: Final = {
    "/": "pages/experiments.js",
    "/runs": "pages/runs.js",
    "/runs/{run_id}": "pages/run.js",
    "/compare": "pages/compare.js",
    "/models": "pages/models.js",
    "/models/{name}": "pages/model.js",
    "/models/{name}/{version}": "pages/version.js",
}
"""The module that shows each page, by the template of its path."""

STATIC: Final = "/static/{digest}/{path:path}"
POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data: blob:",
        "media-src 'self'",
        "connect-src 'self'",
        "worker-src 'self'",
        "frame-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types dompurify runlake-workers",
    )
)

_ASK_AGAIN: Final = "no-cache"
_KEEP: Final = "max-age=31536000, immutable"


def routes(files: PageFiles) -> list[Route]:
    """Return the routes of the pages and of their files."""
    pages = [Route(path, _page(files, path, module)) for path, module in PAGES.items()]
    return [*pages, Route(STATIC, _file(files))]


def nowhere(files: PageFiles) -> Answer:
    """Return what answers at paths of no page: a document that says so, and leads back."""

    async def answer(request: Request) -> Response:
        return _answer(request, files.look().shell(START), _ASK_AGAIN, status=404)

    return answer


def _page(files: PageFiles, template: str, module: str) -> Answer:
    async def answer(request: Request) -> Response:
        request.scope[ROUTE] = template
        return _answer(request, files.look().shell(module), _ASK_AGAIN)

    return answer


def _file(files: PageFiles) -> Answer:
    async def answer(request: Request) -> Response:
        request.scope[ROUTE] = STATIC
        release = files.known()
        if request.path_params["digest"] != release.digest:
            release = files.look()  # another worker may have seen a change first
        file = release.find(request.path_params["path"])
        if file is None or request.path_params["digest"] != release.digest:
            raise HTTPException(404, "there is no such file of the pages, or no longer: load the page again")
        return _answer(request, file, _KEEP)

    return answer


def _answer(request: Request, file: PageFile, cache: str, status: int = 200) -> Response:
    headers = {
        "cache-control": cache,
        "content-security-policy": POLICY,
        "content-type": file.kind,
        "etag": file.tag,
        "referrer-policy": "same-origin",  # addresses hold filters, and so the names of what somebody works on
        "vary": "accept-encoding",
    }
    if status == 200 and file.tag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    if not takes_gzip(request.headers.get("accept-encoding", "")):
        return Response(file.content, status, headers)
    return Response(file.compressed, status, {**headers, "content-encoding": "gzip"})
