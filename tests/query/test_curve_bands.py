"""Groups of runs on a chart: only the first are drawn, and it is said how many there are."""

from __future__ import annotations

from pathlib import Path

import runlake
from runlake import query
from runlake.store import get_store


def test_of_many_groups_the_first_are_drawn_whole(tmp_path: Path) -> None:
    runlake.set_tracking_uri(str(tmp_path / "lake"))
    for n in range(10):
        with runlake.start_run():
            runlake.log_param("seed", n % 5)
            for step in range(3):
                runlake.log_metric("loss", n, step=step)
    question = query.question_of(["Default"], None, ["params.seed"], 1)
    chart = query.chart(get_store(str(tmp_path / "lake")), question, query.WantedCurves(("loss",)), top=100)
    curves, groups, total = query.grouped(chart, ["params.seed"], query.Band(), most=3)
    assert total == 5
    assert groups["params.seed"].to_list() == [0, 1, 2]
    assert groups["runs"].to_list() == [2, 2, 2]
    assert curves.group_by("group").len().sort("group").rows() == [(0, 3), (1, 3), (2, 3)]
    assert curves["mean"].to_list() == [2.5] * 3 + [3.5] * 3 + [4.5] * 3
