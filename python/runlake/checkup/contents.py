"""Checks of the catalog itself, and of files that it knows beside points."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from runlake.artifacts.shared import SharedFiles
from runlake.catalog import Catalog
from runlake.catalog.rebuilding import RECOVERED
from runlake.checkup.findings import Finding, State, counted, named
from runlake.errors import Corrupt
from runlake.losses import moment_text
from runlake.provenance import FILE_TAGS
from runlake.sizes import size

BROKEN: Final = (
    "restore catalog.db from a copy of the store, or run `runlake doctor --repair`: it makes a new one of what can"
    " still be read and keeps the broken one aside"
)


def check_catalog(catalog: Catalog) -> Iterator[Finding]:
    """Let SQLite check the file, and walk the chain of the registry's events."""
    problems = catalog.problems()
    says = "; ".join(problems) or f"sound, at transaction {catalog.tx()}"
    yield Finding("catalog", State.WRONG if problems else State.OK, says, BROKEN if problems else None)
    try:
        catalog.verify_registry_events()
    except Corrupt as error:
        yield Finding("registry", State.WRONG, error.message, "restore catalog.db from a copy of the store")


def check_losses(catalog: Catalog) -> Iterator[Finding]:
    """Say what is known to be missing."""
    for found in catalog.gaps():
        gap = found.gap
        why = ", ".join(filter(None, (gap.reason, gap.file)))
        number = counted(gap.upto - gap.first, "point") if gap.upto > gap.first else "an unknown number of points"
        says = f"{number} of writer {found.writer_id[:8]} are lost ({why})"
        verified = found.last_verified_ms
        hint = None if verified is None else f"the last proven sync was at {moment_text(verified)}"
        details = {"writer": found.writer_id, "first": gap.first, "upto": gap.upto, "file": gap.file}
        yield Finding("losses", State.LOST, says, hint, details)


def check_recovered(catalog: Catalog) -> Iterator[Finding]:
    """Say which runs a catalog had lost: of them, and beside them, more may be missing than anybody can tell."""
    runs = catalog.runs_tagged(RECOVERED)
    if runs:
        says = f"{counted(len(runs), 'run')} had to be entered anew: {named(runs)}; what else was lost is not known"
        hint = f"give them what you know of them; deleting their tag {RECOVERED} ends this"
        yield Finding("losses", State.LOST, says, hint, {"runs": runs})


def check_artifacts(root: Path, catalog: Catalog, *, read: bool) -> Iterator[Finding]:
    """Look for files that the catalog names: shared ones, by digest, and those that other stores have sent.

    Args:
        read: Whether to read shared files and compare their digests.
    """
    wrong = list(_shared(root, catalog, read)) + list(_received(root, catalog))
    for path, why in wrong:
        yield Finding("artifacts", State.WRONG, f"{path}: {why}", "restore the file from a copy of the store")
    folders = list(_folders(root))
    runs = {run_id for _, run_id in folders}
    strangers = sorted(runs - catalog.runs_among(runs))
    if strangers:
        number = counted(len(strangers), "folder")
        says = f"{number} of artifacts of runs that the catalog does not know: {named(strangers)}"
        yield Finding("artifacts", State.NOTE, says, details={"runs": strangers})
    if not wrong:
        says = f"{counted(len(folders), 'folder')}; nothing that the catalog names is missing"
        yield Finding("artifacts", State.OK, says)


def _shared(root: Path, catalog: Catalog, read: bool) -> Iterator[tuple[str, str]]:
    shared = SharedFiles(root / "provenance")
    for digest in sorted(catalog.tag_values(list(FILE_TAGS.values()))):
        path = shared.folder / digest
        if not path.exists():
            yield f"provenance/{digest}", "it is gone; runs name it as their packages or changes"
        elif read and shared.get(digest) is None:
            yield f"provenance/{digest}", "its content is not what its name says"


def _received(root: Path, catalog: Catalog) -> Iterator[tuple[str, str]]:
    for experiment_id, run_id, name, expected in catalog.all_received_files():
        path = root / "artifacts" / experiment_id / run_id / name
        try:
            found = path.stat().st_size
        except OSError:
            yield f"artifacts/{experiment_id}/{run_id}/{name}", "it was received and is gone"
        else:
            if found != expected:
                yield (
                    f"artifacts/{experiment_id}/{run_id}/{name}",
                    f"it has {size(found)} and was received with {size(expected)}",
                )


def _folders(root: Path) -> Iterator[tuple[str, str]]:
    """Give experiment and run of each folder of artifacts."""
    artifacts = root / "artifacts"
    if artifacts.is_dir():
        for experiment in os.scandir(artifacts):
            if experiment.is_dir(follow_symlinks=False):
                for run in os.scandir(experiment.path):
                    if run.is_dir(follow_symlinks=False) and len(run.name) == 32:
                        yield experiment.name, run.name


def artifact_folders(root: Path) -> dict[str, str]:
    """Return the experiment of each run that has a folder of artifacts."""
    return {run_id: experiment_id for experiment_id, run_id in _folders(root)}
