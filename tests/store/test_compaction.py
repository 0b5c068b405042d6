"""Compaction: whoever reads, logs, merges as well or is killed meanwhile, each point is there once."""

import contextlib
import logging
import random
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runlake import compaction, garbage
from runlake.catalog import Piece
from runlake.catalog.part import clock_ms
from runlake.checkup import repair
from runlake.compaction import FACTOR, MOST_BYTES, due, possible, tier
from runlake.config import Config
from runlake.errors import Corrupt
from runlake.store import Store
from tests.checkup.material import chosen_among
from tests.store.programs import Programs
from tests.store.reading import numbered, points, segment_files, wait_until
from tests.store.test_store import add_run

STEPS = ("compact.checked", "compact.written", "compact.synced", "compact.renamed", "compact.committed")

BY_HAND = Config(compact_in_background=0)


@pytest.fixture
def scattered(root: Path) -> Iterator[Store]:
    """A store whose one run has 60 points in six segments."""
    store = Store.open(root, config=BY_HAND)
    scatter(store)
    yield store
    store.close()


def scatter(store: Store) -> None:
    logger = add_run(store)
    for start in range(0, 60, 10):
        for step in range(start, start + 10):
            logger.log_metric("k", step / 4, step)
        store.seal()


def settle(store: Store) -> None:
    """Remove replaced files as if an hour had passed, and names that were given up as if another had."""
    while store.compactor.remove_replaced(grace_ms=0):
        pass


def seen_by_others(store: Store) -> list[int]:
    """Return the steps that a program finds which is given the pattern of all segments."""
    files = store.segments_dir.glob("*/*.parquet")
    return sorted(step for file in files for step in pq.ParquetFile(file).read()["step"].to_pylist())


def steps_of(store: Store) -> list[int]:
    assert len(set(numbered(store))) == len(numbered(store))
    return [step for _, _, step, _ in points(store)]


def test_segments_become_one_and_the_old_files_stay_for_an_hour(scattered: Store) -> None:
    before, expected = segment_files(scattered), points(scattered)
    done = scattered.compactor.compact()
    assert (done.files_before, done.files_after, done.points, done.rewritten) == (6, 1, 60, 60)
    assert points(scattered) == expected
    (segment,) = scattered.catalog.plan(["run1"]).segments
    assert (segment.rows, segment.run_rows, segment.min_step, segment.max_step) == (60, 60, 0, 59)
    assert segment_files(scattered) == before | {segment.path}
    assert {old.path for old in scattered.catalog.replaced_segments()} == before
    assert scattered.compactor.remove_replaced() == 0
    assert scattered.compactor.remove_replaced(grace_ms=0) == 6
    (shown,) = scattered.catalog.plan(["run1"]).segments
    assert segment_files(scattered) == {segment.path, shown.path}, "a query may come to the name that it had"
    assert scattered.compactor.remove_replaced(grace_ms=0) == 1
    assert (segment_files(scattered), scattered.catalog.replaced_segments()) == ({shown.path}, [])
    assert points(scattered) == expected
    assert scattered.compactor.compact().rewritten == 0, "there was nothing left to merge"


@pytest.mark.parametrize("step", STEPS)
def test_other_programs_see_every_point_once_while_files_are_replaced(root: Path, step: str) -> None:
    def look(name: str) -> None:
        if name == step:
            assert seen_by_others(store) == list(range(60))

    store = Store.open(root, config=BY_HAND, hook=look)
    scatter(store)
    store.compactor.rewrite(store.catalog.pieces()[:3], set(), lambda _rows: None)
    store.compactor.compact()  # before anybody was shown what it replaces
    assert seen_by_others(store) == list(range(60))
    for _ in range(3):
        store.compactor.remove_replaced(grace_ms=0)
        assert seen_by_others(store) == steps_of(store) == list(range(60))
    assert len(segment_files(store)) == 1
    store.close()


