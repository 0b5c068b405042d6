"""Push-down: a filter around points() decides which segments are opened and which row groups are read, and no more."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import polars as pl
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.io.plugins import register_io_source

from runlake import query
from runlake.errors import Corrupt
from runlake.query.predicate import Interval, Narrowed, conjuncts, narrowed
from runlake.query.scan import STORED
from tests.query.lakes import BareLake, Row

RUN, KEY, STEP, TIME = (pl.col(name) for name in ("run_id", "key", "step", "timestamp"))


def seen(*filters: pl.Expr) -> Narrowed:
    """What is recognised in a filter, after Polars has made of it what it makes."""
    handed: list[pl.Expr | None] = []

    def source(_columns: object, predicate: pl.Expr | None, *_: object) -> object:
        handed.append(predicate)
        return iter([STORED.to_frame()])

    register_io_source(source, schema=STORED).filter(*filters).collect()  # type: ignore[arg-type]
    return narrowed(conjuncts(handed[0]))


@pytest.mark.parametrize(
    ("condition", "runs"),
    [
        (RUN == "a", {"a"}),
        (pl.lit("a") == RUN, {"a"}),
        (RUN.is_in(["a", "b", None]), {"a", "b"}),
        (RUN.is_in(pl.Series(["a"]).implode()), {"a"}),
        ((RUN == "a") & (KEY == "k") & (STEP > 3), {"a"}),
        ((RUN.is_in(["a", "b"])) & (RUN != "x") & RUN.is_in(["b", "c"]), {"b"}),
        (pl.all_horizontal(RUN == "a", STEP > 3), {"a"}),
        ((RUN == "a") | (STEP > 3), None),
        (RUN != "a", None),
        (RUN + KEY == "ak", None),
        (RUN == KEY, None),
        (~(RUN == "a"), None),
    ],
)
def test_runs_that_a_filter_names_are_recognised(condition: pl.Expr, runs: set[str] | None) -> None:
    assert seen(condition).runs == runs


@pytest.mark.parametrize(
    ("condition", "interval"),
    [
        (STEP == 5, (5, 5)),
        (STEP > 5, (6, None)),
        (STEP >= 5, (5, None)),
        (STEP < 5, (None, 4)),
        (STEP <= 5, (None, 5)),
        (pl.lit(5) < STEP, (6, None)),
        (STEP.is_between(2, 9), (2, 9)),
        (STEP.is_between(2, 9, closed="left"), (2, 8)),
        (STEP.is_between(2, 9, closed="none"), (3, 8)),
        ((STEP >= 2) & (STEP < 9) & (STEP > 4), (5, 8)),
        (pl.lit(5, dtype=pl.Int32) < STEP, (6, None)),
        (STEP > 5.5, (None, None)),
        (STEP + 1 > 5, (None, None)),
        ((STEP > 5) | (STEP < 2), (None, None)),
        (STEP > TIME, (None, None)),
        (STEP >= -(2**63), (-(2**63), None)),
    ],
)
def test_bounds_of_steps_are_recognised(condition: pl.Expr, interval: tuple[int | None, int | None]) -> None:
    assert seen(condition).step == Interval(*interval)
    assert seen(condition, TIME >= 7).timestamp == Interval(7, None)


def test_keys_are_recognised_and_conditions_on_ids_alone_are_kept() -> None:
    assert seen(KEY.is_in(["k", "l"]), KEY == "l").keys == {"l"}
    found = seen(RUN.str.starts_with("a") | (RUN == "b"), RUN != "ax")
    assert found.passing(["a", "ab", "ax", "b", "c"]) == ["a", "ab", "b"]


@pytest.fixture
def three(lake: BareLake) -> BareLake:
    """Runs a1, a2 and b, each in a segment of its own, with steps and times 0 to 9, 10 to 19, 20 to 29."""
    for number, run in enumerate(("a1", "a2", "b")):
        lake.run(run)
        lake.segment([Row(run, "k", step, step, 0.5) for step in range(10 * number, 10 * number + 10)])
    return lake


@pytest.mark.parametrize(
    ("condition", "opened"),
    [
        (RUN == "a2", {"a2"}),
        (RUN.is_in(["a1", "b"]), {"a1", "b"}),
        (RUN.str.starts_with("a"), {"a1", "a2"}),
        ((RUN == "a1") | (RUN == "b"), {"a1", "b"}),
        (RUN.str.starts_with("a") & (STEP >= 10), {"a2"}),
        (STEP < 10, {"a1"}),
        (STEP.is_between(19, 20), {"a2", "b"}),
        (RUN == "nobody", set()),
        ((RUN == "a1") & (RUN == "b"), set()),
        (STEP > 100, set()),
    ],
)
@pytest.mark.parametrize("latest", [None, "step"])
def test_only_segments_that_may_hold_matches_are_opened(
    three: BareLake, condition: pl.Expr, opened: set[str], latest: None
) -> None:
    expected = query.points(three).collect().filter(condition)
    for path in three.segments_dir.iterdir():
        if pl.read_parquet(path)["run_id"][0] not in opened:
            path.write_bytes(b"not opened")
    found = query.points(three, latest=latest).filter(condition).collect()
    assert found.sort("run_id", "step").equals(expected.sort("run_id", "step"))


def test_a_filter_on_times_opens_segments_of_those_times(three: BareLake) -> None:
    for path in three.segments_dir.iterdir():
        if pl.read_parquet(path)["timestamp"][0] < 20:
            path.write_bytes(b"not opened")
    assert query.points(three).filter(TIME > 19).collect().height == 10


def test_a_filter_narrows_the_runs_that_were_chosen(three: BareLake) -> None:
    some = query.points(three, ["a1", "b"]).filter(RUN.str.starts_with("a") & (RUN != "x"))
    for path in three.segments_dir.iterdir():
        if pl.read_parquet(path)["run_id"][0] != "a1":
            path.unlink()
    assert some.collect()["run_id"].unique().to_list() == ["a1"]


def test_a_filter_that_fails_on_some_ids_is_asked_of_rows_alone(three: BareLake) -> None:
    frame = query.points(three, "b").filter(RUN.str.to_integer(base=16) == 11)
    assert frame.collect().height == 10  # a1 and a2 would do as well, had they been asked
    with pytest.raises(pl.exceptions.PolarsError):
        query.points(three).filter(RUN.str.slice(0, 1).str.to_integer(base=10) == 1).collect()


def test_points_of_a_live_run_are_narrowed_too(three: BareLake) -> None:
    writer = three.writer("a1", "b")
    for run in ("a1", "b"):
        for key in ("k", "l"):
            writer.run(run).log_metric(key, 1.0, step=50, timestamp=50)
    live = query.points(three).filter(STEP == 50)
    assert sorted(live.filter(RUN == "a1", KEY.is_in(["l", "m"])).select("run_id", "key").collect().rows()) == [
        ("a1", "l")
    ]
    assert live.filter(RUN.str.starts_with("b")).collect().height == 2
    assert live.collect().height == 4
    writer.close()


def test_a_run_that_is_sealed_for_the_first_time_during_a_query_is_not_lost(three: BareLake) -> None:
    """Which runs have segments is read in the transaction that says what is sealed."""
    done: list[bool] = []

    def seal_another(_step: object) -> None:
        if not done:
            done.append(True)
            three.run("a3")
            three.segment([Row("a3", "k", 0, 0, 0.5)])

    frame = query.points(three, hook=seal_another).filter(RUN.str.starts_with("a"))
    assert sorted(frame.collect()["run_id"].unique()) == ["a1", "a2", "a3"]


@pytest.fixture
def grouped(lake: BareLake) -> BareLake:
    """Five runs with four keys of 100 points in one segment with a row group a series, and another of five more."""
    for first in (0, 10):
        runs = [f"run{first + number:02}" for number in (1, 3, 5, 7, 9)]
        for run in runs:
            lake.run(run)
        rows = [Row(run, f"key{k}", step, step, 0.5) for run in runs for k in range(4, 8) for step in range(100)]
        lake.segment(rows, row_group_size=100)
    return lake


def groups_read(lake: BareLake, frame: pl.LazyFrame) -> list[int]:
    """How many row groups of each segment are read, as their damage is noticed; not of unread segments."""
    counts = []
    for path in lake.segments_dir.iterdir():
        whole, metadata = path.read_bytes(), pq.read_metadata(path)
        noticed = 0
        for number in range(metadata.num_row_groups):
            group = metadata.row_group(number)
            columns = [group.column(column) for column in range(group.num_columns)]
            start = min(column.dictionary_page_offset or column.data_page_offset for column in columns)
            end = start + sum(column.total_compressed_size for column in columns)
            path.write_bytes(whole[:start] + b"\xff" * (end - start) + whole[end:])
            try:
                frame.collect()
            except Corrupt:
                noticed += 1
        path.write_bytes(whole)
        counts.append(noticed)
    return sorted(count for count in counts if count)


@pytest.mark.parametrize(
    ("choice", "filters", "points", "groups"),
    [
        (("run03", "key5"), [], 100, [1]),
        (("run03", ["key5", "key7"]), [], 200, [2]),
        ((["run03", "run07"], "key5"), [], 200, [2]),
        ((None, "key5"), [RUN == "run03"], 100, [1]),
        ((), [RUN.is_in(["run03", "run13"]), KEY == "key5"], 200, [1, 1]),
        (("run03",), [KEY == "key5", STEP < 50], 50, [1]),
        (("run03", "key5"), [STEP >= 100], 0, []),
        (("run03",), [], 400, [4]),
        (("run03", "*5"), [], 100, [1]),
        ((None, "^key5$"), [RUN == "run03"], 100, [1]),
        (("run03", "*5"), [KEY == "key5"], 100, [1]),
        (("run03", "*6"), [KEY == "key5"], 0, [1]),
    ],
)
def test_row_groups_that_cannot_match_are_not_read(
    grouped: BareLake, choice: tuple[Any, ...], filters: list[pl.Expr], points: int, groups: list[int]
) -> None:
    frame = query.points(grouped, *choice).filter(*filters)
    assert frame.collect().height == points
    assert groups_read(grouped, frame) == groups


@pytest.mark.parametrize(
    ("filters", "groups"),
    [([STEP < 50], 1), ([STEP.is_between(150, 250)], 2), ([TIME >= 900], 1), ([STEP > 80, TIME < 120], 2), ([], 10)],
)
def test_row_groups_of_other_steps_and_times_are_not_read(lake: BareLake, filters: list[pl.Expr], groups: int) -> None:
    lake.run("a")
    lake.segment([Row("a", "k", step, step, 0.5) for step in range(1000)], row_group_size=100)
    assert groups_read(lake, query.points(lake, "a", "k").filter(*filters)) == [groups]


comparisons: list[Callable[[pl.Expr, int], pl.Expr]] = [
    pl.Expr.__eq__, pl.Expr.__ne__, pl.Expr.__lt__, pl.Expr.__le__, pl.Expr.__gt__, pl.Expr.__ge__,
]  # fmt: skip
numbers = st.builds(
    lambda column, compare, value: compare(column, value),
    st.sampled_from([STEP, TIME]),
    st.sampled_from(comparisons),
    st.integers(-2, 32),
)
texts = st.one_of(
    st.sampled_from(["a1", "a2", "b", "c"]).map(lambda value: value == RUN),
    st.lists(st.sampled_from(["a1", "a2", "b", "c"]), min_size=1).map(RUN.is_in),
    st.sampled_from(["a", "1", ""]).map(RUN.str.ends_with),
    st.sampled_from(["k", "l"]).map(lambda value: value == KEY),
)
filters = st.recursive(
    numbers | texts,
    lambda inner: st.one_of(
        st.tuples(inner, inner).map(lambda pair: pair[0] & pair[1]),
        st.tuples(inner, inner).map(lambda pair: pair[0] | pair[1]),
        inner.map(lambda one: ~one),
    ),
    max_leaves=6,
)


def test_any_filter_gives_the_rows_that_it_gives_on_all_points(three: BareLake) -> None:
    everything = query.points(three).collect().sort("run_id", "step")

    @settings(max_examples=150, deadline=None, database=None)
    @given(condition=filters, latest=st.sampled_from([None, "step"]))
    def same(condition: pl.Expr, latest: None) -> None:
        found = query.points(three, latest=latest).filter(condition).collect().sort("run_id", "step")
        assert found.equals(everything.filter(condition))

    same()
