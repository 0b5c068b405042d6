"""What a check-up has found out of a store before it judges: files of segments, journals, and what the catalog says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from runlake.catalog import Range, UnstoredPoints
from runlake.checkup.spans import Spans


class About(Protocol):
    """What a segment says of itself; see `runlake._engine.SegmentInfo`."""

    @property
    def segment_id(self) -> str: ...
    @property
    def experiment_id(self) -> str: ...
    @property
    def seal_id(self) -> str: ...
    @property
    def siblings(self) -> Sequence[tuple[str, str, int]]: ...
    @property
    def rows(self) -> int: ...
    @property
    def bytes(self) -> int: ...
    @property
    def ranges(self) -> Sequence[Range]: ...
    @property
    def seals(self) -> Sequence[tuple[str, Sequence[tuple[str, str, int]], Sequence[Range]]]: ...
    @property
    def ledger(self) -> Sequence[tuple[str, UnstoredPoints]]: ...


@dataclass(frozen=True)
class SegmentFile:
    """A file among segments that can be read; `path` is relative to the folder of segments."""

    path: str
    about: About

    @property
    def is_at_home(self) -> bool:
        """Whether it is where it was written; what a compaction has made is hidden at first."""
        folder, _, name = home_of(self.about.experiment_id, self.about.segment_id).rpartition("/")
        return self.path in (f"{folder}/{name}", f"{folder}/.{name}.merged")


@dataclass(frozen=True)
class Listed:
    """A segment as the catalog has it; `lost` says that it is known to give nothing back."""

    segment_id: str
    path: str
    experiment_id: str
    rows: int
    bytes: int
    ranges: Sequence[Range]
    lost: str | None = None


@dataclass(frozen=True)
class KnownWriter:
    """A writer as the catalog has it, with the gaps of its stream."""

    state: str
    sealed: int
    replica: bool
    gaps: Spans = field(default_factory=Spans)


@dataclass(frozen=True)
class Journal:
    """What is in the files of one writer's journal.

    Attributes:
        first: First seq that they hold.
        upto: First seq after those that they count.
        whole: What can be believed of these.
        alive: Whether a process has it; more may come then.
    """

    first: int
    upto: int
    whole: Spans
    alive: bool = False


@dataclass(frozen=True)
class Knowledge:
    """A store at one moment.

    Attributes:
        files: Segments that can be read.
        bad: What is wrong with the others, by path.
        listed: Segments of the catalog, by id.
        writers: Writers of the catalog, by id.
        journals: By id of the writer.
    """

    files: Sequence[SegmentFile]
    bad: Mapping[str, str]
    listed: Mapping[str, Listed]
    writers: Mapping[str, KnownWriter]
    journals: Mapping[str, Journal]


def home_of(experiment_id: str, segment_id: str) -> str:
    """Return where a segment is written, relative to the folder of segments."""
    return f"experiment_id={experiment_id}/{segment_id}.parquet"
