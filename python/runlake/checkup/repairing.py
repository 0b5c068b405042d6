"""Repair: makes the catalog what segments and journals say it is, and brings back one that is broken or gone.

Every step can be cut short and done again: what is made is made beside what it replaces, and takes its place at once.
Nothing that holds a point is removed or changed. docs/design.md, "Repair", has the order and the reasons.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import secrets
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from runlake import _engine
from runlake.catalog import Catalog, Change, GapInfo, WriterInfo
from runlake.catalog.database import NAME as CATALOG
from runlake.catalog.lake import FORMAT, read_lake
from runlake.catalog.lake import NAME as LAKE
from runlake.catalog.lock import FileLock
from runlake.catalog.rebuilding import ListedSegment, Rebuilding, Rebuilt, RunKnown, StreamState
from runlake.catalog.salvaging import install, is_open, last_aside, salvage
from runlake.checkup.contents import artifact_folders
from runlake.checkup.copy import opened_copy
from runlake.checkup.findings import Progress, State, counted
from runlake.checkup.folder import UNREADY, holds_data
from runlake.checkup.journals import JournalFiles, read_journals
from runlake.checkup.judging import Judgement, judged, known_gaps
from runlake.checkup.segments import check_segments
from runlake.checkup.spans import Spans
from runlake.errors import Corrupt, StoreError
from runlake.recovery import boot_id
from runlake.replication.folder import is_spool
from runlake.store import Store

_log = logging.getLogger("runlake")

Step = Callable[[str], object]
"""Called after each step with its name: lake, salvaged, ready, installed, rescued, rebuilt, mended."""

_MADE: Final = "ready"
_LOST_POINTS: Final = "neither a segment nor a journal holds them"
_PASSES: Final = 3


@dataclass
class Report:
    """What a repair did, one sentence each; `rows` is what it changed in the catalog."""

    did: list[str] = field(default_factory=list)
    rows: Rebuilt = field(default_factory=lambda: Rebuilt(0, 0, 0, 0))


def repair(
    root: Path,
    *,
    wait_s: float = 20.0,
    progress: Progress = lambda _done, _total: None,
    step: Step = lambda _name: None,
) -> Report:
    """Put a store in order, and return what was done; nothing, where nothing is to be done.

    Args:
        root: The store's folder.
        wait_s: Longest wait for another process that mends the store, or has its catalog.
        progress: Is told how far reading segments has come.
        step: Is called after each step, for tests.

    Raises:
        StoreError: a process logs to the store, or has changed it meanwhile; nothing was changed then.
    """
    report = Report()
    with _locked(root / "recover.lock", wait_s), _locked(root / "compact.lock", wait_s):
        _refuse_while_used(root)
        _restore_lake(root, report)
        step("lake")
        _restore_catalog(root, report, wait_s, step)
        if not is_spool(root):
            _rebuild(root, report, progress, step)
    Store.open(root, create=False).close()  # mends, now that it can
    step("mended")
    return report


@contextlib.contextmanager
def _locked(path: Path, wait_s: float) -> Iterator[None]:
    lock = FileLock(path)
    lock.acquire(wait_s)
    try:
        yield
    finally:
        lock.forget()


def _refuse_while_used(root: Path) -> None:
    """Refuse while a process logs to the store, or keeps streams of other stores for it: it seals, and trims."""
    journals = root / "journals"
    journals.mkdir(exist_ok=True)
    alive = [files.id for files in _engine.survey(str(journals)) if files.alive]
    if alive:
        raise StoreError(
            f"{counted(len(alive), 'process')} {'has' if len(alive) == 1 else 'have'} journals of {root} open"
            f" (writer {alive[0]})".replace("processs", "processes"),
            hint="wait until their runs have ended, or stop them; `runlake doctor` without --repair runs beside them",
        )


# -- lake.json


def _restore_lake(root: Path, report: Report) -> None:
    """Give a store that has lost its identity the one that its journals name, or a new one."""
    try:
        if read_lake(root) is not None or not holds_data(root):
            return
    except Corrupt:
        (root / LAKE).rename(root / f"{LAKE}.damaged")
    named = {one.inside.store_id for one in read_journals(root) if one.inside.store_id is not None}
    store_id = next(iter(named)) if len(named) == 1 else secrets.token_hex(16)
    _write(root / LAKE, json.dumps({"format": FORMAT, "store_id": store_id, "created_ms": time.time_ns() // 1_000_000}))
    how = "its journals name it" if len(named) == 1 else "which is a new one, as no journal names the old one"
    report.did.append(f"{LAKE} was made anew, with the id {store_id}: {how}")


def _write(path: Path, text: str) -> None:
    temporary = path.with_name(f"{path.name}.{secrets.token_hex(4)}.tmp")
    with temporary.open("x", encoding="utf-8") as file:
        file.write(text + "\n")
        file.flush()
        os.fsync(file.fileno())
    temporary.rename(path)


# -- a catalog that is broken or gone


def _restore_catalog(root: Path, report: Report, wait_s: float, step: Step) -> None:
    """Put a catalog of what can still be read in the place of one that is broken or gone."""
    unready = root / UNREADY
    if not (unready / _MADE).exists():
        shutil.rmtree(unready, ignore_errors=True)
        if (why := _why_broken(root)) is None:
            return
        unready.mkdir()
        _salvage(root, unready, report, why)
        step("salvaged")
        _write(unready / _MADE, why)
    step("ready")
    with _locked(root / "catalog.lock", wait_s):
        if is_open(root):
            raise StoreError(
                f"a process has {root / CATALOG}, which is to be replaced, open",
                hint="stop servers, notebooks and scripts that use the store, and run it again",
            )
        if (unready / CATALOG).exists():
            install(unready / CATALOG, root)
    step("installed")
    shutil.rmtree(unready)


def _why_broken(root: Path) -> str | None:
    try:
        with opened_copy(root) as copy:
            problems = copy.catalog.problems()
            return problems[0] if problems else None
    except Corrupt as error:
        return error.message


def _salvage(root: Path, unready: Path, report: Report, why: str) -> None:
    broken = root / CATALOG if (root / CATALOG).exists() else last_aside(root)
    found: dict[str, int] = {}
    if broken is not None and broken.stat().st_size:
        _copy_broken(broken, unready / "broken.db")
        found = salvage(unready / "broken.db", unready)
    else:
        salvage(None, unready)
    for leftover in unready.glob("broken.db*"):
        leftover.unlink()
    with (unready / CATALOG).open("rb") as file:
        os.fsync(file.fileno())
    kept = ", ".join(f"{count:,} of {table}" for table, count in sorted(found.items()) if table in _TOLD) or "nothing"
    aside = "; the old one is kept as catalog.db.damaged-N" if (root / CATALOG).exists() else ""
    report.did.append(f"{CATALOG} was made anew ({why}); rows that could be read: {kept}{aside}")


_TOLD: Final = ("run", "experiment", "param", "tag", "registered_model", "model_version", "user")


def _copy_broken(broken: Path, target: Path) -> None:
    for suffix in ("", "-wal", "-journal"):
        with contextlib.suppress(FileNotFoundError):
            shutil.copyfile(broken.with_name(broken.name + suffix), target.with_name(target.name + suffix))


# -- tables on segments


def _rebuild(root: Path, report: Report, progress: Progress, step: Step) -> None:
    for _ in range(_PASSES):
        journals = read_journals(root)
        with (
            opened_copy(root) as copy,
            judged(root, copy.catalog, journals, read=True, progress=progress) as judgement,
        ):
            if _rescue(root, copy.catalog, judgement):
                step("rescued")
                continue  # what was in journals only is in segments now
            work = _work(root, copy.catalog, journals, judgement)
            if not _is_needed(judgement, work):
                return
            assert judgement.scratch is not None
            judgement.scratch.close()  # so that its file has everything
            with contextlib.closing(Catalog.open(root, create=False)) as catalog:
                report.rows = catalog.rebuild(judgement.scratch.path, work)
            step("rebuilt")
            report.did += _said(judgement, report.rows)
            return
    raise StoreError(f"what is in the journals of {root} cannot be sealed", hint="run `runlake doctor` and report it")


def _is_needed(judgement: Judgement, work: Rebuilding) -> bool:
    return bool(work.streams or work.runs) or any(one.state is State.WRONG for one in check_segments(judgement))


def _said(judgement: Judgement, rows: Rebuilt) -> Iterator[str]:
    if rows.segments:
        yield f"{counted(rows.segments, 'segment')} were listed that the catalog did not have"
    if rows.runs:
        yield f"{counted(rows.runs, 'run')} were entered anew; tag runlake.recovered says what is not known of them"
    if rows.summaries:
        yield f"{counted(rows.summaries, 'summary').replace('summarys', 'summaries')} were computed from the points"
    if rows.writers:
        yield f"{counted(rows.writers, 'writer')} got another place up to which points are in segments"
    if rows.lost_points:
        yield f"{counted(rows.lost_points, 'point')} are noted as missing; `runlake show RUN` says whose"
    if not any((rows.segments, rows.runs, rows.summaries, rows.writers, rows.lost_points)):
        yield "the tables on segments were made what the segments say"


def _rescue(root: Path, copy: Catalog, judgement: Judgement) -> bool:
    """Seal what only journals hold although later points of theirs are in segments; readers do not look there."""
    held = [
        (writer, first, upto) for writer, stream in judgement.choice.streams.items() for first, upto in stream.rescued
    ]
    if held:
        journals = str(root / "journals")
        experiments = copy.run_experiment(_engine.runs_in(journals, held))
        _engine.seal(journals, str(root / "segments"), held, experiments)
    return bool(held)


def _work(root: Path, copy: Catalog, journals: Sequence[JournalFiles], judgement: Judgement) -> Rebuilding:
    lost = [
        (
            ListedSegment(
                *(one.listed.segment_id, one.listed.path, one.listed.experiment_id, one.listed.rows, one.listed.bytes),
                one.reason,
            ),
            one.listed.ranges,
        )
        for one in judgement.choice.lost.values()
    ]
    streams = list(_streams(copy, journals, judgement))
    return Rebuilding(judgement.seen, lost, streams, _unknown_runs(root, copy, journals))


def _streams(copy: Catalog, journals: Sequence[JournalFiles], judgement: Judgement) -> Iterator[StreamState]:
    """Give the writers that are to be changed."""
    with_files = {one.id: one for one in journals}
    states = {state.info.id: state for state in copy.all_writers()}
    known = known_gaps(copy)
    now_ms = time.time_ns() // 1_000_000
    for writer, stream in judgement.choice.streams.items():
        state, files = states.get(writer), with_files.get(writer)
        wanted = _state(state.state if state else None, files, stream.sealed, known.get(writer, Spans()))
        gaps = [GapInfo(first, upto, _LOST_POINTS, "") for first, upto in stream.lost]
        if state is None:
            yield StreamState(
                WriterInfo(writer, os.uname().nodename, boot_id(), 0, now_ms), wanted, stream.sealed, gaps
            )
        elif gaps or stream.sealed != state.sealed or wanted is not None:
            yield StreamState(state.info, wanted, stream.sealed, gaps)


def _state(known: str | None, files: JournalFiles | None, sealed: int, gaps: Spans) -> str | None:
    """Return the state that a writer is to be in; None when it is in it."""
    if files is None:
        return "sealed" if known is None else None
    if known is None:
        return "open"  # its journal was never mended, as far as anybody knows
    if known == "sealed" and files.inside.upto <= sealed:
        return "closed" if files.files.committed else None
    if known == "sealed" or (known == "closed" and _has_unknown_losses(files, sealed, gaps)):
        return "open"  # whoever mends the store next looks at it
    return None


def _has_unknown_losses(files: JournalFiles, sealed: int, gaps: Spans) -> bool:
    lost = ((max(gap.first, sealed), max(gap.upto, sealed)) for gap in files.inside.gaps)
    return bool(files.inside.faults) or any(gaps.holes(first, upto) for first, upto in lost)


def _unknown_runs(root: Path, copy: Catalog, journals: Sequence[JournalFiles]) -> list[RunKnown]:
    """Return runs that journals and folders of artifacts tell of, and the catalog does not."""
    folders = artifact_folders(root)
    named = {run_id for one in journals for run_id, _, _ in one.inside.runs}
    for one in journals:
        for _, payload in one.inside.outbox:
            with contextlib.suppress(ValueError, TypeError):
                named.add(Change.from_bytes(payload).run_id)
    if copy.tx() > 1 and copy.segment_state().writers:  # else the catalog was lost, and folders are all there is
        folders = {run_id: experiment for run_id, experiment in folders.items() if run_id in named}
    unknown = sorted(({*named, *folders}) - copy.runs_among({*named, *folders}))
    return [RunKnown(run_id, folders.get(run_id)) for run_id in unknown]


__all__ = ["Report", "repair"]
