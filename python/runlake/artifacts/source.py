"""A local folder that is to be logged: what of it is taken.

Links are followed, to files and to folders, wherever they lead: model caches keep every file as a link into another
folder, and a copy of links would be worth nothing. Left out, with one warning that counts them: links that lead nowhere
or back into a folder that is being walked, pipes, sockets and devices, runlake stores, and the folder written to. Files
that another process is still writing below an artifact root are no part of it and are passed over.
"""

from __future__ import annotations

import os
import stat
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from runlake.artifacts.paths import RESERVED_PREFIX
from runlake.errors import InvalidInput, NoSuchFile

STORE_MARK = "lake.json"
"""The file by which a runlake store is known."""


@dataclass(frozen=True, slots=True)
class Source:
    """A local file or folder and the relative artifact path it will have."""

    local_path: str
    path: str
    is_dir: bool


def walk_source(local_dir: str, *, leave: Path | None) -> list[Source]:
    """List what is in a local folder and is to be logged, each folder before its contents, sorted by name.

    Args:
        leave: A folder that is not taken: where the copies go, if that is on this machine.

    Raises:
        NoSuchFile: there is no such folder.
        InvalidInput: it is a file.
    """
    if not os.path.exists(local_dir):
        raise NoSuchFile(f"there is no folder {local_dir!r} to log")
    if not os.path.isdir(local_dir):
        raise InvalidInput(f"{local_dir!r} is a file, not a folder; use log_artifact")
    left_out: list[str] = []
    chain = (_identity(local_dir),)
    found = list(_walk(local_dir, "", chain, (0, 0) if leave is None else _identity(leave), left_out))
    if left_out:
        warnings.warn(
            f"{len(left_out)} of the entries of {local_dir!r} were left out, first {left_out[0]!r}",
            stacklevel=4,
        )
    return found


def _walk(
    local_dir: str, path: str, chain: tuple[tuple[int, int], ...], leave: tuple[int, int], left_out: list[str]
) -> Iterator[Source]:
    for name in sorted(os.listdir(local_dir)):
        if name.startswith(RESERVED_PREFIX):
            continue
        local = os.path.join(local_dir, name)
        relative = f"{path}/{name}" if path else name
        mode = _followed_mode(local)
        if stat.S_ISREG(mode):
            yield Source(local, relative, is_dir=False)
        elif not stat.S_ISDIR(mode) or _is_left(local, chain, leave):
            left_out.append(local)
        else:
            yield Source(local, relative, is_dir=True)
            yield from _walk(local, relative, (*chain, _identity(local)), leave, left_out)


def _is_left(folder: str, chain: tuple[tuple[int, int], ...], leave: tuple[int, int]) -> bool:
    identity = _identity(folder)
    return identity in chain or identity == leave or os.path.exists(os.path.join(folder, STORE_MARK))


def _followed_mode(local: str) -> int:
    """Give the mode of what a name leads to, 0 when it leads nowhere."""
    try:
        return os.stat(local).st_mode
    except OSError:
        return 0


def _identity(folder: str | Path) -> tuple[int, int]:
    try:
        status = os.stat(folder)
    except OSError:
        return (0, 0)
    return (status.st_dev, status.st_ino)
