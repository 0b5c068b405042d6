"""band(): each group's distribution at each step, over every point of every run."""

from __future__ import annotations

import math
import statistics
import sys
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runlake import query
from runlake.catalog import Change
from runlake.errors import InvalidInput, InvalidType, NotFound
from runlake.query.distribution import KEPT, distribution
from tests.query.lakes import BareLake, Row

OPTIMIZERS = {"a": "sgd", "b": "sgd", "c": "adam", "d": None}


@pytest.fixture
def four(lake: BareLake) -> BareLake:
    """Runs a, b by sgd, c by adam, d by nothing, with losses at steps 0 and 1 in two segments, c with step 2 live."""
    for run, optimizer in OPTIMIZERS.items():
        lake.run(run)
        if optimizer:
            lake.catalog.apply(Change(run, params={"optimizer": optimizer, "lr": "0.1"}))
    lake.segment([Row(run, "loss", step, step, at + step) for run, at in (("a", 1.0), ("b", 3.0)) for step in (0, 1)])
    lake.segment([Row(run, "loss", step, step, 10.0 * step) for run in "cd" for step in (0, 1)])
    writer = lake.writer("c")
    writer.run("c").log_metric("loss", 7.0, step=2, timestamp=2)
    writer.close()
    return lake


def test_each_group_has_a_row_a_step(four: BareLake) -> None:
    frame = query.band(four, None, "loss", by="params.optimizer", quantiles=(0.25, 0.5))
    assert frame.columns == [
        *("params.optimizer", "step", "runs", "count", "non_finite", "mean", "std", "min", "max", "q25", "q50"),
    ]
    deviation = math.sqrt(2)
    assert frame.rows() == [
        ("adam", 0, 1, 1, 0, 0.0, None, 0.0, 0.0, 0.0, 0.0),
        ("adam", 1, 1, 1, 0, 10.0, None, 10.0, 10.0, 10.0, 10.0),
        ("adam", 2, 1, 1, 0, 7.0, None, 7.0, 7.0, 7.0, 7.0),
        ("sgd", 0, 2, 2, 0, 2.0, pytest.approx(deviation), 1.0, 3.0, 1.5, 2.0),
        ("sgd", 1, 2, 2, 0, 3.0, pytest.approx(deviation), 2.0, 4.0, 2.5, 3.0),
        (None, 0, 1, 1, 0, 0.0, None, 0.0, 0.0, 0.0, 0.0),
        (None, 1, 1, 1, 0, 10.0, None, 10.0, 10.0, 10.0, 10.0),
    ]


def test_without_groups_all_runs_are_one(four: BareLake) -> None:
    frame = query.band(four, ["a", "b", "c"], "loss")
    assert frame.select("step", "runs", "min", "max").rows() == [(0, 3, 0.0, 3.0), (1, 3, 2.0, 10.0), (2, 1, 7.0, 7.0)]
    assert frame.columns[-3:] == ["q10", "q50", "q90"]


@pytest.mark.parametrize("by", [["params.optimizer", "status"], ["status", "params.lr"]])
def test_groups_by_several_columns(four: BareLake, by: list[str]) -> None:
    frame = query.band(four, query.runs(four), "loss", by=by, quantiles=[])
    assert frame.columns[:3] == [*by, "step"]
    assert frame.select(by).equals(frame.select(by).sort(by, nulls_last=True))
    assert frame["count"].sum() == 9


def test_groups_by_a_column_that_the_caller_made(four: BareLake) -> None:
    mine = pl.DataFrame({"run_id": ["a", "c", "b", None, "a"], "half": [True, True, False, None, False]})
    frame = query.band(four, mine, "loss", by="half", quantiles=[])
    assert frame.select("half", "step", "runs").rows() == [
        (False, 0, 1), (False, 1, 1), (True, 0, 2), (True, 1, 2), (True, 2, 1),
    ]  # fmt: skip


def test_columns_that_the_callers_frame_lacks_are_those_of_the_run_table(four: BareLake) -> None:
    frame = query.band(four, pl.DataFrame({"run_id": ["c"]}), "loss", by="params.lr")
    assert frame["params.lr"].to_list() == [0.1, 0.1, 0.1]


def test_of_several_points_at_a_step_the_latest_counts(lake: BareLake) -> None:
    lake.run("a")
    lake.segment([Row("a", "loss", 0, 20, 5.0), Row("a", "loss", 0, 10, 100.0)])
    lake.segment([Row("a", "loss", 0, 15, 50.0)])
    assert query.band(lake, "a", "loss").select("count", "mean").row(0) == (1, 5.0)


def test_what_is_not_finite_is_counted_and_left_out(lake: BareLake) -> None:
    values = {"a": math.nan, "b": math.inf, "c": 1.0, "d": 3.0}
    for run, value in values.items():
        lake.run(run)
        lake.segment([Row(run, "loss", 0, 0, value), Row(run, "loss", 1, 0, math.nan)])
    frame = query.band(lake, None, "loss", quantiles=(0.5,)).select(pl.exclude("std"))
    assert frame.rows() == [(0, 4, 4, 2, 2.0, 1.0, 3.0, 2.0), (1, 4, 4, 4, None, None, None, None)]


def test_steps_are_put_into_buckets_of_equal_width(lake: BareLake) -> None:
    for run in "ab":
        lake.run(run)
        lake.segment([Row(run, "loss", step, 0, float(step)) for step in range(10, 20) if run == "a" or step < 13])
    frame = query.band(lake, None, "loss", points=3, quantiles=[])
    assert frame.select("step", "runs", "count", "min", "max").rows() == [
        (10, 2, 7, 10.0, 13.0),
        (14, 1, 4, 14.0, 17.0),
        (18, 1, 2, 18.0, 19.0),
    ]
    assert query.band(lake, None, "loss", points=10, quantiles=[])["step"].to_list() == list(range(10, 20))


