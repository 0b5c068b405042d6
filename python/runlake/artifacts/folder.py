"""Folders below an artifact root, held by file descriptor so that no symbolic link is ever followed.

Each name is opened relative to the descriptor of its parent with `O_NOFOLLOW`: a link that somebody puts into the
path, at whatever moment, makes the call fail instead of leading it elsewhere. The root itself is trusted and may be
reached through links.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import stat
import time
from collections.abc import Iterator
from pathlib import Path

from runlake.errors import InvalidInput, NotFound, StoreUnavailable

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_NOT_FOLLOWED = (errno.ELOOP, errno.ENOTDIR)
# File systems that cannot copy inside the kernel, or not between each other.
_NO_KERNEL_COPY = (errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.EPERM, errno.ETXTBSY)
_COPY_BYTES = 1 << 20


@contextlib.contextmanager
def opened_folder(root: Path, names: tuple[str, ...], *, create: bool) -> Iterator[int]:
    """Give the descriptor of a folder below `root`; it is closed at the end of the block.

    Args:
        create: Make the root and the folders that are not there yet.

    Raises:
        NotFound: a folder is not there and `create` is False.
        InvalidInput: a name on the way is a symbolic link or a file.
        OSError: the system refuses otherwise (no permission, disk full).
    """
    folder = _open_root(root, create=create)
    try:
        for depth, name in enumerate(names):
            child = _open_child(folder, name, "/".join(names[: depth + 1]), create=create)
            os.close(folder)
            folder = child
        yield folder
    finally:
        os.close(folder)


@contextlib.contextmanager
def opened_file(root: Path, names: tuple[str, ...]) -> Iterator[int]:
    """Give the descriptor of a regular file below `root`, for reading; it is closed at the end of the block.

    Raises:
        NotFound: there is no such file.
        InvalidInput: it is a folder, a symbolic link or a device, or a name on the way is.
    """
    path = "/".join(names)
    with opened_folder(root, names[:-1], create=False) as folder:
        try:
            file = os.open(names[-1], os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
        except FileNotFoundError:
            raise NotFound(f"there is no artifact {path!r} below {str(root)!r}") from None
        except OSError as error:
            raise _refusal(error, path) from error
    try:
        require_regular(file, f"artifact {path!r}")
        yield file
    finally:
        os.close(file)


def require_regular(file: int, what: str) -> os.stat_result:
    """Check that a descriptor is of a regular file and give its status.

    Raises:
        InvalidInput: it is a folder, a pipe, a socket or a device.
    """
    status = os.fstat(file)
    if stat.S_ISDIR(status.st_mode):
        raise InvalidInput(f"{what} is a folder, not a file")
    if not stat.S_ISREG(status.st_mode):
        raise InvalidInput(f"{what} is not a regular file but a pipe, a socket or a device")
    return status


def entry_mode(folder: int, name: str) -> int | None:
    """Give the mode of a name in a folder without following it; None when there is nothing."""
    try:
        return os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode
    except FileNotFoundError:
        return None


def copy_content(source: int, target: int) -> None:
    """Copy one open file into another: in the kernel where it can (shared blocks on btrfs and xfs), else by hand."""
    try:
        while os.copy_file_range(source, target, 1 << 30):
            pass
    except OSError as error:
        if error.errno not in _NO_KERNEL_COPY:
            raise
    # NOTE: this is also what copies files that say they are empty and are not, as in /proc.
    while chunk := os.read(source, _COPY_BYTES):
        rest = memoryview(chunk)
        while rest:
            rest = rest[os.write(target, rest) :]


def lock_folder(folder: int, timeout_s: float, name: str) -> None:
    """Lock an open folder against every other process and thread that does; closing the descriptor unlocks it.

    Raises:
        StoreUnavailable: somebody else held it for `timeout_s` seconds.
    """
    deadline = time.monotonic() + timeout_s
    pause_s = 0.001
    while True:
        try:
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                raise StoreUnavailable(f"artifact folder {name!r} stayed locked for {timeout_s:g} s") from None
            time.sleep(pause_s)
            pause_s = min(2 * pause_s, 0.05)
        else:
            return


def _open_root(root: Path, *, create: bool) -> int:
    try:
        return os.open(root, _FOLDER)
    except FileNotFoundError:
        if not create:
            raise NotFound(f"there are no artifacts at {str(root)!r}") from None
    root.mkdir(parents=True, exist_ok=True)
    return os.open(root, _FOLDER)


def _open_child(folder: int, name: str, path: str, *, create: bool) -> int:
    if create:
        with contextlib.suppress(FileExistsError):
            os.mkdir(name, dir_fd=folder)
    try:
        return os.open(name, _FOLDER | os.O_NOFOLLOW, dir_fd=folder)
    except FileNotFoundError:
        raise NotFound(f"there is no artifact folder {path!r}") from None
    except OSError as error:
        raise _refusal(error, path, folder, name) from error


def _refusal(error: OSError, path: str, folder: int | None = None, name: str = "") -> Exception:
    """Name what the system met: a link that was not followed, a file where a folder should be, or itself."""
    if error.errno not in _NOT_FOLLOWED:
        return error
    if error.errno == errno.ENOTDIR and folder is not None:
        mode = entry_mode(folder, name)
        if mode is None or not stat.S_ISLNK(mode):
            return InvalidInput(f"artifact path {path!r} is a file, not a folder")
    return InvalidInput(f"artifact path {path!r} is a symbolic link; links below an artifact root are not followed")
