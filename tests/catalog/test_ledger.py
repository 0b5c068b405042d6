"""Ledger: what writers did not store counts once, whatever way and however often it is told."""

import itertools
import math
import random
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runlake.catalog import Catalog, KnownSummary, Unstored
from runlake.catalog.rows import METRIC_COLUMNS
from tests.catalog.material import Segment, Series, add_run, writer

W1, W2 = writer(1), writer(2)


@dataclass
class Book:
    """What one writer says of one series as it goes on."""

    run_id: str = "a"
    key: str = "loss"
    merged: int = 0
    dropped: dict[str, int] = field(default_factory=dict)
    points: list[tuple[int, int, float]] = field(default_factory=list)

    def merge(self, *points: tuple[int, int, float]) -> Unstored:
        self.merged += len(points)
        self.points += points
        return self.entry()

    def drop(self, reason: str, *points: tuple[int, int, float]) -> Unstored:
        self.dropped[reason] = self.dropped.get(reason, 0) + len(points)
        self.points += points
        return self.entry()

    def entry(self) -> Unstored:
        summary = Series(self.run_id, self.key, list(self.points))
        stretches = [(reason, count, 0, 9) for reason, count in self.dropped.items()]
        known = KnownSummary.of(summary) if self.points else None
        return Unstored(self.run_id, self.key, self.merged, dict(self.dropped), stretches, known)


@pytest.fixture
def two_writers(catalog: Catalog) -> Catalog:
    add_run(catalog, "a", by=W1)
    add_run(catalog, "b", by=W2)
    return catalog


def summary_of(catalog: Catalog, run_id: str = "a", key: str = "loss") -> dict[str, float]:
    rows = catalog.run_rows(run_ids=[run_id])
    names = {text: number for number, text in rows.names.items()}
    place = list(rows.metrics["key"]).index(names[key])
    return {column: rows.metrics[column][place] for column in METRIC_COLUMNS[2:]}


def test_a_seal_takes_the_ledger_with_it(two_writers: Catalog) -> None:
    book = Book()
    entry = book.drop("throttled", (1, 10, 5.0), (2, 20, math.nan))
    stored = Segment("s1", [(W1.id, 0, 1)], [Series("a", "loss", [(0, 5, 1.0)])])
    assert two_writers.commit_seal(stored.ranges, [stored], {W1.id: [entry]})
    assert two_writers.ledger_of([W1.id, W2.id]) == {W1.id: [entry]}
    summary = summary_of(two_writers)
    assert (summary["count"], summary["nan_count"], summary["max"], summary["sum"]) == (3, 1, 5.0, 6.0)
    assert (summary["first_step"], summary["last_step"]) == (0, 2)


def test_a_seal_that_somebody_else_has_won_leaves_the_ledger_as_it_was(two_writers: Catalog) -> None:
    assert two_writers.commit_seal([(W1.id, 0, 1)], [])
    assert not two_writers.commit_seal([(W1.id, 0, 1)], [], {W1.id: [Book().merge((1, 10, 5.0))]})
    assert two_writers.ledger_of([W1.id]) == {}


def test_an_entry_that_comes_again_or_late_changes_nothing(two_writers: Catalog) -> None:
    book = Book()
    first, second = book.merge((1, 10, 5.0)), book.merge((2, 20, 7.0))
    two_writers.put_ledger({W1.id: [second]})
    tx, summary = two_writers.tx(), summary_of(two_writers)
    for entry in (second, first):
        two_writers.put_ledger({W1.id: [entry]})
    assert (two_writers.tx(), summary_of(two_writers)) == (tx, summary)
    assert two_writers.ledger_of([W1.id]) == {W1.id: [second]}


def test_the_dead_are_accounted_for_when_they_are_mended(two_writers: Catalog) -> None:
    entry = Book().drop("no space", (1, 10, 5.0))
    two_writers.mend_writer(W1, [("a", 10)], [], None, [entry])
    assert two_writers.ledger_of([W1.id]) == {W1.id: [entry]}
    assert summary_of(two_writers)["count"] == 1


