"""Checks of what is around a store's data: settings, `lake.json`, the file system, and files that are no part of it."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from runlake import config
from runlake.catalog.lake import read_lake
from runlake.checkup.findings import REPAIR, Finding, State, named
from runlake.errors import Corrupt, RunlakeError
from runlake.filesystem import keeping_of, require_locks

UNREADY: Final = ".repair"
"""The folder in which a catalog is made that takes the place of a broken one."""

_OURS: Final = {
    *("lake.json", "catalog.db", "catalog.db-wal", "catalog.db-shm", "catalog.db-journal", "catalog.lock"),
    *("recover.lock", "replicate.lock", "compact.lock", "owner.json", "owner.lock"),
    *("journals", "segments", "artifacts", "cache", "provenance", "handover", "remote.json", UNREADY),
}


def check_environment() -> Iterator[Finding]:
    """Name the variables in force, and those that look like ours and mean nothing."""
    used = config.in_force()
    says = ", ".join(f"{name}={value}" for name, value in used.items()) or "no variable is set"
    yield Finding("environment", State.OK, says, details={"variables": used})
    for name in config.unknown():
        near = difflib.get_close_matches(name, config.names(), n=1)
        hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(config.names())}"
        yield Finding("environment", State.WRONG, f"{name} is set and means nothing", hint)


def holds_data(root: Path) -> bool:
    """Tell whether a folder has what only a store has."""
    return any((root / name).exists() for name in ("catalog.db", "segments", "journals"))


def check_lake(root: Path) -> Iterator[Finding]:
    """Look at `lake.json` and at the file system.

    Raises:
        RunlakeError: a later version wrote the store, or the folder cannot be read.
    """
    try:
        lake = read_lake(root)
    except Corrupt as error:
        yield Finding("store", State.WRONG, error.message, REPAIR)
        return
    if lake is None:
        yield _without_lake(root)
        return
    details = {"format": lake.format, "store_id": lake.store_id, "created_ms": lake.created_ms}
    yield Finding("store", State.OK, f"{root}, format {lake.format}, id {lake.store_id}", details=details)
    yield _file_system(root)


def _file_system(root: Path) -> Finding:
    """Say what the file system can be trusted with, and how the store is kept on it."""
    keeping = keeping_of(root, config.journal())
    points = "each point is written" if keeping.written else "points are stored into mapped files"
    catalog = "the catalog has a WAL" if keeping.wal else "each change of the catalog waits for the disk"
    says = f"{keeping.file_system}: {points}, {catalog}"
    if keeping.reason:
        says += f", for {keeping.reason}"
    if keeping.shared:
        says += "; one host at a time can use the store"
    details = {"file_system": keeping.file_system, "written": keeping.written, "wal": keeping.wal}
    try:
        require_locks(root, keeping)
    except RunlakeError as error:
        return Finding("file system", State.WRONG, error.message, error.hint, details)
    hint = "a store on a local disk (ext4, xfs, tmpfs) is faster" if keeping.reason else None
    return Finding("file system", State.NOTE if keeping.reason else State.OK, says, hint, details)


def _without_lake(root: Path) -> Finding:
    if holds_data(root):
        return Finding("store", State.WRONG, f"{root / 'lake.json'} is gone, and the data of a store is there", REPAIR)
    return Finding("store", State.WRONG, f"there is no store in {root}", "name another one with --store FOLDER")


def check_strangers(root: Path) -> Iterator[Finding]:
    """Name files beside the store's own."""
    strangers = sorted(entry.name for entry in os.scandir(root) if not _is_ours(entry.name))
    if strangers:
        says = f"{named(strangers)}: no part of the store"
        yield Finding("folder", State.NOTE, says, "it does no harm; remove it if nobody needs it", {"files": strangers})
    aside = sorted(path.name for path in root.glob("catalog.db.damaged-*"))
    if aside:
        says = f"{named(aside)}: a catalog that was replaced"
        yield Finding("folder", State.NOTE, says, "delete it when you have looked", {"files": aside})


def _is_ours(name: str) -> bool:
    return (
        name in _OURS
        or name.startswith("catalog.db.damaged-")
        or (name.startswith("lake.json.") and name[-4:] == ".tmp")
    )
