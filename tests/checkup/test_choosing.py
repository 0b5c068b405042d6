"""Which files count: the rules, on stores that are made up of what files say of themselves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from runlake.catalog import Range, UnstoredPoints
from runlake.checkup.choosing import COPY, ELSEWHERE, IN_JOURNAL, Choice, choose
from runlake.checkup.known import Journal, Knowledge, KnownWriter, Listed, SegmentFile, home_of
from runlake.checkup.spans import Span, Spans

W = "w"


@dataclass
class About:
    """What a segment says; the first letter of its id is its experiment."""

    segment_id: str
    seal_id: str
    siblings: Sequence[tuple[str, str, int]]
    ranges: Sequence[Range]
    rows: int = 10
    bytes: int = 100
    seals: Sequence[tuple[str, Sequence[tuple[str, str, int]], Sequence[Range]]] = ()
    replaces: Sequence[str] = ()
    ledger: Sequence[tuple[str, UnstoredPoints]] = ()

    @property
    def experiment_id(self) -> str:
        return self.segment_id[0]


@dataclass
class Made:
    """A store in the making: segments by id, as a number of seals has made them."""

    abouts: dict[str, About] = field(default_factory=dict)
    gone: dict[str, str] = field(default_factory=dict)
    unlisted: set[str] = field(default_factory=set)
    sealed: int = 0
    journal: Journal | None = None
    gaps: list[Span] = field(default_factory=list)

    def seal(self, first: int, upto: int, *ids: str, listed: bool = True) -> None:
        rows = upto - first
        siblings = [(id_, id_[0], rows) for id_ in ids]
        for id_ in ids:
            self.abouts[id_] = About(id_, f"seal of {ids[0]}", siblings, [(W, first, upto)], rows)
        self._list(listed, *ids)
        self.sealed = max(self.sealed, upto) if listed else self.sealed

    def compact(self, id_: str, *inputs: str, listed: bool = True, rows: int | None = None) -> None:
        old = [self.abouts[one] for one in inputs]
        seals = [seal for one in old for seal in (one.seals or [(one.seal_id, one.siblings, one.ranges)])]
        ranges = [piece for _, _, ranges in seals for piece in ranges]
        rows = sum(one.rows for one in old) if rows is None else rows
        self.abouts[id_] = About(id_, f"made of {id_}", [(id_, id_[0], rows)], ranges, rows, seals=seals)
        self._list(listed, id_)
        if listed:
            self.unlisted |= {*inputs}

    def _list(self, listed: bool, *ids: str) -> None:
        if not listed:
            self.unlisted |= {*ids}

    def lose(self, *ids: str) -> None:
        for id_ in ids:
            self.gone[id_] = "gone"

    def chosen(self, *, catalog: bool = True) -> Choice:
        files = [
            SegmentFile(home_of(about.experiment_id, id_), about)
            for id_, about in self.abouts.items()
            if id_ not in self.gone
        ]
        listed = {
            id_: Listed(id_, home_of(about.experiment_id, id_), about.experiment_id, about.rows, 100, about.ranges)
            for id_, about in self.abouts.items()
            if id_ not in self.unlisted
        }
        writers = {W: KnownWriter("closed", self.sealed, False, Spans(self.gaps))}
        journals = {W: self.journal} if self.journal else {}
        return choose(Knowledge(files, {}, listed if catalog else {}, writers if catalog else {}, journals))


def ids(choice: Choice) -> set[str]:
    return {file.about.segment_id for file in choice.taken}


@pytest.fixture
def made() -> Made:
    """Two seals of two experiments each, and one of a single one."""
    made = Made()
    made.seal(0, 10, "a1", "b1")
    made.seal(10, 20, "a2", "b2")
    made.seal(20, 30, "a3")
    return made


def test_what_is_listed_and_whole_is_taken(made: Made) -> None:
    choice = made.chosen()
    assert (ids(choice), choice.spare, choice.lost) == ({"a1", "b1", "a2", "b2", "a3"}, {}, {})
    assert (choice.streams[W].sealed, choice.streams[W].lost) == (30, [])
    assert ids(made.chosen(catalog=False)) == ids(choice)


@pytest.mark.parametrize("catalog", [True, False])
def test_a_seal_that_lost_the_race_is_not_taken_beside_the_winner(made: Made, catalog: bool) -> None:
    made.seal(10, 18, "a9", "b9", listed=False)
    choice = made.chosen(catalog=catalog)
    assert ids(choice) == {"a1", "b1", "a2", "b2", "a3"}
    assert set(choice.spare.values()) == {ELSEWHERE}


@pytest.mark.parametrize("catalog", [True, False])
def test_a_compacted_segment_stands_for_its_inputs(made: Made, catalog: bool) -> None:
    made.compact("a4", "a1", "a2")
    made.compact("a5", "a4", "a3")
    for inputs in ((), ("a1",), ("a1", "a2", "a3"), ("a4",), ("a1", "a2", "a3", "a4")):
        made.gone.clear()
        made.lose(*inputs)
        choice = made.chosen(catalog=catalog)
        assert (ids(choice), choice.lost) == ({"a5", "b1", "b2"}, {})
        assert choice.streams[W].sealed == 30


@pytest.mark.parametrize("catalog", [True, False])
def test_the_inputs_stand_for_a_compacted_segment_that_is_lost(made: Made, catalog: bool) -> None:
    made.compact("a4", "a1", "a2")
    made.lose("a4")
    choice = made.chosen(catalog=catalog)
    assert (ids(choice), choice.lost) == ({"a1", "a2", "b1", "b2", "a3"}, {})


def test_a_compaction_that_was_not_committed_changes_nothing(made: Made) -> None:
    made.compact("a4", "a1", "a2", listed=False)
    choice = made.chosen()
    assert ids(choice) == {"a1", "a2", "b1", "b2", "a3"}
    made.lose("a2")
    choice = made.chosen()
    assert (ids(choice), choice.lost) == ({"a4", "b1", "b2", "a3"}, {}), "but it is there when an input is lost"


@pytest.mark.parametrize("catalog", [True, False])
def test_a_lost_segment_is_named_and_its_sibling_is_kept(made: Made, catalog: bool) -> None:
    made.lose("b2")
    choice = made.chosen(catalog=catalog)
    assert ids(choice) == {"a1", "b1", "a2", "a3"}
    assert {id_: lost.listed.rows for id_, lost in choice.lost.items()} == {"b2": 10}
    assert choice.streams[W].sealed == 30


@pytest.mark.parametrize("catalog", [True, False])
def test_a_sibling_that_only_a_compacted_segment_tells_of_is_named(made: Made, catalog: bool) -> None:
    made.compact("a4", "a1", "a2")
    made.lose("a1", "a2", "b2")
    choice = made.chosen(catalog=catalog)
    assert (ids(choice), list(choice.lost)) == ({"a4", "b1", "a3"}, ["b2"])


def test_a_lost_compacted_segment_is_named_once(made: Made) -> None:
    made.compact("a4", "a1", "a2")
    made.lose("a1", "a2", "a4")
    choice = made.chosen()
    assert (ids(choice), list(choice.lost)) == ({"b1", "b2", "a3"}, ["a4"])
    assert choice.streams[W].lost == []


def test_a_whole_seal_that_is_lost_is_a_hole_to_whoever_has_no_catalog(made: Made) -> None:
    made.lose("a2", "b2")
    assert list(made.chosen().lost) == ["a2", "b2"]
    choice = made.chosen(catalog=False)
    assert (choice.lost, choice.streams[W].lost) == ({}, [(10, 20)])


def test_what_a_journal_holds_is_not_lost(made: Made) -> None:
    made.journal = Journal(20, 40, Spans([(20, 40)]))
    made.lose("a3")
    choice = made.chosen()
    assert (choice.lost, choice.streams[W].sealed) == ({}, 20)
    made.journal = Journal(0, 40, Spans([(0, 40)]))
    made.lose("a2")
    choice = made.chosen()
    assert (ids(choice), choice.lost, choice.streams[W].sealed) == ({"a1", "b1"}, {}, 10)
    assert choice.spare == {home_of("b", "b2"): IN_JOURNAL}


def test_what_a_journal_holds_behind_segments_is_rescued(made: Made) -> None:
    made.journal = Journal(5, 20, Spans([(5, 20)]))
    made.lose("a2", "b2")
    choice = made.chosen()
    assert choice.lost == {}
    assert (choice.streams[W].rescued, choice.streams[W].lost, choice.streams[W].sealed) == ([(10, 20)], [], 30)
    made.seal(10, 20, "a9", "b9", listed=False)  # it was, and the repair was cut short
    choice = made.chosen()
    assert (ids(choice), choice.streams[W].rescued) == ({"a1", "b1", "a3", "a9", "b9"}, [])


def test_a_seal_that_was_not_committed_stays_in_the_journal(made: Made) -> None:
    made.seal(30, 40, "a8", listed=False)
    made.journal = Journal(25, 50, Spans([(25, 50)]))
    choice = made.chosen()
    assert (choice.streams[W].sealed, choice.spare) == (30, {home_of("a", "a8"): IN_JOURNAL})
    made.journal = Journal(35, 50, Spans([(35, 50)]))  # trimmed, so it was committed, and the catalog is an older one
    choice = made.chosen()
    assert (ids(choice) >= {"a8"}, choice.streams[W].sealed) == (True, 40)


def test_a_seal_in_the_making_beside_a_living_writer_is_no_damage(made: Made) -> None:
    made.seal(30, 40, "a8", listed=False)
    made.journal = Journal(30, 35, Spans([(30, 35)]), alive=True)  # looked at before the rest was logged
    choice = made.chosen()
    assert (choice.streams[W].sealed, choice.lost) == (30, {})


def test_gaps_that_are_known_are_no_holes(made: Made) -> None:
    made.seal(35, 40, "a8")
    assert made.chosen().streams[W].lost == [(30, 35)]
    made.gaps = [(30, 35)]
    assert made.chosen().streams[W].lost == []
    made.gaps = [(30, 35), (42, 44)]  # of a journal that is not sealed yet
    assert made.chosen().streams[W].sealed == 40


def test_what_precedes_a_journal_and_is_in_no_segment_is_lost(made: Made) -> None:
    made.journal = Journal(33, 50, Spans([(33, 50)]))
    assert made.chosen().streams[W].lost == [(30, 33)]
    assert made.chosen().streams[W].sealed == 33
    made.journal, made.sealed = None, 45
    assert (made.chosen().streams[W].lost, made.chosen().streams[W].sealed) == ([(30, 45)], 45)


def test_a_copy_of_a_file_counts_once(made: Made) -> None:
    known = Knowledge(
        [SegmentFile("x/copy.parquet", made.abouts["a3"]), SegmentFile(home_of("a", "a3"), made.abouts["a3"])],
        *({}, {}, {}, {}),
    )
    choice = choose(known)
    assert ([file.path for file in choice.taken], choice.spare) == ([home_of("a", "a3")], {"x/copy.parquet": COPY})


def test_of_two_seals_of_a_range_the_one_that_goes_further_is_taken() -> None:
    made = Made()
    made.seal(0, 100, "a1", listed=False)
    made.seal(0, 150, "a2")
    assert ids(made.chosen(catalog=False)) == ids(made.chosen()) == {"a2"}


def test_a_seal_that_alone_holds_some_points_comes_before_one_that_holds_more() -> None:
    made = Made()
    made.seal(0, 100, "a1", listed=False)  # lost the race to the others, which were smaller
    made.seal(0, 50, "a2")
    made.seal(50, 120, "a3")
    for catalog in (True, False):
        choice = made.chosen(catalog=catalog)
        assert (ids(choice), choice.streams[W].sealed, choice.streams[W].lost) == ({"a2", "a3"}, 120, [])


@pytest.mark.parametrize("gone", [(), ("a1", "a2")])
@pytest.mark.parametrize("sibling", [True, False])
def test_a_seal_that_was_compacted_comes_before_others_of_its_range(gone: tuple[str, ...], sibling: bool) -> None:
    made = Made()
    made.seal(0, 30, "a0", "b0", listed=False)
    made.seal(0, 20, "a1", "b1")
    made.seal(20, 25, "a2")
    made.compact("a3", "a1", "a2")
    made.lose(*gone, *(() if sibling else ("b1",)))
    choice = made.chosen(catalog=False)
    assert ids(choice) == ({"a3", "b1"} if sibling else {"a3"})
    assert choice.lost.keys() == (set() if sibling else {"b1"})


def test_an_orphan_of_a_compaction_does_not_hide_what_only_another_holds() -> None:
    made = Made()
    for number in range(4):
        made.seal(10 * number, 10 * number + 10, f"a{number}")
    made.compact("a8", "a0", "a1", listed=False)
    made.compact("a9", "a1", "a2")
    made.lose("a1", "a2")  # past their grace
    assert ids(made.chosen(catalog=False)) == {"a0", "a3", "a9"}
    made.compact("a7", "a0", "a9", "a3")
    assert ids(made.chosen(catalog=False)) == {"a7"}


def test_of_two_files_with_the_same_parts_the_one_without_deleted_runs_is_taken(made: Made) -> None:
    made.compact("a4", "a3", rows=0)
    assert ids(made.chosen(catalog=False)) == {"a1", "b1", "a2", "b2", "a4"}


def test_a_seal_that_lacks_a_part_is_not_left_to_a_journal_with_what_a_file_holds_beside_it(made: Made) -> None:
    made.compact("a4", "a1", "a2")
    made.journal = Journal(10, 40, Spans([(10, 40)]))
    made.lose("b2", "a3")
    choice = made.chosen()
    assert (ids(choice), choice.lost) == ({"a1", "b1"}, {}), "a2 and what follows are in the journal"
    made.lose("a1", "a2")
    for catalog in (True, False):
        choice = made.chosen(catalog=catalog)
        assert (ids(choice), list(choice.lost)) == ({"a4", "b1"}, ["b2"])
        assert choice.streams[W].sealed == 20