def test_buckets_hold_steps_of_64_bits(lake: BareLake) -> None:
    lake.run("a")
    steps = [-(2**63), 0, 2**63 - 1]
    lake.segment([Row("a", "loss", step, 0, 1.0) for step in steps])
    frame = query.band(lake, "a", "loss", points=2)
    assert frame.select("step", "count").rows() == [(-(2**63), 1), (0, 2)]


def test_a_metric_that_no_run_has_gives_no_rows(four: BareLake) -> None:
    frame = query.band(four, None, "nope", by="params.optimizer", points=5)
    assert frame.is_empty()
    assert frame.schema == query.band(four, None, "loss", by="params.optimizer").schema
    assert query.band(four, [], "loss").is_empty()


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (
            {"by": "params.optimiser"},
            InvalidInput,
            "no run has the column 'params.optimiser'\nhint: did you mean params",
        ),
        ({"by": "step"}, InvalidInput, "cannot be grouped by 'step'"),
        ({"by": 5}, InvalidType, "by has type int"),
        ({"by": [5]}, InvalidType, "a column's name has type int"),
        ({"quantiles": (0.5, 1.5)}, InvalidInput, "a quantile is 1.5; it must be from 0 to 1"),
        ({"quantiles": (math.nan,)}, InvalidInput, "a quantile is nan"),
        ({"quantiles": ("0.5",)}, InvalidType, "a quantile has type str"),
        ({"quantiles": 0.5}, InvalidType, "quantiles has type float: 0.5; it must be several numbers"),
        ({"points": 0}, InvalidInput, "points is 0; it must be at least 1"),
        ({"points": 2.5}, InvalidType, "points has type float"),
    ],
)
def test_what_cannot_be_done_is_refused(
    four: BareLake, arguments: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        query.band(four, None, "loss", **arguments)


@pytest.mark.parametrize("key", ["train/*", "^loss", ["loss"], None])
def test_a_band_is_of_one_metric(four: BareLake, key: Any) -> None:
    with pytest.raises(InvalidInput, match="a band is of one metric"):
        query.band(four, None, key)


def test_a_metric_that_no_run_has_gives_no_rows_and_a_warning(four: BareLake, caplog: pytest.LogCaptureFixture) -> None:
    assert query.band(four, None, "losss").is_empty()
    assert caplog.messages == ["none of the runs has points of the metric 'losss'\nhint: did you mean loss?"]


def test_an_unknown_run_is_refused(four: BareLake) -> None:
    with pytest.raises(NotFound, match="no run 'nope'"):
        query.band(four, ["nope"], "loss")


def test_runs_that_are_read_some_at_a_time_give_the_same(four: BareLake, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = query.band(four, None, "loss", by="params.optimizer")
    module = sys.modules["runlake.query.bands"]
    monkeypatch.setattr(module, "_FIRST_BATCH", 1)
    monkeypatch.setattr(module, "_BATCH_POINTS", 1)
    assert query.band(four, None, "loss", by="params.optimizer").equals(expected)


@pytest.mark.parametrize("points", [None, 7])
def test_steps_that_are_reduced_some_at_a_time_give_the_same(points: int | None) -> None:
    rng = np.random.default_rng(5)
    frame = pl.DataFrame(
        {"group": rng.integers(0, 3, 5000), "run": 0, "step": rng.integers(-90, 90, 5000), "value": 1.0}
    )
    frame = frame.with_columns(value=pl.int_range(5000).cast(pl.Float64)).cast(dict(KEPT))
    whole = distribution(frame, {"q50": 0.5}, points).sort("group", "step")
    assert distribution(frame, {"q50": 0.5}, points, stretch_points=300).sort("group", "step").equals(whole)


finite = st.floats(-1e6, 1e6)
steps_of_runs = st.lists(
    st.dictionaries(st.integers(-5, 5), finite | st.sampled_from([math.nan, math.inf, -math.inf]), max_size=8),
    min_size=1,
    max_size=6,
)


@settings(max_examples=100, deadline=None)
@given(runs=steps_of_runs, groups=st.lists(st.sampled_from([0, 1]), min_size=6, max_size=6))
def test_statistics_are_those_of_numpy(runs: Sequence[dict[int, float]], groups: list[int]) -> None:
    points = [(groups[run], run, step, value) for run, steps in enumerate(runs) for step, value in steps.items()]
    expected: dict[tuple[int, int], list[float]] = defaultdict(list)
    for group, _, step, value in points:
        expected[group, step].append(value)
    frame = distribution(pl.DataFrame(points, schema=KEPT, orient="row"), {"q10": 0.1, "q50": 0.5})
    assert {(row["group"], row["step"]) for row in frame.iter_rows(named=True)} == set(expected)
    for row in frame.iter_rows(named=True):
        values = expected[row["group"], row["step"]]
        numbers = [value for value in values if math.isfinite(value)]
        assert (row["runs"], row["non_finite"]) == (len(values), len(values) - len(numbers))
        if numbers:
            close = {"rel": 1e-9, "abs": 1e-6}
            assert row["mean"] == pytest.approx(statistics.fmean(numbers), **close)
            assert (row["min"], row["max"]) == (min(numbers), max(numbers))
            assert row["q10"] == pytest.approx(np.quantile(numbers, 0.1), **close)
            assert row["q50"] == pytest.approx(np.quantile(numbers, 0.5), **close)
        if len(numbers) > 1:
            assert row["std"] == pytest.approx(np.std(numbers, ddof=1), **close)
