"""Throttling through the extension: what is stored, what the ledger says, and what a kill, a fork and threads leave."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import polars as pl
import pytest

from runlake import _engine
from runlake._engine import Throttle
from runlake.errors import InvalidInput
from tests.engine.conftest import OpenWriter

STORE = "0" * 32


def rows(journals: Path, key: str | None = None) -> pl.DataFrame:
    found = pl.DataFrame(_engine.Journals(str(journals)).read({}))
    return found if key is None else found.filter(pl.col("key") == key)


def unstored(journals: Path) -> int:
    ledger = _engine.Journals(str(journals)).ledger()
    entries = [entry for entries in ledger.values() for entry in entries]
    return sum(entry.accepted_unstored + (entry.pending is not None) for entry in entries)


def test_every_form_of_call_is_throttled_and_every_point_accounted_for(journals: Path, open_writer: OpenWriter) -> None:
    writer = open_writer()
    writer.set_throttle([("*", Throttle.every(10)), ("free", None)])
    run = writer.run("r")
    metric = run.metric("handle")
    _engine.set_active_logger(run)
    for step in range(100):
        metric.log(0.5, step)
        run.log({"row": 1.5, "free": 2.5}, step)
        run.log_metric("single", 3.5, step)
        _engine.log_metric("fluent", 4.5, step)
    _engine.set_active_logger(None)
    assert run.log_arrays("arrays", range(100), [5.5] * 100) == 100
    table = pl.DataFrame({"key": ["points"] * 100, "step": range(100), "value": [6.5] * 100})
    assert run.log_points(table) == 100
    for key in ("handle", "row", "single", "fluent", "arrays", "points"):
        assert rows(journals, key)["step"].to_list() == list(range(0, 100, 10))
    assert rows(journals, "free").height == 100
    stats = writer.stats()
    assert (stats.accepted, stats.stored, stats.throttled, stats.pending) == (700, 160, 534, 6)
    assert rows(journals).height + unstored(journals) == 700
    writer.finish_run("r")
    assert rows(journals, "arrays")["step"].to_list() == [*range(0, 100, 10), 99]
    (entry,) = [entry for entry in writer.ledger() if entry.key == "handle"]
    assert (entry.run_id, entry.accepted_unstored, entry.merged, entry.pending) == ("r", 89, 0, None)
    assert (entry.dropped, entry.stretches) == ({"throttled": 89}, [("throttled", 89, 1, 98)])
    assert entry.summary is not None
    assert (entry.summary.count, entry.summary.sum, entry.summary.last_step) == (89, 44.5, 98)


def test_a_window_keeps_its_last_point_and_counts_the_others_as_merged(journals: Path, open_writer: OpenWriter) -> None:
    writer = open_writer()
    run = writer.run("r")
    run.set_throttle([("loss", Throttle.window_steps(10, ["min", "mean", "count"]))])
    loss = run.metric("loss")
    for step in range(25):
        loss.log(float(step), step)
    (entry,) = writer.ledger()
    assert rows(journals)["value"].to_list() == [0.0, 10.0, 20.0]
    assert (entry.merged, entry.dropped, entry.pending_count) == (21, {}, 4)
    assert entry.pending is not None
    assert entry.pending[::2] == (24, 24.0)


def test_a_rate_lets_its_burst_through(journals: Path, open_writer: OpenWriter) -> None:
    writer = open_writer()
    writer.set_throttle([("loss", Throttle.rate(0.001, burst=3))])
    loss = writer.run("r").metric("loss")
    for step in range(10):
        loss.log(0.5, step)
    assert rows(journals)["step"].to_list() == [0, 1, 2]
    writer.close()
    assert rows(journals)["step"].to_list() == [0, 1, 2, 9]


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: Throttle.every(0), "every is 0; it must be at least 1 step"),
        (lambda: Throttle.rate(0.0), "max_per_second is 0; it must be above 0"),
        (lambda: Throttle.rate(1.0, burst=0.5), "burst is 0.5; it must be at least 1"),
        (lambda: Throttle.window_ms(0, []), "window is 0; it must be at least 1 millisecond"),
        (
            lambda: Throttle.window_steps(5, ["median"]),
            "keep has 'median'; a window keeps min, max, mean, last and count",
        ),
    ],
)
def test_a_policy_that_means_nothing_is_refused(make: object, says: str) -> None:
    with pytest.raises(InvalidInput, match=says):
        make()  # type: ignore[operator]


def test_threads_share_a_throttled_key_and_every_point_is_counted(journals: Path, open_writer: OpenWriter) -> None:
    writer = open_writer()
    writer.set_throttle([("*", Throttle.window_steps(7, ["max"]))])
    metrics = [writer.run("r").metric("loss") for _ in range(4)]

    def log(metric: _engine.Metric) -> None:
        for step in range(5_000):
            metric.log(0.5, step)

    threads = [threading.Thread(target=log, args=(metric,)) for metric in metrics]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert rows(journals).height + unstored(journals) == 20_000 == writer.stats().accepted


KILLED = """
import os, sys
from runlake import _engine
from runlake._engine import Throttle
writer = _engine.Writer(sys.argv[1], "0" * 32, sync_interval_ms=20)
writer.set_throttle([("every", Throttle.every(10)), ("window", Throttle.window_steps(7, ["min", "max"]))])
run = writer.run("r")
every, window = run.metric("every"), run.metric("window")
for step in range(10**9):
    every.log(float(step), step)
    window.log(float(step), step)
    if step % 50 == 0:
        os.write(1, b"%d\\n" % step)
"""


def test_a_kill_amid_windows_loses_neither_first_nor_last_nor_a_count(journals: Path) -> None:
    for enough in (0, 1_000, 20_000):
        child = subprocess.Popen([sys.executable, "-c", KILLED, str(journals)], stdout=subprocess.PIPE)
        assert child.stdout is not None
        acknowledged = next(step for step in map(int, child.stdout) if step >= enough)
        child.send_signal(signal.SIGKILL)
        acknowledged = max([acknowledged, *(int(line) for line in child.stdout.read().splitlines())])
        child.stdout.close()
        child.wait()
        (left,) = _engine.survey(str(journals))
        adopted = _engine.adopt(str(journals), left.id)
        assert adopted is not None
        assert (adopted.missing, adopted.unrecorded) == (0, 0)
        totals = []
        for key in ("every", "window"):
            steps = rows(journals, key)["step"].to_list()
            (entry,) = [entry for entry in adopted.ledger if entry.key == key] or [None]
            total = len(steps) + (entry.accepted_unstored if entry else 0)
            assert (steps[0], steps[-1]) == (0, total - 1)
            assert total > acknowledged
            totals.append(total)
        assert totals[0] - totals[1] in (0, 1)
        adopted.finish(sealed_all=True)


def test_a_forked_child_keeps_its_own_ledger(journals: Path, open_writer: OpenWriter) -> None:
    def after_fork(run_id: str) -> _engine.Writer:
        child = _engine.Writer(str(journals), STORE)
        child.set_throttle([("*", Throttle.every(10))])
        return child

    writer = open_writer(after_fork=after_fork)
    writer.set_throttle([("*", Throttle.every(10))])
    run = writer.run("r")
    loss = run.metric("loss")
    for step in range(25):
        loss.log(0.5, step)
    pid = os.fork()
    if pid == 0:
        for step in range(100, 125):
            loss.log(0.5, step)
        os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(pid, 0)
    assert rows(journals).height + unstored(journals) == 50
    assert len(_engine.Journals(str(journals)).ledger()) == 2
    loss.log(0.5, 30)
    assert writer.stats().accepted == 26
