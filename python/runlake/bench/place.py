"""Place: the folder whose storage is measured, and the stores that are made there for a while."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from runlake import _engine
from runlake.config import Config
from runlake.errors import StoreUnavailable
from runlake.fluent.run import ActiveRun
from runlake.store import Store

NEEDED_BYTES: Final = 768 << 20
"""Space that the longest part takes, journal and segments together."""
_MOUNTS: Final = Path("/proc/self/mountinfo")


@contextlib.contextmanager
def scratch(folder: Path) -> Iterator[Path]:
    """Give a new folder below `folder` that is gone afterwards, whatever happens.

    Below a store that is its `cache`, which may hold anything and be deleted at any time.

    Raises:
        StoreUnavailable: there is no such folder, it cannot be written to, or has too little space.
    """
    if not folder.is_dir():
        raise StoreUnavailable(f"there is no folder {folder} to measure in", hint="name one with --store FOLDER")
    inside = folder / "cache" if (folder / "lake.json").exists() else folder
    try:
        inside.mkdir(exist_ok=True)
        made = Path(tempfile.mkdtemp(prefix="runlake-bench-", dir=inside))
    except OSError as error:
        raise StoreUnavailable(f"the folder {folder} cannot be written to: {error.strerror}") from error
    try:
        if (free := shutil.disk_usage(made).free) < NEEDED_BYTES:
            needed = f"{NEEDED_BYTES >> 20} MiB for a moment"
            raise StoreUnavailable(f"the disk of {folder} has {free >> 20} MiB left, and measuring takes {needed}")
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)


@contextlib.contextmanager
def fresh_run(folder: Path, config: Config) -> Iterator[ActiveRun]:
    """Give a run in a new store below `folder`, which is closed and removed in the end.

    Raises:
        StoreUnavailable: the file system cannot hold a store.
    """
    root = folder / f"lake-{uuid.uuid4().hex[:8]}"
    store = Store.open(root, config=config)
    try:
        yield begin(store)
    finally:
        _engine.set_active_logger(None)
        store.close(timeout_s=5)
        shutil.rmtree(root, ignore_errors=True)


def begin(store: Store) -> ActiveRun:
    """Start a run, and make it the one that `runlake.log_metric` of this thread logs to."""
    now_ms = time.time_ns() // 1_000_000
    run = store.create_run(uuid.uuid4().hex, "0", name="bench", user_id="", start_time=now_ms, owned=True)
    logger = store.run_logger(run.info.run_id)
    _engine.set_active_logger(logger)
    return ActiveRun(run, store, logger)


def file_system(folder: Path) -> str:
    """Return the type of the file system that a folder is on, as the kernel calls it; "?" when it does not say."""
    try:
        mounts = [line.split(" - ", 1) for line in _MOUNTS.read_text().splitlines()]
    except OSError:
        return "?"
    found = ("", "?")
    for mount, kind in mounts:
        point = mount.split()[4].encode().decode("unicode_escape")
        if folder.resolve().is_relative_to(point) and len(point) >= len(found[0]):
            found = point, kind.split()[0]
    return found[1]


def disk_bytes(folder: Path) -> int:
    """Return the space that the files below a folder take on disk, holes not counted."""
    return sum(path.lstat().st_blocks * 512 for path in folder.rglob("*") if path.is_file())
