"""No point is ever missing or doubled while points move from journals to segments."""

from __future__ import annotations

import multiprocessing
import threading
from collections.abc import Callable, Iterator
from multiprocessing.sharedctypes import Synchronized
from pathlib import Path

import polars as pl
import pytest

from runlake import query
from runlake.config import Config
from runlake.query.reader import ReadStep
from runlake.store import Store

KEYS = ("loss", "acc")
# Enough for several journal chunks, so that some are deleted.
STEPS = 20_000
SEAL_STEPS = ("read", "sorted", "written", "synced", "renamed", "committed", "trimmed")
WAIT_S = 30


class Gate:
    """Stops a thread at one step, until the test has looked around."""

    def __init__(self, step: object) -> None:
        self._step = step
        self._arrived = threading.Event()
        self._opened = threading.Event()

    def __call__(self, step: object) -> None:
        if step == self._step and not self._arrived.is_set():
            self._arrived.set()
            assert self._opened.wait(WAIT_S)

    def wait_for_arrival(self) -> None:
        assert self._arrived.wait(WAIT_S), f"nobody came to {self._step}"

    def open(self) -> None:
        self._opened.set()


class Work(threading.Thread):
    """Runs a function beside the test and hands over what it returned or raised."""

    def __init__(self, function: Callable[[], object]) -> None:
        super().__init__()
        self._function = function
        self._result: object = None
        self._error: BaseException | None = None
        self.start()

    def run(self) -> None:
        try:
            self._result = self._function()
        except BaseException as error:
            self._error = error

    def result(self) -> object:
        self.join(WAIT_S)
        assert not self.is_alive()
        if self._error is not None:
            raise self._error
        return self._result


def make_run(store: Store, run_id: str) -> None:
    store.create_run(run_id, "0", name=run_id, user_id="u", start_time=0, owned=False)


def log(store: Store, first: int, upto: int, run_id: str = "a") -> None:
    logger = store.run_logger(run_id)
    for key in KEYS:
        logger.log_arrays(key, range(first, upto), [step / 2 for step in range(first, upto)], range(first, upto))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "lake"


@pytest.fixture
def store(root: Path) -> Iterator[Store]:
    opened = Store.open(root)
    make_run(opened, "a")
    yield opened
    opened.close()


def counted(store: Store, hook: Callable[[ReadStep], None] = lambda _: None) -> dict[str, int]:
    """Number of points of each key; every step from 0 on is there once."""
    frame = query.points(store, "a", hook=hook).collect()
    for (key,), part in frame.partition_by("key", as_dict=True).items():
        steps = part["step"].sort()
        assert steps.equals(pl.int_range(len(steps), eager=True).alias("step")), f"{key} has holes or doubles"
        assert (part["value"] == part["step"] / 2).all()
    assert frame.select("writer", "seq").is_unique().all()
    return dict(frame["key"].value_counts().iter_rows())


@pytest.mark.parametrize("step", SEAL_STEPS)
def test_a_query_sees_every_point_once_at_each_step_of_sealing(root: Path, step: str) -> None:
    gate = Gate(step)
    store = Store.open(root, hook=gate)
    make_run(store, "a")
    log(store, 0, STEPS)
    sealing = Work(store.seal)
    gate.wait_for_arrival()
    assert counted(store) == dict.fromkeys(KEYS, STEPS)
    log(store, STEPS, STEPS + 10)
    assert counted(store) == dict.fromkeys(KEYS, STEPS + 10)
    assert query.runs(store).collect().select("metrics.loss").item() == (STEPS + 9) / 2
    assert query.series(store, "a", "loss", points=10)["count"].sum() == STEPS + 10
    assert len(query.metric_history(store, "a", "acc")) == STEPS + 10
    gate.open()
    sealing.result()
    assert counted(store) == dict.fromkeys(KEYS, STEPS + 10)
    store.close()


@pytest.mark.parametrize("step", list(ReadStep))
def test_a_query_that_stops_at_any_step_sees_every_point_once(store: Store, step: ReadStep) -> None:
    log(store, 0, STEPS)
    store.seal()
    log(store, STEPS, 2 * STEPS)
    gate = Gate(step)
    reading = Work(lambda: counted(store, gate))
    gate.wait_for_arrival()
    log(store, 2 * STEPS, 3 * STEPS)
    store.seal()
    log(store, 3 * STEPS, 3 * STEPS + 10)
    gate.open()
    seen = reading.result()
    assert isinstance(seen, dict)
    assert set(seen) == set(KEYS)
    assert all(2 * STEPS <= number <= 3 * STEPS + 10 for number in seen.values())
    assert counted(store) == dict.fromkeys(KEYS, 3 * STEPS + 10)


