"""Backlog: who asks to hear hears once that points wait too long, and training does not notice."""

from __future__ import annotations

import queue
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

import runlake
from runlake.backlog import Ages, Backlog
from runlake.errors import InvalidInput, InvalidType
from runlake.store import opened_stores

WAIT_S = 20.0


@pytest.fixture
def slow_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A store whose journal is synced once an hour."""
    monkeypatch.setenv("RUNLAKE_SYNC_INTERVAL_MS", "3600000")
    runlake.set_tracking_uri(tmp_path / "slow")
    yield tmp_path / "slow"
    runlake.end_run()


def test_points_that_wait_for_the_disk_are_told_of_once(slow_disk: Path) -> None:
    told: queue.Queue[Backlog] = queue.Queue()
    take_back = runlake.on_backlog(told.put, older_than_s=0.1)
    try:
        with runlake.start_run() as run:
            for step in range(5):
                runlake.log_metric("loss", 0.5, step)
            backlog = told.get(timeout=WAIT_S)
            assert (backlog.place, backlog.waits_for) == (str(slow_disk), "sync")
            assert 1 <= backlog.points <= 5
            assert backlog.age_s > 0.1
            run.flush()
            runlake.log_metric("loss", 0.5, 5)
            assert told.get(timeout=WAIT_S).points == 1  # the next one, not the first again
    finally:
        take_back()


def test_what_a_callback_raises_is_counted_and_reaches_nobody(slow_disk: Path) -> None:
    called, called_later = queue.Queue[Backlog](), queue.Queue[Backlog]()

    def fails(backlog: Backlog) -> None:
        called.put(backlog)
        raise ZeroDivisionError("in the callback")

    take_back = runlake.on_backlog(fails, older_than_s=0.05)
    try:
        with runlake.start_run():
            runlake.log_metric("loss", 0.5, 0)
            called.get(timeout=WAIT_S)
            stop = runlake.on_backlog(called_later.put, older_than_s=0.05)
            called_later.get(timeout=WAIT_S)  # the thread has survived
            stop()
    finally:
        take_back()
    assert any(seen.cause == "on_backlog: ZeroDivisionError" for seen in runlake.errors_seen())


def test_a_journal_with_less_than_a_segment_waits_for_no_sealer(slow_disk: Path) -> None:
    with runlake.start_run() as run:
        runlake.log_metric("loss", 0.5, 0)
        run.flush()
        [store] = [store for store in opened_stores() if store.root == slow_disk]
        assert store.waiting() == [("sync", 1, 1), ("seal", 1, 1)]
        store.config = replace(store.config, seal_bytes=1)
        assert store.waiting() == [("sync", 1, 1), ("seal", 1, 0)]


def test_the_age_is_that_of_the_oldest_point_that_has_not_arrived() -> None:
    ages = Ages()
    assert ages.look(0.0, 0, 0) == 0.0
    assert ages.look(1.0, 10, 0) == 0.0
    assert ages.look(2.0, 20, 0) == 1.0
    assert ages.look(3.0, 20, 10) == 1.0  # those that were seen at 2
    assert ages.look(4.0, 20, 19) == 2.0
    assert ages.look(5.0, 20, 20) == 0.0
    assert ages.look(6.0, 21, 20) == 0.0
    for second in range(7, 20_000):
        assert ages.look(float(second), second + 15, 20) >= second - 7.0


@pytest.mark.parametrize("wrong", [0, -1.0, "soon", float("nan")])
def test_a_threshold_is_a_number_of_seconds(wrong: float) -> None:
    with pytest.raises(InvalidInput):
        runlake.on_backlog(print, older_than_s=wrong)
    with pytest.raises(InvalidType):
        runlake.on_backlog("print")  # type: ignore[arg-type]
