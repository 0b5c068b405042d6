"""Checks of segments against the catalog, in words."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Final

from runlake.checkup.choosing import Choice
from runlake.checkup.findings import REPAIR, Finding, State, counted, named
from runlake.checkup.judging import Judgement
from runlake.checkup.known import Knowledge
from runlake.sizes import size

_CHECK: Final = "segments"
_SEGMENT_NAME: Final = re.compile(r"(^|/)\.?[0-9a-f]{32}\.parquet")
_RESTORE: Final = (
    "restore the file from a copy of the store if there is one; `runlake doctor --repair` keeps the rest readable and"
    " notes what is missing, run by run"
)
_MEANING: Final = {
    "segments": "segments are not what the catalog says of them",
    "runs of segments": "segments have points of other runs than the catalog says",
    "ranges of segments": "segments stand for other parts of journals than the catalog says",
    "summaries": "summaries of metrics are not those of the points",
    "ledgers": "accounts of points that were not stored are older than what segments say",
}


def check_segments(judgement: Judgement) -> Iterator[Finding]:
    """Say what of the segments, and of what the catalog has of them, does not hold."""
    known, choice = judgement.known, judgement.choice
    taken = choice.taken
    rows, in_bytes = sum(file.about.rows for file in taken), sum(file.about.bytes for file in taken)
    how = "footers and sizes compared" if judgement.scratch is None else "read and verified"
    says = f"{counted(len(taken), 'file')}, {counted(rows, 'point')}, {size(in_bytes)}; {how}"
    yield Finding(_CHECK, State.OK, says, details={"files": len(taken), "points": rows, "bytes": in_bytes})
    about_files = [*_lost(known, choice), *_unlisted(known, choice), *_listed_in_vain(known, choice)]
    yield from about_files
    yield from _streams(known, choice)
    files_differ = any(finding.state is State.WRONG for finding in about_files)
    for one in judgement.differences:
        if one.kind == "summaries" and files_differ:
            continue  # of course
        says = f"{one.count:,} {_MEANING[one.kind]}: {named(one.examples)}"
        yield Finding(_CHECK, State.WRONG, says, REPAIR, {"kind": one.kind, "count": one.count})
    yield from _not_at_home(known, choice)


def _lost(known: Knowledge, choice: Choice) -> Iterator[Finding]:
    for lost in choice.lost.values():
        listed = lost.listed
        says = f"{listed.path}: {lost.reason}; {counted(listed.rows, 'point')} of it are nowhere else"
        details = {"file": listed.path, "points": listed.rows, "reason": lost.reason}
        noted = listed.lost is not None
        hint = "restore the file from a copy of the store and run `runlake doctor --repair`" if noted else _RESTORE
        yield Finding(_CHECK, State.LOST if noted else State.WRONG, says, hint, details)


def _unlisted(known: Knowledge, choice: Choice) -> Iterator[Finding]:
    unlisted = [file for file in choice.taken if file.about.segment_id not in known.listed]
    if unlisted:
        rows = sum(file.about.rows for file in unlisted)
        says = (
            f"{counted(rows, 'point')} are in {counted(len(unlisted), 'file')} that the catalog does not list, and"
            f" nowhere else: {named([file.path for file in unlisted])}"
        )
        yield Finding(_CHECK, State.WRONG, says, REPAIR, {"files": [file.path for file in unlisted]})
    restored = [
        file.path
        for file in choice.taken
        if (listed := known.listed.get(file.about.segment_id)) is not None and listed.lost is not None
    ]
    if restored:
        says = f"{named(restored)} is whole again; the catalog has it as lost"
        yield Finding(_CHECK, State.WRONG, says, REPAIR, {"files": restored})


def _listed_in_vain(known: Knowledge, choice: Choice) -> Iterator[Finding]:
    counted_ids = {file.about.segment_id for file in choice.taken} | choice.lost.keys()
    paths = {file.path: file for file in known.files}
    for id_, listed in known.listed.items():
        if id_ in counted_ids:
            continue
        here = listed.path in paths and paths[listed.path].about.segment_id == id_
        why = choice.spare.get(listed.path) if here else known.bad.get(listed.path, "the file is gone")
        says = f"{listed.path} is listed in the catalog; {why}"
        if not here:
            says += ", and its points are elsewhere"
        yield Finding(_CHECK, State.WRONG, says, REPAIR, {"file": listed.path})


def _streams(known: Knowledge, choice: Choice) -> Iterator[Finding]:
    for writer, stream in choice.streams.items():
        said = known.writers[writer].sealed if writer in known.writers else 0
        lost = sum(upto - first for first, upto in stream.lost)
        rescued = sum(upto - first for first, upto in stream.rescued)
        details = {"writer": writer, "sealed": stream.sealed, "catalog": said}
        if lost:
            whose = f"{counted(lost, 'point')} of writer {writer[:8]}"
            says = f"{whose} are in no segment and in no journal: {_in(stream.lost)}"
            yield Finding(_CHECK, State.WRONG, says, _RESTORE, details)
        if rescued:
            says = f"{counted(rescued, 'point')} of writer {writer[:8]} are in its journal, behind others in segments"
            yield Finding(_CHECK, State.WRONG, says, REPAIR, details)
        if stream.sealed != said:
            says = (
                f"segments hold points of writer {writer[:8]} up to {stream.sealed:,}; the catalog says up to {said:,}"
            )
            yield Finding(_CHECK, State.WRONG, says, REPAIR, details)


def _in(spans: Sequence[tuple[int, int]]) -> str:
    return named([f"{first:,} to {upto:,}" for first, upto in spans])


def _not_at_home(known: Knowledge, choice: Choice) -> Iterator[Finding]:
    moved = [file.path for file in choice.taken if not file.is_at_home]
    if moved:
        says = f"{named(moved)}: not called, or not placed, as when it was written"
        yield Finding(_CHECK, State.NOTE, says, "it is read where it is", {"files": moved})


def check_unlisted_files(segments: Path, judgement: Judgement, replaced: Collection[str]) -> Iterator[Finding]:
    """Name files that nothing needs: leftovers of work that was cut short, and what others have put there.

    Args:
        replaced: Files that compaction keeps for whoever reads them still.
    """
    known, choice = judgement.known, judgement.choice
    needed = {*replaced} | {file.path for file in choice.taken} | {lost.listed.path for lost in choice.lost.values()}
    damaged = sorted(path for path in known.bad if path not in needed and not _is_listed(known, path))
    for path in filter(_SEGMENT_NAME.search, damaged):
        says = f"{path}: {known.bad[path]}; what it held, and whether that is elsewhere too, is not known"
        yield Finding(_CHECK, State.LOST, says, "restore it from a copy of the store, or remove it", {"file": path})
    damaged = [path for path in damaged if not _SEGMENT_NAME.search(path)]
    if damaged:
        says = f"{named(damaged)}: damaged, and in no list"
        hint = "if it is a segment, restore it from a copy of the store; else remove it"
        yield Finding(_CHECK, State.NOTE, says, hint, {"files": damaged})
    files = sorted(path for path in segments.rglob("*") if path.is_file()) if segments.is_dir() else []
    others = [
        path for path in files if (name := str(path.relative_to(segments))) not in needed and name not in known.bad
    ]
    if others:
        in_bytes = sum(path.stat().st_size for path in others if path.exists())
        says = f"{counted(len(others), 'file')} that the catalog does not list, {size(in_bytes)}"
        hint = "they are leftovers of interrupted seals; their points are in the journals or in other segments"
        names = [str(path.relative_to(segments)) for path in others]
        yield Finding(_CHECK, State.NOTE, says, hint, {"files": names})


def _is_listed(known: Knowledge, path: str) -> bool:
    return any(listed.path == path for listed in known.listed.values())
