"""Checks of a store: from the folder it is in to every byte of its segments."""

from __future__ import annotations

import contextlib
import difflib
import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from runlake import _engine, config
from runlake.catalog import Catalog, Range, SegmentRef
from runlake.catalog.lake import read_lake
from runlake.cli.output import size
from runlake.errors import RunlakeError
from runlake.filesystem import keeping_of, require_locks
from runlake.store import Store


class State(StrEnum):
    """What a check came to; only WRONG makes a store unhealthy."""

    OK = "ok"
    NOTE = "note"
    WRONG = "wrong"


@dataclass(frozen=True)
class Finding:
    """What one check found, in a sentence, with its numbers beside it."""

    check: str
    state: State
    says: str
    hint: str | None = None
    details: dict[str, Any] = field(default_factory=dict)


def check_environment() -> Iterator[Finding]:
    """Name the variables in force, and those that look like ours and mean nothing."""
    used = config.in_force()
    says = ", ".join(f"{name}={value}" for name, value in used.items()) or "no variable is set"
    yield Finding("environment", State.OK, says, details={"variables": used})
    for name in config.unknown():
        near = difflib.get_close_matches(name, config.names(), n=1)
        hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(config.names())}"
        yield Finding("environment", State.WRONG, f"{name} is set and means nothing", hint)


def check_folder(root: Path) -> Iterator[Finding]:
    """Look at the folder without touching it.

    Raises:
        RunlakeError: it holds no store that this version can read.
    """
    lake = read_lake(root)
    if lake is None:
        yield Finding("store", State.WRONG, f"there is no store in {root}", "name another one with --store FOLDER")
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


def check_journals(root: Path) -> Iterator[Finding]:
    """Say whose journals there are, before opening the store mends any."""
    journals = root / "journals"
    files = _engine.survey(str(journals)) if journals.is_dir() else []
    alive = sum(one.alive for one in files)
    died = [one.id for one in files if not one.alive and not one.closed_cleanly]
    mended = _mended(root, died)
    dead = len(died) - len(mended)
    total = size(sum(one.bytes for one in files))
    says = (
        f"{len(files)} writers, {total}: {alive} alive, {len(files) - alive - dead} closed, {dead} died without closing"
    )
    details = [
        {
            "writer": one.id,
            "alive": one.alive,
            "closed_cleanly": one.closed_cleanly,
            "mended": one.id in mended,
            "bytes": one.bytes,
            "points": one.committed,
        }
        for one in files
    ]
    hint = "opening the store keeps what they logged and marks their runs FAILED" if dead else None
    yield Finding("journals", State.NOTE if dead else State.OK, says, hint, {"writers": details})
    damaged = sorted(path.name for path in journals.glob("*.damaged"))
    if damaged:
        says = f"{len(damaged)} damaged files were set aside: {', '.join(damaged[:3])}"
        yield Finding("journals", State.WRONG, says, "what they lost is listed below; delete them when you have looked")


def _mended(root: Path, died: list[str]) -> set[str]:
    """Return those of some writers that died whose runs and losses are in order since the store was last opened."""
    if not died:
        return set()
    try:
        catalog = Catalog.open(root, create=False)
    except RunlakeError:  # a finding of its own, in a moment
        return set()
    with contextlib.closing(catalog):
        return {state.info.id for state in catalog.writer_states(died) if state.state != "open"}


def check_catalog(store: Store) -> Iterator[Finding]:
    """Let SQLite check itself, and say what journals have lost."""
    problems = store.catalog.problems()
    says = "; ".join(problems) or f"sound, at transaction {store.catalog.tx()}"
    hint = "restore catalog.db from a copy; segments hold every sealed point" if problems else None
    yield Finding("catalog", State.WRONG if problems else State.OK, says, hint)
    for found in store.catalog.gaps():
        gap = found.gap
        why = ", ".join(filter(None, (gap.reason, gap.file)))
        says = f"{gap.upto - gap.first:,} points of writer {found.writer_id[:8]} are lost ({why})"
        yield Finding("losses", State.WRONG, says, details={"first": gap.first, "upto": gap.upto, "file": gap.file})


