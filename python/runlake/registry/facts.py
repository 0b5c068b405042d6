"""Facts of a version that are in its files: whether its model has a signature, whether its environment is pinned.

Only what is kept in the store is opened, and only text is read of it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from runlake.errors import InvalidInput, NotFound
from runlake.model_sources import version_files
from runlake.plain_yaml import NotPlain, read_yaml

if TYPE_CHECKING:
    from runlake.artifacts import Contents
    from runlake.entities import ModelVersion
    from runlake.store import Store

_MANIFEST: Final = "MLmodel"
_REQUIREMENTS: Final = "requirements.txt"
_MOST_BYTES: Final = 4 << 20  # YAML is read at a megabyte a second or two

_INCLUDES: Final = ("-r", "--requirement")


@dataclass(frozen=True)
class Fact:
    """Whether something is so, and what there is."""

    met: bool
    actual: str


class Files:
    """The files of a version, each read once and as late as possible."""

    def __init__(self, store: Store, version: ModelVersion) -> None:
        self._store = store
        self._version = version

    def signature(self) -> Fact:
        """Tell whether the model has a signature with inputs."""
        content = self._read(_MANIFEST)
        if isinstance(content, Fact):
            return content
        try:
            manifest = read_yaml(content, "to read the manifest of a model")
        except NotPlain as error:
            return Fact(False, f"{_MANIFEST} is damaged: {error}")
        if not isinstance(manifest, dict):
            return Fact(False, f"{_MANIFEST} is damaged: it holds no fields")
        return _signature(manifest.get("signature"))

    def pinned_environment(self) -> Fact:
        """Tell whether requirements.txt names exactly one version of each package."""
        content = self._read(_REQUIREMENTS)
        if isinstance(content, Fact):
            return content
        try:
            lines = list(_requirements(content.decode()))
        except UnicodeDecodeError as error:
            return Fact(False, f"{_REQUIREMENTS} is no text: {error}")
        loose = [line for line in lines if _leaves_open(line)]
        if loose:
            rest = f" and {len(loose) - 3} more" if len(loose) > 3 else ""
            return Fact(False, f"{_REQUIREMENTS} leaves open {', '.join(map(repr, loose[:3]))}{rest}")
        pinned = [line for line in lines if not line.startswith("-")]
        return Fact(
            bool(pinned), f"{_REQUIREMENTS} pins {len(pinned)}" if pinned else f"{_REQUIREMENTS} names no package"
        )

    def _read(self, name: str) -> bytes | Fact:
        try:
            files, folder = version_files(self._store, self._version.name, self._version.version)
            return _content(files, f"{folder}/{name}" if folder else name)
        except (NotFound, InvalidInput) as error:
            return Fact(False, f"{name} cannot be read: {error.message}")


def _content(files: Contents, path: str) -> bytes:
    with files.open(path) as file:
        content = file.read(_MOST_BYTES + 1)
    if len(content) > _MOST_BYTES:
        raise InvalidInput(f"{path!r} has more than {_MOST_BYTES:,} bytes")
    return content


def _signature(said: Any) -> Fact:
    if said is None:
        return Fact(False, "the model has none")
    try:
        columns = {side: json.loads(said[side] or "[]") for side in ("inputs", "outputs") if said.get(side)}
    except (AttributeError, TypeError, ValueError, RecursionError):
        return Fact(False, f"the signature in {_MANIFEST} is damaged")
    counts = {side: len(listed) for side, listed in columns.items() if isinstance(listed, list)}
    if not counts.get("inputs"):
        return Fact(False, "the signature has no inputs")
    inputs, outputs = counts["inputs"], counts.get("outputs", 0)
    return Fact(True, f"the signature has {_counted(inputs, 'input')} and {_counted(outputs, 'output')}")


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _requirements(text: str) -> Iterator[str]:
    """Give whole lines without comments. Files that are included are not opened: they are not of the store."""
    for line in text.replace("\\\n", " ").splitlines():
        if plain := re.sub(r"(^|\s)#.*", "", line).strip():
            yield plain


def _leaves_open(line: str) -> bool:
    from runlake.models.requirements import is_pinned  # brings the parser of packages' names

    return line.startswith(_INCLUDES) or not is_pinned(line)
