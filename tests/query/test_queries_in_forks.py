"""Children that are forked from a process that has queried: they log as ever, and are told that they cannot query."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import polars as pl
import pytest

from runlake import query
from runlake.errors import StoreError
from runlake.query import forks
from runlake.store import Store
from tests.query.test_reading_while_sealing import make_run
from tests.store.test_forks import in_fork


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """A store in a process whose Polars has begun to work."""
    opened = Store.open(tmp_path / "lake")
    for run_id in ("a", "b"):
        make_run(opened, run_id)
        opened.run_logger(run_id).log_metric("m", 1.0, step=7)
    assert query.points(opened).collect().height == 2
    assert pl.DataFrame({"a": range(9)}).partition_by("a")
    yield opened
    opened.close()


def test_a_child_logs_to_runs_that_have_points_and_reads_their_latest_values(store: Store) -> None:
    def work() -> None:
        signal.alarm(20)
        again = Store.open(store.root)
        again.run_logger("a").log({"m": 2.0})  # goes on from the largest step
        assert again.get_run("a").data.metrics == {"m": 2.0}
        again.close()

    assert in_fork(work) == 0
    assert store.get_run("a").data.metrics == {"m": 2.0}
    assert query.latest_metrics(store, ["a"])["a"]["m"].step == 8


QUERIES: list[Callable[[Store], object]] = [
    lambda store: query.runs(store),
    lambda store: query.search_runs(store, ["0"]),
    lambda store: query.list_runs(store),
    lambda store: query.search_experiments(store, filter_string="name = 'x'"),
    lambda store: query.points(store),
    lambda store: query.series(store, "a", "m"),
    lambda store: query.compare(store, ["a", "b"]),
    lambda store: query.band(store, ["a"], "m"),
]


def test_a_query_that_would_never_end_is_refused(store: Store) -> None:
    def work() -> None:
        signal.alarm(20)
        for ask in QUERIES:
            with pytest.raises(StoreError, match="forked from one that had used Polars") as refused:
                ask(store)
            assert "spawn" in str(refused.value)

    assert in_fork(work) == 0
    assert in_fork(lambda: in_fork(work) == 0 or os.abort()) == 0, "a child's child"
    for ask in QUERIES:
        ask(store)


def test_a_child_of_a_process_that_only_logs_may_query(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forks, "_has_threads", lambda: False)
    assert in_fork(lambda: query.runs(store)) == 0
