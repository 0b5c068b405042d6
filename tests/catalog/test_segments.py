"""Segments: a range is sealed once, summaries merge as if the points had been one series, and a plan misses nothing."""

import itertools
import math
import random
import struct
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runlake.catalog import Catalog
from runlake.catalog.rows import METRIC_COLUMNS
from tests.catalog.material import Segment, Series, add_run, writer

W1, W2 = writer(1), writer(2)


@pytest.fixture
def two_runs(catalog: Catalog) -> Catalog:
    add_run(catalog, "a", by=W1)
    add_run(catalog, "b", by=W2)
    return catalog


def test_a_range_is_sealed_once(two_runs: Catalog) -> None:
    ranges = [(W1.id, 0, 2)]
    first = Segment("s1", ranges, [Series("a", "loss", [(0, 1, 1.0), (1, 2, 0.5)])])
    second = Segment("s2", ranges, first.summaries)
    assert two_runs.commit_seal(ranges, [first]) is True
    before = two_runs.tx()
    assert two_runs.commit_seal(ranges, [second]) is False
    assert two_runs.tx() == before
    assert (two_runs.has_segment("s1"), two_runs.has_segment("s2")) == (True, False)
    assert two_runs.plan().sealed == {W1.id: 2, W2.id: 0}
    assert two_runs.get_run("a").data.metrics == {"loss": 0.5}


def test_when_one_of_many_ranges_is_taken_none_is_sealed(two_runs: Catalog) -> None:
    assert two_runs.commit_seal([(W2.id, 0, 5)], [])
    assert not two_runs.commit_seal([(W1.id, 0, 5), (W2.id, 0, 6)], [])
    assert two_runs.plan().sealed == {W1.id: 0, W2.id: 5}


def test_an_unknown_writer_is_not_sealed(two_runs: Catalog) -> None:
    assert not two_runs.commit_seal([(writer(3).id, 0, 5)], [])


def test_a_plan_names_the_segments_and_journals_of_the_runs_that_are_asked_for(two_runs: Catalog) -> None:
    both = Segment(
        "s1", [(W1.id, 0, 1), (W2.id, 0, 1)], [Series("a", "k", [(0, 1, 1.0)]), Series("b", "k", [(3, 1, 2.0)])]
    )
    one = Segment("s2", [(W2.id, 1, 2)], [Series("b", "k", [(4, 1, 2.0)])])
    two_runs.commit_seal(both.ranges, [both])
    two_runs.commit_seal(one.ranges, [one])
    everything = two_runs.plan()
    assert [s.segment_id for s in everything.segments] == ["s1", "s2"]
    assert sorted(everything.writers) == [W1.id, W2.id]
    assert everything.segments[0].path == "experiment_id=0/s1.parquet"
    of_a = two_runs.plan(["a"])
    assert [(s.segment_id, s.runs) for s in of_a.segments] == [("s1", ("a",))]
    assert of_a.writers == [W1.id]
    assert [(s.segment_id, s.runs) for s in two_runs.plan(["a", "b"]).segments] == [("s1", ("a", "b")), ("s2", ("b",))]
    assert two_runs.plan(["nobody"]).segments == two_runs.plan(experiment_ids=["17"]).segments == []
    assert two_runs.plan([], writers=[W2.id, "0" * 32]).sealed == {W2.id: 2}
    two_runs.close_writer(W1.id, sealed_all=True)
    assert two_runs.plan(["a"]).writers == []


def test_a_plan_tells_whether_a_segment_has_other_runs_than_those_that_are_asked_for(two_runs: Catalog) -> None:
    both = Segment("s1", [(W1.id, 0, 2)], [Series("a", "k", [(0, 1, 1.0)]), Series("b", "k", [(3, 1, 2.0)])])
    two_runs.commit_seal(both.ranges, [both])
    assert [(s.run_rows, s.is_whole) for s in two_runs.plan(["a"]).segments] == [(1, False)]
    assert [(s.run_rows, s.is_whole) for s in two_runs.plan(["a", "b"]).segments] == [(2, True)]
    assert [(s.run_rows, s.is_whole) for s in two_runs.plan().segments] == [(None, True)]


