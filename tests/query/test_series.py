"""series(): few buckets that keep every extreme."""

from __future__ import annotations

import math

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runlake import query
from runlake.errors import InvalidInput, InvalidType, NotFound
from runlake.query.series import buckets
from tests.query.lakes import BareLake, Row

SCHEMA = {"step": pl.Int64, "timestamp": pl.Int64, "value": pl.Float64}
I64 = st.integers(-(2**63), 2**63 - 1)
SPECIAL = [math.nan, math.inf, -math.inf, -0.0, 1e308, 5e-324]

points = st.tuples(st.integers(-20, 20) | I64, st.integers(0, 3), st.floats(-100, 100) | st.sampled_from(SPECIAL))


@given(st.lists(points, min_size=1, max_size=60), st.integers(1, 20))
@settings(max_examples=300, deadline=None)
def test_buckets_hold_every_point_and_every_extreme(rows: list[tuple[int, int, float]], most: int) -> None:
    made = buckets(pl.DataFrame(rows, schema=SCHEMA, orient="row"), most)
    assert made.schema == {
        "step": pl.Int64,
        **dict.fromkeys(("min", "max", "mean", "last"), pl.Float64),
        "count": pl.UInt32,
        "non_finite": pl.UInt8,
    }
    assert made.height <= most or made.height == 1
    starts = made["step"].to_list()
    assert starts == sorted(set(starts))
    for place, bucket in enumerate(made.iter_rows(named=True)):
        end = starts[place + 1] if place + 1 < len(starts) else math.inf
        inside = [row for row in rows if bucket["step"] <= row[0] < end]
        check_bucket(bucket, inside)


def check_bucket(bucket: dict[str, float], inside: list[tuple[int, int, float]]) -> None:
    values = [value for _, _, value in inside]
    finite = [value for value in values if math.isfinite(value)]
    assert bucket["count"] == len(values)
    assert bucket["step"] == min(step for step, _, _ in inside)
    assert bucket["min"] == min(finite, default=None)
    assert bucket["max"] == max(finite, default=None)
    if finite and max(map(abs, finite)) < 1e300:
        assert bucket["mean"] == pytest.approx(sum(finite) / len(finite), rel=1e-9, abs=1e-9)
    bits = (any(map(math.isnan, values)), math.inf in values, -math.inf in values)
    assert bucket["non_finite"] == sum(there << bit for bit, there in enumerate(bits))
    latest = max(inside, key=lambda row: (row[0], row[1], not math.isnan(row[2]), row[2]))[2]
    assert bucket["last"] == latest or (math.isnan(bucket["last"]) and math.isnan(latest))


def test_a_spike_of_one_step_in_a_million_is_seen(lake: BareLake) -> None:
    lake.run("a")
    lake.segment([Row("a", "loss", step, step, 99.0 if step == 7777 else 0.5) for step in range(20_000)])
    made = query.series(lake, "a", "loss", points=50)
    assert made.height == 50
    assert made["count"].sum() == 20_000
    spiked = made.filter(pl.col("max") == 99.0)
    assert spiked["step"].to_list() == [7600]


def test_few_points_are_their_own_buckets(lake: BareLake) -> None:
    lake.run("a")
    lake.segment([Row("a", "loss", step, 0, float(step)) for step in (3, 1, 2**40)])
    assert query.series(lake, "a", "loss")["step"].to_list() == [1, 3, 2**40]


def test_points_without_steps_make_one_bucket(lake: BareLake) -> None:
    lake.run("a")
    lake.segment([Row("a", "loss", 0, time, float(time)) for time in range(10)])
    assert query.series(lake, "a", "loss").rows() == [(0, 0.0, 9.0, 4.5, 9.0, 10, 0)]


def test_live_and_sealed_points_are_in_one_curve(lake: BareLake) -> None:
    lake.run("a")
    lake.segment([Row("a", "loss", step, 0, 0.0) for step in range(10)])
    writer = lake.writer("a")
    for step in range(10, 20):
        writer.run("a").log_metric("loss", 1.0, step=step, timestamp=0)
    assert query.series(lake, "a", "loss", points=2)["mean"].to_list() == [0.0, 1.0]
    writer.close()


def test_an_unknown_run_or_key_is_refused(lake: BareLake) -> None:
    lake.run("a")
    with pytest.raises(NotFound, match="no run 'b'"):
        query.series(lake, "b", "loss")
    with pytest.raises(NotFound, match="no points of the metric 'loss'"):
        query.series(lake, "a", "loss")


@pytest.mark.parametrize(
    ("number", "error"), [(0, InvalidInput), (-1, InvalidInput), (1.5, InvalidType), (True, InvalidType)]
)
def test_an_illegal_number_of_buckets_is_refused(lake: BareLake, number: int, error: type[Exception]) -> None:
    with pytest.raises(error):
        query.series(lake, "a", "loss", points=number)
