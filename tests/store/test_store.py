"""Store: what is logged is there at once, for this process and others, before and after it is sealed."""

import json
from pathlib import Path

import pytest

from runlake import _engine
from runlake.config import Config
from runlake.errors import InvalidInput, NewerFormat, NotFound, RunEnded, StoreUnavailable
from runlake.store import Store, get_store
from tests.store.programs import Programs
from tests.store.reading import journal_files, numbered, points, segment_files


def add_run(store: Store, run_id: str = "run1", *, owned: bool = True) -> _engine.RunLogger:
    store.create_run(run_id, "0", name=run_id, user_id="ada", start_time=1000, owned=owned)
    return store.run_logger(run_id)


def test_points_are_there_at_once_and_stay_when_they_are_sealed(store: Store) -> None:
    logger = add_run(store)
    for step in range(100):
        logger.log({"loss": 1 / (step + 1), "acc": step}, step=step)
    everything = points(store)
    assert len(everything) == 200
    assert store.get_run("run1").data.metrics == {"acc": 99.0, "loss": 0.01}
    store.seal()
    assert len(store.catalog.plan().segments) == len(segment_files(store)) == 1
    assert points(store) == everything
    logger.log_metric("acc", 1000.0, 100)
    assert store.get_run("run1").data.metrics == {"acc": 1000.0, "loss": 0.01}
    store.seal()
    assert len(points(store)) == 201
    assert len(set(numbered(store))) == 201


def test_a_small_journal_stays_when_the_store_is_closed_and_a_large_one_is_sealed(root: Path) -> None:
    small = Store.open(root)
    add_run(small).log_metric("k", 1.0, 0)
    small.close()
    assert (len(journal_files(small)), segment_files(small)) == (2, set())
    large = Store.open(root, config=Config(close_seal_bytes=1))
    add_run(large, "run2").log_metric("k", 2.0, 0)
    large.close()
    assert (len(journal_files(large)), len(segment_files(large))) == (2, 1)
    assert points(Store.open(root)) == [("run1", "k", 0, 1.0), ("run2", "k", 0, 2.0)]


def test_a_process_that_logged_no_point_leaves_no_files(root: Path) -> None:
    store = Store.open(root)
    add_run(store)
    store.record("run1", params={"lr": "0.1"})
    store.close()
    assert journal_files(store) == []
    assert Store.open(root).get_run("run1").data.params == {"lr": "0.1"}


def test_a_run_with_the_largest_step_there_is_can_be_taken_up_again(store: Store, root: Path) -> None:
    add_run(store).log_metric("k", 1.0, 2**63 - 1)
    other = Store.open(root)
    other.run_logger("run1").log({"k": 2.0})
    assert points(store) == [("run1", "k", 2**63 - 1, 1.0), ("run1", "k", 2**63 - 1, 2.0)]
    other.close()


def test_a_closed_store_can_be_used_again(store: Store) -> None:
    add_run(store).log_metric("k", 1.0, 0)
    store.close()
    store.close()
    store.run_logger("run1").log_metric("k", 2.0, 1)
    assert points(store) == [("run1", "k", 0, 1.0), ("run1", "k", 1, 2.0)]


def test_a_run_has_one_logger_in_a_process(store: Store) -> None:
    logger = add_run(store)
    assert store.run_logger("run1") is logger
    logger.close()
    with pytest.raises(RunEnded):
        logger.log_metric("k", 1.0)
    again = store.run_logger("run1")
    assert again is not logger
    again.log_metric("k", 1.0)


def test_the_step_counter_goes_on_from_the_largest_step(store: Store, root: Path) -> None:
    add_run(store).log_metric("k", 1.0, 41)
    assert store.run_logger("run1").next_step == 0, "a step that was given does not move the counter of log_metric"
    store.run_logger("run1").close()
    assert store.run_logger("run1").next_step == 42
    store.seal()
    store.close()
    other = Store.open(root)
    assert other.run_logger("run1").next_step == 42
    other.close()


