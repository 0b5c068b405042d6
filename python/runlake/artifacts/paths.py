"""Artifact paths: which relative names may exist below a run's artifact root.

A path is POSIX, relative and taken literally: nothing is decoded (`%2e` is three characters), expanded or normalised,
except that components that are a single dot, or empty and not the first, are dropped. Whatever could name something
outside the root on any system that may later serve the files is refused, never repaired.
"""

from __future__ import annotations

import os
import re

from runlake.errors import InvalidInput, InvalidType

MAX_PATH_BYTES = 2048
"""Longest artifact path, in bytes of UTF-8; leaves room for the root below the kernel's 4,096."""

MAX_COMPONENT_BYTES = 255
"""Longest single name, in bytes of UTF-8: the limit of Linux's file systems."""

RESERVED_PREFIX = ".runlake-"
"""Names that begin so belong to runlake: files that are being written."""

_DRIVE = re.compile(r"[A-Za-z]:")


def components(path: str | os.PathLike[str] | None) -> tuple[str, ...]:
    """Split an artifact path into the names to walk from the root; the root itself is `()`.

    Args:
        path: POSIX path relative to the artifact root; None and "" are the root.

    Raises:
        InvalidInput: the path is absolute, has `..`, a backslash, a NUL, a Windows drive, a reserved
            name or too many bytes, or is not text that UTF-8 can hold.
    """
    text = _text(path)
    if text == "":
        return ()
    _check_whole(text)
    names = tuple(name for name in text.split("/") if name not in ("", "."))
    for name in names:
        _check_name(name, text)
    return names


def file_components(path: str | os.PathLike[str]) -> tuple[str, ...]:
    """Split the path of a file that is to be written or read: at least one name.

    Raises:
        InvalidInput: as for `components`, or the path is the root or ends with a slash, as folders do.
    """
    names = components(path)
    if not names:
        raise InvalidInput(f"artifact path {_text(path)!r} names the artifact root, not a file")
    if _text(path).endswith("/"):
        raise InvalidInput(f"artifact path {_text(path)!r} ends with a slash and names a folder, not a file")
    return names


def join(*parts: str | os.PathLike[str] | None) -> str:
    """Join artifact paths into one that has been checked; parts that are None or "" are skipped."""
    return "/".join(name for part in parts for name in components(part))


def _text(path: str | os.PathLike[str] | None) -> str:
    if path is None:
        return ""
    text = path if isinstance(path, str) else os.fspath(path)
    if not isinstance(text, str):
        raise InvalidType(f"an artifact path is text, not {type(path).__name__}: {path!r}")
    return text


def _check_whole(text: str) -> None:
    if text.startswith("/"):
        raise InvalidInput(f"artifact path {text!r} is absolute; write it relative to the run's artifact root")
    if "\\" in text:
        raise InvalidInput(f"artifact path {text!r} has a backslash; separate its parts with '/'")
    if "\0" in text:
        raise InvalidInput(f"artifact path {text!r} has a NUL character")
    if _DRIVE.match(text):
        raise InvalidInput(f"artifact path {text!r} begins like a Windows drive; write it relative to the root")
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        raise InvalidInput(f"artifact path {text!r} cannot be written as UTF-8; rename the file") from None
    if size > MAX_PATH_BYTES:
        raise InvalidInput(f"artifact path has {size} bytes; the limit is {MAX_PATH_BYTES}: {text[:80]!r}…")


def _check_name(name: str, text: str) -> None:
    if name == "..":
        raise InvalidInput(f"artifact path {text!r} has '..'; it may not leave the run's artifact root")
    if name.startswith(RESERVED_PREFIX):
        raise InvalidInput(f"artifact path {text!r} uses a name that runlake reserves for unfinished files: {name!r}")
    if len(name.encode()) > MAX_COMPONENT_BYTES:
        raise InvalidInput(
            f"a name in an artifact path has {len(name.encode())} bytes; the limit is {MAX_COMPONENT_BYTES}: "
            f"{name[:80]!r}…"
        )