def test_a_merged_file_that_is_merged_again_goes_after_its_hour_though_what_it_was_made_of_stays(root: Path) -> None:
    store = Store.open(root, config=BY_HAND)
    scatter(store)
    visible = segment_files(store)

    def merge_three() -> str:
        before = segment_files(store)
        store.compactor.rewrite(store.catalog.pieces()[-3:], set(), lambda _rows: None)
        (made,) = segment_files(store) - before
        return made

    first, second = merge_three(), merge_three()
    replaced_ms = clock_ms()
    wait_until(lambda: clock_ms() > replaced_ms + 50)
    store.compactor.rewrite(store.catalog.pieces(), set(), lambda _rows: None)
    (listed,) = store.catalog.listed_paths()
    assert store.compactor.remove_replaced(grace_ms=clock_ms() - replaced_ms) == 1
    assert segment_files(store) == visible | {second, listed}
    assert first not in {old.path for old in store.catalog.replaced_segments()}
    assert seen_by_others(store) == steps_of(store) == list(range(60))
    settle(store)
    assert seen_by_others(store) == steps_of(store) == list(range(60))
    assert len(segment_files(store)) == 1
    store.close()


def test_files_that_a_killed_process_was_removing_are_removed_by_the_next(scattered: Store) -> None:
    scattered.compactor.compact()
    (settled,) = scattered.catalog.settled_segments(1 << 60)
    (scattered.segments_dir / settled.replaced[0]).unlink()
    hidden = scattered.segments_dir / settled.path
    hidden.with_name(f"{settled.segment_id}.parquet").hardlink_to(hidden)
    settle(scattered)
    assert seen_by_others(scattered) == steps_of(scattered) == list(range(60))


def test_what_the_catalog_says_of_runs_and_writers_stays(scattered: Store) -> None:
    before = scattered.get_run("run1"), scattered.catalog.plan().sealed
    scattered.compactor.compact()
    assert (scattered.get_run("run1"), scattered.catalog.plan().sealed) == before
    assert scattered.catalog.problems() == []
    ((_, ranges),) = scattered.catalog.segment_ranges().items()
    assert ranges == [(scattered.writer().id, start, start + 10) for start in range(0, 60, 10)]


def test_experiments_keep_segments_of_their_own(root: Path) -> None:
    store = Store.open(root, config=BY_HAND)
    loggers = [add_run(store)]
    other = store.catalog.create_experiment("other", now_ms=1)
    store.create_run("run2", other, name="run2", user_id="u", start_time=1, owned=True)
    loggers.append(store.run_logger("run2"))
    for step in range(3):
        for logger in loggers:
            logger.log_metric("k", step, step)
        store.seal()
    expected = points(store)
    done = store.compactor.compact()
    assert (done.files_before, done.files_after) == (6, 2)
    assert {segment.experiment_id for segment in store.catalog.plan().segments} == {"0", other}
    assert points(store) == expected
    store.close()


@pytest.mark.parametrize("step", STEPS)
def test_a_reader_sees_every_point_once_while_merging_pauses(root: Path, step: str) -> None:
    reached, go_on = threading.Event(), threading.Event()

    def pause(name: str) -> None:
        if name == step:
            reached.set()
            go_on.wait(30)

    store = Store.open(root, config=BY_HAND, hook=pause)
    scatter(store)
    merging = threading.Thread(target=store.compactor.compact)
    merging.start()
    try:
        assert reached.wait(30)
        store.run_logger("run1").log_metric("k", 60, 60)
        assert steps_of(store) == list(range(61))
        other = Store.open(root)  # as another process would read
        assert steps_of(other) == list(range(61))
    finally:
        go_on.set()
        merging.join()
    assert steps_of(store) == list(range(61))
    store.close()


@pytest.mark.parametrize("step", STEPS)
def test_a_process_killed_while_it_merges_loses_and_doubles_nothing(programs: Programs, root: Path, step: str) -> None:
    program = programs.start(
        "def hook(step):\n    if step == arguments[0]: os.kill(os.getpid(), signal.SIGKILL)\n"
        "store = Store.open(root, hook=hook)\nlog = new_run(store, 'run1')\n"
        "for i in range(100):\n    log.log_metric('k', i, i)\n    if i % 20 == 19: store.seal()\n"
        "store.compactor.compact()\n",
        step,
    )
    assert program.finish()[0] == -signal.SIGKILL
    store = Store.open(root)
    assert steps_of(store) == list(range(100))
    assert_rebuilds(store)
    store.compactor.compact()
    assert steps_of(store) == list(range(100))
    assert_rebuilds(store)
    assert len(store.catalog.plan().segments) == 1
    store.close()