def check_segments(store: Store, *, read: bool) -> Iterator[Finding]:
    """Compare every file with what the catalog says of it.

    Args:
        read: Whether to read the files whole and check their sums, or to look at sizes only.
    """
    plan = store.catalog.plan()
    ranges = store.catalog.segment_ranges()
    problems = [one for ref in plan.segments for one in _segment_problems(store, ref, ranges[ref.segment_id], read)]
    rows, in_bytes = sum(ref.rows for ref in plan.segments), sum(ref.bytes for ref in plan.segments)
    how = "read and verified" if read else "sizes compared"
    if not problems:
        says = f"{len(plan.segments)} files, {rows:,} points, {size(in_bytes)}; {how}"
        yield Finding(
            "segments", State.OK, says, details={"files": len(plan.segments), "points": rows, "bytes": in_bytes}
        )
    for problem in problems:
        yield Finding("segments", State.WRONG, problem, "restore the file from a copy of the store")
    held = [(ref.experiment_id, one) for ref in plan.segments for one in ranges[ref.segment_id]]
    lost = [(found.writer_id, found.gap.first, found.gap.upto) for found in store.catalog.gaps()]
    for problem in (*doubled(held), *unheld([one for _, one in held] + lost, plan.sealed)):
        yield Finding("segments", State.WRONG, problem)
    known = {ref.path for ref in plan.segments} | {old.path for old in store.catalog.replaced_segments()}
    yield from _strangers(store.segments_dir, known)


def _segment_problems(store: Store, ref: SegmentRef, ranges: list[Range], read: bool) -> Iterator[str]:
    path = store.segments_dir / ref.path
    if not path.exists():
        yield f"{ref.path} is missing; the catalog has {ref.rows:,} points in it"
        return
    if path.stat().st_size != ref.bytes:
        yield f"{ref.path} has {path.stat().st_size:,} bytes; the catalog says {ref.bytes:,}"
        return
    if not read:
        return
    try:
        info = _engine.verify_segment(str(path))
    except RunlakeError as error:
        yield f"{ref.path}: {error.message}"
        return
    said = (info.segment_id, info.experiment_id, info.rows, sorted(info.ranges))
    expected = (ref.segment_id, ref.experiment_id, ref.rows, ranges)
    if said != expected:
        yield f"{ref.path} says of itself {said}; the catalog says {expected}"


def doubled(held: list[tuple[str, Range]]) -> Iterator[str]:
    """Say which points two segments hold; those of two experiments may share a range, as each has its own runs."""
    for (experiment, (writer, _, upto)), (other, (next_writer, first, _)) in itertools.pairwise(sorted(held)):
        if (experiment, writer) == (other, next_writer) and first < upto:
            yield f"points {first:,} to {upto:,} of writer {writer[:8]} are in two segments of experiment {experiment}"


def unheld(held: list[Range], sealed: dict[str, int]) -> Iterator[str]:
    """Say which points the catalog calls sealed, though no segment holds them, or the other way round."""
    reached = dict.fromkeys(sealed, 0)
    for writer, first, upto in sorted(held):
        if first > reached.get(writer, 0):
            yield f"no segment holds points {reached.get(writer, 0):,} to {first:,} of writer {writer[:8]}"
        reached[writer] = max(reached.get(writer, 0), upto)
    for writer, upto in reached.items():
        if upto != sealed.get(writer, 0):
            said = sealed.get(writer, 0)
            yield f"segments hold points of writer {writer[:8]} up to {upto:,}; the catalog says up to {said:,}"


def _strangers(folder: Path, known: set[str]) -> Iterator[Finding]:
    """Name files that the catalog does not list: leftovers of a seal that was cut short."""
    files = [path for path in folder.rglob("*") if path.is_file() and str(path.relative_to(folder)) not in known]
    if files:
        says = f"{len(files)} files that the catalog does not list, {size(sum(path.stat().st_size for path in files))}"
        hint = "they are leftovers of interrupted seals; their points are in the journals or in other segments"
        yield Finding("segments", State.NOTE, says, hint, {"files": [str(path.relative_to(folder)) for path in files]})
