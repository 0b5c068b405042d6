"""Reader protocol: how a query sees each point once while writers append and sealers move points to segments.

1. Ask the catalog which journals may hold points of the wanted runs.
2. Open them. From here on sealing takes nothing away: the files stay readable though they are unlinked.
3. Read, in one transaction, up to where each writer is sealed and which segments there are.
4. Take from the journals what is not below `sealed`, and the rest from the segments.

A point sealed before 3 is in a segment that 3 names; one sealed after 3 is in a journal that 2 has opened. A writer
that joins a run after 1 has logged nothing for it before the query began. A segment that is gone at 4 was replaced
after 3: start again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import polars as pl

from runlake.errors import StoreError
from runlake.query.forks import require_threads

if TYPE_CHECKING:
    from pathlib import Path

    from runlake._engine import Journals
    from runlake.catalog import Catalog, ReadPlan

T = TypeVar("T")

# A replaced segment lives on for a grace period far longer than a query: one restart is bad luck, ten are a fault.
_ATTEMPTS = 10


class ReadStep(Enum):
    """Where a query is when it calls its hook."""

    WRITERS = "writers"
    """It knows which journals to open."""
    JOURNALS = "journals"
    """They are open."""
    PLANNED = "planned"
    """The catalog's transaction is over."""
    TAIL = "tail"
    """Points have been read from the journals."""
    SEGMENTS = "segments"
    """Points have been read from the segments."""


Hook = Callable[[ReadStep], None]


def no_hook(_step: ReadStep) -> None:
    """Pass on. Tests give a function that waits."""


class Lake(Protocol):
    """What a query needs of a store."""

    @property
    def catalog(self) -> Catalog:
        """Names, states and the list of segments."""

    @property
    def segments_dir(self) -> Path:
        """The folder that segments' paths are relative to."""

    def journals(self, writers: Sequence[str] | None = None) -> Journals:
        """Open the journals of `writers`, or all there are."""


@dataclass(frozen=True)
class Snapshot:
    """The store at one moment: open journals, and what the catalog said after they were opened."""

    journals: Journals
    plan: ReadPlan


def take_snapshot(
    lake: Lake,
    runs: Sequence[str] | None,
    hook: Hook = no_hook,
    *,
    among: Callable[[list[str]], Sequence[str]] | None = None,
) -> Snapshot:
    """Follow the protocol up to step 3, for some runs or, with None, for all.

    Args:
        among: Chooses, of all runs with segments, those whose segments are wanted.
    """
    require_threads()
    journals = open_journals(lake, runs, hook)
    plan = lake.catalog.plan(runs, writers=writers_of(journals), among=among)
    hook(ReadStep.PLANNED)
    return Snapshot(journals, plan)


def open_journals(lake: Lake, runs: Sequence[str] | None, hook: Hook = no_hook) -> Journals:
    """Follow the protocol up to step 2. For all runs the folder tells which journals there are, as sealed ones go."""
    writers = None if runs is None else lake.catalog.writers_of(runs)
    hook(ReadStep.WRITERS)
    journals = lake.journals(writers)
    hook(ReadStep.JOURNALS)
    return journals


def writers_of(journals: Journals) -> list[str]:
    """The writers whose journals are open."""
    return [writer for writer, _, _ in journals.writers()]


def arrow_frame(stream: Any) -> pl.DataFrame:
    """Take over what the engine hands out, without copying."""
    return pl.DataFrame(stream)


def until_whole(read: Callable[[], T]) -> T:
    """Call `read` again while a segment that it was told of has been replaced.

    Raises:
        StoreError: a segment that the catalog names is still missing after ten attempts.
    """
    for _ in range(_ATTEMPTS - 1):
        try:
            return read()
        except FileNotFoundError:
            continue
    try:
        return read()
    except FileNotFoundError as error:
        raise StoreError(
            f"a segment that the catalog names is missing: {error}", hint="run `runlake doctor`"
        ) from error
