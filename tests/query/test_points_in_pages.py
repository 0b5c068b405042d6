"""Points of one metric page by page are those of the whole series, however many share a step."""

from __future__ import annotations

import random
from pathlib import Path

import polars as pl
import pytest

from runlake.query import metric_places, points_from
from tests.query.lakes import BareLake, Row


@pytest.mark.parametrize("first", [None, -3, 4, 99])
def test_pages_are_pieces_of_the_whole_in_order(tmp_path: Path, first: int | None) -> None:
    chance = random.Random(7)
    values = [float("nan"), float("inf"), -1.0, 2.0]
    rows = [
        Row("a", "loss", chance.randint(-5, 8), chance.randint(0, 3), chance.choice(values), seq=n) for n in range(200)
    ]
    lake = BareLake(tmp_path / "lake")
    lake.run("a")
    lake.segment(rows[:120])
    lake.segment(rows[120:])
    whole = pl.DataFrame(
        [
            row[::-1]
            for row in metric_places(lake, "a", "loss", by_step=True).rows()
            if first is None or row[2] >= first
        ],
        {"step": pl.Int64, "timestamp": pl.Int64, "value": pl.Float64},
        orient="row",
    )
    for limit in (1, 7, 60, 1000):
        for offset in (*range(0, 30, limit), 93, 198, 199, 200, 2**62):
            found, total = points_from(lake, "a", "loss", first, offset, limit)
            assert total == whole.height
            assert found.equals(whole.slice(offset, limit)), (offset, limit)
    lake.close()
