"""Folder of a spool: where it is, and for which server."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Final

from runlake import _engine
from runlake.config import spool_folder, state_folder
from runlake.errors import Corrupt, StoreUnavailable
from runlake.remote.address import Address

MARK: Final = "remote.json"
"""The file by which a spool is known; it has the server's URL, never a password."""


def spools_folder() -> Path:
    """Return the folder that has this user's spools: RUNLAKE_SPOOL, else one for state, on a disk of this machine.

    Homes on network disks are none; spools are in /var/tmp then, which outlives a restart of the machine.
    """
    if (named := spool_folder()) is not None:
        return named
    state = state_folder()
    if state is not None and _is_of_this_machine(state):
        return state / "runlake" / "spool"
    return Path("/var/tmp") / f"runlake-{os.getuid()}" / "spool"


def _is_of_this_machine(folder: Path) -> bool:
    existing = next(parent for parent in (folder, *folder.parents) if parent.exists())
    return os.access(existing, os.W_OK) and not _engine.check_filesystem(str(existing)).shared


def folder_for(address: Address) -> Path:
    """Return the folder of a server's spool."""
    digest = hashlib.sha256(str(address).encode()).hexdigest()[:10]
    host = "".join(letter if letter.isalnum() or letter in ".-" else "_" for letter in address.host)[:80]
    return spools_folder() / f"{host}-{address.port}-{digest}"


def is_spool(root: Path) -> bool:
    """Tell whether a folder is a spool."""
    return (root / MARK).is_file()


def url_of(root: Path) -> str:
    """Return the server that a spool is for.

    Raises:
        Corrupt: `remote.json` is not what was written.
    """
    try:
        return str(Address.of(json.loads((root / MARK).read_text(encoding="utf-8"))["url"]))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Corrupt(
            f"{root / MARK} is not what was written", hint='write {"url": "http://host:port"} into it'
        ) from error


def mark(root: Path, address: Address) -> None:
    """Make the folder of a spool, if it is missing, and note in it which server it is for.

    Raises:
        StoreUnavailable: it cannot be made, or is somebody else's.
    """
    if is_spool(root):
        return
    unfinished = root / f"{MARK}.{os.urandom(4).hex()}.tmp"
    try:
        root.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        root.mkdir(exist_ok=True, mode=0o700)
        _require_own(root.parent)
        unfinished.write_text(json.dumps({"url": str(address)}) + "\n", encoding="utf-8")
        unfinished.rename(root / MARK)
    except StoreUnavailable:
        raise
    except OSError as error:
        raise StoreUnavailable(
            f"what is on its way to {address} cannot be kept in {root}: {error.strerror}",
            hint="name a folder on a local disk in RUNLAKE_SPOOL",
        ) from error


def _require_own(folder: Path) -> None:
    """Refuse a folder that somebody else has made, where everybody may make some: they could read what is logged."""
    if folder.stat().st_uid not in (os.getuid(), 0):
        raise StoreUnavailable(f"{folder} belongs to another user", hint="name a folder of your own in RUNLAKE_SPOOL")
