"""Seals: what files say of the seals that their rows come from."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from runlake.catalog import Range
from runlake.checkup.known import SegmentFile

Part = tuple[str, str]
"""Id of a seal, and the experiment: what a seal gave to it."""


@dataclass(eq=False)
class Seal:
    """A seal that some file names.

    Attributes:
        siblings: Its segments as they were sealed: experiment and rows by id.
        committed: Whether a compacted segment names it: only what was listed is compacted.
        held: Experiments whose part is in some file.
        listed: Whether the catalog lists all of the files that hold a part of it and nothing else.
    """

    id: str
    siblings: dict[str, tuple[str, int]]
    ranges: list[Range]
    committed: bool = False
    held: set[str] = field(default_factory=set)
    listed: bool = True

    @property
    def experiments(self) -> set[str]:
        return {experiment for experiment, _ in self.siblings.values()}

    @property
    def is_complete(self) -> bool:
        return self.experiments <= self.held

    @property
    def rank(self) -> tuple[bool, bool]:
        """Whose claim to its ranges comes first: that of seals that counted for sure, then that of whole ones."""
        return not (self.committed or self.is_complete), not (self.committed or self.listed)

    @property
    def rows(self) -> int:
        return sum(rows for _, rows in self.siblings.values())


def seals_of(files: Mapping[str, SegmentFile], listed: Collection[str]) -> dict[str, Seal]:
    """Return the seals that some files name, by id.

    Args:
        files: By id of the segment.
        listed: Ids of the segments that the catalog lists.
    """
    found: dict[str, Seal] = {}
    for segment_id, file in files.items():
        is_compacted = bool(file.about.seals)  # asked once: it is converted with every asking, and may be thousands
        for seal_id, siblings, ranges in _origins(file):
            named = {sibling: (experiment, rows) for sibling, experiment, rows in siblings}
            seal = found.setdefault(seal_id, Seal(seal_id, named, list(ranges)))
            seal.held.add(file.about.experiment_id)
            seal.committed |= is_compacted
            seal.listed &= is_compacted or segment_id in listed
    return found


def parts_of(file: SegmentFile) -> set[Part]:
    """Return what a file holds."""
    return {(seal_id, file.about.experiment_id) for seal_id, _, _ in _origins(file)}


def pieces_of(seals: Collection[Seal]) -> dict[str, list[tuple[str, int]]]:
    """Cut the streams wherever a range of some seal ends, and return the pieces of each seal, by its id.

    Two seals have a piece in common if, and only if, they overlap.
    """
    ends: dict[str, set[int]] = {}
    for seal in seals:
        for writer, first, upto in seal.ranges:
            ends.setdefault(writer, set()).update((first, upto))
    cuts = {writer: sorted(numbers) for writer, numbers in ends.items()}

    def pieces(piece: Range) -> Iterable[tuple[str, int]]:
        writer, first, upto = piece
        at = cuts[writer]
        return ((writer, number) for number in at[bisect_left(at, first) : bisect_left(at, upto)])

    return {seal.id: list(dict.fromkeys(one for piece in seal.ranges for one in pieces(piece))) for seal in seals}


def _origins(file: SegmentFile) -> Iterable[tuple[str, Iterable[tuple[str, str, int]], Iterable[Range]]]:
    """Return the seals that the rows of a file come from."""
    about = file.about
    return about.seals or [(about.seal_id, about.siblings, about.ranges)]
