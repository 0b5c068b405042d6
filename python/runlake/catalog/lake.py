"""lake.json: the file that makes a folder a store, with its format number and its id."""

from __future__ import annotations

import contextlib
import json
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from runlake.errors import Corrupt, NewerFormat, NotFound, StoreUnavailable

FORMAT: Final = 1
NAME: Final = "lake.json"

_RESTORE: Final = f"restore {NAME} from a copy of the store, or run `runlake doctor --repair`"


@dataclass(frozen=True)
class Lake:
    """What `lake.json` says: `store_id` is 32 hexadecimal digits."""

    format: int
    store_id: str
    created_ms: int


def read_lake(root: Path) -> Lake | None:
    """Return what the store's `lake.json` says, None when `root` holds no store. Nothing is written.

    Raises:
        StoreUnavailable: `root` is a file or cannot be read.
        NewerFormat: a later version made the store.
        Corrupt: the file is not what was written.
    """
    try:
        text = (root / NAME).read_bytes()
    except FileNotFoundError:
        _require_folder(root)
        return None
    except NotADirectoryError as error:
        raise _not_a_folder(root) from error
    except OSError as error:
        raise StoreUnavailable(f"the store {root} cannot be read: {error.strerror}") from error
    try:
        said = json.loads(text)
        lake = Lake(int(said["format"]), str(said["store_id"]), int(said.get("created_ms", 0)))
    except (ValueError, KeyError, TypeError) as error:
        raise Corrupt(f"{root / NAME} is not what was written", hint=_RESTORE) from error
    if lake.format > FORMAT:
        raise NewerFormat(
            f"the store {root} has format {lake.format}; this version of runlake knows formats up to {FORMAT}",
            hint="upgrade runlake",
        )
    return lake


def make_lake(root: Path) -> Lake:
    """Make the folder a store and return its new identity; the caller holds the store's lock.

    Raises:
        StoreUnavailable: the folder cannot be written to.
        Corrupt: it holds a catalog already, so its `lake.json` was lost.
    """
    if (root / "catalog.db").exists():
        raise Corrupt(f"{root} has a catalog and no {NAME}", hint=_RESTORE)
    lake = Lake(FORMAT, os.urandom(16).hex(), time.time_ns() // 1_000_000)
    path, temporary = root / NAME, root / f"{NAME}.{os.urandom(4).hex()}.tmp"
    try:
        with temporary.open("x", encoding="utf-8") as file:
            file.write(
                json.dumps({"format": lake.format, "store_id": lake.store_id, "created_ms": lake.created_ms}) + "\n"
            )
            file.flush()
            os.fsync(file.fileno())
        temporary.rename(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise StoreUnavailable(f"the store {root} cannot be written to: {error.strerror}") from error
    return lake


def make_folder(root: Path) -> None:
    """Make the folder of a store and those above it.

    Raises:
        StoreUnavailable: it is a file, or cannot be made.
    """
    try:
        root.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        raise _not_a_folder(root) from error
    except OSError as error:
        raise StoreUnavailable(
            f"the folder {root} cannot be made: {error.strerror}",
            hint="choose another folder with runlake.set_tracking_uri() or RUNLAKE_TRACKING_URI",
        ) from error


def no_store(root: Path) -> NotFound:
    """Return the error for a folder that holds no store."""
    return NotFound(f"there is no store in {root}", hint="name the store's folder, or log a run into it first")


def _require_folder(root: Path) -> None:
    if root.exists() and not root.is_dir():
        raise _not_a_folder(root)


def _not_a_folder(root: Path) -> StoreUnavailable:
    return StoreUnavailable(f"the store {root} is a file, not a folder", hint="name a folder; a missing one is made")