def test_a_plan_asks_which_of_the_runs_with_segments_are_wanted(two_runs: Catalog) -> None:
    for number, run_id in enumerate("ab"):
        one = Segment(f"s{number}", [(W1.id, number, number + 1)], [Series(run_id, "k", [(0, 1, 1.0)])])
        two_runs.commit_seal(one.ranges, [one])
    add_run(two_runs, "c")
    asked: list[list[str]] = []

    def only_b(run_ids: list[str]) -> list[str]:
        asked.append(sorted(run_ids))
        return ["b"]

    plan = two_runs.plan(among=only_b)
    assert asked == [["a", "b"]]
    assert [s.segment_id for s in plan.segments] == ["s1"]
    assert sorted(plan.writers) == [W1.id, W2.id]
    assert [s.segment_id for s in two_runs.plan(["a"], among=only_b).segments] == ["s0"]


def test_points_of_a_run_that_the_catalog_does_not_know_can_be_found(two_runs: Catalog) -> None:
    lost = Segment("s1", [(W1.id, 0, 1)], [Series("ghost", "k", [(0, 1, 7.0)])], experiment_id="lost")
    assert two_runs.commit_seal(lost.ranges, [lost])
    run = two_runs.get_run("ghost")
    assert (run.info.experiment_id, run.data.metrics) == ("lost", {"k": 7.0})
    assert [s.runs for s in two_runs.plan(["ghost"]).segments] == [("ghost",)]


def test_the_latest_value_is_kept_bit_by_bit(two_runs: Catalog) -> None:
    values = [-0.0, math.inf, -math.inf, 5e-324, 0.1 + 0.2]
    series = [Series("a", f"k{i}", [(0, 1, value)]) for i, value in enumerate(values)]
    segment = Segment("s1", [(W1.id, 0, 5)], [*series, Series("a", "nan", [(0, 1, math.nan)])])
    two_runs.commit_seal(segment.ranges, [segment])
    metrics = two_runs.get_run("a").data.metrics
    assert [struct.pack("d", metrics[f"k{i}"]) for i in range(5)] == [struct.pack("d", value) for value in values]
    assert math.isnan(metrics["nan"])


points = st.lists(
    st.tuples(
        st.integers(-3, 3),
        st.integers(0, 2),
        st.sampled_from([math.nan, math.inf, -math.inf, -1.5, 0.0, -0.0, 2.0, 1e300]),
    ),
    min_size=1,
    max_size=12,
)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Catalog]:
    """One catalog for all examples; each has a run and a writer of its own."""
    catalog = Catalog.open(tmp_path_factory.mktemp("merge") / "lake")
    yield catalog
    catalog.close()


numbers = itertools.count(10)


@settings(deadline=None)
@given(parts=st.lists(points, min_size=1, max_size=4), seed=st.integers())
def test_merged_summaries_are_those_of_all_points(
    shared: Catalog, parts: list[list[tuple[int, int, float]]], seed: int
) -> None:
    number = next(numbers)
    by = writer(number)
    run_id = add_run(shared, f"run{number}", by=by)
    everything = Series(run_id, "k", [point for part in parts for point in part])
    random.Random(seed).shuffle(parts)
    for i, part in enumerate(parts):
        segment = Segment(f"s{number}-{i}", [(by.id, i, i + 1)], [Series(run_id, "k", part)])
        assert shared.commit_seal(segment.ranges, [segment])
    columns = shared.run_rows(run_ids=[run_id]).metrics
    for name in METRIC_COLUMNS[2:]:
        kept = math.nan if columns[name][0] is None else columns[name][0]
        assert kept == pytest.approx(getattr(everything, name), nan_ok=True), name
        if name != "sum":
            assert repr(kept) == repr(getattr(everything, name)), name
