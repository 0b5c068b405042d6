"""Grids: buckets that cover a range, are few, lie on the axis, and stay while a run grows."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as some

from runlake.query.grid import Grid, exact_grid, growing_grid, real_grid

PLACES = some.integers(-(2**63), 2**63 - 1)
POINTS = some.integers(1, 5000)


@pytest.mark.parametrize("make", [growing_grid, exact_grid])
@given(
    ends=some.tuples(PLACES, PLACES) | some.tuples(some.integers(-500, 500), some.integers(-500, 500)), points=POINTS
)
def test_a_grid_covers_its_range_in_few_buckets_on_the_axis(make: object, ends: tuple[int, int], points: int) -> None:
    low, high = sorted(ends)
    grid: Grid = make(low, high, points)  # type: ignore[operator]
    assert 1 <= grid.buckets <= points
    assert -(2**63) <= grid.start <= low
    assert high < grid.end <= 2**63


@given(ends=some.tuples(PLACES, PLACES), points=POINTS)
def test_the_engine_cuts_the_range_of_a_grid_into_its_buckets(ends: tuple[int, int], points: int) -> None:
    for grid in (growing_grid(*sorted(ends), points), exact_grid(*sorted(ends), points)):
        for first in {0, grid.buckets // 2, grid.buckets - 1}:
            part = grid.from_bucket(first)
            assert -(-(part.end - part.start) // part.buckets) == grid.width


@given(low=some.integers(-(10**12), 10**12), points=some.integers(2, 1000), grown=some.integers(0, 10**9))
def test_a_grid_stays_while_a_run_grows_into_it(low: int, points: int, grown: int) -> None:
    grid = growing_grid(low, low + grown, points)
    last = int(grid.end) - 1
    assert growing_grid(low, (low + grown + last) // 2, points) == grid
    assert growing_grid(low, last, points) == grid
    assert growing_grid(low, last + 1, points) != grid


def test_places_are_numbered_exactly_where_floats_are_not() -> None:
    grid = growing_grid(-(2**63), 2**63 - 1, 1000)
    places = pl.DataFrame({"x": [-(2**63), -1, 0, 2**53 + 1, 2**63 - 1]})
    numbers = places.select(grid.numbered(pl.col("x")))["x"].to_list()
    assert numbers == [(place - int(grid.start)) // int(grid.width) for place in places["x"]]


@given(
    ends=some.tuples(*[some.floats(allow_nan=False, allow_infinity=False)] * 2),
    part=some.floats(0, 1),
    points=some.integers(1, 100),
)
def test_values_of_a_metric_are_in_buckets_of_its_grid(ends: tuple[float, float], part: float, points: int) -> None:
    low, high = sorted(ends)
    grid = real_grid(low, high, points)
    value = min(max(low * (1 - part) + high * part, low), high)
    (number,) = pl.DataFrame({"x": [value]}).select(grid.numbered(pl.col("x")))["x"].to_list()
    assert 0 <= number < grid.buckets
