"""Installed packages, read from the names of the folders that describe them.

`importlib.metadata` opens a file for each package and holds the interpreter's lock for tens of milliseconds; the names
of the folders (`<name>-<version>.dist-info`) say the same in one.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable

_DESCRIBED = re.compile(r"(?P<name>[A-Za-z0-9][\w.]*?)-(?P<version>[^-]+)(?:-py[\d.]+)?\.(?:dist-info|egg-info)")
_SEPARATORS = re.compile(r"[-_.]+")


def requirements(path: Iterable[str] | None = None) -> str:
    """List the packages that Python can import, `name==version` a line, sorted by name.

    Names are in the normal form of PyPI. Of a package that is there twice, the one that is imported counts.

    Args:
        path: Folders to look through; default `sys.path`.
    """
    found: dict[str, str] = {}
    for folder in sys.path if path is None else path:
        for name, version, _ in described(folder):
            found.setdefault(name, version)
    return "".join(f"{name}=={version}\n" for name, version in sorted(found.items()))


def described(folder: str) -> list[tuple[str, str, str]]:
    """Return name, version and describing folder of each package that a folder of `sys.path` has."""
    try:
        names = os.listdir(folder or ".")
    except OSError:  # a zip file, or a folder that is not there
        return []
    matches = (_DESCRIBED.fullmatch(name) for name in names)
    return [(normal(match["name"]), match["version"], match.string) for match in matches if match]


def normal(name: str) -> str:
    """Return the name of a package in the normal form of PyPI."""
    return _SEPARATORS.sub("-", name).lower()
