"""Page files: what runlake's own pages are made of, as it is sent.

Files are read once and compressed once, when they are first asked for. A digest of all of them stands in their
addresses, so that browsers may keep them for ever; it changes when a file does, without the server being started again.
"""

from __future__ import annotations

import hashlib
import os
import re
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

from runlake.server.page_modules import closure

FOLDER: Final = Path(__file__).with_name("static")
SHELL: Final = "index.html"
TYPES: Final = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
}
"""By suffix, and not from a table of the machine: a browser that is told a wrong type runs no module. All are text."""

START: Final = "app.js"
"""The module that every page begins with."""
AHEAD: Final = {"pages/runs.js": ("ahead.js",)}
"""Modules that run before a page's own are here, by that: they ask for what is to be shown first."""

STYLE: Final = "style.css"
"""All style sheets that the shell names as one: a page's first rows wait for each request."""

_DIGEST: Final = "__DIGEST__"
"""What stands for the digest in the shell's source."""
_SHEET: Final = re.compile(rf' *<link rel="stylesheet" href="/static/{_DIGEST}/([^"]+)">\n')
_GZIP: Final = 31  # the widest window, in gzip's format


@dataclass(frozen=True)
class PageFile:
    """A file, with its type and a tag of its content."""

    content: bytes
    kind: str

    @cached_property
    def tag(self) -> str:
        """Return what the content is known by to caches, compressed or not."""
        return f'W/"{_digest(self.content)}"'

    @cached_property
    def compressed(self) -> bytes:
        """Return the content as gzip."""
        return zlib.compress(self.content, 9, wbits=_GZIP)


class Release:
    """All files as they were at one time."""

    def __init__(self, files: Mapping[str, PageFile]) -> None:
        self._files = {**files, STYLE: PageFile(b"\n".join(_sheets(files)), TYPES[".css"])}
        self._shells: dict[str, PageFile] = {}
        self.digest = _digest(*(part for path in sorted(files) for part in (path.encode(), files[path].content)))

    def find(self, path: str) -> PageFile | None:
        """Return the file at a path below the folder; None when there is none, or it is the shell."""
        return None if path == SHELL else self._files.get(path)

    def shell(self, module: str) -> PageFile:
        """Return the document of a page whose own module is `module`: it names all modules, to be fetched at once.

        They stand in the document and not in its headers, because proxies take few kilobytes of those.
        """
        if module not in self._shells:
            self._shells[module] = PageFile(self._written(module).encode(), TYPES[".html"])
        return self._shells[module]

    def _written(self, module: str) -> str:
        text = _SHEET.sub("", self._files[SHELL].content.decode())
        sources = {path: file.content.decode() for path, file in self._files.items() if path.endswith(".js")}
        ahead = [path for path in AHEAD.get(module, ()) if path in sources]
        first = closure(sources, *ahead)
        rest = [path for path in closure(sources, START, module) if path not in first]
        own = [module] if module != START else []  # runs before the application, which finds it there
        tags = (
            f'<link rel="stylesheet" href="/static/{_DIGEST}/{STYLE}">',
            *map(_preload, first),
            *(_script(path, " async") for path in ahead),
            *map(_preload, rest),
            *map(_script, own),
        )
        app = _script(START)
        return text.replace(app, "\n    ".join((*tags, app)), 1).replace(_DIGEST, self.digest)


def _sheets(files: Mapping[str, PageFile]) -> Iterator[bytes]:
    """Give the style sheets in the shell's order, which decides between rules of the same weight."""
    shell = files.get(SHELL)
    return (files[path].content for path in _SHEET.findall(shell.content.decode() if shell else "") if path in files)


def _preload(path: str) -> str:
    return f'<link rel="modulepreload" href="/static/{_DIGEST}/{path}">'


def _script(path: str, when: str = "") -> str:
    return f'<script type="module"{when} src="/static/{_DIGEST}/{path}"></script>'


class PageFiles:
    """A folder of files, read again when one of them has changed."""

    def __init__(self, folder: Path = FOLDER) -> None:
        self._folder = folder
        self._seen: tuple[tuple[str, int, int], ...] = ()
        self._release: Release | None = None

    def look(self) -> Release:
        """Return the files as they are now. It takes a millisecond when nothing has changed."""
        seen = tuple(_stamps(self._folder, ""))
        if self._release is None or seen != self._seen:
            files = {path: PageFile((self._folder / path).read_bytes(), _type_of(path)) for path, _, _ in seen}
            self._release, self._seen = Release(files), seen
        return self._release

    def known(self) -> Release:
        """Return the files as they were when a page was last asked for."""
        return self._release or self.look()


def _stamps(folder: Path, below: str) -> Iterator[tuple[str, int, int]]:
    """Give path, time of change and size of every file that is served."""
    for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
        path = f"{below}{entry.name}"
        if entry.is_dir():
            yield from _stamps(folder / entry.name, f"{path}/")
        elif os.path.splitext(path)[1] in TYPES:
            found = entry.stat()
            yield path, found.st_mtime_ns, found.st_size


def _type_of(path: str) -> str:
    return TYPES[os.path.splitext(path)[1]]


def _digest(*parts: bytes) -> str:
    whole = hashlib.sha256()
    for part in parts:
        whole.update(len(part).to_bytes(8))
        whole.update(part)
    return whole.hexdigest()[:16]
