"""Sealing: killed, paused or beaten at any step, no point is missing and none is there twice."""

import shutil
import signal
import threading
from pathlib import Path

import pytest

from runlake.config import Config
from runlake.errors import StoreError
from runlake.store import Store
from runlake.throttling import Policy
from tests.store.programs import Programs
from tests.store.reading import journal_files, numbered, points, segment_files, wait_until
from tests.store.test_store import add_run

STEPS = ("read", "sorted", "written", "synced", "renamed", "committed", "trimmed")


def test_every_step_is_announced_in_order(root: Path) -> None:
    heard: list[str] = []
    store = Store.open(root, hook=heard.append)
    add_run(store).log_metric("k", 1.0, 0)
    store.seal()
    assert tuple(heard) == STEPS
    store.seal()
    assert tuple(heard) == STEPS, "there was nothing left to seal"
    store.close()


@pytest.mark.parametrize("step", STEPS)
def test_a_reader_sees_every_point_once_while_sealing_pauses(root: Path, step: str) -> None:
    reached, go_on = threading.Event(), threading.Event()

    def pause(name: str) -> None:
        if name == step and not reached.is_set():
            reached.set()
            go_on.wait(30)

    store = Store.open(root, hook=pause)
    logger = add_run(store)
    for i in range(1000):
        logger.log_metric("k", i, i)
    sealing = threading.Thread(target=store.seal)
    sealing.start()
    try:
        assert reached.wait(30)
        logger.log_metric("k", 1000, 1000)
        assert [p[2] for p in points(store)] == list(range(1001))
        other = Store.open(root)  # as another process would read
        assert [p[2] for p in points(other)] == list(range(1001))
    finally:
        go_on.set()
        sealing.join()
    assert [p[2] for p in points(store)] == list(range(1001))
    store.close()


@pytest.mark.parametrize("step", STEPS)
def test_a_process_killed_while_it_seals_loses_and_doubles_nothing(programs: Programs, root: Path, step: str) -> None:
    program = programs.start(
        "def hook(step):\n    if step == arguments[0]: os.kill(os.getpid(), signal.SIGKILL)\n"
        "store = Store.open(root, hook=hook)\nlog = new_run(store, 'run1')\n"
        "for i in range(1000): log.log_metric('k', i, i)\nstore.seal()\n",
        step,
    )
    assert program.finish()[0] == -signal.SIGKILL
    store = Store.open(root)
    assert [p[2] for p in points(store)] == list(range(1000))
    store.seal()
    assert [p[2] for p in points(store)] == list(range(1000))
    assert len(set(numbered(store))) == 1000
    assert journal_files(store) == []
    assert store.get_run("run1").data.metrics == {"k": 999.0}
    store.close()


def test_who_seals_a_range_second_leaves_no_file_behind(store: Store) -> None:
    add_run(store).log_metric("k", 1.0, 0)
    ranges = [(store.writer().id, 0, 1)]
    assert store._segments.seal(ranges, ranges) is True
    kept = segment_files(store)
    assert store._segments.seal(ranges, ranges) is False
    assert segment_files(store) == kept == {store.catalog.plan().segments[0].path}


def test_a_journal_is_sealed_in_pieces_while_it_grows(root: Path) -> None:
    store = Store.open(root, config=Config(seal_bytes=28 * 10_000))
    logger = add_run(store)
    steps = range(35_000)
    logger.log_arrays("k", list(steps), [float(i) for i in steps])
    wait_until(lambda: len(store.catalog.plan().segments) >= 4)
    assert all(segment.rows <= 10_000 for segment in store.catalog.plan().segments)
    assert [p[2] for p in points(store)] == list(steps)
    store.close()
    assert store.catalog.plan().sealed[numbered(store)[0][0]] >= 30_000


def test_points_of_many_experiments_go_to_segments_of_their_own(store: Store) -> None:
    for name in ("a", "b"):
        experiment_id = store.catalog.create_experiment(name, now_ms=1)
        store.create_run(name, experiment_id, name=name, user_id="u", start_time=1, owned=True)
        store.run_logger(name).log_metric("k", 1.0, 0)
    store.seal()
    segments = store.catalog.plan().segments
    assert {segment.experiment_id for segment in segments} == {
        store.get_run(run_id).info.experiment_id for run_id in ("a", "b")
    }
    assert all(segment.path.startswith(f"experiment_id={segment.experiment_id}/") for segment in segments)


