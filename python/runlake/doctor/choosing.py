"""Choosing: which files hold the points of a store, each point once; the rules are in docs/design.md, "Repair".

A seal is taken as a whole: its segments, or those that replace them. Of two that hold the same points one is taken, the
one that the catalog lists if it can be. What neither a file nor a journal gives back is lost, and is named.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from runlake.doctor.known import Journal, Knowledge, KnownWriter, Listed, Range, SegmentFile, home_of
from runlake.doctor.spans import Span, Spans


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
REPLACED = "another segment has taken over its points"
HALF = "it was to replace others, which are there"
LOSER = "its points are in other segments as well"
IN_JOURNAL = "its points are in journals still"


def choose(known: Knowledge) -> Choice:
    """Judge which files count."""
    chooser = _Chooser(known)
    chooser.choose()
    return chooser.choice


@dataclass(eq=False)
class _Seal:
    """The files of one seal or compaction that are there, and the ids of segments that they stand for."""

    files: list[SegmentFile]
    siblings: dict[str, tuple[str, int]]
    replaced: set[str]
    absent: list[str] = field(default_factory=list)
    listed: bool = False

    @property
    def id(self) -> str:
        return self.files[0].about.seal_id

    @property
    def ranges(self) -> Iterator[Range]:
        return iter({piece for file in self.files for piece in file.about.ranges})

    @property
    def experiments(self) -> set[str]:
        return {file.about.experiment_id for file in self.files}

    def excludes(self, other: _Seal) -> bool:
        """Tell whether two that share a range hold the same points, rather than those of different experiments."""
        if self.siblings.keys() & other.replaced or other.siblings.keys() & self.replaced:
            return False
        return not (self.replaced or other.replaced) or bool(self.experiments & other.experiments)


class _Taken:
    """Ranges that have been taken, and by which seal.

    Of `settled` ranges all points are held; of others, `of_experiment`, those of one experiment.
    """

    def __init__(self) -> None:
        self.spans: dict[str, Spans] = {}
        self.settled: dict[str, Spans] = {}
        self.of_experiment: dict[tuple[str, str], Spans] = {}
        self._of_writer: dict[str, list[tuple[int, int, int]]] = {}
        self._seals: list[_Seal] = []

    def add(self, seal: _Seal) -> None:
        self._seals.append(seal)
        for writer, first, upto in seal.ranges:
            self.spans.setdefault(writer, Spans()).add(first, upto)
            if not seal.absent and not seal.replaced:
                self.settled.setdefault(writer, Spans()).add(first, upto)
            for experiment in seal.experiments:
                self.of_experiment.setdefault((experiment, writer), Spans()).add(first, upto)
            insort(self._of_writer.setdefault(writer, []), (first, upto, len(self._seals) - 1))

    def holes(self, experiment: str, piece: Range) -> list[Span]:
        """Return the parts of a range of which no point of an experiment is held."""
        writer, first, upto = piece
        held = Spans(self.settled.get(writer, Spans()).within(first, upto))
        for span in self.of_experiment.get((experiment, writer), Spans()).within(first, upto):
            held.add(*span)
        return held.holes(first, upto)

    def excludes(self, seal: _Seal) -> bool:
        return any(other.excludes(seal) for other in self._sharing(seal))

    def _sharing(self, seal: _Seal) -> Iterator[_Seal]:
        for writer, first, upto in seal.ranges:
            if writer in self.spans and self.spans[writer].within(first, upto):
                taken = self._of_writer[writer]
                for start, end, number in taken[: bisect_left(taken, (upto, 0, 0))]:
                    if start < upto and first < end:
                        yield self._seals[number]


class _Chooser:
    def __init__(self, known: Knowledge) -> None:
        self.known = known
        self.choice = Choice()
        self.taken = _Taken()
        self.replaced: dict[str, str] = {}

    def choose(self) -> None:
        files = self._one_of_each()
        files = self._without_replaced(files)
        seals = self._seals(files)
        postponed = [seal for seal in seals if not self._take(seal)]
        while behind := [seal for seal in postponed if self._is_behind(seal)]:
            postponed = [seal for seal in postponed if seal not in behind]
            for seal in behind:
                if not self.taken.excludes(seal):
                    self._settle(seal)
        self._mourn()
        self.choice.taken.sort(key=lambda file: file.path)
        for writer in sorted({*self.known.writers, *self.known.journals, *self.taken.spans}):
            self.choice.streams[writer] = self._stream(writer)

    # -- files

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

    def _without_replaced(self, files: dict[str, SegmentFile]) -> dict[str, SegmentFile]:
        closures = {id_: _replaced_by(file, files) for id_, file in files.items() if file.about.replaces}
        listed = {id_ for id_, segment in self.known.listed.items() if segment.lost is None}
        dropped: set[str] = set()
        for id_, closure in sorted(closures.items(), key=lambda item: (item[0] not in listed, -len(item[1]), item[0])):
            if id_ in self.replaced or not closure.isdisjoint(self.replaced):
                dropped.add(id_)
                self.choice.spare[files[id_].path] = REPLACED if id_ in self.replaced else HALF
            elif id_ not in listed and all(old in files and old in listed for old in files[id_].about.replaces):
                dropped.add(id_)
                self.choice.spare[files[id_].path] = HALF
            else:
                self.replaced.update(dict.fromkeys(closure, id_))
        for id_ in files.keys() & self.replaced.keys():
            self.choice.spare[files[id_].path] = REPLACED
        return {id_: file for id_, file in files.items() if id_ not in dropped and id_ not in self.replaced}

    # -- seals

    def _seals(self, files: dict[str, SegmentFile]) -> list[_Seal]:
        """Return what is there of each seal, in the order in which they are taken: the sure ones first."""
        found: dict[str, _Seal] = {}
        for file in files.values():
            seal = found.setdefault(file.about.seal_id, _Seal([], {}, set()))
            seal.files.append(file)
            seal.siblings.update({id_: (experiment, rows) for id_, experiment, rows in file.about.siblings})
            seal.replaced.update(old for old, by in self.replaced.items() if by == file.about.segment_id)
        for seal in found.values():
            seal.absent = sorted(id_ for id_ in seal.siblings if id_ not in files and id_ not in self.replaced)
            seal.listed = all(file.about.segment_id in self.known.listed for file in seal.files)
        return sorted(found.values(), key=lambda s: (bool(s.absent), not s.listed, -_rows(s), s.id))

    def _take(self, seal: _Seal) -> bool:
        """Take a seal, unless its points are elsewhere; tell whether that is settled."""
        if self.taken.excludes(seal):
            self.choice.spare.update({file.path: LOSER for file in seal.files})
        elif (seal.absent or not seal.listed) and all(self._is_in_journal(piece) for piece in seal.ranges):
            self.choice.spare.update({file.path: IN_JOURNAL for file in seal.files})
            return False
        else:
            self._settle(seal)
        return True

    def _is_behind(self, seal: _Seal) -> bool:
        """Tell whether a seal has points that readers do not look for in a journal, as later ones are in segments."""
        ends = ((self.taken.spans.get(writer, Spans()).end, upto) for writer, _, upto in seal.ranges)
        return not seal.absent and any(end >= upto for end, upto in ends) and not self.taken.excludes(seal)

    def _settle(self, seal: _Seal) -> None:
        for file in seal.files:
            self.choice.spare.pop(file.path, None)
        self.taken.add(seal)
        self.choice.taken += seal.files
        for id_ in seal.absent:
            experiment, rows = seal.siblings[id_]
            listed = self.known.listed.get(id_)
            home = home_of(experiment, id_)
            self._lose(listed or Listed(id_, home, experiment, rows, 0, sorted(seal.ranges)))

    def _is_in_journal(self, piece: Range) -> bool:
        """Tell whether a journal holds a range, and readers see it there."""
        writer, first, upto = piece
        known, journal = self.known.writers.get(writer), self.known.journals.get(writer)
        if journal is None:
            return False
        if journal.alive and (known is None or first >= known.sealed):
            return True  # it was there a moment ago
        return not journal.whole.holes(first, upto)

    def _lose(self, listed: Listed) -> None:
        reason = self.known.bad.get(listed.path) or listed.lost or "the file is gone"
        self.choice.lost[listed.segment_id] = LostSegment(listed, reason)

    def _mourn(self) -> None:
        """Find what the catalog lists and no file gives back."""
        counted = {file.about.segment_id for file in self.choice.taken} | self.replaced.keys() | self.choice.lost.keys()
        for id_, listed in self.known.listed.items():
            if id_ not in counted and any(self._is_nowhere(listed.experiment_id, piece) for piece in listed.ranges):
                self._lose(listed)

    def _is_nowhere(self, experiment: str, piece: Range) -> bool:
        journal = self.known.journals.get(piece[0])
        left = self.taken.holes(experiment, piece)
        return any(journal.whole.holes(*part) if journal else True for part in left)

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

    def _accounted(self, writer: str, known: KnownWriter | None) -> Iterable[Span]:
        taken = self.taken.spans.get(writer, Spans())
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


def _rows(seal: _Seal) -> int:
    return sum(file.about.rows for file in seal.files)


def _replaced_by(file: SegmentFile, files: dict[str, SegmentFile]) -> set[str]:
    """Return the ids that a segment stands for, those that its predecessors stood for among them."""
    found: set[str] = set()
    waiting = list(file.about.replaces)
    while waiting:
        id_ = waiting.pop()
        if id_ not in found:
            found.add(id_)
            waiting += files[id_].about.replaces if id_ in files else ()
    return found
