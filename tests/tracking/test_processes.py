"""How runs end with real processes: exits, exceptions, kills, forks, and several processes in one run."""

import os
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import runlake
from tests.tracking import programs

BEGIN = "import os, sys, signal, threading, runlake\n"


def only_run() -> "runlake.entities.Run":
    (found,) = runlake.search_runs(output_format="list", search_all_experiments=True)
    return found


@pytest.mark.parametrize(
    ("ending", "code", "status"),
    [
        ("falls off the end", "", 0),
        ("sys.exit", "sys.exit(3)", 3),
        ("uncaught exception", "raise RuntimeError('x')", 1),
        ("closed stderr", "os.close(2)", 0),
    ],
)
def test_exit_without_end_run_is_finished(lake: Path, ending: str, code: str, status: int) -> None:
    done = programs.run(lake, BEGIN + f"runlake.start_run(); runlake.log_metric('a', 1.0, step=4)\n{code}")
    assert done.returncode == status, done.stderr
    run = only_run()
    assert (run.info.status, run.data.metrics) == ("FINISHED", {"a": 1.0})
    assert run.info.end_time is not None


@pytest.mark.parametrize(
    ("inside", "status"),
    [
        ("raise RuntimeError('x')", "FAILED"),
        ("raise KeyboardInterrupt", "KILLED"),
        ("sys.exit(1)", "FAILED"),
        ("sys.exit(0)", "FINISHED"),
        ("sys.exit()", "FINISHED"),
        ("os.kill(os.getpid(), signal.SIGINT)", "KILLED"),
        ("pass", "FINISHED"),
    ],
)
def test_leaving_the_with_block_gives_the_status(lake: Path, inside: str, status: str) -> None:
    programs.run(lake, BEGIN + f"with runlake.start_run():\n    {inside}")
    assert only_run().info.status == status


def test_nested_runs_left_open_end_with_the_outer_one(lake: Path) -> None:
    with runlake.start_run() as outer:
        inner = runlake.start_run(nested=True)
    assert [runlake.get_run(run.info.run_id).info.status for run in (inner, outer)] == ["FINISHED", "FINISHED"]
    assert runlake.active_run() is None


def test_runs_of_all_threads_end_with_the_interpreter(lake: Path) -> None:
    code = """
def work():
    runlake.start_run(run_name="thread")
    runlake.log_metric("a", 1.0)
thread = threading.Thread(target=work); thread.start(); thread.join()
assert runlake.active_run() is None
runlake.start_run(run_name="main")
"""
    done = programs.run(lake, BEGIN + code)
    assert done.returncode == 0, done.stderr
    runs = runlake.search_runs(output_format="list")
    assert sorted((run.info.run_name, run.info.status) for run in runs) == [
        ("main", "FINISHED"),
        ("thread", "FINISHED"),
    ]


def test_no_signal_handler_is_installed(lake: Path) -> None:
    code = """
signals = [s for s in signal.Signals]
before = [signal.getsignal(s) for s in signals]
with runlake.start_run(): runlake.log_metric("a", 1.0)
assert before == [signal.getsignal(s) for s in signals]
"""
    assert programs.run(lake, BEGIN + code).returncode == 0


def test_start_says_once_on_stderr_which_run_in_which_store(lake: Path) -> None:
    done = programs.run(lake, BEGIN + "for _ in range(3):\n with runlake.start_run(run_name='quiet') as run: pass")
    lines = [line for line in done.stderr.splitlines() if line]
    assert len(lines) == 1
    assert "quiet" in lines[0]
    assert str(lake) in lines[0]
    assert done.stdout == ""


@pytest.mark.parametrize("method", ["spawn", "fork", "forkserver"])
def test_runs_of_multiprocessing_workers_end_with_them(lake: Path, method: str, tmp_path: Path) -> None:
    program = tmp_path / "sweep.py"
    program.write_text(f"""
import multiprocessing, runlake
def work(n):
    runlake.start_run(run_name=str(n))
    runlake.log_metric("a", n)
if __name__ == "__main__":
    workers = [multiprocessing.get_context("{method}").Process(target=work, args=(n,)) for n in range(3)]
    [worker.start() for worker in workers]
    [worker.join() for worker in workers]
""")
    done = programs.run(lake, f"import runpy; runpy.run_path({str(program)!r}, run_name='__main__')")
    assert done.returncode == 0, done.stderr
    runs = runlake.search_runs(output_format="list")
    assert sorted((run.info.run_name, run.info.status, run.data.metrics["a"]) for run in runs) == [
        (str(n), "FINISHED", float(n)) for n in range(3)
    ]


