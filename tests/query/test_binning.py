"""Bins of axes where numbers are as near as numbers can be, and where many texts are equally frequent."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

import runlake
from runlake import query
from runlake.query import binning
from runlake.query.binning import binned
from runlake.query.ordered import Question, ordered_runs
from runlake.store import Store, get_store


@pytest.fixture
def lake(tmp_path: Path) -> Store:
    """40 runs with a text each, one of which comes twice; four have numbers that are next to each other."""
    runlake.set_tracking_uri(str(tmp_path / "lake"))
    for n in range(40):
        with runlake.start_run():
            runlake.log_param("text", f"{max(n * 7 % 40, 1):02}")
            if n < 4:
                runlake.log_metric("tiny", 5e-324 * (n % 2))
                runlake.log_metric("large", 1e9 if n % 2 else math.nextafter(1e9, 2e9))
    return get_store(str(tmp_path / "lake"))


@pytest.mark.parametrize(("key", "scale"), [("metrics.tiny", "linear"), ("metrics.large", "log")])
def test_numbers_between_which_there_is_nothing_share_a_bin(lake: Store, key: str, scale: str) -> None:
    axis = query.Axis.of(key, scale)
    found = binned(ordered_runs(lake, Question(("Default",))), axis)
    assert sorted(found.codes.to_list()) == [0, 0, 0, 0, *[axis.bins] * 36]
    assert found.unplaced == 0


def test_of_texts_that_are_equally_frequent_the_first_are_shown(lake: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(binning, "MOST_CATEGORIES", 20)
    found = binned(ordered_runs(lake, Question(("Default",))), query.Axis.of("params.text"))
    assert found.values == (*(f"{n:02}" for n in range(1, 21)), None), "and not others after each change of a run"
