"""Checks of journals: every frame, every record beside the points, every header; and whether the catalog agrees."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from runlake import _engine
from runlake.catalog import WriterState
from runlake.checkup.findings import REPAIR, Finding, State, counted, named
from runlake.checkup.known import Journal
from runlake.checkup.spans import Spans
from runlake.losses import moment_text
from runlake.recovery import JOURNAL_GONE, is_local
from runlake.sizes import size


@dataclass(frozen=True)
class JournalFiles:
    """The files of one writer, seen from outside, and what is in them."""

    files: _engine.WriterFiles
    inside: _engine.Adopted

    @property
    def id(self) -> str:
        """The writer's."""
        return self.files.id

    @property
    def journal(self) -> Journal:
        """What of it can be believed."""
        inside = self.inside
        whole = Spans((first, upto) for _, first, upto in inside.whole)
        return Journal(inside.first, inside.upto, whole, self.files.alive)


def read_journals(root: Path) -> list[JournalFiles]:
    """Read all journals of a store, to every byte that has a checksum, and change nothing."""
    journals = root / "journals"
    if not journals.is_dir():
        return []
    found = _engine.survey(str(journals))
    # Of those that live a listing is old soon; the others, which may be thousands, share one.
    inside = {files.id: _engine.inspect(str(journals), files.id) for files in found if files.alive}
    rest = _engine.inspect_all(str(journals), [files.id for files in found if not files.alive])
    inside |= {one.writer: one for one in rest}
    return [JournalFiles(files, inside[files.id]) for files in found]


def check_journals(
    root: Path,
    journals: Sequence[JournalFiles],
    states: Mapping[str, WriterState],
    gaps: Mapping[str, Spans],
    noted: Collection[str] = (),
    replicas: Collection[str] = (),
) -> Iterator[Finding]:
    """Say whose journals there are, and what in them does not hold.

    Args:
        states: What the catalog has of the writers.
        gaps: What is known to be missing of their streams.
        noted: Names of files whose losses are known.
        replicas: Writers of other stores.
    """
    yield _whose(journals, states)
    for one in journals:
        for file, fault in one.inside.faults:
            says = f"{Path(file).name}: {_without(file, fault)}"
            is_noted = Path(file).name in noted
            hint = "what it lost is listed below" if is_noted else f"what it holds and verifies is kept; {REPAIR}"
            yield Finding("journals", State.LOST if is_noted else State.WRONG, says, hint, {"file": file})
        yield from _losses(one, states.get(one.id), gaps.get(one.id, Spans()))
    yield from _gone(root, states, replicas)
    yield from _waiting(journals)
    yield from _leftovers(journals, states)
    aside = sorted(path.name for path in (root / "journals").glob("*.damaged"))
    if aside:
        says = f"{counted(len(aside), 'damaged file')} set aside: {named(aside)}"
        yield Finding("journals", State.LOST, says, "what they lost is listed below; delete them when you have looked")


def _without(file: str, fault: str) -> str:
    return fault.removeprefix(f"'{file}' is damaged: ")


def _whose(journals: Sequence[JournalFiles], states: Mapping[str, WriterState]) -> Finding:
    alive = [one for one in journals if one.files.alive]
    dead = [one for one in journals if _is_unmended(one, states)]
    says = (
        f"{counted(len(journals), 'writer')}, {size(sum(one.files.bytes for one in journals))}: {len(alive)} alive,"
        f" {len(journals) - len(alive) - len(dead)} closed, {len(dead)} died without closing"
    )
    details = [
        {
            "writer": one.id,
            "alive": one.files.alive,
            "closed_cleanly": one.files.closed_cleanly,
            "mended": not one.files.alive and not _is_unmended(one, states),
            "bytes": one.files.bytes,
            "points": one.files.committed,
            "last_verified_ms": one.inside.last_verified_ms,
        }
        for one in journals
    ]
    hint = "opening the store keeps what they logged and marks their runs FAILED" if dead else None
    return Finding("journals", State.NOTE if dead else State.OK, says, hint, {"writers": details})


def _is_unmended(one: JournalFiles, states: Mapping[str, WriterState]) -> bool:
    state = states.get(one.id)
    settled = state.state != "open" if state is not None else one.files.closed_cleanly
    return not one.files.alive and not settled


def _losses(one: JournalFiles, state: WriterState | None, known: Spans) -> Iterator[Finding]:
    """Say what is missing of a journal and in no list yet."""
    sealed = 0 if state is None else state.sealed
    runs = named([run_id for run_id, _, _ in one.inside.runs]) or "none that is known"
    verified = one.inside.last_verified_ms
    until = "no sync of it is proven" if verified is None else f"the last proven sync was at {moment_text(verified)}"
    for gap in one.inside.gaps:
        lost = sum(upto - first for first, upto in known.holes(max(gap.first, sealed), max(gap.upto, sealed)))
        if lost:
            whose = f"{counted(lost, 'point')} of writer {one.id[:8]} cannot be believed"
            says = f"{whose}: {gap.reason} ({gap.file}; runs: {runs})"
            details = {"writer": one.id, "first": gap.first, "upto": gap.upto, "file": gap.file}
            yield Finding("journals", State.WRONG, says, f"{until}; {REPAIR} and keeps all others", details)


def _gone(root: Path, states: Mapping[str, WriterState], replicas: Collection[str]) -> Iterator[Finding]:
    there = {path.name[:32] for path in (root / "journals").glob("*.journal*")}
    for writer_id, state in states.items():
        # One that is open and has no files may have died before it had logged; of a replica all may be sealed.
        is_done = state.state != "closed" or writer_id in replicas
        if not is_done and writer_id not in there and is_local(state.info):
            says = f"writer {writer_id[:8]}: {JOURNAL_GONE}"
            hint = "restore its files from a copy of the store; else opening the store notes the loss"
            yield Finding("journals", State.WRONG, says, hint, {"writer": writer_id})


def _waiting(journals: Sequence[JournalFiles]) -> Iterator[Finding]:
    waiting = sum(len(one.inside.outbox) for one in journals if not one.files.alive)
    if waiting:
        says = f"{counted(waiting, 'change')} of runs that met a locked catalog wait in journals of ended processes"
        yield Finding("journals", State.NOTE, says, "opening the store delivers them")


def _leftovers(journals: Sequence[JournalFiles], states: Mapping[str, WriterState]) -> Iterator[Finding]:
    """Name what is in journals though the catalog believes that nothing is."""
    done = [one for one in journals if one.id in states and states[one.id].state == "sealed" and not one.files.alive]
    hidden = [one.id[:8] for one in done if one.inside.upto > states[one.id].sealed]
    if hidden:
        says = f"the journals of writers {named(hidden)} have points, and the catalog says that they have none"
        yield Finding("journals", State.WRONG, says, "`runlake doctor --repair` shows them again")
    empty = [one.id[:8] for one in done if one.files.committed > 0 and one.inside.upto <= states[one.id].sealed]
    if empty:
        says = f"the journals of writers {named(empty)} hold nothing that is not in segments"
        yield Finding("journals", State.NOTE, says, "`runlake doctor --repair` lets them be removed")