def test_logging_goes_on_when_the_catalog_is_locked_while_sealing(programs: Programs, root: Path) -> None:
    store = Store.open(root, config=Config(seal_bytes=28 * 1000, lock_timeout_ms=100))
    logger = add_run(store)
    holder = programs.hold_lock()
    logger.log_arrays("k", list(range(5000)), [0.0] * 5000)
    assert [p[2] for p in points(store)] == list(range(5000))
    holder.kill()
    store.seal()
    assert [p[2] for p in points(store)] == list(range(5000))
    assert {segment.path for segment in store.catalog.plan().segments} == segment_files(store)
    store.close()


def test_an_error_that_nobody_foresaw_does_not_end_sealing(
    root: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    failed = threading.Event()

    def fail_once(step: str) -> None:
        if not failed.is_set():
            failed.set()
            raise ValueError("odd")

    monkeypatch.setattr("runlake.sealing._RETRY_S", 0.01)
    store = Store.open(root, config=Config(seal_bytes=2800), hook=fail_once)
    log = add_run(store)
    for step in range(1000):
        log.log_metric("k", 1.0, step)
    wait_until(lambda: "ValueError: odd" in caplog.text)
    wait_until(lambda: len(store.catalog.plan().segments) > 0)
    store.close()


def test_a_journal_that_the_catalog_does_not_know_yet_keeps_its_points(store: Store) -> None:
    store.writer().run("run1").log_metric("k", 1.0, 0)  # as a forked child does while the catalog is locked
    with pytest.raises(StoreError, match="does not know the journal"):
        store.seal()
    add_run(store)
    store.seal()
    assert store.get_run("run1").data.metrics == {"k": 1.0}


def test_what_was_held_back_counts_once_after_a_power_cut_that_follows_a_seal(root: Path, tmp_path: Path) -> None:
    store = Store.open(root, config=Config(sync_interval_ms=3_600_000))
    logger = add_run(store)
    store.throttle_run("run1", ["k"], Policy(every=10))
    for step in range(25):
        logger.log_metric("k", step, step)
    store.flush()
    for step in range(25, 40):
        logger.log_metric("k", step, step)
    store.seal()
    # The inodes of a copy are others, so that of its journals only what was synced is believed, as after a power cut.
    shutil.copytree(root, tmp_path / "copy", ignore=shutil.ignore_patterns("*.lock"))
    store.close()
    copy = Store.open(tmp_path / "copy")
    copy.seal()
    assert [p[2] for p in points(copy)] == [0, 10, 20, 30, 39]
    [key] = copy.ledger("run1").keys
    assert (key.accepted, key.stored, key.dropped, key.in_flight) == (40, 5, {"throttled": 35}, 0)
    copy.close()


def test_of_many_keys_none_that_was_held_back_counts_twice_after_a_power_cut_that_follows_a_seal(
    root: Path, tmp_path: Path
) -> None:
    store = Store.open(root, config=Config(sync_interval_ms=3_600_000))
    logger, keys = add_run(store), [f"k{i}" for i in range(1200)]
    store.throttle_run("run1", ["*"], Policy(every=10))
    for step in range(23):
        logger.log(dict.fromkeys(keys, float(step)), step)
    store.flush()
    for step in range(23, 28):
        logger.log(dict.fromkeys(keys, float(step)), step)
    store.seal()
    shutil.copytree(root, tmp_path / "copy", ignore=shutil.ignore_patterns("*.lock"))
    expected = sorted({*points(store), *(("run1", key, 27, 27.0) for key in keys)})
    store.close()
    copy = Store.open(tmp_path / "copy")
    copy.seal()
    assert points(copy) == expected
    assert {(key.accepted, key.in_flight) for key in copy.ledger("run1").keys} == {(28, 0)}
    copy.close()


def test_a_journal_of_points_that_are_held_back_does_not_grow_beyond_what_is_sealed(root: Path) -> None:
    store = Store.open(root, config=Config(seal_bytes=1 << 20, sync_interval_ms=3_600_000))
    logger, keys = add_run(store), [f"k{i}" for i in range(400)]
    store.throttle_run("run1", ["*"], Policy(every=1_000_000))
    for step in range(60):
        logger.log(dict.fromkeys(keys, float(step)), step)
        store.flush()

    def first_chunk() -> int:
        return min(int(name.split(".")[1]) for name in journal_files(store) if name.endswith(".journal"))

    wait_until(lambda: first_chunk() >= 3)  # the first ones go, although nothing was sealed
    assert {(key.accepted, key.in_flight) for key in store.ledger("run1").keys} == {(60, 1)}
    store.close()
    assert {(key.accepted, key.in_flight) for key in Store.open(root).ledger("run1").keys} == {(60, 0)}
