"""P5: a forked child logs into the run it inherited, and its end is not the run's."""

import os
from pathlib import Path

import pytest

import runlake

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")


def in_child(function: object) -> int:
    """Run `function` in a forked child that then exits as a Python program does; return its exit status."""
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            function()  # type: ignore[operator]
            status = 0
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def test_a_forked_child_logs_into_the_run_and_the_parent_goes_on(tmp_path: Path) -> None:
    runlake.set_tracking_uri(tmp_path / "lake")
    with runlake.start_run() as run:
        loss = run.metric("loss")
        loss.log(0.0, 0)

        def child() -> None:
            loss.log(1.0, 1)
            run.log({"acc": 0.5, "loss": 2.0}, step=2)
            runlake.log_metric("loss", 3.0, step=3)
            runlake.log_param("from_child", True)

        assert in_child(child) == 0
        assert runlake.get_run(run.info.run_id).info.status == "RUNNING"
        loss.log(4.0, 4)

    points = runlake.points(runs=run.info.run_id, keys="loss").sort("step").collect()
    assert points["step"].to_list() == [0, 1, 2, 3, 4]
    assert points["value"].to_list() == [0.0, 1.0, 2.0, 3.0, 4.0]
    assert points["writer"].n_unique() == 2
    ended = runlake.get_run(run.info.run_id)
    assert ended.info.status == "FINISHED"
    assert ended.data.params == {"from_child": "True"}
    assert ended.data.metrics == {"loss": 4.0, "acc": 0.5}


def test_children_forked_while_threads_log_neither_hang_nor_lose_points(tmp_path: Path) -> None:
    import threading

    runlake.set_tracking_uri(tmp_path / "lake")
    steps = 20_000
    with runlake.start_run() as run:

        def log(key: str) -> None:
            handle = run.metric(key)
            for step in range(steps):
                handle.log(step, step)

        threads = [threading.Thread(target=log, args=(f"thread/{n}",)) for n in range(3)]
        for thread in threads:
            thread.start()
        for number in range(10):
            assert in_child(lambda number=number: run.log({f"child/{number}": number}, step=number)) == 0  # type: ignore[misc]
        for thread in threads:
            thread.join()

    counts = dict(runlake.points(runs=run.info.run_id).collect().group_by("key").len().iter_rows())
    assert counts == {**{f"thread/{n}": steps for n in range(3)}, **{f"child/{n}": 1 for n in range(10)}}