def assert_rebuilds(store: Store) -> None:
    """A catalog that is made from the files alone has every point that is sealed, once."""
    paths = [path for path in store.segments_dir.rglob("*.parquet*") if path.suffix != ".tmp"]
    choice = chosen_among(paths, store.segments_dir)
    assert choice.lost == {}
    assert all(stream.lost == [] for stream in choice.streams.values())
    assert sum(file.about.rows for file in choice.taken) == len(numbered(store))


def test_who_merges_second_leaves_the_first_ones_segment_alone(root: Path) -> None:
    raced = threading.Event()

    def race(name: str) -> None:
        if name == "compact.renamed" and not raced.is_set():
            raced.set()
            assert store.compactor.rewrite(store.catalog.pieces()[:3], set(), lambda _: None)

    store = Store.open(root, config=BY_HAND, hook=race)
    scatter(store)
    assert not store.compactor.rewrite(store.catalog.pieces(), set(), lambda _: None)
    listed = {segment.path for segment in store.catalog.plan().segments}
    replaced = {segment.path for segment in store.catalog.replaced_segments()}
    assert (len(listed), len(replaced)) == (4, 3)
    assert segment_files(store) == listed | replaced
    assert steps_of(store) == list(range(60))
    store.close()


def test_a_segment_that_was_removed_before_it_is_listed_is_not_listed(root: Path) -> None:
    def remove(name: str) -> None:
        if name == "compact.renamed":
            for path in segment_files(store) - {segment.path for segment in store.catalog.plan().segments}:
                (store.segments_dir / path).unlink()

    store = Store.open(root, config=BY_HAND, hook=remove)
    scatter(store)
    assert not store.compactor.rewrite(store.catalog.pieces(), set(), lambda _: None)
    assert steps_of(store) == list(range(60))
    store.close()


def test_a_damaged_segment_is_not_merged_and_keeps_its_damage(scattered: Store) -> None:
    path = scattered.segments_dir / scattered.catalog.plan().segments[2].path
    path.write_bytes(path.read_bytes()[:-9] + b"x" + path.read_bytes()[-8:])
    before = segment_files(scattered)
    with pytest.raises(Corrupt, match="checksum"):
        scattered.compactor.compact()
    assert segment_files(scattered) == before
    assert len(scattered.catalog.plan().segments) == 6


def test_small_segments_are_merged_in_the_background(root: Path) -> None:
    store = Store.open(root)
    logger = add_run(store)
    for step in range(FACTOR):
        logger.log_metric("k", step, step)
        store.seal()
    wait_until(lambda: len(store.catalog.plan().segments) == 1)
    assert steps_of(store) == list(range(FACTOR))
    store.close()


def test_who_opens_a_store_merges_what_others_left(root: Path) -> None:
    store = Store.open(root, config=BY_HAND)
    logger = add_run(store)
    for step in range(3 * FACTOR):
        logger.log_metric("k", step, step)
        store.seal()
    store.close()
    assert len(store.catalog.plan().segments) == 3 * FACTOR
    other = Store.open(root, config=Config(replaced_grace_ms=0))
    wait_until(lambda: len(other.catalog.plan().segments) == 1)
    other.close()
    last = Store.open(root, config=Config(replaced_grace_ms=0))
    wait_until(lambda: len(segment_files(last)) == 1 or last.compactor.work_when_due())
    assert steps_of(last) == list(range(3 * FACTOR))
    last.close()


def test_a_background_merge_that_cannot_be_done_is_said_once(
    root: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compaction, "_RETRY_S", 0.0)
    store = Store.open(root, config=BY_HAND)
    logger = add_run(store)
    for step in range(FACTOR):
        logger.log_metric("k", step, step)
        store.seal()
    store.close()
    victim = store.segments_dir / store.catalog.plan().segments[0].path
    victim.write_bytes(victim.read_bytes()[:-9] + b"x" + victim.read_bytes()[-8:])
    with caplog.at_level(logging.WARNING, "runlake"):
        other = Store.open(root)
        wait_until(lambda: "segments were not merged" in caplog.text)
        other.compactor.work_when_due()
        other.close()
    assert caplog.text.count("segments were not merged") == 1


