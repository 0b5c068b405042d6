"""Throttling as a user has it: said per process, per run or in the environment, and accounted for."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

import runlake
from runlake import throttling
from runlake.entities import KeyLedger
from runlake.errors import InvalidInput, NotFound
from runlake.store import opened_stores
from tests.tracking import programs


@pytest.fixture(autouse=True)
def no_rules_are_left(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """Rules of the process are the test's own, and so is the store."""
    monkeypatch.setattr(throttling, "_of_process", throttling.Rules())
    runlake.set_tracking_uri(tmp_path / "lake")
    yield
    runlake.end_run()


def account(run_id: str, key: str) -> KeyLedger:
    [found] = [of_key for of_key in runlake.ledger(run_id).keys if of_key.key == key]
    return found


def steps_of(run_id: str, key: str) -> list[int]:
    return runlake.points(run_id, key).sort("step").collect()["step"].to_list()


def test_every_tenth_step_is_stored_and_the_last_one() -> None:
    runlake.throttle("grad/*", every=10)
    with runlake.start_run() as run:
        for step in range(95):
            runlake.log_metrics({"grad/norm": float(step), "loss": float(step)}, step=step)
    assert steps_of(run.id, "grad/norm") == [*range(0, 91, 10), 94]
    assert steps_of(run.id, "loss") == list(range(95))
    grad = account(run.id, "grad/norm")
    assert (grad.accepted, grad.stored, grad.merged, grad.in_flight) == (95, 11, 0, 0)
    assert grad.dropped == {"throttled": 84}
    assert [(s.reason, s.points, s.first_step, s.last_step) for s in grad.stretches] == [("throttled", 84, 1, 93)]
    assert account(run.id, "loss").stored == 95


def test_summaries_are_over_what_was_accepted() -> None:
    runlake.throttle("*", every=1000)
    with runlake.start_run() as run:
        for step in range(50):
            runlake.log_metric("spike", 100.0 if step == 20 else float(step % 3), step)
        live = runlake.runs(where="max(metrics.spike) = 100 AND count(metrics.spike) = 50").collect()
        assert live["run_id"].to_list() == [run.id]
        assert runlake.get_run(run.id).data.metrics == {"spike": 1.0}
    ended = runlake.runs(where="max(metrics.spike) = 100 AND count(metrics.spike) = 50").collect()
    assert ended["run_id"].to_list() == [run.id]
    for store in opened_stores():
        if store.journals_dir.exists():  # others are of tests that are over
            store.close()
            store.seal()
    sealed = runlake.runs(where="max(metrics.spike) = 100 AND count(metrics.spike) = 50").collect()
    assert sealed["run_id"].to_list() == [run.id]
    assert runlake.search_runs(filter_string="metrics.spike = 1", output_format="list")[0].info.run_id == run.id
    compared = runlake.compare([run.id], only_different=False, numbers=True)
    counted = compared.filter((pl.col("key") == "spike") & (pl.col("field") == "count"))
    assert counted.item(0, counted.columns[-1]) == 50


def test_a_window_stands_for_its_points_and_its_spike_stays_visible() -> None:
    with runlake.start_run() as run:
        run.throttle("act/*", window=100, keep=("min", "max", "mean", "count"))
        for step in range(1000):
            runlake.log_metric("act/x", 1e6 if step == 555 else float(step), step)
        live = runlake.points(run.id, "act/x", aggregates=True).sort("step").collect()
    whole = runlake.points(run.id, "act/x", aggregates=True).sort("step").collect()
    assert live.equals(whole.head(live.height))
    assert whole.height < 15
    assert whole["count"].fill_null(1).sum() == 1000
    assert whole["max"].max() == 1e6
    curve = runlake.series(run.id, "act/x", points=3)
    assert (curve["max"].max(), curve["count"].sum()) == (1e6, 1000)
    assert math.isclose(
        (curve["mean"] * curve["count"]).sum() / 1000, (sum(range(1000)) - 555 + 1e6) / 1000, rel_tol=1e-9
    )
    x = account(run.id, "act/x")
    assert (x.accepted, x.merged, x.dropped) == (1000, 1000 - whole.height, {})


def test_rules_of_a_run_come_before_those_of_the_process_and_these_before_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("RUNLAKE_THROTTLE", "* every=100; free off")
    runlake.throttle("a*", every=10)
    with runlake.start_run() as run:
        run.throttle("ab", None)
        for step in range(31):
            runlake.log_metrics(dict.fromkeys(("free", "x", "a", "ab"), 0.0), step=step)
    assert [len(steps_of(run.id, key)) for key in ("free", "x", "a", "ab")] == [31, 2, 4, 31]
    runlake.throttle("a*", None)
    with runlake.start_run() as later:
        for step in range(31):
            runlake.log_metrics({"a": 0.0, "ab": 0.0}, step=step)
    assert [len(steps_of(later.id, key)) for key in ("a", "ab")] == [31, 31]


def test_a_rule_of_the_environment_that_cannot_be_read_is_said_before_training(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNLAKE_THROTTLE", "grad/* evry=10")
    with pytest.raises(InvalidInput, match="there is no option 'evry'"):
        runlake.start_run()


def test_an_ended_run_and_a_live_one_add_up_alike() -> None:
    with runlake.start_run() as run:
        run.throttle("k", max_per_second=0.001)
        for step in range(10):
            runlake.log_metric("k", float(step), step)
        live = run.ledger()
        assert (live.accepted, live.stored, live.dropped, live.in_flight) == (10, 1, 8, 1)
    ended = runlake.ledger(run.id)
    assert (ended.accepted, ended.stored, ended.dropped, ended.in_flight) == (10, 2, 8, 0)
    assert steps_of(run.id, "k") == [0, 9]


def test_a_ledger_of_no_run_is_not_found() -> None:
    with pytest.raises(NotFound):
        runlake.ledger("f" * 32)


FORK = """
import os

import runlake

runlake.throttle("of process", every=10)
with runlake.start_run() as run:
    run.throttle("of run", every=10)
    if (child := os.fork()) == 0:
        for step in range(21):
            run.log({"of process": 0.0, "of run": 0.0, "free": 0.0}, step=step)
        os._exit(0)
    os.waitpid(child, 0)
print(run.id)
"""


def test_a_forked_child_is_throttled_as_its_parent(tmp_path: Path) -> None:
    done = programs.run(tmp_path / "lake", FORK)
    ledger = {of_key.key: of_key for of_key in runlake.ledger(done.stdout.strip()).keys}
    assert {key: of_key.accepted for key, of_key in ledger.items()} == {"free": 21, "of process": 21, "of run": 21}
    assert ledger["free"].stored == 21
    assert ledger["of process"].dropped == ledger["of run"].dropped == {"throttled": 18}
