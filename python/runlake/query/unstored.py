"""Unstored points: what live writers accepted and did not store, as summaries beside those of journals.

A writer counts them from its beginning. What of that the catalog has already is taken off, by the same transaction that
says up to where the writer's points are sealed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import astuple, fields
from typing import TYPE_CHECKING, Final

import polars as pl

from runlake.catalog import NOTHING_KNOWN, KnownSummary, KnownUnstored, difference, unstored_points
from runlake.query.run_frames import SUMMARY

if TYPE_CHECKING:
    from runlake._engine import LedgerEntry

Entries = Mapping[str, Sequence["LedgerEntry"]]
"""By writer id."""

Known = Mapping[tuple[str, str, str], KnownUnstored]
"""By writer id, run id and key."""

_SCHEMA: Final = pl.Schema({"run_id": pl.String(), "key": pl.String(), **SUMMARY})
_COLUMNS: Final = [entry.name for entry in fields(KnownSummary)]


def unstored_summaries(entries: Entries, known: Known, runs: Iterable[str] | None = None) -> list[KnownSummary]:
    """Return what is to be added to the summaries of the catalog and of journals, one a run and key.

    Args:
        known: What the catalog's summaries have.
        runs: Only these runs; None is all.
    """
    wanted = None if runs is None else set(runs)
    found: dict[tuple[str, str], KnownSummary] = {}
    for writer_id, of_writer in entries.items():
        for entry in of_writer:
            if wanted is None or entry.run_id in wanted:
                for more in _more(entry, known.get((writer_id, entry.run_id, entry.key), NOTHING_KNOWN)):
                    before = found.get((entry.run_id, entry.key))
                    found[entry.run_id, entry.key] = more if before is None else before.merged(more)
    return list(found.values())


def unstored_frame(summaries: Sequence[KnownSummary]) -> pl.DataFrame:
    """Return summaries in the columns of those of journals."""
    columns = zip(*map(astuple, summaries), strict=True) if summaries else [()] * len(_COLUMNS)
    return pl.DataFrame(dict(zip(_COLUMNS, map(list, columns), strict=True)), schema=_SCHEMA, strict=False)


def is_pending(entry: LedgerEntry, known: KnownUnstored) -> bool:
    """Tell whether an entry's pending point is in no other count: what the catalog has may be later than the entry."""
    return entry.pending is not None and known.unstored <= unstored_points(entry)


def _more(entry: LedgerEntry, known: KnownUnstored) -> Iterator[KnownSummary]:
    if (more := difference(entry.summary, known)) is not None:
        yield more
    if entry.pending is not None and is_pending(entry, known):
        yield KnownSummary.of_point(entry.run_id, entry.key, *entry.pending)
