"""Choosing: which files hold the points of a store, each point once; the rules are in docs/design.md, "Repair".

What a seal gave to an experiment is a part. A seal is taken as a whole: of two that hold the same points only one is.
Then each of its parts is in one file: the segment as sealed, or one that a compaction has made of many. What neither a
file nor a journal gives back is lost, and is named.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from runlake.catalog import Range
from runlake.checkup.cover import disjoint_cover
from runlake.checkup.known import Journal, Knowledge, KnownWriter, Listed, SegmentFile, home_of
from runlake.checkup.seals import Part, Seal, parts_of, pieces_of, seals_of
from runlake.checkup.spans import Span, Spans


@dataclass(frozen=True)
class LostSegment:
    """A segment that holds points which are nowhere else, and whose file does not give them back."""

    listed: Listed
    reason: str


@dataclass
class Stream:
    """What becomes of one writer's stream.

    Attributes:
        sealed: First seq that is not in a segment and not known to be lost.
        lost: What is in no segment and in no journal, and nobody knows it yet.
        rescued: What only a journal holds although later points are in segments; it has to go into one, too.
    """

    sealed: int
    lost: list[Span] = field(default_factory=list)
    rescued: list[Span] = field(default_factory=list)


@dataclass
class Choice:
    """The judgement.

    Attributes:
        taken: The files that hold the store's points.
        spare: Why each of the others is not needed, by path.
        lost: By segment id.
        streams: By writer id.
    """

    taken: list[SegmentFile] = field(default_factory=list)
    spare: dict[str, str] = field(default_factory=dict)
    lost: dict[str, LostSegment] = field(default_factory=dict)
    streams: dict[str, Stream] = field(default_factory=dict)


COPY = "another file is the same segment"
ELSEWHERE = "its points are in other segments as well"
IN_JOURNAL = "its points are in journals still"


def choose(known: Knowledge) -> Choice:
    """Judge which files count."""
    return _Chooser(known).choose()


class _Chooser:
    def __init__(self, known: Knowledge) -> None:
        self.known = known
        self.choice = Choice()
        self.files = self._one_of_each()
        self.parts = {id_: parts_of(file) for id_, file in self.files.items()}
        self.seals = seals_of(self.files, known.listed.keys())
        self.taken: dict[str, Seal] = {}
        self.spans: dict[str, Spans] = {}

    def choose(self) -> Choice:
        for _, equals in groupby(sorted(self.seals.values(), key=lambda seal: seal.rank), lambda seal: seal.rank):
            self._take_most([seal for seal in equals if not self._overlaps(seal) and not self._is_in_journals(seal)])
        while late := next(self._needed(), None):
            self._take(late)
        chosen = self._cover()
        self.choice.taken = sorted((self.files[id_] for id_ in chosen), key=lambda file: file.path)
        for id_, file in self.files.items():
            if id_ not in chosen:
                settled = self._is_usable(self.parts[id_])
                overlapping = any(self._overlaps(self.seals[seal]) for seal, _ in self.parts[id_])
                self.choice.spare[file.path] = ELSEWHERE if settled or overlapping else IN_JOURNAL
        self._mourn(chosen)
        for writer in sorted({*self.known.writers, *self.known.journals, *self.spans}):
            self.choice.streams[writer] = self._stream(writer)
        return self.choice

    # -- files and seals

    def _one_of_each(self) -> dict[str, SegmentFile]:
        found: dict[str, SegmentFile] = {}

        def rank(file: SegmentFile) -> tuple[bool, bool, str]:
            listed = self.known.listed.get(file.about.segment_id)
            return listed is None or listed.path != file.path, not file.is_at_home, file.path

        for file in sorted(self.known.files, key=rank):
            if file.about.segment_id in found:
                self.choice.spare[file.path] = COPY
            else:
                found[file.about.segment_id] = file
        return found

    def _overlaps(self, seal: Seal) -> bool:
        """Tell whether points of a seal are in one that was taken."""
        return seal.id not in self.taken and any(
            self.spans[writer].within(first, upto) for writer, first, upto in seal.ranges if writer in self.spans
        )

    def _take_most(self, seals: Sequence[Seal]) -> None:
        """Take seals that hold all that some of them hold, and nothing twice, where that can be."""
        for id_ in disjoint_cover(pieces_of(seals), lambda id_: (-self.seals[id_].rows, id_)):
            self._take(self.seals[id_])

    def _take(self, seal: Seal) -> None:
        self.taken[seal.id] = seal
        for writer, first, upto in seal.ranges:
            self.spans.setdefault(writer, Spans()).add(first, upto)

    def _is_in_journals(self, seal: Seal) -> bool:
        """Tell whether readers get all points of a seal from journals, so that it need not be taken."""
        is_listed = seal.committed or seal.listed
        return not (is_listed and seal.is_complete) and all(self._is_in_journal(piece) for piece in seal.ranges)

    def _is_in_journal(self, piece: Range) -> bool:
        writer, first, upto = piece
        known, journal = self.known.writers.get(writer), self.known.journals.get(writer)
        if journal is None:
            return False
        if journal.alive and (known is None or first >= known.sealed):
            return True  # it was there a moment ago
        return not journal.whole.holes(first, upto)

    def _needed(self) -> Iterator[Seal]:
        """Give seals that were left to journals and have to be taken all the same."""
        left = [seal for seal in self.seals.values() if seal.id not in self.taken and not self._overlaps(seal)]
        if left:
            stranded = self._stranded()
            yield from (seal for seal in left if seal.id in stranded or (seal.is_complete and self._is_behind(seal)))

    def _is_behind(self, seal: Seal) -> bool:
        """Tell whether a seal has points that readers do not look for in a journal, as later ones are in segments."""
        return any(self.spans.get(writer, Spans()).end >= upto for writer, _, upto in seal.ranges)

    def _stranded(self) -> set[str]:
        """Return seals that were not taken, in files that alone hold a part of one that was."""
        reached = {part for parts in self.parts.values() if self._is_usable(parts) for part in parts}
        found: set[str] = set()
        for parts in self.parts.values():
            if any(seal in self.taken for seal, _ in parts - reached):
                found.update(seal for seal, _ in parts if seal not in self.taken)
        return found

    def _is_usable(self, parts: Iterable[Part]) -> bool:
        return all(seal in self.taken for seal, _ in parts)

    def _cover(self) -> set[str]:
        """Choose files, so that each part of a seal that was taken is in one of them, as far as any holds it."""
        usable = {id_: sorted(parts) for id_, parts in self.parts.items() if self._is_usable(parts)}
        return {*disjoint_cover(usable, self._worth)}

    def _worth(self, id_: str) -> tuple[bool, int, int, str]:
        listed = self.known.listed.get(id_)
        is_listed = listed is not None and listed.lost is None
        # Fewer rows: those of runs that were deleted for good are left out, and shall not come back.
        return not is_listed, -len(self.parts[id_]), self.files[id_].about.rows, id_

    # -- what is lost

    def _mourn(self, chosen: set[str]) -> None:
        """Name what the catalog lists, or what a sibling tells of, and no file and no journal gives back."""
        covered = {part for id_ in chosen for part in self.parts[id_]}
        absent = {id_: listed for id_, listed in self.known.listed.items() if id_ not in self.files}
        held = self._held(covered, {listed.experiment_id for listed in absent.values()})
        for listed in absent.values():
            if any(self._is_nowhere(held[listed.experiment_id], piece) for piece in listed.ranges):
                self._lose(listed)
        for seal in self.taken.values():
            for id_, (experiment, rows) in seal.siblings.items():
                if (seal.id, experiment) not in covered and not self._is_lost(experiment, seal.ranges):
                    self._lose(Listed(id_, home_of(experiment, id_), experiment, rows, 0, seal.ranges))

    def _held(self, covered: set[Part], experiments: Iterable[str]) -> dict[str, dict[str, Spans]]:
        """Return, for each experiment, of which ranges all of its points are in files; by writer."""
        found: dict[str, dict[str, Spans]] = {experiment: {} for experiment in experiments}
        for seal in self.taken.values():
            for experiment, spans in found.items():
                if (seal.id, experiment) in covered or experiment not in seal.experiments:
                    for writer, first, upto in seal.ranges:
                        spans.setdefault(writer, Spans()).add(first, upto)
        return found

    def _is_nowhere(self, held: dict[str, Spans], piece: Range) -> bool:
        writer, first, upto = piece
        journal = self.known.journals.get(writer)
        left = held.get(writer, Spans()).holes(first, upto)
        return any(journal.whole.holes(*part) if journal else True for part in left)

    def _is_lost(self, experiment: str, ranges: Iterable[Range]) -> bool:
        """Tell whether a lost segment that the catalog lists stands for some ranges of an experiment."""
        of_experiment = [lost.listed for lost in self.choice.lost.values() if lost.listed.experiment_id == experiment]
        return any(set(ranges) <= set(listed.ranges) for listed in of_experiment)

    def _lose(self, listed: Listed) -> None:
        reason = self.known.bad.get(listed.path) or listed.lost or "the file is gone"
        self.choice.lost[listed.segment_id] = LostSegment(listed, reason)

    # -- streams

    def _stream(self, writer: str) -> Stream:
        known, journal = self.known.writers.get(writer), self.known.journals.get(writer)
        accounted = Spans(self._accounted(writer, known))
        stream = Stream(accounted.end)
        for hole in accounted.holes(0, accounted.end):
            inside = journal.whole.within(*hole) if journal else []
            stream.rescued += inside
            stream.lost += Spans(inside).holes(*hole)
        self._set_end(stream, known, journal)
        return stream

    def _accounted(self, writer: str, known: KnownWriter | None) -> Iterator[Span]:
        taken = self.spans.get(writer, Spans())
        yield from taken.within(0, taken.end)
        for lost in self.choice.lost.values():
            yield from ((first, upto) for of, first, upto in lost.listed.ranges if of == writer)
        if known is not None:  # a gap behind them is of a journal that is not sealed yet
            yield from known.gaps.within(0, max(known.sealed, taken.end))

    def _set_end(self, stream: Stream, known: KnownWriter | None, journal: Journal | None) -> None:
        """Settle what follows the last segment: it is in the journal, or lost as far as the catalog knew of it."""
        end, sealed = stream.sealed, known.sealed if known else 0
        has_files = journal is not None and journal.first < journal.upto
        upto = journal.first if journal is not None and has_files else sealed
        if upto <= end or (known is not None and known.replica):
            return
        stream.lost.append((end, upto))
        stream.sealed = upto