def test_unknown_and_deleted_runs_get_no_logger(store: Store) -> None:
    with pytest.raises(NotFound, match="no run 'nobody'"):
        store.run_logger("nobody")
    add_run(store, owned=False).close()
    store.close()
    store.catalog.delete_run("run1")
    with pytest.raises(InvalidInput, match="run1 is deleted"):
        store.run_logger("run1")


def test_flush_returns_when_everything_is_on_disk(store: Store) -> None:
    logger = add_run(store)
    logger.log_metric("k", 1.0, 0)
    store.record("run1", tags={"a": "1"})
    store.flush()
    assert store.writer().stats().durable == 1
    assert not store.catalog.unsynced


def test_a_process_shares_one_store_a_folder(root: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(root)
    one = get_store(root)
    assert get_store(str(root)) is get_store(tmp_path / "link") is one
    one.close()


def test_a_folder_that_cannot_be_a_store_is_refused_before_anything_is_made(root: Path) -> None:
    root.write_text("mine")
    with pytest.raises(StoreUnavailable, match="is a file"):
        Store.open(root)
    with pytest.raises(NotFound):
        Store.open(root.with_name("missing"), create=False)
    assert not root.with_name("missing").exists()
    with pytest.raises(StoreUnavailable):
        Store.open("/proc/sys/lake")


def test_a_store_of_a_later_format_is_left_untouched(root: Path) -> None:
    Store.open(root).close()
    said = json.loads((root / "lake.json").read_text())
    (root / "lake.json").write_text(json.dumps({**said, "format": 99}))
    before = sorted((str(path), path.stat().st_mtime_ns) for path in root.rglob("*"))
    with pytest.raises(NewerFormat, match="format 99"):
        Store.open(root)
    assert sorted((str(path), path.stat().st_mtime_ns) for path in root.rglob("*")) == before


def test_an_interpreter_that_exits_without_closing_leaves_a_closed_journal(programs: Programs, root: Path) -> None:
    status, _ = programs.run("log = new_run(Store.open(root), 'run1')\nfor i in range(1000): log.log({'k': i})")
    assert status == 0
    [files] = _engine.survey(str(root / "journals"))
    assert (files.alive, files.closed_cleanly, files.committed) == (False, True, 1000)
    store = Store.open(root)
    assert [state.state for state in store.catalog.unsealed_writers()] == ["closed"]
    assert len(points(store)) == 1000
    store.close()


def test_another_process_sees_points_and_parameters_while_they_are_logged(programs: Programs, store: Store) -> None:
    program = programs.start(
        "store = Store.open(root)\nlog = new_run(store, 'run1')\nstore.record('run1', params={'lr': '0.1'})\n"
        "for i in range(3):\n    log.log_metric('k', i, i)\n    say(i)\n    hear()\n"
    )
    for i in range(3):
        assert program.hear() == str(i)
        assert len(points(store)) == i + 1
        run = store.get_run("run1")
        assert (run.data.metrics, run.data.params) == ({"k": float(i)}, {"lr": "0.1"})
        program.say()
    assert program.finish()[0] == 0


def test_a_run_that_two_processes_are_in_ends_with_the_last(programs: Programs, store: Store) -> None:
    add_run(store)
    program = programs.start(
        "store = Store.open(root)\nstore.join_run('run1')\nstore.run_logger('run1').log_metric('k', 1.0, 1)\n"
        "say('joined')\nhear()\nstore.leave_run('run1', 'KILLED', end_time=5000)\n"
    )
    assert program.hear() == "joined"
    store.leave_run("run1", "FINISHED", end_time=4000)
    assert store.get_run("run1").info.status == "RUNNING"
    program.say()
    assert program.finish()[0] == 0
    info = store.get_run("run1").info
    assert (info.status, info.end_time) == ("KILLED", 5000)
