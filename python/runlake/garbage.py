"""Garbage: what nobody needs any more, found and, if that is wanted, removed for good.

The folder is listed before the catalog: what is written and listed in between is not taken for garbage. Nothing of a
living process is touched: its journals, runs that it logs to, files that it is writing.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import shutil
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Final

from runlake import _engine
from runlake.artifacts import uris
from runlake.catalog import DeletedExperiment, DeletedRun, Piece, Range, UnlistedFile
from runlake.catalog.part import clock_ms
from runlake.compaction import that_fit
from runlake.errors import Corrupt, InvalidInput, NewerFormat
from runlake.provenance import FILE_TAGS

if TYPE_CHECKING:
    from runlake.store import Store

_SEGMENT: Final = re.compile(r"([0-9a-f]{32})\.parquet|\.([0-9a-f]{32})\.parquet\.merged")
_TEMPORARY: Final = re.compile(r"\.[0-9a-f]{32}\.parquet\.[0-9a-f]{32}\.tmp")
_ABANDONED_S: Final = 86_400.0
_UNNAMED_S: Final = 86_400.0  # a run may be about to name a shared file that old
_AT_ONCE: Final = 100  # files that are removed while nobody can write to the catalog

Progress = Callable[[int, int], object]
"""Told how many rows of how many are written."""


@dataclass(frozen=True)
class Item:
    """Something to remove, or to keep in spite of its age; `why` says what it is or what it is kept for.

    `kind` is run, experiment, segment, replaced, temporary, damaged or shared; `since_ms` is when it became what it is.
    """

    kind: str
    name: str
    why: str
    points: int = 0
    bytes: int = 0
    since_ms: int | None = None


@dataclass
class Found:
    """What there is to remove, and what else there is that looks like it."""

    going: list[Item] = field(default_factory=list)
    kept: list[Item] = field(default_factory=list)

    def add(self, item: Item, keep: str | None = None) -> None:
        """Note something; `keep` says why it stays."""
        if keep is None:
            self.going.append(item)
        else:
            self.kept.append(Item(item.kind, item.name, keep, item.points, item.bytes, item.since_ms))

    def names(self, kind: str) -> list[str]:
        """Return the names of what goes of one kind."""
        return [item.name for item in self.going if item.kind == kind]


def find(store: Store, older_than_ms: int, *, damaged: bool = False, run_ids: Collection[str] | None = None) -> Found:
    """Look for garbage, and change nothing.

    Args:
        older_than_ms: How long ago runs and experiments were deleted, at least.
        damaged: Whether files that cannot be read are garbage as well.
        run_ids: The only runs that are meant, and nothing else is; None means everything.

    Raises:
        NotFound: there is no run of `run_ids`.
        InvalidInput: one of them is not deleted.
    """
    return _find(store, clock_ms() - older_than_ms, damaged, run_ids)


def _find(store: Store, until_ms: int, damaged: bool, run_ids: Collection[str] | None) -> Found:
    found = Found()
    if run_ids is not None:
        _require_deleted(store, run_ids)
        _find_runs(store, until_ms, found, run_ids)
        return found
    files = sorted(path for path in store.segments_dir.rglob("*") if path.is_file())
    _find_runs(store, until_ms, found)
    _find_files(store, files, damaged, found)
    _find_shared(store, found)
    for path in sorted(store.journals_dir.glob("*.damaged")):
        item = Item("damaged", f"journals/{path.name}", "set aside by recovery", bytes=_size(path))
        found.add(item, None if damaged else "set aside by recovery; goes when damaged files are asked for")
    return found


def remove(
    store: Store,
    older_than_ms: int,
    *,
    damaged: bool = False,
    run_ids: Collection[str] | None = None,
    timeout_s: float = 3600.0,
    progress: Progress = lambda done, total: None,
) -> Found:
    """Remove garbage for good, and return what was found. A crash at any moment leaves a store in order; go on then.

    Args:
        older_than_ms: How long ago runs and experiments were deleted, at least.
        damaged: Whether files that cannot be read go as well.
        run_ids: The only runs that are meant, and nothing else is; None means everything.
        timeout_s: Longest time to wait for those who seal or merge.

    Raises:
        NotFound: there is no run of `run_ids`.
        InvalidInput: one of them is not deleted.
        CatalogLocked: others were at it for that long.
        Corrupt: a segment with points of a deleted run is not what was written.
    """
    store.seal(timeout_s=timeout_s)
    until_ms = clock_ms() - older_than_ms
    with store.compactor.lease(timeout_s):
        found = _find(store, until_ms, damaged, run_ids)
        _remove_runs(store, found.names("run"), until_ms, progress)
    if run_ids is not None:
        return found
    _remove_experiments(store, found.names("experiment"), until_ms)
    unlisted = [UnlistedFile(name) for name in found.names("segment")]
    for start in range(0, len(unlisted), _AT_ONCE):
        store.catalog.remove_unlisted(unlisted[start : start + _AT_ONCE])
    if not any(item.kind == "segment" for item in found.kept):
        store.compactor.show_hidden()
    for name in found.names("temporary"):
        _remove_temporary(store.segments_dir / name)
    for name in found.names("damaged"):
        _remove_damaged(store, name)
    store.compactor.remove_replaced()
    _remove_shared(store, found.names("shared"))
    return found


# -- runs and experiments


def _require_deleted(store: Store, run_ids: Iterable[str]) -> None:
    deleted = {run.run_id for run in store.catalog.deleted_runs(clock_ms())}
    for run_id in run_ids:
        if run_id not in deleted:
            store.catalog.get_run(run_id)  # raises NotFound
            raise InvalidInput(f"run {run_id} is not deleted", hint="delete it first: runlake.delete_run(run_id)")


def _find_runs(store: Store, until_ms: int, found: Found, run_ids: Collection[str] | None = None) -> None:
    runs = [run for run in store.catalog.deleted_runs(until_ms) if run_ids is None or run.run_id in run_ids]
    waiting = _with_points_in_live_journals(store, [run.run_id for run in runs])
    going: dict[str, int] = {}
    for run in runs:
        keep = _reason_to_keep(run, waiting)
        size = _tree_size(_own_folder(store, run.artifacts))
        found.add(Item("run", run.run_id, f"{run.name}, deleted", run.points, size, run.deleted_ms), keep)
        if keep is None:
            going[run.experiment_id] = going.get(run.experiment_id, 0) + 1
    for experiment in store.catalog.deleted_experiments(until_ms) if run_ids is None else ():
        left = experiment.runs - going.get(experiment.experiment_id, 0)
        item = Item(
            "experiment", experiment.experiment_id, f"{experiment.name}, deleted", since_ms=experiment.deleted_ms
        )
        found.add(item, _reason_to_keep_experiment(experiment, left))


def _reason_to_keep(run: DeletedRun, waiting: set[str]) -> str | None:
    if run.is_needed:
        return "a registered model version is of it"
    if run.is_logged_to:
        return "a process may be logging to it"
    if run.run_id in waiting:
        return "points of it wait in the journal of a living process"
    return None


def _reason_to_keep_experiment(experiment: DeletedExperiment, runs_left: int) -> str | None:
    if runs_left:
        return f"{runs_left} of its runs stay"
    return "a registered model version is of one of its models" if experiment.is_needed else None


def _with_points_in_live_journals(store: Store, run_ids: Sequence[str]) -> set[str]:
    """Return the runs that have points in a journal which sealing leaves alone: its process lives."""
    if not run_ids:
        return set()
    from runlake.query.reader import arrow_frame  # brings Polars, which the rest does without

    writers = store.catalog.writers_of(run_ids)
    states = {state.info.id: state for state in store.catalog.writer_states(writers)}
    alive = [writer for writer in writers if states[writer].state == "open"]
    journals = store.journals(alive)
    sealed = store.catalog.plan([], writers=alive).sealed
    return {*arrow_frame(journals.summaries(sealed, list(run_ids)))["run_id"].to_list()} if alive else set()


def _remove_runs(store: Store, run_ids: Sequence[str], until_ms: int, progress: Progress) -> None:
    """Remove runs: what marks them first, what names them last."""
    going = {run.run_id: run for run in store.catalog.deleted_runs(until_ms)}
    marked = store.catalog.begin_removal(run_ids, until_ms)
    _tell(store, "gc.marked")
    _rewrite(store, set(marked), progress)
    _tell(store, "gc.rewritten")
    for run_id in marked:
        if run_id in going and (folder := _own_folder(store, going[run_id].artifacts)) is not None:
            shutil.rmtree(folder, ignore_errors=True)
    _tell(store, "gc.artifacts")
    store.catalog.finish_removal(marked)
    _tell(store, "gc.removed")


def _rewrite(store: Store, dropped: set[str], progress: Progress) -> None:
    """Write the segments that have rows of some runs anew, without these."""
    done, total = 0, sum(piece.rows for piece in store.catalog.pieces_of_removed_runs())
    while pieces := store.catalog.pieces_of_removed_runs():
        for group in _groups(pieces):
            start = done

            def move(rows: int, start: int = start) -> None:
                progress(min(total, start + rows), total)

            if store.compactor.rewrite(group, dropped, move):
                done += sum(piece.rows for piece in group)


def _groups(pieces: Iterable[Piece]) -> Iterator[list[Piece]]:
    """Divide segments into lists of those that become one; they come by experiment."""
    for _, of_experiment in groupby(pieces, attrgetter("experiment_id")):
        left = list(of_experiment)
        while left:
            group = that_fit(left) or left[:1]
            yield group
            left = left[len(group) :]


def _remove_experiments(store: Store, experiment_ids: Sequence[str], until_ms: int) -> None:
    places = {one.experiment_id: one.artifacts for one in store.catalog.deleted_experiments(until_ms)}
    for experiment_id in store.catalog.remove_experiments(experiment_ids, until_ms):
        if (folder := _own_folder(store, places.get(experiment_id, ""))) is not None:
            shutil.rmtree(folder, ignore_errors=True)
        (store.root / "cache" / "runs" / f"{experiment_id}.tables").unlink(missing_ok=True)


def _own_folder(store: Store, uri: str) -> Path | None:
    """Return the folder that a place of artifacts means; None when it is not there, or not within the store."""
    try:
        folder = Path(uris.folder(uri))
    except InvalidInput:
        return None
    root = store.catalog.artifacts_root
    if folder == root or not folder.is_relative_to(root) or not folder.is_dir():
        return None
    leads_elsewhere = folder.resolve() != root.resolve() / folder.relative_to(root)
    return None if leads_elsewhere else folder


# -- files


def _find_files(store: Store, files: Sequence[Path], damaged: bool, found: Found) -> None:
    """Look at files that were in the folder of segments before the catalog is asked."""
    listed = set(store.catalog.listed_paths())
    replaced = {old.path: old for old in store.catalog.replaced_segments()}
    held = _Held(one for ranges in store.catalog.segment_ranges().values() for one in ranges)
    rescue = store.catalog.has_lost_segments()
    settled_ms = clock_ms() - store.config.replaced_grace_ms
    unread = {path for one in store.catalog.settled_segments(settled_ms) for path in one.replaced}
    unread.update(store.catalog.replaced_copies(settled_ms))
    for path in files:
        name = str(path.relative_to(store.segments_dir))
        if name in listed:
            continue
        if name in replaced:
            old = replaced[name]
            item = Item("replaced", name, "its points are in another file", bytes=old.bytes, since_ms=old.replaced_ms)
            found.add(item, None if name in unread else "replaced a short while ago; it may be being read")
        elif _TEMPORARY.fullmatch(path.name):
            item = Item("temporary", name, "left by a process that died while writing", bytes=_size(path))
            found.add(item, None if _is_abandoned(path) else "it is being written")
        elif _SEGMENT.fullmatch(path.name):
            _find_segment(path, name, held, found, damaged=damaged, rescue=rescue)
        else:
            found.add(Item("unknown", name, "", bytes=_size(path)), "it is no file of runlake")


def _find_segment(path: Path, name: str, held: _Held, found: Found, *, damaged: bool, rescue: bool) -> None:
    if not path.exists():  # by now
        return
    try:
        info = _engine.segment_info(str(path))
    except NewerFormat:
        found.add(Item("segment", name, "", bytes=_size(path)), "a later version wrote it")
        return
    except Corrupt as error:
        item = Item("damaged", name, "not listed, and it cannot be read", bytes=_size(path))
        found.add(item, None if damaged else f"it cannot be read: {error.message}")
        return
    item = Item("segment", name, "not listed; its points are in listed ones", info.rows, info.bytes)
    if rescue:
        found.add(item, "listed segments are lost or damaged; run `runlake doctor --repair` first")
    elif not all(held.has(one) for one in info.ranges):
        found.add(item, "listed segments do not hold all of its points")
    else:
        found.add(item)


def _find_shared(store: Store, found: Found) -> None:
    """Look at packages and changes that no run names, those aside that go now."""
    names = store.shared_files.names()
    named = store.catalog.tag_values([*FILE_TAGS.values()], without=found.names("run"))
    for name in names:
        path = store.shared_files.folder / name
        if name in named or not path.exists():
            continue
        modified_s = path.stat().st_mtime
        item = Item("shared", f"provenance/{name}", "no run names it", 0, _size(path), round(modified_s * 1000))
        fresh = time.time() - modified_s <= _UNNAMED_S
        found.add(item, "no run names it, but one may be about to: it is of the last day" if fresh else None)


def _remove_shared(store: Store, names: Sequence[str]) -> None:
    named = store.catalog.tag_values([*FILE_TAGS.values()])
    for name in (name.rpartition("/")[2] for name in names):
        if name not in named:
            store.shared_files.remove(name, _UNNAMED_S)


class _Held:
    """Points that listed segments hold."""

    def __init__(self, ranges: Iterable[Range]) -> None:
        self._of: dict[str, list[tuple[int, int]]] = {}
        for writer, first, upto in sorted(ranges):
            own = self._of.setdefault(writer, [])
            if own and first <= own[-1][1]:
                own[-1] = (own[-1][0], max(own[-1][1], upto))
            else:
                own.append((first, upto))

    def has(self, wanted: Range) -> bool:
        writer, first, upto = wanted
        return any(low <= first and upto <= high for low, high in self._of.get(writer, ()))


def _is_abandoned(path: Path) -> bool:
    """Tell whether nobody writes a temporary file: who does has it locked, or is quick where that is not possible."""
    with contextlib.suppress(OSError), path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError:
            return time.time() - path.stat().st_mtime > _ABANDONED_S
        return True
    return False


def _remove_temporary(path: Path) -> None:
    if _is_abandoned(path):
        path.unlink(missing_ok=True)


def _remove_damaged(store: Store, name: str) -> None:
    if name.startswith("journals/"):
        (store.root / name).unlink(missing_ok=True)
    else:
        store.catalog.remove_unlisted([UnlistedFile(name)])


def _size(path: Path) -> int:
    with contextlib.suppress(OSError):
        return path.stat().st_size
    return 0


def _tree_size(folder: Path | None) -> int:
    if folder is None:
        return 0
    return sum(_size(Path(where) / name) for where, _, names in os.walk(folder) for name in names)


def _tell(store: Store, step: str) -> None:
    if store.hook is not None:
        store.hook(step)
