"""Copying: a catalog as of one moment, elsewhere, so that it can be looked at without touching the store."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from runlake.catalog.database import NAME, opened_in_this_process, translated
from runlake.catalog.lock import FileLock
from runlake.errors import Corrupt

_PARTS = (NAME, f"{NAME}-wal", f"{NAME}-journal")


def copy_catalog(root: Path, folder: Path, *, timeout_s: float = 20.0) -> None:
    """Copy the store's catalog into another folder.

    Writers are kept waiting while the copy is made, about 0.1 s for 100 MB; the store's folder is not written to.

    Raises:
        Corrupt: there is no catalog, or nothing of it can be read.
        CatalogLocked: others kept it for `timeout_s`.
    """
    with translated(root / NAME):
        _copy(root, folder, timeout_s)


def _copy(root: Path, folder: Path, timeout_s: float) -> None:
    path = root / NAME
    if not path.exists() or path.stat().st_size == 0:
        raise Corrupt(f"{path} is {'empty' if path.exists() else 'gone'}")
    # NOTE: a file that this process has open through SQLite is read through it: closing it by hand drops its locks.
    with opened_in_this_process(path) as connection:
        if connection is not None:
            target = sqlite3.connect(folder / NAME)
            with contextlib.closing(target):
                connection.backup(target)
            return
    with _locked(root / "catalog.lock", timeout_s):
        for name in _PARTS:
            with contextlib.suppress(FileNotFoundError):
                shutil.copyfile(root / name, folder / name)


@contextlib.contextmanager
def _locked(path: Path, timeout_s: float) -> Iterator[None]:
    """Hold the catalog's lock; without its file nobody uses the store."""
    if not path.exists():
        yield
        return
    lock = FileLock(path, writable=False)
    lock.acquire(timeout_s)
    try:
        yield
    finally:
        lock.forget()