def test_a_killed_run_is_failed_at_its_last_point_when_the_store_is_opened_next(lake: Path) -> None:
    program = programs.start(
        lake,
        BEGIN
        + """
run = runlake.start_run()
runlake.log_metric("a", 1.0, step=1, timestamp=run.info.start_time + 5000)
print(run.info.run_id, flush=True); sys.stdin.readline()
""",
    )
    run_id = program.hear()
    assert runlake.get_run(run_id).info.status == "RUNNING"
    os.kill(program.process.pid, signal.SIGKILL)
    program.finish()
    check = BEGIN + "info = runlake.get_run(sys.argv[1]).info; print(info.status, info.end_time - info.start_time)"
    assert programs.run(lake, check, run_id).stdout.split() == ["FAILED", "5000"]


def test_a_killed_client_run_stays_as_it_is(lake: Path) -> None:
    program = programs.start(
        lake,
        BEGIN
        + """
client = runlake.MlflowClient()
run = client.create_run("0"); client.log_metric(run.info.run_id, "a", 1.0)
print(run.info.run_id, flush=True); sys.stdin.readline()
""",
    )
    run_id = program.hear()
    os.kill(program.process.pid, signal.SIGKILL)
    program.finish()
    check = BEGIN + "run = runlake.get_run(sys.argv[1]); print(run.info.status, run.data.metrics['a'])"
    assert programs.run(lake, check, run_id).stdout.split() == ["RUNNING", "1.0"]


JOIN = """
run = runlake.start_run(run_id=sys.argv[1])
runlake.log_metric("rank", float(sys.argv[2]), step=int(sys.argv[2]))
print("joined", flush=True)
status = input()
runlake.end_run(status)
print("left", flush=True)
"""


@pytest.mark.parametrize("order", [("owner", "joiner"), ("joiner", "owner")])
def test_the_end_of_one_process_does_not_end_the_run_for_another(lake: Path, order: tuple[str, str]) -> None:
    run = runlake.start_run()
    other = programs.start(lake, BEGIN + JOIN, run.info.run_id, "1")
    assert other.hear() == "joined"

    def leave(who: str) -> None:
        if who == "owner":
            runlake.end_run()
        else:
            other.say("FINISHED")
            assert other.hear() == "left"

    leave(order[0])
    halfway = runlake.get_run(run.info.run_id).info
    assert (halfway.status, halfway.end_time) == ("RUNNING", None)
    leave(order[1])
    ended = runlake.get_run(run.info.run_id)
    assert (ended.info.status, ended.data.metrics) == ("FINISHED", {"rank": 1.0})
    other.finish()


def test_many_processes_that_end_together_end_the_run_once_all_have(lake: Path) -> None:
    run = runlake.start_run()
    ranks = [programs.start(lake, BEGIN + JOIN, run.info.run_id, str(n)) for n in range(4)]
    assert [rank.hear() for rank in ranks] == ["joined"] * 4
    runlake.end_run()
    for rank in ranks:
        rank.say("FINISHED")
    assert [rank.hear() for rank in ranks] == ["left"] * 4
    assert runlake.get_run(run.info.run_id).info.status == "FINISHED"
    history = runlake.MlflowClient().get_metric_history(run.info.run_id, "rank")
    assert sorted(metric.value for metric in history) == [0.0, 1.0, 2.0, 3.0]
    for rank in ranks:
        rank.finish()


def test_one_failed_process_makes_the_run_failed(lake: Path) -> None:
    run = runlake.start_run()
    other = programs.start(lake, BEGIN + JOIN, run.info.run_id, "1")
    other.hear()
    other.say("FAILED")
    other.hear()
    runlake.end_run()
    assert runlake.get_run(run.info.run_id).info.status == "FAILED"
    other.finish()


