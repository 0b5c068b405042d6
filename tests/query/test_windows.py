"""Points that stand for others: what they stand for is there for who asks for it, and spikes among it stay visible."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from runlake.errors import InvalidInput
from runlake.query import points, series
from tests.query.lakes import BareLake, Row

PLAIN = [Row("a", "loss", step, step, float(step), seq=step) for step in range(4)]
WINDOWED = [Row("a", "loss", step, step, float(step), seq=step) for step in range(4, 8)]
WINDOWS = [(10, -5.0, 90.0, 4.5), None, (3, None, None, None), (None, -1.0, 7.0, None)]
COLUMNS = ["count", "min", "max", "mean"]


@pytest.fixture
def lake(tmp_path: Path) -> Iterator[BareLake]:
    """A run with one segment that has windows and one that has none."""
    lake = BareLake(tmp_path / "lake")
    lake.run("a")
    lake.segment(PLAIN)
    lake.segment(WINDOWED, windows=WINDOWS)
    yield lake
    lake.close()


@pytest.mark.parametrize("keys", [None, "loss", "lo*"])
def test_columns_of_windows_come_when_they_are_asked_for(lake: BareLake, keys: str | None) -> None:
    plain = points(lake, "a", keys).sort("step").collect()
    whole = points(lake, "a", keys, aggregates=True).sort("step").collect()
    assert whole.drop(COLUMNS).equals(plain)
    assert whole.select(COLUMNS).rows() == [(None,) * 4] * 4 + [(None,) * 4 if w is None else w for w in WINDOWS]


@pytest.mark.parametrize("keys", [None, "loss"])
def test_a_filter_on_what_a_point_stands_for_is_asked_of_every_segment(lake: BareLake, keys: str | None) -> None:
    frame = points(lake, "a", keys, aggregates=True)
    assert frame.filter(pl.col("max") > 50.0).select("step").collect().rows() == [(4,)]
    assert frame.filter(pl.col("count").is_null()).select("step").collect().height == 6


def test_the_latest_point_of_a_step_brings_what_it_stands_for(lake: BareLake) -> None:
    lake.segment([Row("a", "loss", 4, 400, 0.0, seq=50)], windows=[(2, 0.0, 1.0, 0.5)])
    found = points(lake, "a", "loss", latest="step", aggregates=True).filter(pl.col("step") == 4).collect()
    assert found.select("value", *COLUMNS).rows() == [(0.0, 2, 0.0, 1.0, 0.5)]


def test_side_by_side_there_is_no_room_for_aggregates(lake: BareLake) -> None:
    with pytest.raises(InvalidInput, match="one column a series"):
        points(lake, "a", "loss", align="step", aggregates=True)


def test_a_spike_within_a_window_stays_visible_in_a_series(lake: BareLake) -> None:
    bucket = series(lake, "a", "loss", points=1).row(0, named=True)
    assert (bucket["min"], bucket["max"], bucket["last"]) == (-5.0, 90.0, 7.0)
    assert bucket["count"] == 8 + 9 + 2
    known = [float(step) for step in range(8)]
    assert math.isclose(bucket["mean"], (sum(known) - 4.0 + 4.5 * 10) / (8 + 9))
    finest = series(lake, "a", "loss", points=100)
    assert finest.filter(pl.col("step") == 4).select("min", "max", "mean", "count").rows() == [(-5.0, 90.0, 4.5, 10)]
    assert finest.filter(pl.col("step") == 5).select("min", "max", "mean", "count").rows() == [(5.0, 5.0, 5.0, 1)]