def test_points_of_which_no_value_is_known_are_counted_in_the_ledger_alone(two_writers: Catalog) -> None:
    entry = replace(Book().drop("late", (1, 10, 5.0)), summary=None)
    two_writers.put_ledger({W1.id: [entry]})
    assert two_writers.ledger_of([W1.id]) == {W1.id: [entry]}
    assert two_writers.run_account("a", [W1.id]).counts == {}


def test_an_account_has_the_points_of_all_writers_of_a_run(two_writers: Catalog) -> None:
    mine, others = Book(), Book()
    stored = Segment("s1", [(W1.id, 0, 2)], [Series("a", "loss", [(0, 5, 1.0), (9, 5, 1.0)])])
    two_writers.commit_seal(stored.ranges, [stored], {W1.id: [mine.merge((1, 10, 5.0))]})
    two_writers.put_ledger({W2.id: [others.merge((2, 10, 5.0), (3, 10, 5.0)), Book("b").merge((1, 1, 1.0))]})
    account = two_writers.run_account("a", [W1.id, W2.id])
    assert (account.sealed, account.counts) == ({W1.id: 2, W2.id: 0}, {"loss": 5})
    assert account.entries == {W1.id: [mine.entry()], W2.id: [others.entry()]}
    assert {series: known.unstored for series, known in two_writers.known_unstored([W1.id, W2.id]).items()} == {
        (W1.id, "a", "loss"): 1,
        (W2.id, "a", "loss"): 2,
        (W2.id, "b", "loss"): 1,
    }


def test_a_change_of_the_ledger_is_a_change_of_the_run(two_writers: Catalog) -> None:
    before = two_writers.tx()
    two_writers.put_ledger({W1.id: [Book().merge((1, 10, 5.0))]})
    assert list(two_writers.run_rows(since_tx=before).runs["run_id"]) == ["a"]


values = st.sampled_from([math.nan, math.inf, -math.inf, -1.5, 0.0, -0.0, 2.0, 1e300])
points = st.tuples(st.integers(-5, 5), st.integers(0, 3), values)
fates = st.sampled_from(["stored", "merged", "throttled", "no space"])
numbers = itertools.count(10)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Catalog]:
    """One catalog for all examples; each has a run and writers of its own."""
    catalog = Catalog.open(tmp_path_factory.mktemp("ledger") / "lake")
    yield catalog
    catalog.close()


@settings(deadline=None)
@given(accepted=st.lists(st.tuples(st.booleans(), fates, points), min_size=1, max_size=40), seed=st.integers())
def test_summaries_are_those_of_all_accepted_points(
    shared: Catalog, accepted: list[tuple[bool, str, tuple[int, int, float]]], seed: int
) -> None:
    rng, number = random.Random(seed), next(numbers)
    writers = [writer(2 * number), writer(2 * number + 1)]
    run_id = add_run(shared, f"run{number}", by=writers[0])
    shared.attach(writers[1], run_id)
    books, sealed = [Book(run_id), Book(run_id)], [0, 0]
    told: list[list[Unstored]] = [[], []]
    for of_second, fate, point in accepted:
        writer_id, book, mine = writers[of_second].id, books[of_second], told[of_second]
        if fate == "stored":
            ranges = [(writer_id, sealed[of_second], sealed[of_second] + 1)]
            segment = Segment(f"{writer_id}-{sealed[of_second]}", ranges, [Series(run_id, "loss", [point])])
            sealed[of_second] += 1
            assert shared.commit_seal(ranges, [segment], {writer_id: mine[-1:]} if rng.random() < 0.5 else None)
        else:
            mine.append(book.merge(point) if fate == "merged" else book.drop(fate, point))
            if rng.random() < 0.5:
                shared.put_ledger({writer_id: [rng.choice(mine)]})
    shared.put_ledger({info.id: mine[-1:] for info, mine in zip(writers, told, strict=True)})
    found, whole = summary_of(shared, run_id), Series(run_id, "loss", [point for _, _, point in accepted])
    for name, value in found.items():
        kept = math.nan if value is None else value
        if name == "sum":
            assert kept == pytest.approx(whole.sum, nan_ok=True)
        else:
            assert repr(kept) == repr(getattr(whole, name)), name