def test_a_member_that_was_killed_does_not_keep_the_run_open_and_fails_it(lake: Path) -> None:
    run = runlake.start_run()
    other = programs.start(lake, BEGIN + JOIN, run.info.run_id, "1")
    other.hear()
    os.kill(other.process.pid, signal.SIGKILL)
    other.finish()
    runlake.end_run()
    assert runlake.get_run(run.info.run_id).info.status == "FAILED"


def test_a_resumed_run_forgets_how_it_ended_before(lake: Path) -> None:
    program = programs.start(lake, BEGIN + JOIN, _failed_run(), "7")
    program.hear()
    program.say("FINISHED")
    program.hear()
    program.finish()
    assert only_run().info.status == "FINISHED"


def _failed_run() -> str:
    with pytest.raises(ZeroDivisionError), runlake.start_run() as run:
        raise ZeroDivisionError
    return run.info.run_id


def test_a_process_that_only_logs_is_not_waited_for(lake: Path) -> None:
    run = runlake.start_run()
    logger = programs.start(
        lake,
        BEGIN
        + """
runlake.MlflowClient().log_metric(sys.argv[1], "a", 1.0); print("logged", flush=True); sys.stdin.readline()
""",
        run.info.run_id,
    )
    assert logger.hear() == "logged"
    runlake.end_run()
    assert runlake.get_run(run.info.run_id).info.status == "FINISHED"
    logger.finish()


def test_two_threads_in_one_run_end_it_when_both_have(lake: Path) -> None:
    code = """
run = runlake.start_run()
def work():
    with runlake.start_run(run_id=run.info.run_id):
        runlake.log_metric("thread", 1.0)
thread = threading.Thread(target=work); thread.start(); thread.join()
assert runlake.get_run(run.info.run_id).info.status == "RUNNING"
runlake.log_metric("main", 1.0)
runlake.end_run()
data = runlake.get_run(run.info.run_id)
assert data.info.status == "FINISHED" and data.data.metrics == {"main": 1.0, "thread": 1.0}, data
"""
    done = programs.run(lake, BEGIN + code)
    assert done.returncode == 0, done.stderr


def test_a_forked_child_logs_into_the_run_and_does_not_end_it(lake: Path) -> None:
    code = """
with runlake.start_run() as run:
    loss = run.metric("loss")
    loss.log(1.0, 0)
    run.log({"a": 1.0})
    pid = os.fork()
    if pid == 0:
        runlake.log_metric("child", 2.0, step=1)
        loss.log(3.0, 1)
        run.log({"a": 2.0})
        runlake.log_param("from_child", 1)
        sys.exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert runlake.get_run(run.info.run_id).info.status == "RUNNING"
    loss.log(4.0, 2)
    data = runlake.get_run(run.info.run_id).data
    assert data.metrics == {"loss": 4.0, "child": 2.0, "a": 2.0}, data.metrics
    assert data.params == {"from_child": "1"}
    history = runlake.MlflowClient().get_metric_history(run.info.run_id, "loss")
    assert sorted(m.value for m in history) == [1.0, 3.0, 4.0], history
assert runlake.get_run(run.info.run_id).info.status == "FINISHED"
"""
    done = programs.run(lake, BEGIN + code)
    assert done.returncode == 0, done.stderr


def test_a_forked_child_may_start_a_run_of_its_own(lake: Path) -> None:
    code = """
with runlake.start_run(run_name="parent") as parent:
    pid = os.fork()
    if pid == 0:
        with runlake.start_run(run_name="child"):
            runlake.log_metric("a", 1.0)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    runlake.log_metric("a", 2.0)
"""
    done = programs.run(lake, BEGIN + code)
    assert done.returncode == 0, done.stderr
    runs = runlake.search_runs(output_format="list")
    found = sorted((run.info.run_name, run.info.status, run.data.metrics["a"]) for run in runs)
    assert found == [("child", "FINISHED", 1.0), ("parent", "FINISHED", 2.0)]


def test_many_processes_that_make_one_experiment_get_the_same(lake: Path) -> None:
    code = BEGIN + "input(); e = runlake.set_experiment('together'); runlake.start_run(); print(e.experiment_id)"
    started = [programs.start(lake, code) for _ in range(6)]
    for program in started:
        program.say("go")
    assert len({program.hear() for program in started}) == 1
    assert [program.finish() for program in started] == [0] * 6
    assert len(runlake.search_runs(experiment_names=["together"], output_format="list")) == 6


