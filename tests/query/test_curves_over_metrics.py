"""Curves over another metric: runs are read in portions, which nobody sees, and never more than there is room for."""

from __future__ import annotations

from pathlib import Path

import pytest

import runlake
from runlake import query
from runlake.errors import InvalidInput
from runlake.query import curves
from runlake.store import Store, get_store

WANTED = query.WantedCurves(("loss", "acc"), "metrics.epoch", 0.5, None, 10)


@pytest.fixture
def lake(tmp_path: Path) -> Store:
    """Six runs of which five have epochs, one of them not at every step."""
    runlake.set_tracking_uri(str(tmp_path / "lake"))
    for n in range(6):
        with runlake.start_run():
            for step in range(20):
                runlake.log_metric("loss", n + step / 7, step=step)
                runlake.log_metric("acc", n * step, step=step)
                if n != 2 and (n != 3 or step % 2):
                    runlake.log_metric("epoch", float("nan") if step == 19 else step / (n + 1), step=step)
    return get_store(str(tmp_path / "lake"))


def test_the_portions_in_which_runs_are_read_change_nothing(lake: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    question = query.question_of(["Default"], None, ["run_id"], 1)
    whole = query.chart(lake, question, WANTED, top=6)
    monkeypatch.setattr(curves, "_PORTION", 1)
    portions = query.chart(lake, question, WANTED, top=6)
    assert whole.frame["run"].n_unique() == 5
    assert whole.frame["key"].n_unique() == 2
    assert (whole.grids, whole.frame.rows()) == (portions.grids, portions.frame.rows())
    everyone = whole.found.table.wide(["run_id"])["run_id"].to_list()
    assert query.chart(lake, question, WANTED, top=6, hides=everyone).frame.is_empty()


def test_more_points_than_there_is_room_for_are_refused(lake: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(curves, "_PORTION", 1)
    monkeypatch.setattr(curves, "MOST_OVER_METRIC", 200)
    question = query.question_of(["Default"], None, ["run_id"], 1)
    with pytest.raises(InvalidInput, match="at most 200 points are read"):
        query.chart(lake, question, WANTED, top=6)
    assert not query.chart(lake, question, WANTED, top=3).frame.is_empty()