@pytest.mark.parametrize("step", [ReadStep.WRITERS, ReadStep.JOURNALS, ReadStep.PLANNED])
def test_a_series_that_stops_at_any_step_has_every_point_once(store: Store, step: ReadStep) -> None:
    log(store, 0, STEPS)
    store.seal()
    log(store, STEPS, 2 * STEPS)
    gate = Gate(step)
    reading = Work(lambda: query.series(store, "a", "loss", points=10**9, hook=gate))
    gate.wait_for_arrival()
    log(store, 2 * STEPS, 3 * STEPS)
    store.seal()
    gate.open()
    seen = reading.result()
    assert isinstance(seen, pl.DataFrame)
    assert 2 * STEPS <= seen.height <= 3 * STEPS
    assert seen["step"].to_list() == list(range(seen.height))
    assert (seen["count"] == 1).all()


@pytest.mark.parametrize("step", [ReadStep.WRITERS, ReadStep.JOURNALS, ReadStep.PLANNED, ReadStep.TAIL])
def test_the_run_table_is_not_behind_when_it_is_read_while_points_are_sealed(store: Store, step: ReadStep) -> None:
    log(store, 0, STEPS)
    gate = Gate(step)
    reading = Work(lambda: query.runs(store, hook=gate).collect().select("metrics.loss").item())
    gate.wait_for_arrival()
    log(store, STEPS, STEPS + 10)
    store.seal()
    gate.open()
    assert reading.result() in ((STEPS - 1) / 2, (STEPS + 9) / 2)
    assert query.latest_metrics(store, ["a"])["a"]["loss"].step == STEPS + 9


def test_a_process_that_joins_while_a_query_waits_is_seen_whole_or_not_at_all(store: Store, root: Path) -> None:
    log(store, 0, 100)
    gate = Gate(ReadStep.JOURNALS)
    reading = Work(lambda: counted(store, gate))
    gate.wait_for_arrival()
    other = Store.open(root, config=Config(close_seal_bytes=0))
    log(other, 100, 200)
    other.close()
    gate.open()
    assert reading.result() in (dict.fromkeys(KEYS, 100), dict.fromkeys(KEYS, 200))
    assert counted(store) == dict.fromkeys(KEYS, 200)


# -- processes that log, seal and read as they like

SESSIONS, SESSION_STEPS = 12, 30_000


def keep_logging(root: Path, acknowledged: Synchronized[int], done: Synchronized[bool]) -> None:
    """Log one step after the other, from one writer after the other."""
    try:
        for session in range(SESSIONS):
            # Some sessions seal while they log, some when they close, some leave it to others.
            config = Config(
                seal_bytes=200_000 if session % 2 else 1 << 30, close_seal_bytes=0 if session % 3 else 1 << 30
            )
            store = Store.open(root, config=config)
            log_steps(store, acknowledged)
            store.close()
    finally:
        done.value = True


def log_steps(store: Store, acknowledged: Synchronized[int]) -> None:
    logger = store.run_logger("a")
    for step in range(acknowledged.value, acknowledged.value + SESSION_STEPS):
        logger.log(dict.fromkeys(KEYS, step / 2), step=step, timestamp=step)
        acknowledged.value = step + 1


def keep_sealing(root: Path, done: Synchronized[bool]) -> None:
    """Adopt what closed writers have left, over and over."""
    store = Store.open(root)
    while not done.value:
        store.seal()
    store.close()


@pytest.mark.timeout(180)
def test_a_reader_beside_a_writing_and_a_sealing_process_counts_right(store: Store, root: Path) -> None:
    processes = multiprocessing.get_context("spawn")
    acknowledged = processes.Value("q", 0)
    done = processes.Value("b", False)
    logging = processes.Process(target=keep_logging, args=(root, acknowledged, done))
    sealing = processes.Process(target=keep_sealing, args=(root, done))
    logging.start()
    sealing.start()
    looks = 0
    while logging.is_alive():
        before = acknowledged.value
        seen = counted(store)
        after = acknowledged.value
        # A step is acknowledged just after it is in the journal, so one more than was acknowledged may be seen.
        assert all(before <= seen.get(key, 0) <= after + 1 for key in KEYS), (before, seen, after)
        latest = query.latest_metrics(store, ["a"]).get("a", {})
        assert not latest or latest["loss"].step >= after - 1
        looks += 1
    logging.join(WAIT_S)
    sealing.join(WAIT_S)
    assert (logging.exitcode, sealing.exitcode) == (0, 0)
    assert looks > 10
    assert counted(store) == dict.fromkeys(KEYS, SESSIONS * SESSION_STEPS)
    assert len(list((root / "segments").rglob("*.parquet"))) > 1
