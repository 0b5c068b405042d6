"""Examination: all checks of a store, which change nothing; others may use it meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Final

from runlake.checkup import contents, folder, journals, segments
from runlake.checkup.copy import StoreCopy, opened_copy
from runlake.checkup.findings import Finding, Progress, State
from runlake.checkup.judging import judged, known_gaps
from runlake.errors import Corrupt, RunlakeError
from runlake.replication.folder import is_spool

_ATTEMPTS: Final = 3

Check = Callable[[StoreCopy], Iterable[Finding]]
"""A check of whoever asks, of a store whose catalog is sound."""


def _quiet(_done: int, _total: int) -> None:
    pass


def _nothing(_copy: StoreCopy) -> Iterable[Finding]:
    return ()


def examine(root: Path, *, read: bool = True, progress: Progress = _quiet, also: Check = _nothing) -> Iterator[Finding]:
    """Check a store; the first check that cannot go on is the last.

    Nothing of the store is written, not even a lock file, and nobody who uses it is disturbed.

    Args:
        root: The store's folder.
        read: Whether to read segments, and to compare summaries with their points.
        progress: Is told how far reading segments has come.
        also: One more check, which comes last and is given the same copy of the catalog.
    """
    try:
        about_store, *about_folder = folder.check_lake(root)
        yield from (about_store, *about_folder)
        if not about_store.is_healthy and not folder.holds_data(root):
            return
        yield from folder.check_strangers(root)
        if (root / folder.UNREADY).exists():
            yield Finding("catalog", State.WRONG, "a repair was cut short", "run `runlake doctor --repair` again")
        yield from _settled(root, read, progress, also)
    except RunlakeError as error:
        yield Finding("open", State.WRONG, error.message, error.hint)


def _settled(root: Path, read: bool, progress: Progress, also: Check) -> list[Finding]:
    """Check what is inside. Where something is wrong and somebody has worked there meanwhile, look again."""
    for attempt in range(1, _ATTEMPTS + 1):
        findings, before = _inside(root, read, progress, also)
        if attempt == _ATTEMPTS or all(one.is_healthy for one in findings) or before == _transaction(root):
            return findings
    raise AssertionError  # the last attempt returns


def _inside(root: Path, read: bool, progress: Progress, also: Check) -> tuple[list[Finding], int | None]:
    # NOTE: journals, catalog, segments, in this order: what is sealed meanwhile is in both then, and not in neither.
    found = journals.read_journals(root)
    try:
        with opened_copy(root) as copy:
            catalog = copy.catalog
            states = {state.info.id: state for state in catalog.all_writers()}
            noted = {Path(gap.gap.file).name for gap in catalog.gaps()}
            findings = list(
                journals.check_journals(root, found, states, known_gaps(catalog), noted, catalog.replicas(states))
            )
            about_catalog = list(contents.check_catalog(catalog))
            findings += about_catalog
            if not about_catalog[0].is_healthy:
                return findings, catalog.tx()
            findings += contents.check_losses(catalog)
            findings += contents.check_recovered(catalog)
            if not is_spool(root):  # its points are at the server, and in no segment
                replaced = [old.path for old in catalog.replaced_segments()]
                with judged(root, catalog, found, read=read, progress=progress) as judgement:
                    findings += segments.check_segments(judgement)
                    findings += segments.check_unlisted_files(root / "segments", judgement, replaced)
            findings += contents.check_artifacts(root, catalog, read=read)
            if all(one.is_healthy for one in about_catalog):
                findings += also(copy)
            return findings, catalog.tx()
    except Corrupt as error:
        broken = [*journals.check_journals(root, found, {}, {})]
        return [*broken, Finding("catalog", State.WRONG, error.message, contents.BROKEN)], None


def _transaction(root: Path) -> int | None:
    """Return the catalog's transaction of this moment; None where there is none to be read."""
    try:
        with opened_copy(root) as copy:
            return copy.catalog.tx()
    except RunlakeError:
        return None
