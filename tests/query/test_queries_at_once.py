"""Threads and processes that ask for runs at once: each gets the state of one moment, and none spoils what is kept."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from runlake import query
from runlake.entities import ViewType
from runlake.query import run_tables
from runlake.query.ordered import Question, ordered_runs
from runlake.query.reader import ReadStep
from runlake.store import Store
from tests.query.test_reading_while_sealing import Gate, Work, make_run


@pytest.fixture(autouse=True)
def small_experiments_have_snapshots(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_tables, "_SMALL", 5)
    monkeypatch.setattr(run_tables, "_MANY_CHANGES", 8)


@pytest.fixture(params=[1, 20], ids=["few runs", "a snapshot"])
def store(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Store]:
    opened = Store.open(tmp_path / "lake")
    for number in range(request.param):
        make_run(opened, f"r{number}")
    assert runs(opened).height == request.param
    yield opened
    opened.close()


def runs(store: Store) -> pl.DataFrame:
    return query.runs(store, view=ViewType.ALL).collect()


def counted(store: Store, count: int) -> list[str]:
    return query.runs(store, where=f"count(metrics.m) = {count}").collect()["run_id"].to_list()


def stopped(store: Store, step: ReadStep) -> tuple[Gate, Work]:
    """A query that has come to a step and waits there."""
    gate = Gate(step)
    reading = Work(lambda: query.runs(store, hook=gate).collect())
    gate.wait_for_arrival()
    return gate, reading


def test_a_change_is_not_lost_to_a_thread_that_writes_a_snapshot_of_before_it(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(10):
        make_run(store, f"more{number}")
    write, writing = run_tables.Snapshots.write, Gate("write")

    def slow(self, *what):  # type: ignore[no-untyped-def]
        writing("write")
        write(self, *what)

    monkeypatch.setattr(run_tables.Snapshots, "write", slow)
    slowest = Work(lambda: runs(store))
    writing.wait_for_arrival()
    make_run(store, "new")
    assert "new" in runs(store)["run_id"]
    store.record("r0", tags={"a": "b"})
    gate, reading = stopped(store, ReadStep.PLANNED)
    writing.open()
    slowest.result()
    gate.open()
    reading.result()
    assert "new" in runs(store)["run_id"]


def test_a_thread_that_opened_journals_earlier_makes_no_point_count_twice(store: Store) -> None:
    logger = store.run_logger("r0")
    logger.log_metric("m", 1.0, step=0)
    gate, reading = stopped(store, ReadStep.PLANNED)
    logger.log_metric("m", 2.0, step=1)
    assert counted(store, 2) == ["r0"]
    gate.open()
    reading.result()
    assert counted(store, 2) == ["r0"]


@pytest.mark.parametrize("others", [True, False], ids=["while another query looks", "alone"])
def test_points_that_are_sealed_during_a_query_count_once_in_it(store: Store, others: bool) -> None:
    store.run_logger("r0").log_metric("m", 1.0, step=0)
    assert counted(store, 1) == ["r0"]
    gate = Gate(ReadStep.PLANNED)
    reading = Work(lambda: query.runs(store, where="count(metrics.m) = 1", hook=gate).collect()["run_id"].to_list())
    gate.wait_for_arrival()
    store.seal()
    if others:
        assert counted(store, 1) == ["r0"]
    gate.open()
    assert reading.result() == ["r0"]


def test_a_snapshot_of_a_later_transaction_is_not_read_into_an_earlier_one(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.run_logger("r0").log_metric("m", 1.0, step=0)
    late = Store.open(store.root)
    last_tx = late.catalog.changed_runs

    def meanwhile(experiments, since, receive, **which):  # type: ignore[no-untyped-def]
        def since_then(experiment_id: str, tx: int, removed_tx: int) -> int:
            store.seal()
            for number in range(20):
                store.record("r0", tags={f"t{number}": "1"})
                make_run(store, f"late{number}")
            assert counted(store, 1) == ["r0"]
            return since(experiment_id, tx, removed_tx)

        return last_tx(experiments, since_then, receive, **which)

    monkeypatch.setattr(late.catalog, "changed_runs", meanwhile)
    assert counted(late, 1) == ["r0"]
    monkeypatch.undo()
    assert runs(late).equals(runs(store))
    late.close()


def test_another_process_that_writes_an_older_snapshot_takes_nothing_from_an_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store.open(tmp_path / "lake")
    for number in range(20):
        make_run(store, f"r{number}")
    assert runs(store).height == 20
    [older] = (store.root / "cache" / "runs").glob("*.tables")
    content = older.read_bytes()
    write = run_tables.Snapshots.write

    def overtaken(self, *what):  # type: ignore[no-untyped-def]
        write(self, *what)
        older.unlink()
        older.write_bytes(content)

    monkeypatch.setattr(run_tables.Snapshots, "write", overtaken)
    for number in range(20):
        make_run(store, f"new{number}")
    for _ in range(2):
        assert runs(store).height == 40
    store.close()


def test_a_catalog_that_was_put_back_to_an_earlier_state_has_no_runs_of_its_future(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "lake")
    make_run(store, "kept")
    store.close()
    catalog = (tmp_path / "lake" / "catalog.db").read_bytes()
    again = Store.open(tmp_path / "lake")
    for number in range(20):
        make_run(again, f"r{number}")
    assert runs(again).height == 21
    again.close()
    (tmp_path / "lake" / "catalog.db").write_bytes(catalog)
    back = Store.open(tmp_path / "lake")
    assert runs(back)["run_id"].to_list() == ["kept"]
    back.close()


def test_what_is_asked_by_several_at_once_is_put_in_order_once(store: Store) -> None:
    together = threading.Barrier(8)

    def ask() -> object:
        together.wait(10)
        return ordered_runs(store, Question(where="count(metrics.m) >= 0", sort=("run_name DESC",)))

    answers = [work.result() for work in [Work(ask) for _ in range(8)]]
    assert len({id(found) for found in answers}) == 1