def test_run_ids_do_not_follow_the_users_seed(lake: Path) -> None:
    code = BEGIN + "import random; random.seed(0); print(runlake.start_run().info.run_id)"
    assert len({programs.run(lake, code).stdout for _ in range(2)}) == 2


def test_a_process_may_use_two_stores(lake: Path, tmp_path: Path) -> None:
    other = runlake.MlflowClient(tracking_uri=str(tmp_path / "other"))
    with runlake.start_run() as run:
        twin = other.create_run("0", run_name="twin")
        for step in range(10):
            runlake.log_metric("a", float(step), step=step)
            other.log_metric(twin.info.run_id, "b", float(step), step=step)
        other.set_terminated(twin.info.run_id)
    assert runlake.get_run(run.info.run_id).data.metrics == {"a": 9.0}
    assert other.get_run(twin.info.run_id).data.metrics == {"b": 9.0}
    assert [run.info.run_name for run in other.search_runs(["0"])] == ["twin"]


def test_threads_have_active_runs_of_their_own(lake: Path) -> None:
    def work(n: int) -> None:
        with runlake.start_run(run_name=f"thread {n}"):
            for step in range(50):
                runlake.log_metric("n", n, step=step)
            with runlake.start_run(run_name=f"inner {n}", nested=True):
                runlake.log_metric("n", -n)
            runlake.log_param("n", n)

    with runlake.start_run(run_name="main"), ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
        runlake.log_metric("n", 99)
    found = {run.info.run_name: run.data for run in runlake.search_runs(output_format="list")}
    assert found["main"].metrics == {"n": 99.0}
    for n in range(8):
        assert (found[f"thread {n}"].metrics, found[f"thread {n}"].params) == ({"n": float(n)}, {"n": str(n)})
        assert found[f"inner {n}"].metrics == {"n": float(-n)}


def test_a_run_that_another_thread_has_ended_is_no_longer_active(lake: Path) -> None:
    run = runlake.start_run()
    thread = threading.Thread(target=run.end)
    thread.start()
    thread.join()
    assert runlake.active_run() is None
    runlake.log_metric("a", 1.0)
    assert runlake.active_run() is not run
    assert runlake.get_run(run.id).data.metrics == {}


@pytest.mark.parametrize("before", ["", "runlake.log_param('early', 1, synchronous=False)\n"])
def test_what_is_logged_asynchronously_while_the_interpreter_leaves_is_kept(lake: Path, before: str) -> None:
    program = "import atexit, runlake\nrunlake.start_run()\n" + before
    done = programs.run(lake, program + "atexit.register(runlake.log_param, 'late', 1, synchronous=False)")
    assert done.returncode == 0, done.stderr
    (run,) = runlake.search_runs(output_format="list")
    assert run.data.params == {"late": "1", **({"early": "1"} if before else {})}


INTERRUPTED = """
import os, signal, runlake
outer = runlake.start_run()
create = outer.store.catalog.create_run
def interrupted(*arguments, **more):
    os.kill(os.getpid(), signal.SIGUSR1)
    return create(*arguments, **more)
outer.store.catalog.create_run = interrupted
signal.signal(signal.SIGUSR1, lambda *_: (runlake.set_tag("preempted", 1), outer.end("KILLED")))
runlake.start_run(nested=True)
print(outer.id)
"""


def test_a_signal_handler_may_end_a_run_while_another_one_starts(lake: Path) -> None:
    done = programs.run(lake, INTERRUPTED)
    run = runlake.get_run(done.stdout.strip())
    assert (run.info.status, run.data.tags["preempted"]) == ("KILLED", "1")


TABLES = """
import os, json, runlake
run = runlake.start_run()
pids = []
for i in range(6):
    pid = os.fork()
    if pid == 0:
        for j in range(5):
            runlake.log_table({"i": [i]}, f"{i}/{j}.json")
        os._exit(0)
    pids.append(pid)
assert [os.waitpid(pid, 0)[1] for pid in pids] == [0] * 6
print(len(json.loads(runlake.get_run(run.id).data.tags["mlflow.loggedArtifacts"])))
"""


def test_tables_that_processes_log_at_once_are_all_named_in_the_run(lake: Path) -> None:
    assert programs.run(lake, TABLES).stdout == "30\n"
