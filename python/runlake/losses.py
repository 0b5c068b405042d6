"""Losses: what journals held and no longer give back, noted for every run, and left out of segments."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime

from runlake import _engine
from runlake.catalog import Catalog, GapInfo, Range

_log = logging.getLogger("runlake")


def note_gaps(catalog: Catalog, journal: _engine.Adopted, gaps: Sequence[GapInfo]) -> None:
    """Note in the catalog what a journal has lost, and say it; of what was noted before nothing is said again."""
    known = {(found.gap.first, found.gap.file) for found in catalog.gaps()} if gaps else set()
    if gaps := [gap for gap in gaps if (gap.first, gap.file) not in known]:
        catalog.note_gaps(journal.writer, gaps, journal.last_verified_ms)
        report(journal, gaps)


def report(journal: _engine.Adopted, gaps: Sequence[GapInfo]) -> None:
    """Say what a journal has lost."""
    runs = ", ".join(run_id for run_id, _, _ in journal.runs) or "none that is known"
    files = "; ".join(f"{gap.file}: {gap.reason}" for gap in gaps)
    verified = "none" if journal.last_verified_ms is None else f"at {moment_text(journal.last_verified_ms)}"
    _log.warning(
        "%d points of writer %s are proven missing (last proven sync: %s; runs: %s; %s)",
        *(sum(gap.upto - gap.first for gap in gaps), journal.writer, verified, runs, files),
    )


def without_gaps(claim: Range, gaps: Iterable[_engine.Gap]) -> Iterator[Range]:
    """Cut what a journal has lost out of a range."""
    writer_id, first, upto = claim
    for gap in sorted(gaps, key=lambda gap: gap.first):
        yield from _range(writer_id, first, min(gap.first, upto))
        first = max(first, gap.upto)
    yield from _range(writer_id, first, upto)


def _range(writer_id: str, first: int, upto: int) -> Iterator[Range]:
    if first < upto:
        yield writer_id, first, upto


def moment_text(time_ms: int) -> str:
    """Return a time for people to read."""
    return f"{datetime.fromtimestamp(time_ms / 1000, UTC):%Y-%m-%d %H:%M:%S} UTC"
