"""Delivery: while another process keeps the catalog locked, changes wait in the journal and none is lost."""

import contextlib
import errno
import logging
import os
import signal
import sqlite3
import time
from pathlib import Path

import pytest

from runlake.catalog import Change
from runlake.config import Config
from runlake.delivery import Delivery
from runlake.errors import ParameterChanged, StoreError
from runlake.store import Store
from tests.modes import needs_wal
from tests.store.programs import Programs
from tests.store.reading import wait_until
from tests.store.test_store import add_run

QUICK = Config(record_timeout_ms=100)


def test_a_change_that_meets_a_locked_catalog_returns_in_time_and_arrives_later(programs: Programs, root: Path) -> None:
    store = Store.open(root, config=QUICK)
    add_run(store)
    holder = programs.hold_lock()
    began = time.monotonic()
    for i in range(20):
        store.record("run1", params={f"p{i}": str(i)}, tags={"last": str(i)})
    assert time.monotonic() - began < 2.0, "one change waits for the bound, those behind it do not"
    assert store.get_run("run1").data.params == {}
    holder.kill()
    wait_until(lambda: store.get_run("run1").data.params == {f"p{i}": str(i) for i in range(20)})
    assert store.get_run("run1").data.tags["last"] == "19", "changes arrive in order"
    store.record("run1", tags={"last": "20"})
    wait_until(lambda: store.get_run("run1").data.tags["last"] == "20")
    store.close()


def test_what_waits_survives_the_process_and_the_next_opener_delivers_it(programs: Programs, root: Path) -> None:
    program = programs.start(
        "store = Store.open(root, config=Config(record_timeout_ms=50))\nlog = new_run(store, 'run1')\n"
        "log.log_metric('k', 1.0, 0, 7000)\nsay('on')\nhear()\n"
        "store.record('run1', params={'lr': '0.1'}, tags={'a': '1'})\n"
        "store.leave_run('run1', 'FINISHED', end_time=8000)\nsay('recorded')\nhear()"
    )
    assert program.hear() == "on"
    holder = programs.hold_lock()
    program.say()
    assert program.hear() == "recorded"
    program.kill()
    holder.kill()
    store = Store.open(root)
    run = store.get_run("run1")
    assert (run.data.params, run.data.tags["a"]) == ({"lr": "0.1"}, "1")
    assert (run.info.status, run.info.end_time) == ("FINISHED", 8000)
    store.close()


def test_what_waits_at_a_clean_exit_is_delivered_by_the_next_opener(programs: Programs, root: Path) -> None:
    program = programs.start(
        "store = Store.open(root, config=Config(record_timeout_ms=50))\nnew_run(store, 'run1')\nsay('on')\nhear()\n"
        "store.record('run1', params={'lr': '0.1'})\n"
    )
    assert program.hear() == "on"
    holder = programs.hold_lock()
    program.say()
    assert program.finish()[0] == 0
    holder.kill()
    store = Store.open(root)
    assert store.get_run("run1").data.params == {"lr": "0.1"}
    store.close()


def test_a_change_that_cannot_be_delivered_does_not_hold_up_those_behind_it(
    programs: Programs, root: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store = Store.open(root, config=QUICK)
    add_run(store)
    holder = programs.hold_lock()
    store.record("run1", tags={"path": "\udcff"})  # no UTF-8: SQLite takes it in no way
    store.record("run1", params={"lr": "0.1"})
    holder.kill()
    wait_until(lambda: store.get_run("run1").data.params == {"lr": "0.1"})
    assert "a change is lost" in caplog.text
    store.flush()
    store.record("run1", params={"depth": "3"})
    assert store.get_run("run1").data.params == {"lr": "0.1", "depth": "3"}
    store.close()


def test_whatever_stands_in_the_way_of_the_catalog_a_change_waits_until_it_is_gone(store: Store, root: Path) -> None:
    add_run(store)
    with contextlib.closing(sqlite3.connect(root / "catalog.db", isolation_level=None)) as other:
        other.execute("ALTER TABLE param RENAME TO away")  # as odd as running out of memory or of locks
        store.record("run1", params={"lr": "0.1"})
        other.execute("ALTER TABLE away RENAME TO param")
    wait_until(lambda: store.get_run("run1").data.params == {"lr": "0.1"})


def test_a_parameter_that_changed_meanwhile_is_kept_as_a_conflict_and_said(
    programs: Programs, root: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store = Store.open(root, config=QUICK)
    add_run(store)
    store.record("run1", params={"lr": "0.1"})
    holder = programs.hold_lock()
    with caplog.at_level(logging.WARNING, "runlake"):
        store.record("run1", params={"lr": "0.2"})
        holder.kill()
        wait_until(lambda: store.catalog.conflicts("run1"))
        wait_until(lambda: "did not become '0.2'" in caplog.text)
    data = store.get_run("run1").data
    assert (data.params["lr"], data.tags["runlake.conflict.lr"]) == ("0.1", "0.2")
    with pytest.raises(ParameterChanged):
        store.record("run1", params={"lr": "0.3"})
    store.close()


def test_flush_delivers_what_waits(programs: Programs, root: Path) -> None:
    store = Store.open(root, config=QUICK)
    add_run(store)
    holder = programs.hold_lock()
    store.record("run1", tags={"a": "1"})
    holder.kill()
    store.flush()
    assert store.get_run("run1").data.tags["a"] == "1"
    store.close()


def test_the_catalog_is_synced_in_the_background(store: Store) -> None:
    add_run(store)
    store.record("run1", tags={"a": "1"})
    wait_until(lambda: not store.catalog.unsynced)


def test_what_was_recorded_before_a_kill_is_there(programs: Programs, root: Path) -> None:
    status, _ = programs.run(
        "store = Store.open(root)\nnew_run(store, 'run1')\nfor i in range(50):\n"
        "    store.record('run1', params={f'p{i}': str(i)})\nos.kill(os.getpid(), signal.SIGKILL)\n"
    )
    assert status == -signal.SIGKILL
    assert len(Store.open(root).get_run("run1").data.params) == 50


@needs_wal
def test_a_sync_of_the_catalog_that_fails_is_said_once_and_tried_again(
    root: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    tried: list[None] = []

    def fails(_file: int) -> None:
        tried.append(None)
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    store = Store.open(root, config=Config(sync_interval_ms=1))
    with monkeypatch.context() as patch:
        patch.setattr(os, "fdatasync", fails)
        add_run(store)
        wait_until(lambda: len(tried) > 3)
    wait_until(lambda: not store.catalog.unsynced)
    assert caplog.text.count("the catalog could not be synced") == 1
    store.close()


def test_a_delivery_that_the_journal_has_no_room_to_note_is_noted_later_and_holds_up_nothing(
    store: Store,
) -> None:
    class Full:
        """A writer whose disk is full for a while."""

        def __init__(self) -> None:
            self.refused = 0
            self.marked: list[int] = []

        def push_outbox(self, _payload: bytes) -> int:
            return 1

        def finish_outbox(self, upto: int) -> None:
            if self.refused < 3:
                self.refused += 1
                raise StoreError("no room in the journal")
            self.marked.append(upto)

    full, delivered = Full(), list[Change]()
    delivery = Delivery(store.catalog, delivered.append, sync_interval_ms=1)
    delivery.put(full, Change("run1"))  # type: ignore[arg-type]
    wait_until(lambda: full.marked)
    delivery.stop(30.0)
    assert (len(delivered), full.refused, full.marked) == (1, 3, [1])
