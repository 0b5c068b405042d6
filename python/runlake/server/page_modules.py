"""Page modules: which of the pages' modules the browser fetches, read from the import lines of their sources.

An import line begins its line; that is how our modules are written, and a test holds them to it.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping
from typing import Final

_IMPORT: Final = re.compile(r'^(?:import|export)\b(?:[^"\';]*?\bfrom\s*|\s*)"(\.{1,2}/[^"]+)"', re.MULTILINE)


def imports_of(path: str, source: str) -> Iterator[str]:
    """Give the modules that a module imports before it runs, as paths from the same place as its own."""
    for found in _IMPORT.finditer(source):
        yield posixpath.normpath(posixpath.join(posixpath.dirname(path), found[1]))


def closure(sources: Mapping[str, str], *entries: str) -> list[str]:
    """Return the modules that `entries` need before they run, with these, nearest first; unknown ones are left out."""
    found = dict.fromkeys(entry for entry in entries if entry in sources)
    waiting = list(found)
    while waiting:
        nearer, waiting = waiting, []
        for path in nearer:
            waiting += [other for other in imports_of(path, sources[path]) if other in sources and other not in found]
            found |= dict.fromkeys(waiting)
    return list(found)
