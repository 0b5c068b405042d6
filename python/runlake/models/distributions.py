"""Distributions: what pip has installed, which of them a module's file is from, and how pip would get it again."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from runlake.provenance.packages import described, normal


@dataclass(frozen=True)
class Distribution:
    """One installed distribution.

    Attributes:
        name: In the normal form of PyPI.
        version: Exactly as installed, local label included.
        folder: The `.dist-info` (or `.egg-info`) that describes it.
    """

    name: str
    version: str
    folder: Path

    @cached_property
    def record(self) -> bytes:
        """What files it has, a line each, paths relative to where it is installed; empty if nobody has said."""
        for name in ("RECORD", "installed-files.txt"):
            if text := _read(self.folder / name):
                return b"\n" + text
        return b""

    @cached_property
    def direct_url(self) -> Mapping[str, Any]:
        """Where it was installed from, if that was no index (PEP 610); conda names the place where it was built."""
        if (_read(self.folder / "INSTALLER") or b"").strip() == b"conda":
            return {}
        try:
            said = json.loads(_read(self.folder / "direct_url.json") or b"{}")
        except ValueError:
            return {}
        return said if isinstance(said, dict) else {}

    @property
    def requirement(self) -> str:
        """The line that pins it: a commit or an archive's address where it came from one, else `name==version`.

        A local label (`2.1.0+cpu`) is left out, for indexes do not have it; `==2.1.0` matches it all the same.
        """
        return self._pinned_url() or f"{self.name}=={self.version.partition('+')[0]}"

    @property
    def source_folder(self) -> Path | None:
        """The folder or file of this machine that it was installed from; None if it was not."""
        url = self.direct_url.get("url")
        if not isinstance(url, str) or "vcs_info" in self.direct_url:
            return None
        parts = urlsplit(url)
        return Path(unquote(parts.path)) if parts.scheme == "file" else None

    @property
    def is_editable(self) -> bool:
        """Whether its modules are imported from the folder it was installed from."""
        said = self.direct_url.get("dir_info")
        return isinstance(said, dict) and said.get("editable") is True

    def has(self, path: str) -> bool:
        """Tell whether a file, relative to where it is installed, is its."""
        if self.record:
            line = b"\n" + path.encode()
            return line + b"," in self.record or line + b"\n" in self.record
        tops = (_read(self.folder / "top_level.txt") or self.name.encode()).decode(errors="replace").split()
        return path.partition("/")[0].partition(".")[0] in tops

    def _pinned_url(self) -> str | None:
        url, vcs = self.direct_url.get("url"), self.direct_url.get("vcs_info")
        if not isinstance(url, str):
            return None
        part = self.direct_url.get("subdirectory")
        parts = [f"subdirectory={part}"] if isinstance(part, str) else []
        if isinstance(vcs, dict):
            return _with_fragment(f"{self.name} @ {vcs.get('vcs')}+{url}@{vcs.get('commit_id')}", parts)
        archive = self.direct_url.get("archive_info")
        if not isinstance(archive, dict) or urlsplit(url).scheme == "file":
            return None
        hashes = archive.get("hashes")
        known = hashes.get("sha256") if isinstance(hashes, dict) else None
        return _with_fragment(f"{self.name} @ {url}", [*parts, *([f"sha256={known}"] if known else [])])


def installed(path: Iterable[str] | None = None) -> dict[str, Distribution]:
    """Return what Python can import, by name; of what is there twice, the one that is imported.

    The names of the folders say it all, so that no file is opened.

    Args:
        path: Folders to look through; default `sys.path`.
    """
    found: dict[str, Distribution] = {}
    for folder in sys.path if path is None else path:
        for one in _in_folder(folder):
            found.setdefault(one.name, one)
    return found


class Owners:
    """Finds the distribution that a module's file is from."""

    def __init__(self) -> None:
        self._roots = sorted({os.path.abspath(entry or ".") for entry in sys.path}, key=len, reverse=True)
        self._found: dict[tuple[str, str], Distribution | None] = {}

    def of(self, file: str) -> Distribution | None:
        """Return the distribution of a module's file; None when it belongs to none."""
        file = os.path.abspath(file)
        root = next((root for root in self._roots if file.startswith(root + os.sep)), None)
        if root is not None and (candidates := _in_folder(root)):
            path = file[len(root) + 1 :].replace(os.sep, "/")
            return self._listed(root, path, candidates)
        return self._editable(file)

    def _listed(self, root: str, path: str, candidates: list[Distribution]) -> Distribution | None:
        """Look it up in the lists of files; one look is enough for a package with code of its own."""
        top = path.partition("/")[0]
        package = (root, top)
        shared = not os.path.exists(os.path.join(root, top, "__init__.py"))
        if package in self._found and not shared:
            return self._found[package]
        likely = normal(top.partition(".")[0])
        ordered = sorted(candidates, key=lambda one: (one.name != likely, self._found.get(package) is not one))
        wanted = path if shared else f"{top}/__init__.py"
        self._found[package] = next((one for one in ordered if one.has(wanted)), None)
        return self._found[package]

    def _editable(self, file: str) -> Distribution | None:
        return next(
            (one for folder, one in self._editables if file.startswith(str(folder) + os.sep)),
            None,
        )

    @cached_property
    def _editables(self) -> list[tuple[Path, Distribution]]:
        places = [(one.source_folder, one) for one in installed().values() if one.is_editable]
        return sorted(((place, one) for place, one in places if place is not None), key=lambda pair: -len(str(pair[0])))


def _in_folder(folder: str) -> list[Distribution]:
    try:
        return _listing(os.path.abspath(folder or "."), os.stat(folder or ".").st_mtime_ns)
    except OSError:  # a zip file, or a folder that is not there
        return []


@lru_cache(maxsize=64)
def _listing(folder: str, _changed_ns: int) -> list[Distribution]:
    return [Distribution(name, version, Path(folder, entry)) for name, version, entry in sorted(described(folder))]


def _with_fragment(line: str, parts: list[str]) -> str:
    return line + ("#" if parts else "") + "&".join(parts)


def _read(file: Path) -> bytes | None:
    try:
        return file.read_bytes()
    except OSError:
        return None