def test_leaving_gives_up_a_merge_that_takes_long(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compaction, "_EXIT_S", 0.0)
    started, go_on = threading.Event(), threading.Event()

    def pause(name: str) -> None:
        if name == "compact.checked":
            started.set()
            go_on.wait(30)

    store = Store.open(root, hook=pause)
    logger = add_run(store)
    for step in range(FACTOR):
        logger.log_metric("k", step, step)
        store.seal()
    assert started.wait(30)
    leaving = threading.Thread(target=store.close)
    leaving.start()
    wait_until(lambda: store.compactor._deadline_s < float("inf"))
    go_on.set()
    leaving.join(30)
    assert len(store.catalog.plan().segments) == FACTOR
    assert segment_files(store) == {segment.path for segment in store.catalog.plan().segments}


def test_inputs_that_are_listed_again_by_a_repair_are_not_removed(root: Path) -> None:
    store = Store.open(root, config=BY_HAND)
    scatter(store)
    store.compactor.compact()
    damaged = store.segments_dir / store.catalog.plan().segments[0].path
    store.close()
    damaged.write_bytes(damaged.read_bytes()[:-9] + b"x" + damaged.read_bytes()[-8:])
    repair(root)
    store = Store.open(root, config=BY_HAND)
    assert steps_of(store) == list(range(60))
    settle(store)
    assert steps_of(store) == list(range(60))
    store.close()


def test_a_catalog_that_is_lost_after_a_merge_is_made_anew(scattered: Store, root: Path) -> None:
    scattered.compactor.compact()
    scattered.close()
    for path in root.glob("catalog.db*"):
        path.unlink()
    repair(root)
    store = Store.open(root, config=BY_HAND)
    assert steps_of(store) == seen_by_others(store) == list(range(60))
    assert store.compactor.compact().files_after == 1
    assert len(garbage.remove(store, 0).names("segment")) == 6
    assert steps_of(store) == seen_by_others(store) == list(range(60))
    settle(store)
    assert steps_of(store) == seen_by_others(store) == list(range(60))
    store.close()


def test_processes_that_log_seal_and_merge_at_once_lose_and_double_nothing(programs: Programs, root: Path) -> None:
    Store.open(root).close()
    code = (
        "store = Store.open(root, config=Config(replaced_grace_ms=60_000))\n"
        "log = new_run(store, arguments[0])\n"
        "for i in range(600):\n"
        "    log.log_metric('k', i, i)\n"
        "    if i % 10 == 9: store.seal()\n"
        "    if i % 200 == 199: store.compactor.compact()\n"
        "store.close()\n"
    )
    running = [programs.start(code, f"run{number}") for number in range(3)]
    store = Store.open(root, config=BY_HAND)
    while any(program.process.poll() is None for program in running):
        by_run: dict[str, list[int]] = {}
        for run_id, _, step, _ in points(store):
            by_run.setdefault(run_id, []).append(step)
        assert all(steps == list(range(len(steps))) for steps in by_run.values())
    assert [program.finish()[0] for program in running] == [0, 0, 0]
    store.seal()
    assert [step for _, _, step, _ in points(store)] == [*range(600)] * 3
    assert store.compactor.compact().files_after == 1
    assert_rebuilds(store)
    store.close()


# -- which segments are merged


def piece(number: int, rows: int, *, in_bytes: int | None = None, ranges: int = 1) -> Piece:
    return Piece(f"{number:032x}", f"{number}.parquet", "0", rows, 3 * rows if in_bytes is None else in_bytes, ranges)


def merged(pieces: list[Piece], number: int) -> Piece:
    return piece(number, sum(p.rows for p in pieces), ranges=sum(p.ranges for p in pieces))


