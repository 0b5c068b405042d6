"""Streams of other stores in one process: opened, closed, moved, sealed, and bounded."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from unittest.mock import ANY

import pytest

from runlake import _engine, query, recovery
from runlake.config import Config
from runlake.errors import StoreError
from runlake.replicas import Busy, Have
from runlake.store import Store
from tests.server.sender import assert_once, batch, new_id, stored
from tests.store.reading import wait_until


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store.open(tmp_path / "lake", config=Config())
    yield store
    store.close()


@pytest.fixture
def run_id(store: Store) -> str:
    run_id = new_id()
    store.create_run(run_id, "0", name="far", user_id="me", start_time=1, owned=False)
    return run_id


def points(writer: str, first: int, upto: int, run_id: str) -> _engine.PackedPoints:
    return _engine.unpack_points(batch(writer, first, upto, run_id))


def test_what_a_power_cut_took_from_a_replica_is_asked_for_again(
    store: Store, run_id: str, caplog: pytest.LogCaptureFixture
) -> None:
    writer = new_id()
    have = store.replicas.append(points(writer, 0, 100, run_id), durable=True)
    assert have is not None
    assert have.durable == 100
    store.replicas.append(points(writer, 100, 150, run_id))
    # The files as they are now, of which only the first hundred points are in a frame.
    crashed = {file.name: file.read_bytes() for file in store.journals_dir.glob(f"{writer}.*.journal")}
    store.replicas.close(10)
    for name, content in crashed.items():
        copy = store.journals_dir / f"{name}.copy"  # another inode: what is in no frame is not believed
        copy.write_bytes(content)
        copy.rename(store.journals_dir / name)
    assert store.replicas.have([writer], durable=True)[writer].have == 100
    assert "sealed first" in caplog.text
    assert store.catalog.gaps() == []
    assert store.replicas.append(points(writer, 100, 160, run_id)) is not None
    store.close()
    assert_once(stored(store.root), writer, 160)


def test_a_stream_that_nobody_sends_is_closed_and_opened_again(store: Store, run_id: str) -> None:
    writer = new_id()
    for part in range(3):
        store.replicas.append(points(writer, 10 * part, 10 * part + 10, run_id))
        assert store.catalog.writer_states([writer])[0].state == "open"
        store.replicas.close(10)
        assert store.catalog.writer_states([writer])[0].state == "closed"
    store.seal()
    assert store.catalog.writer_states([writer])[0].state == "sealed"
    assert store.replicas.have([writer])[writer].have == 30
    store.replicas.append(points(writer, 30, 40, run_id))
    assert query.latest_metrics(store, [run_id])[run_id]["loss"].step == 39
    store.close()
    assert_once(stored(store.root), writer, 40)


def test_more_streams_than_may_be_open_take_turns(store: Store, run_id: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runlake.replicas._MOST_OPEN", 8)
    writers = [new_id() for _ in range(20)]
    for part in range(2):
        for writer in writers:
            store.replicas.append(points(writer, 5 * part, 5 * part + 5, run_id))
    opened = [state for state in store.catalog.unsealed_writers() if state.state == "open"]
    assert len(opened) <= 9
    store.close()
    found = stored(store.root)
    for writer in writers:
        assert_once(found, writer, 10)


def test_a_stream_that_is_opened_and_closed_often_keeps_few_files_open(store: Store, run_id: str) -> None:
    writer = new_id()
    for part in range(30):
        store.replicas.append(points(writer, 5 * part, 5 * part + 5, run_id))
        store.replicas.close(10)
    before = len(os.listdir("/proc/self/fd"))
    store.replicas.append(points(writer, 150, 155, run_id))
    assert len(os.listdir("/proc/self/fd")) < before + 10
    store.seal()
    assert_once(query.points(store).collect().sort("seq"), writer, 155)


def test_closed_streams_are_sealed_when_they_are_many(
    store: Store, run_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runlake.replicas._IDLE_S", 0.0)
    writers = [new_id() for _ in range(store.config.adopt_journals)]
    for writer in writers:
        store.replicas.append(points(writer, 0, 5, run_id))
    while any(state.state != "sealed" for state in store.catalog.writer_states(writers)):
        pass
    assert store.replicas.have(writers) == dict.fromkeys(writers, Have(5, 5))
    store.close()
    assert stored(store.root).height == 5 * len(writers)


def test_streams_that_make_room_for_others_are_sealed_when_they_are_many(
    store: Store, run_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runlake.replicas._MOST_OPEN", 8)
    monkeypatch.setattr("runlake.replicas._ADOPT_S", 0.1)
    writers = [new_id() for _ in range(store.config.adopt_journals + 16)]
    for writer in writers:
        store.replicas.append(points(writer, 0, 5, run_id))
    most = store.config.adopt_journals
    wait_until(lambda: sum(state.state != "sealed" for state in store.catalog.writer_states(writers)) < most)
    assert store.replicas.have(writers) == {writer: Have(5, ANY) for writer in writers}
    store.close()
    assert stored(store.root).height == 5 * len(writers)


def test_a_stream_that_is_opened_while_a_store_is_mended_stays_open(
    store: Store, run_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = new_id()
    store.replicas.append(points(writer, 0, 10, run_id))
    store.replicas.seal()
    store.replicas.close(10)
    look = store._recovery._present

    def look_just_before_it_is_opened() -> recovery.Present:
        found = look()
        assert writer not in found.sizes
        store.replicas.append(points(writer, 10, 20, run_id))
        return found

    monkeypatch.setattr(store._recovery, "_present", look_just_before_it_is_opened)
    store._recovery.mend()
    assert store.catalog.writer_states([writer])[0].state == "open"
    assert query.points(store).collect().height == 20


def test_another_process_that_needs_a_stream_gets_it(store: Store, run_id: str) -> None:
    writer = new_id()
    store.replicas.append(points(writer, 0, 10, run_id))
    other = Store.open(store.root)
    assert other.replicas.have([writer])[writer].have == 10
    until(lambda: other.replicas.append(points(writer, 10, 20, run_id)) is not None)
    other.close()
    assert_once(stored(store.root), writer, 20)


def until(attempt: Callable[[], bool]) -> None:
    """Try until it is no longer refused for the moment."""
    while True:
        with contextlib.suppress(Busy):
            assert attempt()
            return


def test_a_backlog_that_is_not_sealed_is_bounded(store: Store, run_id: str) -> None:
    config = Config(max_unsealed_bytes=4 << 20, max_block_ms=50, seal_bytes=1 << 30)
    bounded = Store.open(store.root, config=config)
    writer, first = new_id(), 0
    with pytest.raises(Busy) as refused:
        while True:
            have = bounded.replicas.append(points(writer, first, first + 20_000, run_id))
            assert have is not None
            first = have.have
    assert (refused.value.get_http_status_code(), refused.value.wait_s) == (429, 1)
    assert first < 400_000
    bounded.replicas.seal()
    assert bounded.replicas.append(points(writer, first, first + 10, run_id)) is not None
    bounded.close()
    assert stored(store.root).height == first + 10


def test_sealing_that_fails_leaves_points_in_the_journal(store: Store, run_id: str) -> None:
    writer = new_id()
    store.replicas.append(points(writer, 0, 10, run_id))
    store.segments_dir.chmod(0o500)
    store.segments_dir.rename(store.root / "away")
    (store.root / "segments").write_text("not a folder")
    with pytest.raises(StoreError):
        store.replicas.seal()
    (store.root / "segments").unlink()
    (store.root / "away").chmod(0o700)
    (store.root / "away").rename(store.segments_dir)
    store.replicas.seal()
    store.close()
    assert_once(stored(store.root), writer, 10)
