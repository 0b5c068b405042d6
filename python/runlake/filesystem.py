"""File systems: how a store is kept in a folder, and where none can be."""

from __future__ import annotations

import errno
import logging
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from runlake import _engine
from runlake.config import JournalSetting
from runlake.errors import StoreUnavailable

_log = logging.getLogger("runlake")

_NO_SUCH_CALL: Final = (errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP)
_ELSEWHERE: Final = "keep the store on a local disk, or log to a server: runlake.set_tracking_uri('http://…')"


@dataclass(frozen=True)
class Keeping:
    """How a store is kept.

    Attributes:
        file_system: Its usual name.
        written: Whether each point is written with a system call; else it is stored into mapped memory.
        wal: Whether the catalog has a write-ahead log, which takes mapped memory as well.
        shared: Whether other hosts may have the folder mounted too, so that one at a time owns the store.
        reason: Why the file system asks for this, as part of a sentence; empty for one where all is mapped.
    """

    file_system: str
    written: bool
    wal: bool
    shared: bool
    reason: str


def keeping_of(root: Path, setting: JournalSetting = "auto") -> Keeping:
    """Return how the store in `root`, which need not exist, is kept; `setting` is what RUNLAKE_JOURNAL says.

    Raises:
        StoreError: the folder cannot be examined.
    """
    system = _engine.check_filesystem(str(_existing(root)))
    written = system.written if setting == "auto" else setting == "write"
    # NOTE: "map" is a risk that somebody takes with points that a signal cuts short; with the catalog nobody may.
    return Keeping(system.name, written, not (system.written or written), system.shared, system.reason)


def require_locks(root: Path, keeping: Keeping) -> None:
    """Try the locks of an existing folder, where the file system is none that is known to have them.

    Raises:
        StoreUnavailable: they do not keep others out.
    """
    if not keeping.reason:
        return
    if (wrong := _engine.probe_locks(str(root))) is not None:
        lustre = "; Lustre has them when it is mounted with -o flock" if keeping.file_system == "Lustre" else ""
        raise StoreUnavailable(
            f"the store {root} is on {keeping.file_system}, where files cannot be locked as a store needs it: {wrong}",
            hint=_ELSEWHERE + lustre,
        )


def warn_of(root: Path, keeping: Keeping) -> None:
    """Say once in a process, of a store, that its file system makes logging slower."""
    if not keeping.reason or root in _warned:
        return
    _warned.add(root)
    how = "each point is written with a system call" if keeping.written else "a full disk may kill this process"
    _log.warning(
        "the store %s is on %s (%s): %s, and a run's start and end wait for the disk; a local disk is faster",
        *(root, keeping.file_system, keeping.reason, how),
    )


_warned: set[Path] = set()


def sync_names(folder: int) -> None:
    """Make the names in an open folder survive a power cut; a file system that cannot be told so keeps them by itself.

    Raises:
        OSError: the disk failed.
    """
    try:
        os.fsync(folder)
    except OSError as error:
        if error.errno not in _NO_SUCH_CALL:
            raise


def sync_folder(folder: Path) -> None:
    """Make the names in a folder survive a power cut, as `sync_names` does.

    Raises:
        OSError: it cannot be opened, or the disk failed.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        sync_names(descriptor)
    finally:
        os.close(descriptor)


def _existing(root: Path) -> Path:
    return next(folder for folder in (root, *root.parents) if folder.exists())
