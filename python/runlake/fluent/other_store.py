"""Other store: a library that imports `mlflow` itself logs with that package, beside the run and where it pleases.

Nothing is imported for it: who logs with MLflow's package has loaded it. What counts is what was written while the run
was under way, not that the package is there.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from runlake import recording
from runlake.errors import InvalidInput
from runlake.guard import shielded
from runlake.location import SCHEME, folder_of_uri, uri_of_folder
from runlake.remote.address import Address, is_address

if TYPE_CHECKING:
    from runlake.fluent.run import ActiveRun

TAG = "runlake.also_logged_to"
"""Tag of a run whose process has logged to another store too; its value is that store's URI."""


def notice(run: ActiveRun) -> None:
    """Tag a run beside which MLflow's package has logged to another store, and say so once."""
    package = sys.modules.get("mlflow")
    if package is None:
        return
    with shielded("noticing another store", always=True):
        place = run.store.place
        ours = place if is_address(place) else uri_of_folder(place)
        uri = _used_beside(run, package, ours)
        if uri is not None:
            run.store.record(run.id, tags={TAG: uri})
            recording.warn_once(
                f"MLflow's own package has logged to {uri} while run {run.id} was under way; set"
                f" MLFLOW_TRACKING_URI={ours} and both log into one store",
                cause="two stores",
            )


def last_written(uri: str) -> int | None:
    """Return when a store of MLflow's on this machine was last written to, in ms since 1970; None when it is not here.

    Of a folder it is when the last run was made, or changed in its attributes.
    """
    path = _path(uri)
    if path is None:
        return None
    files = _runs_of(path) if path.is_dir() else (path, path.with_name(f"{path.name}-wal"))
    return max((time for file in files if (time := _modified(file)) is not None), default=None)


def _used_beside(run: ActiveRun, package: Any, ours: str) -> str | None:
    """Return the URI of the other store that was used since the run began; None when there is none."""
    uri = str(package.get_tracking_uri())
    if _same_store(uri, ours):
        return None
    written = last_written(uri)
    used = package.active_run() is not None or (written is not None and written >= (run.info.start_time or 0))
    return _without_password(uri) if used else None


def _same_store(uri: str, ours: str) -> bool:
    """Tell whether two URIs, the second of ours, mean one store."""
    try:
        if is_address(uri) and is_address(ours):
            return str(Address.of(uri)) == str(Address.of(ours))
        if uri.startswith(f"{SCHEME}:") and ours.startswith(f"{SCHEME}:"):
            return os.path.realpath(folder_of_uri(uri)) == os.path.realpath(folder_of_uri(ours))
    except InvalidInput:
        return False
    return False


def _without_password(uri: str) -> str:
    parts = urlsplit(uri)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl() if "@" in parts.netloc else uri


def _path(uri: str) -> Path | None:
    """Return the database or the folder that a tracking URI of MLflow's names."""
    parts = urlsplit(uri)
    if parts.scheme == "sqlite":
        return Path(unquote(parts.path.removeprefix("/"))) if parts.path else None
    return Path(unquote(parts.path)) if parts.scheme in ("", "file") and parts.path else None


def _runs_of(folder: Path) -> Iterator[Path]:
    """Give what MLflow writes into a folder when a run is made or ends: `<experiment>/<run>/meta.yaml`."""
    for experiment in folder.iterdir():
        if (experiment / "meta.yaml").exists():
            yield from experiment.glob("*/meta.yaml")


def _modified(file: Path) -> int | None:
    try:
        return int(file.stat().st_mtime * 1000)
    except OSError:
        return None