@settings(deadline=None, max_examples=20)
@given(st.lists(st.sampled_from([1, 100, 1000, 1001, 64_000, 2_000_000]), min_size=1, max_size=6), st.randoms())
def test_many_seals_end_in_few_segments_each_point_written_again_once_a_size(
    sizes: list[int], order: random.Random
) -> None:
    listed: list[Piece] = []
    rewritten: dict[str, int] = {}  # how often what is in a segment was written again, at most
    total = 0
    for number in range(600):
        listed.append(piece(number, order.choice(sizes)))
        total += listed[-1].rows
        while inputs := next(due(listed), None):
            new = merged(inputs, 10_000 + len(rewritten))
            assert all(tier(old.rows) < tier(new.rows) for old in inputs) or new.bytes >= MOST_BYTES // 2
            rewritten[new.segment_id] = 1 + max(rewritten.get(old.segment_id, 0) for old in inputs)
            gone = {old.segment_id for old in inputs}
            listed = [old for old in listed if old.segment_id not in gone] + [new]
    small = [one for one in listed if one.bytes < MOST_BYTES // 2]
    assert len(small) <= (FACTOR - 1) * (tier(total) + 1)
    assert max(rewritten.values(), default=0) <= tier(total) - tier(min(sizes)) + 1


def test_large_segments_and_those_of_other_experiments_are_left_alone() -> None:
    large = [piece(n, 50_000_000) for n in range(9)]
    assert list(due(large)) == list(possible(large)) == []
    alone = [Piece(f"{n}", f"{n}.parquet", str(n), 10, 30, 1) for n in range(50)]
    assert list(due(alone)) == list(possible(alone)) == []


def test_one_merge_takes_no_more_than_a_segment_may_hold() -> None:
    (inputs,) = possible([piece(n, 100, in_bytes=100 << 20) for n in range(9)])
    assert sum(p.bytes for p in inputs) <= MOST_BYTES
    (inputs,) = possible([piece(n, 100, ranges=10_000) for n in range(9)])
    assert len(inputs) == 3
    (inputs,) = possible([piece(n, 100) for n in range(10_000)])
    assert len(inputs) == 256


# -- against a model


@settings(deadline=None, max_examples=15)
@given(
    st.lists(st.sampled_from(["log", "seal", "compact", "some", "reopen", "sweep", "settle"]), min_size=5, max_size=25)
)
def test_a_store_holds_what_was_logged_whatever_is_merged_when(
    tmp_path_factory: pytest.TempPathFactory, actions: list[str]
) -> None:
    root = tmp_path_factory.mktemp("model") / "lake"
    store = Store.open(root, config=BY_HAND)
    logger = add_run(store)
    expected: list[int] = []
    with contextlib.ExitStack() as stack:
        reading = stack.enter_context(reader(root, expected))
        for action in actions:
            match action:
                case "log":
                    for step in range(len(expected), len(expected) + 7):
                        logger.log_metric("k", step, step)
                        expected.append(step)
                case "seal":
                    store.seal()
                case "compact":
                    store.compactor.compact()
                case "some":
                    store.compactor.rewrite(store.catalog.pieces()[:2], set(), bool) if store.catalog.pieces() else None
                case "reopen":
                    store.close()
                    store = Store.open(root, config=BY_HAND)
                    logger = store.run_logger("run1")
                case "sweep":
                    store.compactor.remove_replaced(grace_ms=60_000)
                case "settle":
                    settle(store)
            assert steps_of(store) == expected
            assert seen_by_others(store) == list(range(sum(one.rows for one in store.catalog.plan().segments)))
    assert reading == []
    store.close()


@contextlib.contextmanager
def reader(root: Path, expected: list[int]) -> Iterator[list[str]]:
    """Read in a thread, again and again, what there is; what was wrong is in the list at the end."""
    wrong: list[str] = []
    done = threading.Event()
    store = Store.open(root, config=BY_HAND)

    def read() -> None:
        while not done.is_set():
            least = len(expected)
            try:
                found = [step for _, _, step, _ in points(store)]
            except FileNotFoundError:  # an hour has passed within it, and it begins anew
                continue
            if found != list(range(len(found))) or len(found) < least:
                wrong.append(f"{len(found)} of {least}")

    thread = threading.Thread(target=read)
    thread.start()
    try:
        yield wrong
    finally:
        done.set()
        thread.join()
        store.close()
