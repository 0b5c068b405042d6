"""Work that `synchronous=False` leaves behind."""

import os
import threading

import pytest

from runlake import operations
from runlake.errors import InvalidInput


def test_work_is_done_in_order_and_wait_returns_after_it() -> None:
    done: list[int] = []
    handles = [operations.submit(lambda n=n: done.append(n), "test") for n in range(20)]  # type: ignore[misc]
    handles[-1].wait()
    assert done == list(range(20))


def test_wait_raises_what_the_work_raised() -> None:
    def fail() -> None:
        raise InvalidInput("no")

    with pytest.raises(InvalidInput, match="no"):
        operations.submit(fail, "test").wait()


def test_flush_waits_for_everything_and_says_when_it_is_not_done() -> None:
    gate = threading.Event()
    operations.submit(lambda: [gate.wait(), None][1], "test")
    assert not operations.flush(timeout_s=0.01)
    gate.set()
    assert operations.flush(timeout_s=10)


def test_a_forked_child_has_a_queue_of_its_own() -> None:
    operations.submit(lambda: None, "test").wait()
    pid = os.fork()
    if pid == 0:
        done: list[int] = []
        operations.submit(lambda: done.append(1), "test").wait()
        os._exit(0 if done == [1] else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
