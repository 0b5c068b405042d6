"""Choosing: which files hold the points of a store, each point once; the rules are in docs/design.md, "Repair".

What a seal gave to an experiment is a part. A seal is taken as a whole: of two that hold the same points only one is.
Then each of its parts is in one file: the segment as sealed, or one that a compaction has made of many. What neither a
file nor a journal gives back is lost, and is named.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from runlake.catalog import Range
from runlake.checkup.known import Journal, Knowledge, KnownWriter, Listed, SegmentFile, home_of
from runlake.checkup.spans import Span, Spans

Part = tuple[str, str]
"""Id of a seal, and the experiment."""


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


@dataclass(eq=False)
class _Seal:
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
    def rank(self) -> tuple[bool, bool, int, str]:
        """The sure ones first, then those that hold the most."""
        is_sure = self.committed or self.listed
        return not self.is_complete, not is_sure, -sum(rows for _, rows in self.siblings.values()), self.id


class _Chooser:
    def __init__(self, known: Knowledge) -> None:
        self.known = known
        self.choice = Choice()
        self.files = self._one_of_each()
        self.parts = {id_: _parts(file) for id_, file in self.files.items()}
        self.seals = self._seals()
        self.taken: dict[str, _Seal] = {}
        self.spans: dict[str, Spans] = {}

    def choose(self) -> Choice:
        for seal in sorted(self.seals.values(), key=lambda seal: seal.rank):
            if not self._overlaps(seal) and not self._is_in_journals(seal):
                self._take(seal)
        while behind := [seal for seal in self.seals.values() if self._is_behind(seal)]:
            self._take(behind[0])
        chosen = self._cover()
        self.choice.taken = sorted((self.files[id_] for id_ in chosen), key=lambda file: file.path)
        for id_, file in self.files.items():
            if id_ not in chosen:
                settled = all(seal in self.taken for seal, _ in self.parts[id_])
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

    def _seals(self) -> dict[str, _Seal]:
        found: dict[str, _Seal] = {}
        for id_, file in self.files.items():
            is_compacted = bool(file.about.seals)  # asked once: it is converted with every asking, and may be thousands
            for seal_id, siblings, ranges in _origins(file):
                named = {sibling: (experiment, rows) for sibling, experiment, rows in siblings}
                seal = found.setdefault(seal_id, _Seal(seal_id, named, list(ranges)))
                seal.held.add(file.about.experiment_id)
                seal.committed |= is_compacted
                seal.listed &= is_compacted or id_ in self.known.listed
        return found

    def _overlaps(self, seal: _Seal) -> bool:
        """Tell whether points of a seal are in one that was taken."""
        return seal.id not in self.taken and any(
            self.spans[writer].within(first, upto) for writer, first, upto in seal.ranges if writer in self.spans
        )

    def _take(self, seal: _Seal) -> None:
        self.taken[seal.id] = seal
        for writer, first, upto in seal.ranges:
            self.spans.setdefault(writer, Spans()).add(first, upto)

    def _is_in_journals(self, seal: _Seal) -> bool:
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

    def _is_behind(self, seal: _Seal) -> bool:
        """Tell whether a seal has points that readers do not look for in a journal, as later ones are in segments."""
        ends = ((self.spans.get(writer, Spans()).end, upto) for writer, _, upto in seal.ranges)
        is_left = seal.id not in self.taken and seal.is_complete and not self._overlaps(seal)
        return is_left and any(end >= upto for end, upto in ends)

    def _cover(self) -> set[str]:
        """Choose files, so that each part of a seal that was taken is in one of them, as far as any holds it."""
        usable = {id_ for id_, parts in self.parts.items() if all(seal in self.taken for seal, _ in parts)}
        holders: dict[Part, set[str]] = {}
        for id_ in usable:
            for part in self.parts[id_]:
                holders.setdefault(part, set()).add(id_)
        chosen: set[str] = set()
        waiting = deque(sorted(usable, key=self._worth))
        forced = [next(iter(ids)) for ids in holders.values() if len(ids) == 1]
        while usable:
            id_ = forced.pop() if forced else waiting.popleft()
            if id_ not in usable:
                continue
            chosen.add(id_)
            for other in {other for part in self.parts[id_] for other in holders[part]}:
                usable.discard(other)
                for part in self.parts[other] - self.parts[id_]:
                    holders[part].discard(other)
                    forced += holders[part] if len(holders[part]) == 1 else ()
        return chosen

    def _worth(self, id_: str) -> tuple[bool, int, int, str]:
        listed = self.known.listed.get(id_)
        is_listed = listed is not None and listed.lost is None
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


def _origins(file: SegmentFile) -> Iterable[tuple[str, Iterable[tuple[str, str, int]], Iterable[Range]]]:
    """Return the seals that the rows of a file come from."""
    about = file.about
    return about.seals or [(about.seal_id, about.siblings, about.ranges)]


def _parts(file: SegmentFile) -> set[Part]:
    return {(seal_id, file.about.experiment_id) for seal_id, _, _ in _origins(file)}
