"""Trust: which parts of a model may run code while they are loaded, and who says so.

A pickle runs whatever its writer wants, and a skops file makes the types that it names. What the manifest says of that
is its writer's word and counts for nothing: the caller has to trust it, or this process has written the file, byte for
byte.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from runlake import config
from runlake.errors import Untrusted

_MOST_WRITTEN: Final = 10_000
_written: dict[bytes, tuple[str, ...]] = {}  # types that were trusted when the file was written, by its digest


@dataclass(frozen=True)
class Trust:
    """What a caller takes responsibility for.

    Attributes:
        pickle: Whether anything may be loaded; pickles run whatever code their writer wants.
        types: Types, by module and name, that a file may make besides those that are known to be harmless.
        own: Whether what this process has written may be loaded as it was trusted then.
    """

    pickle: bool = False
    types: tuple[str, ...] = ()
    own: bool = False

    def require_pickle(self, file: Path) -> None:
        """Return if a pickle may be loaded.

        Raises:
            Untrusted: it may not.
        """
        if not self.pickle and not self.wrote(file):
            raise Untrusted(
                f"{file} is a pickle, which runs whatever code its writer wants when it is loaded",
                hint="if you know who wrote it, load it with trust_pickle=True",
            )

    def wrote(self, file: Path) -> bool:
        """Tell whether this process has written a file that runs code, and that counts."""
        return self.own and bool(_written) and _digest(file) in _written

    def types_in(self, file: Path) -> tuple[str, ...]:
        """Return the types that a file may make besides those that are known to be harmless."""
        return (*self.types, *(_written.get(_digest(file), ()) if self.own and _written else ()))


EVERYTHING: Final = Trust(pickle=True)
"""For what has just been written here."""


def given(trust_pickle: bool | None = None, types: Iterable[str] | None = None) -> Trust:
    """Return what the caller of a public function trusts; None leaves pickles to RUNLAKE_TRUST_PICKLE."""
    pickle = config.trusts_pickles() if trust_pickle is None else bool(trust_pickle)
    return Trust(pickle, tuple(types or ()), own=True)


def remember(file: Path, types: Iterable[str] = ()) -> None:
    """Note that this process has written a file, so that it may load it again."""
    if len(_written) < _MOST_WRITTEN:
        _written[_digest(file)] = tuple(types)


def _digest(file: Path) -> bytes:
    with open(file, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").digest()
