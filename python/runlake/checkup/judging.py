"""Judging: reads what is there, decides what counts, and says what the catalog should hold because of it."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from runlake import _engine
from runlake.catalog import Catalog
from runlake.catalog.ledger import UnstoredPoints
from runlake.catalog.rebuilding import SegmentState
from runlake.catalog.scratch import Difference, Scratch
from runlake.checkup.choosing import Choice, choose
from runlake.checkup.findings import Progress
from runlake.checkup.journals import JournalFiles
from runlake.checkup.known import Journal, Knowledge, KnownWriter, Listed, SegmentFile
from runlake.checkup.spans import Spans
from runlake.errors import RunlakeError

_BATCH: Final = 64
"""Segments that a scratch catalog is told of at once; their summaries are in memory."""


@dataclass(frozen=True)
class Judgement:
    """What is there, what counts, and how the catalog differs.

    Attributes:
        scratch: What the catalog should hold on segments; None where files were not read.
        differences: What the catalog has otherwise.
    """

    known: Knowledge
    choice: Choice
    seen: SegmentState
    scratch: Scratch | None
    differences: Sequence[Difference]


@contextlib.contextmanager
def judged(
    root: Path, catalog: Catalog, journals: Sequence[JournalFiles], *, read: bool, progress: Progress
) -> Iterator[Judgement]:
    """Give a judgement on a store; its scratch is gone after the block.

    Args:
        catalog: A copy, made after `journals` were read; what is sealed in between is in both then.
        read: Whether to read the segments, or to look at their footers and sizes only.
    """
    segments = root / "segments"
    files, bad = _footers(segments)
    seen, listed = catalog.segment_state(), _listed(catalog)
    if not read:
        bad |= _of_other_size(segments, files, listed)
    with tempfile.TemporaryDirectory(prefix="runlake-") as folder:
        for attempt in range(len(files) + 1):
            good = [file for file in files if file.path not in bad]
            known = Knowledge(good, bad, listed, _writers(catalog), _journals(journals))
            choice = choose(known)
            if not read:
                yield Judgement(known, choice, seen, None, ())
                return
            (place := Path(folder) / str(attempt)).mkdir()
            scratch = Scratch(place)
            broken = _fill(scratch, segments, choice.taken, progress)
            if not broken:
                break
            scratch.close()
            bad |= broken
        try:
            scratch.put_ledger(catalog.ledger_of(list(known.writers)))
            for accounts in _accounts(choice.taken):
                scratch.put_ledger(accounts)
            yield Judgement(known, choice, seen, scratch, scratch.differences(catalog.root / "catalog.db"))
        finally:
            scratch.close()


def segment_paths(segments: Path) -> list[Path]:
    """Return the files that are called like segments, wherever below the folder they are."""
    hidden = segments.rglob(".*.parquet.merged")  # what a compaction has made, as long as its inputs are kept
    return sorted([path for path in segments.rglob("*.parquet") if not path.name.startswith(".")] + [*hidden])


def _footers(segments: Path) -> tuple[list[SegmentFile], dict[str, str]]:
    """Read what each file says of itself; the second part is what is wrong with the others, by path."""
    files: list[SegmentFile] = []
    bad: dict[str, str] = {}
    for path in segment_paths(segments):
        name = str(path.relative_to(segments))
        try:
            files.append(SegmentFile(name, _engine.segment_info(str(path))))
        except FileNotFoundError:
            pass  # replaced since the folder was listed
        except (RunlakeError, OSError) as error:
            bad[name] = _reason(error, path)
    return files, bad


def _of_other_size(segments: Path, files: Sequence[SegmentFile], listed: dict[str, Listed]) -> dict[str, str]:
    found = {}
    for file in files:
        about = listed.get(file.about.segment_id)
        with contextlib.suppress(FileNotFoundError):
            size = (segments / file.path).stat().st_size
            if about is not None and about.path == file.path and size != about.bytes:
                found[file.path] = f"it has {size:,} bytes; the catalog says {about.bytes:,}"
    return found


def _fill(scratch: Scratch, segments: Path, taken: Sequence[SegmentFile], progress: Progress) -> dict[str, str]:
    """Read segments whole and tell the scratch of them; return what is wrong with some, by path."""
    broken: dict[str, str] = {}
    batch: list[_engine.Sealed] = []
    total, done = sum(file.about.bytes for file in taken), 0
    for file in taken:
        path = segments / file.path
        try:
            batch.append(_engine.summarise_segment(str(path)))
        except (RunlakeError, OSError) as error:
            broken[file.path] = _reason(error, path)
        done += file.about.bytes
        progress(done, total)
        if len(batch) == _BATCH:
            scratch.add(batch)
            batch.clear()
    scratch.add(batch)
    return broken


def _accounts(taken: Sequence[SegmentFile]) -> Iterator[dict[str, list[UnstoredPoints]]]:
    """Give what each segment says of points that were not stored, by writer; of two entries the later one counts."""
    for file in taken:
        found: dict[str, list[UnstoredPoints]] = {}
        for writer, entry in file.about.ledger:
            found.setdefault(writer, []).append(entry)
        if found:
            yield found


def _reason(error: Exception, path: Path) -> str:
    text = error.message if isinstance(error, RunlakeError) else str(error)
    return text.removeprefix(f"'{path}' is damaged: ")


def _listed(catalog: Catalog) -> dict[str, Listed]:
    ranges = catalog.segment_ranges()
    return {
        one.segment_id: Listed(
            *(one.segment_id, one.path, one.experiment_id, one.rows, one.bytes), ranges[one.segment_id], one.lost
        )
        for one in catalog.listed_segments()
    }


def _writers(catalog: Catalog) -> dict[str, KnownWriter]:
    gaps = known_gaps(catalog)
    states = catalog.all_writers()
    replicas = catalog.replicas([state.info.id for state in states])
    return {
        state.info.id: KnownWriter(
            state.state, state.sealed, state.info.id in replicas, gaps.get(state.info.id, Spans())
        )
        for state in states
    }


def known_gaps(catalog: Catalog) -> dict[str, Spans]:
    """Return what is known to be missing of each writer's stream."""
    found: dict[str, Spans] = {}
    for gap in catalog.gaps():
        found.setdefault(gap.writer_id, Spans()).add(gap.gap.first, gap.gap.upto)
    return found


def _journals(journals: Sequence[JournalFiles]) -> dict[str, Journal]:
    return {one.id: one.journal for one in journals}
