"""Buckets of a chart that hold several places, some of them with NaN beside numbers: means are of the numbers alone."""

from __future__ import annotations

from pathlib import Path

import pytest

import runlake
from runlake import query
from runlake.store import get_store

NAN = float("nan")


@pytest.mark.parametrize("x", ["step", "time", "relative"])
def test_nan_beside_a_number_of_the_same_place_has_no_weight(tmp_path: Path, x: str) -> None:
    runlake.set_tracking_uri(str(tmp_path / "lake"))
    client, started = runlake.MlflowClient(), 1_700_000_000_000
    run_id = client.create_run("0", start_time=started).info.run_id
    for step, value in ((0, 1.0), (0, NAN), (0, NAN), (1, 3.0), (2, float("inf")), (40, 5.0), (41, NAN)):
        client.log_metric(run_id, "loss", value, timestamp=started + step, step=step)
    question = query.question_of(["0"], None, None, 1)
    found = query.chart(get_store(str(tmp_path / "lake")), question, query.WantedCurves(("loss",), x, points=10), top=1)
    assert found.grids[0].width == 8
    rows = found.frame.select("bucket", "mean", "min", "max", "count", "non_finite").rows()
    assert rows == [(0, 2.0, 1.0, 3.0, 5, 3), (5, 5.0, 5.0, 5.0, 2, 1)]
