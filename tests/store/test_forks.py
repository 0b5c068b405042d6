"""Forks: a child logs to the runs of its parent through a journal of its own, and neither harms the other."""

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from runlake import _engine, query
from runlake.store import Store
from tests.store.programs import Programs
from tests.store.reading import numbered, points
from tests.store.test_store import add_run


def in_fork(work: Callable[[], object]) -> int:
    """Run a function in a forked child and return the child's exit status."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            work()
            status = 0
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def test_a_child_logs_through_the_logger_that_it_inherited(store: Store) -> None:
    logger = add_run(store)
    metric = logger.metric("k")
    metric.log(0.0, 0)

    def work() -> None:
        metric.log(1.0, 1)
        logger.log({"other": 2.0}, step=2)
        store.run_logger("run1").log_metric("k", 3.0, 3)
        store.record("run1", tags={"child": "yes"})

    assert in_fork(work) == 0
    metric.log(4.0, 4)
    assert points(store) == [
        ("run1", "k", 0, 0.0),
        ("run1", "k", 1, 1.0),
        ("run1", "k", 3, 3.0),
        ("run1", "k", 4, 4.0),
        ("run1", "other", 2, 2.0),
    ]
    assert store.get_run("run1").data.tags["child"] == "yes"
    assert len({writer for writer, _ in numbered(store)}) == 2
    assert len(store.catalog.writers_of(["run1"])) == 2


def test_a_child_has_the_rank_that_its_own_environment_gives(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RANK", "2")
    logger = add_run(store)

    def work() -> None:
        os.environ["RANK"] = "5"
        logger.log_metric("k", 1.0, 1)

    logger.log_metric("k", 0.0, 0)
    assert in_fork(work) == 0
    assert in_fork(lambda: logger.log_metric("k", 2.0, 2)) == 0
    found = query.points(store).sort("step").select("step", "rank").collect()
    assert found.rows() == [(0, 2), (1, 5), (2, 2)]


def test_the_end_of_a_child_does_not_end_the_run(store: Store, root: Path) -> None:
    logger = add_run(store)
    assert in_fork(lambda: logger.log_metric("k", 1.0, 1)) == 0
    other = Store.open(root)
    assert other.get_run("run1").info.status == "RUNNING"
    assert [files.alive for files in _engine.survey(str(store.journals_dir))].count(True) == 1
    logger.log_metric("k", 2.0, 2)
    other.seal()
    assert [p[2] for p in points(store)] == [1, 2]


def test_a_child_that_is_killed_loses_nothing(store: Store) -> None:
    logger = add_run(store)

    def work() -> None:
        for i in range(1000):
            logger.log_metric("k", i, i)
        os.kill(os.getpid(), signal.SIGKILL)

    assert in_fork(work) == -signal.SIGKILL
    assert [p[2] for p in points(store)] == list(range(1000))
    store.seal()
    assert [p[2] for p in points(store)] == list(range(1000))


def test_children_of_children_log_too(store: Store) -> None:
    logger = add_run(store)
    logger.log_metric("k", 0.0, 0)

    def work() -> None:
        logger.log_metric("k", 1.0, 1)
        assert in_fork(lambda: logger.log_metric("k", 2.0, 2)) == 0
        logger.log_metric("k", 3.0, 3)

    assert in_fork(work) == 0
    assert [p[2] for p in points(store)] == [0, 1, 2, 3]
    assert len({writer for writer, _ in numbered(store)}) == 3


def test_a_child_can_close_its_store_and_the_parents_goes_on(store: Store) -> None:
    logger = add_run(store)
    logger.log_metric("k", 0.0, 0)

    def work() -> None:
        logger.log_metric("k", 1.0, 1)
        store.close()

    assert in_fork(work) == 0
    logger.log_metric("k", 2.0, 2)
    store.flush()
    assert [p[2] for p in points(store)] == [0, 1, 2]


@pytest.mark.timeout(120)
def test_forked_workers_log_at_the_same_time(programs: Programs, root: Path) -> None:
    code = (
        "import multiprocessing\nstore = Store.open(root)\nlog = new_run(store, 'run1')\n"
        "def work(rank):\n    for i in range(2000): log.log_metric(f'rank{rank}', i, i)\n"
        "    store.record('run1', params={f'p{rank}': str(rank)})\n"
        "context = multiprocessing.get_context('fork')\n"
        "workers = [context.Process(target=work, args=(rank,)) for rank in range(8)]\n"
        "for worker in workers: worker.start()\n"
        "for i in range(2000): log.log_metric('main', i, i)\n"
        "for worker in workers: worker.join()\n"
        "assert [worker.exitcode for worker in workers] == [0] * 8\n"
        "store.leave_run('run1', 'FINISHED')\nsay('done')\n"
    )
    assert programs.run(code) == (0, "done")
    store = Store.open(root)
    store.seal()
    assert len(points(store)) == 9 * 2000
    assert len(set(numbered(store))) == 9 * 2000
    run = store.get_run("run1")
    assert run.data.params == {f"p{rank}": str(rank) for rank in range(8)}
    assert run.info.status == "FINISHED"
    store.close()
