"""points(latest="step"): of several points at one step the latest counts, wherever they lie."""

from __future__ import annotations

import math
import random

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runlake import query
from runlake.errors import InvalidInput
from runlake.query.latest import latest_at_steps
from runlake.query.points import SCHEMA
from runlake.query.scan import STORED
from tests.endurance.proofs import size
from tests.query.lakes import BareLake, Row

W1, W2 = "1" * 32, "2" * 32


def latest(lake: BareLake, **more: object) -> list[tuple[int, float]]:
    frame = query.points(lake, "a", "k", latest="step", **more)  # type: ignore[arg-type]
    return sorted(frame.select("step", "value").collect().iter_rows())


@pytest.fixture
def repeated(lake: BareLake) -> BareLake:
    """Two points each: at step 0 in one segment, at step 1 in two, at step 2 in a segment and a journal."""
    lake.run("a")
    lake.segment([Row("a", "k", 0, 10, 1.0, W1, 0), Row("a", "k", 0, 20, 2.0, W1, 1), Row("a", "k", 1, 50, 3.0, W1, 2)])
    lake.segment([Row("a", "k", 1, 40, 4.0, W2, 9), Row("a", "k", 2, 60, 5.0, W2, 10)])
    writer = lake.writer("a")
    writer.run("a").log_metric("k", 6.0, step=2, timestamp=70)
    writer.close()
    return lake


def test_the_latest_by_time_is_kept_of_each_step(repeated: BareLake) -> None:
    assert latest(repeated) == [(0, 2.0), (1, 3.0), (2, 6.0)]


def test_the_whole_history_is_there_beside_it(repeated: BareLake) -> None:
    assert query.points(repeated, "a", "k").collect().height == 6


@pytest.mark.parametrize("values", [(1.0, 9.0), (9.0, 1.0), (1.0, math.nan)])
def test_at_one_time_the_one_that_was_logged_last_is_kept(lake: BareLake, values: tuple[float, float]) -> None:
    lake.run("a")
    lake.segment([Row("a", "k", 0, 10, value, W1, seq) for seq, value in enumerate(values)])
    assert query.points(lake, "a", "k", latest="step").collect()["seq"].to_list() == [1]


def test_between_writers_of_one_time_and_seq_the_choice_is_always_the_same(lake: BareLake) -> None:
    lake.run("a")
    lake.segment([Row("a", "k", 0, 10, 1.0, W2, 5)])
    lake.segment([Row("a", "k", 0, 10, 2.0, W1, 5)])
    assert latest(lake) == [(0, 1.0)]


def test_a_filter_on_values_counts_after_the_choice_and_one_on_steps_is_the_same_before_it(repeated: BareLake) -> None:
    frame = query.points(repeated, "a", "k", latest="step")
    assert frame.filter(pl.col("value") < 2).collect().is_empty()
    assert frame.filter(pl.col("step") == 0, pl.col("value") == 2.0).select("value").collect().item() == 2.0
    assert frame.filter(pl.col("timestamp") <= 40).collect()["step"].to_list() == [0]
    assert frame.head(2).filter(pl.col("step") >= 0).collect().height == 2
    assert frame.select(pl.len()).collect().item() == 3


def test_columns_that_are_not_wanted_are_not_there(repeated: BareLake) -> None:
    assert query.points(repeated, latest="step").select("value").collect().columns == ["value"]
    assert query.points(repeated, latest="step").collect().schema == SCHEMA


def test_another_word_is_refused(lake: BareLake) -> None:
    with pytest.raises(InvalidInput, match="latest is 'time'; it must be 'step' or None"):
        query.points(lake, latest="time")  # type: ignore[arg-type]


Point = tuple[str, str, int, int, str]
point = st.tuples(
    st.sampled_from("ab"), st.sampled_from("kl"), st.integers(0, 3), st.integers(0, 2), st.sampled_from([W1, W2])
)


@settings(max_examples=size(80, 200), deadline=None)
@given(points=st.lists(point, max_size=30), shuffled=st.booleans(), cuts=st.integers(1, 3))
def test_the_choice_is_that_of_a_plain_loop(
    points: list[tuple[str, str, int, int, str]], shuffled: bool, cuts: int
) -> None:
    """Sorted within each of some files, as segments are, or in any order, as journals are."""
    rows = [
        (run, key, step, time, float(seq), writer, seq) for seq, (run, key, step, time, writer) in enumerate(points)
    ]
    expected: dict[tuple[str, str, int], tuple[int, int, str]] = {}
    for run, key, step, time, _, writer, seq in rows:
        place = (run, key, step)
        expected[place] = max(expected.get(place, (-1, -1, "")), (time, seq, writer))
    random.Random(0).shuffle(rows)
    files = [rows[start::cuts] if shuffled else sorted(rows[start::cuts]) for start in range(cuts)]
    frame = pl.DataFrame([row for file in files for row in file], schema=STORED, orient="row")
    chosen = latest_at_steps(frame).select("run_id", "key", "step", "timestamp", "seq", "writer").rows()
    assert sorted(chosen) == sorted((*place, *found) for place, found in expected.items())
