"""A request that is sent again changes nothing, whatever has happened in between."""

import contextlib
import struct
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runlake import lifecycle
from runlake.config import Config
from runlake.errors import NotFound, StoreError
from runlake.query import metric_places
from runlake.server import repeats
from runlake.server.repeats import Point, WireLog
from runlake.store import Store
from tests.server.wire import Server, served
from tests.store.reading import wait_until


def points(steps: range, key: str = "m") -> list[dict[str, Any]]:
    return [{"key": key, "value": step / 3, "timestamp": 1000 + step, "step": step} for step in steps]


def steps_of(server: Server, run_id: str, key: str = "m") -> list[int]:
    history = server.get("metrics/get-history", run_id=run_id, metric_key=key).json["metrics"]
    return [point["step"] for point in history]


def test_a_batch_that_is_sent_again_is_kept_once(server: Server) -> None:
    run_id = server.create_run()
    for steps in (range(600), range(600), range(500, 900), range(900), range(3)):
        assert server.post("runs/log-batch", run_id=run_id, metrics=points(steps)).status == 200
    assert steps_of(server, run_id) == list(range(900))


def test_a_point_twice_in_one_batch_is_kept_once(server: Server) -> None:
    run_id = server.create_run()
    server.post("runs/log-batch", run_id=run_id, metrics=points(range(400)) * 2)
    assert steps_of(server, run_id) == list(range(400))


def test_points_that_differ_in_anything_are_all_kept(server: Server) -> None:
    run_id = server.create_run()
    point = {"key": "m", "value": 0.0, "timestamp": 5, "step": 5}
    different = [
        *(point, {**point, "value": -0.0}, {**point, "value": "NaN"}, {**point, "step": 4}, {**point, "timestamp": 4}),
        {**point, "key": "n"},
    ]
    for entry in different * 2:
        assert server.post("runs/log-metric", run_id=run_id, **entry).status == 200
    assert len(steps_of(server, run_id)) == 5
    assert len(steps_of(server, run_id, "n")) == 1


def test_a_batch_that_is_sent_again_after_the_server_was_killed_is_kept_once(tmp_path: Path) -> None:
    for turn in range(3):
        with served(tmp_path) as server:
            if turn == 0:
                run_id = server.create_run()
            assert server.post("runs/log-batch", run_id=run_id, metrics=points(range(turn * 50, 800))).status == 200
            server.process.kill()
            server.process.wait()
    with served(tmp_path) as server:
        assert steps_of(server, run_id) == list(range(800))
        latest = server.run(run_id)["data"]["metrics"]
        assert [point["step"] for point in latest] == [799]


def test_a_batch_that_is_sent_again_to_another_worker_is_kept_once(tmp_path: Path) -> None:
    with served(tmp_path, "--workers", "2") as server:
        run_id = server.create_run()
        writers: set[str] = set()
        for turn in range(60):  # connections go to whichever worker is first
            batch = points(range(turn // 2, turn // 2 + 100))
            assert server.post("runs/log-batch", run_id=run_id, metrics=batch).status == 200
            text = server.send("GET", "/metrics").body.decode()
            writers.add(text[text.index('worker="') :].split('"')[1])
        assert steps_of(server, run_id) == list(range(129))


def test_what_a_script_logs_itself_is_kept_as_often_as_it_was_logged(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "lake")
    run_id = _run(store)
    logger = store.run_logger(run_id)
    for _ in range(2):
        logger.log_metric("m", 1.0, 1, 1)
    repeats.append(store, run_id, [("m", 1.0, 1, 1)])
    assert metric_places(store, run_id, "m").rows() == [(1.0, 1, 1)] * 2
    store.close()


def test_a_batch_that_found_no_room_and_is_sent_until_there_is_some_is_kept_once(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "lake", config=Config(max_unsealed_bytes=128 << 10))
    run_id, begin = _run(store), 0

    def batch() -> list[Point]:
        return [(key, step / 3, step, 1000 + step) for step in range(begin, begin + 100) for key in ("m", "n")]

    def sent() -> bool:
        with contextlib.suppress(StoreError):
            repeats.append(store, run_id, batch())
            return True
        return False

    while sent():
        begin += 100
    refused = store.stats()
    assert not sent()
    assert refused is not None
    assert refused.pending > 0
    assert (stats := store.stats()) is not None
    assert stats.accepted == refused.accepted  # what would be refused again is not taken again
    store.seal()
    wait_until(sent)
    assert sent()
    for key in ("m", "n"):
        places = [(step / 3, 1000 + step, step) for step in range(begin + 100)]
        assert sorted(metric_places(store, run_id, key).rows()) == places
    ledger = store.ledger(run_id)
    assert (ledger.accepted, ledger.stored) == (2 * (begin + 100),) * 2  # none was counted when it was refused
    store.close()


def test_a_run_that_is_not_there_gets_no_points(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "lake")
    with pytest.raises(NotFound):
        repeats.append(store, "nobody", [("m", 1.0, 1, 1)])
    store.close()


def _run(store: Store) -> str:
    return lifecycle.create_run(store, "0", 1, {}, None, owned=False).info.run_id


POINT = st.tuples(
    st.sampled_from(["a", "b"]),
    st.sampled_from([0.0, -0.0, 1.0, float("nan")]),
    st.integers(0, 5),
    st.integers(0, 3),
)


@given(batches=st.lists(st.lists(POINT, max_size=8), min_size=1, max_size=12), forget=st.sets(st.integers(0, 11)))
@settings(max_examples=25, deadline=None)
def test_any_batches_leave_each_point_once(
    tmp_path_factory: pytest.TempPathFactory, batches: list[list[Point]], forget: set[int]
) -> None:
    store = Store.open(tmp_path_factory.mktemp("store"))
    run_id = _run(store)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(repeats, "_MOST_POINTS", 3)
        log = WireLog()
        for turn, batch in enumerate(batches):
            if turn in forget:
                log = WireLog()  # as after a restart
            log.append(store, run_id, batch)
    stored = [
        (key, struct.pack("=d", value), step, timestamp)
        for key in ("a", "b")
        for value, timestamp, step in metric_places(store, run_id, key).rows()
    ]
    store.close()
    given_points = {repeats.identity_of(point) for batch in batches for point in batch}
    assert sorted(stored) == sorted(given_points)
