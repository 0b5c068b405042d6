"""Workers that log: forked, spawned, killed, daemonised, become another program; each into the run it was given."""

from pathlib import Path

import polars as pl
import pytest

import runlake
from tests.endurance import programs, proofs
from tests.store.reading import wait_until

METHODS = ["fork", "spawn", "forkserver"] if proofs.LONG else ["fork", "forkserver"]


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    """The folder of a store that is in force here as well."""
    runlake.set_tracking_uri(tmp_path / "lake")
    return tmp_path / "lake"


def steps(key: str) -> list[int]:
    """The steps of a metric of the store's only run, in order."""
    return sorted(runlake.points(keys=key).collect()["step"].to_list())


def status() -> str:
    """The status of the store's only run."""
    (run,) = runlake.search_runs(output_format="list")
    return run.info.status


# As torch's DataLoader does it: daemons that take indices from a queue each, answer, and are told to leave or killed.
# Each answers to a queue of its own: one that is killed right after its last answer may hold the lock of its queue.
LOADER = """
class Dataset:
    def __init__(self, run, loss):
        self.run, self.loss = run, loss

    def __getitem__(self, index):
        self.loss.log(index / 2, index)
        self.run.log({"row": index, "other": -index}, step=index)
        return index

def work(dataset, indices, answers):
    while (batch := indices.get()) is not None:
        for index in batch:
            answers.put(dataset[index])

def main():
    context = multiprocessing.get_context(sys.argv[1])
    with runlake.start_run() as run:
        dataset = Dataset(run, run.metric("loss"))
        dataset.loss.log(-1.0, -1)
        def start():
            indices, answers = context.SimpleQueue(), context.SimpleQueue()
            worker = context.Process(target=work, args=(dataset, indices, answers), daemon=True)
            worker.start()
            return worker, indices, answers
        def load(first):
            for number, (_, indices, _) in enumerate(workers):
                indices.put(range(first + number * 1000, first + number * 1000 + 1000))
            done = [answers.get() for _, _, answers in workers for _ in range(1000)]
            assert done == list(range(first, first + 4000))
        workers = [start() for _ in range(4)]
        load(0)
        workers[0][0].kill()
        workers[0][0].join()
        workers[0] = start()
        load(4000)
        workers[1][1].put(None)  # told to leave; the others are daemons and end with this process
        workers[1][0].join()
        assert workers[1][0].exitcode == 0
        assert runlake.get_run(run.id).info.status == "RUNNING"
        dataset.loss.log(8000 / 2, 8000)
"""


@pytest.mark.parametrize("method", METHODS)
def test_workers_of_a_loader_log_into_the_run_of_their_data_set(lake: Path, tmp_path: Path, method: str) -> None:
    programs.run(lake, programs.write(tmp_path, LOADER), method)

    assert steps("loss") == list(range(-1, 8001))
    assert steps("row") == steps("other") == list(range(8000))
    assert status() == "FINISHED"
    assert runlake.points(keys="loss").select(pl.col("writer").n_unique()).collect().item() == 6
    proofs.assert_sound(lake)


KILLED = """
def work(run, acknowledged):
    step = 0
    while True:
        run.log({f"worker/{os.getpid()}": step}, step=step)
        acknowledged.send_bytes(step.to_bytes(4, "little"))
        step += 1

def main():
    context = multiprocessing.get_context(sys.argv[1])
    with runlake.start_run() as run:
        for _ in range(int(sys.argv[2])):
            ours, theirs = context.Pipe(duplex=False)
            worker = context.Process(target=work, args=(run, theirs), daemon=True)
            worker.start()
            theirs.close()
            key = f"worker/{worker.pid}"
            for _ in range(random.randrange(1, 300)):
                last = int.from_bytes(ours.recv_bytes(), "little")
            worker.kill()
            try:
                while True:
                    last = int.from_bytes(ours.recv_bytes(), "little")
            except EOFError:
                worker.join()
            found = sorted(point.step for point in runlake.MlflowClient().get_metric_history(run.id, key))
            assert found in (list(range(last + 1)), list(range(last + 2))), (last, found)
        assert runlake.get_run(run.id).info.status == "RUNNING"
"""


@pytest.mark.timeout(300)
@pytest.mark.parametrize("method", ["fork", "forkserver"] if proofs.LONG else ["forkserver"])
def test_what_a_killed_worker_has_logged_is_there_and_the_run_goes_on(lake: Path, tmp_path: Path, method: str) -> None:
    programs.run(lake, programs.write(tmp_path, KILLED), method, str(proofs.size(5, 30)))
    assert status() == "FINISHED"
    proofs.assert_sound(lake)


POOLS = """
from concurrent.futures import ProcessPoolExecutor

def work(given):
    run, index = given
    run.log({"pool": index}, step=index)
    return os.getpid()

def main():
    with runlake.start_run() as run:
        with multiprocessing.get_context("fork").Pool(3, maxtasksperchild=2) as pool:
            assert len(set(pool.map(work, [(run, index) for index in range(200)], chunksize=10))) > 3
        with ProcessPoolExecutor(3, multiprocessing.get_context("spawn")) as pool:
            assert os.getpid() not in set(pool.map(work, [(run, 200 + index) for index in range(200)]))
"""


def test_pools_of_processes_log_into_the_run_they_are_given(lake: Path, tmp_path: Path) -> None:
    programs.run(lake, programs.write(tmp_path, POOLS))
    assert steps("pool") == list(range(400))
    assert status() == "FINISHED"


FORKED_AMONG_THREADS = """
def log(run, key, count):
    handle = run.metric(key)
    for step in range(count):
        handle.log(step, step)
        if step % 100 == 0:
            run.log({key + "/row": step}, step=step)

def child(run, name):
    threads = [threading.Thread(target=log, args=(run, f"{name}/{n}", 1000)) for n in range(3)]
    for thread in threads: thread.start()
    runlake.set_tag(name, "here")
    for thread in threads: thread.join()

def main():
    with runlake.start_run() as run:
        stop = threading.Event()
        written = [0] * 3
        def keep_logging(number):
            handle = run.metric(f"parent/{number}")
            while not stop.is_set():
                handle.log(written[number], written[number])
                written[number] += 1
                if written[number] % 100 == 0:
                    stop.wait(0.001)  # the others want the interpreter, too
        def keep_recording():
            while not stop.is_set():
                runlake.MlflowClient().set_tag(run.id, "recorded", time.time())
                runlake.get_run(run.id)
        threads = [threading.Thread(target=keep_logging, args=(n,)) for n in range(3)]
        threads.append(threading.Thread(target=keep_recording))
        for thread in threads: thread.start()
        children = []
        for number in range(8):
            pid = os.fork()
            if pid == 0:
                child(run, f"child{number}")
                os._exit(0)
            children.append(pid)
        assert [os.waitpid(pid, 0)[1] for pid in children] == [0] * 8
        stop.set()
        for thread in threads: thread.join()
    print(*written)
"""


def test_children_forked_while_threads_log_and_record_lose_nothing_and_neither_does_the_parent(
    lake: Path, tmp_path: Path
) -> None:
    written = programs.run(lake, programs.write(tmp_path, FORKED_AMONG_THREADS)).split()
    (run,) = runlake.search_runs(output_format="list")
    assert {f"child{n}" for n in range(8)} <= run.data.tags.keys()
    counts = dict(runlake.points().collect().group_by("key").len().iter_rows())
    children = {f"child{n}/{m}": 1000 for n in range(8) for m in range(3)}
    rows = {f"child{n}/{m}/row": 10 for n in range(8) for m in range(3)}
    assert counts == children | rows | {f"parent/{n}": int(count) for n, count in enumerate(written)}
    proofs.assert_sound(lake)


REPLACED = """
def main():
    if len(sys.argv) == 1:
        run = runlake.start_run()
        for step in range(1000): run.log({"loss": step}, step=step)
        runlake.log_param("before", 1)
        os.execv(sys.executable, [sys.executable, __file__, run.id])
    open_files = [os.readlink(f"/proc/self/fd/{name}") for name in os.listdir("/proc/self/fd") if name not in "012"
                  and os.path.exists(f"/proc/self/fd/{name}")]
    assert not [path for path in open_files if "lake" in path], open_files
    with runlake.start_run(run_id=sys.argv[1]) as run:
        for step in range(1000): run.log({"loss": 1000 + step})
        runlake.log_param("after", 1)
"""


def test_a_process_that_becomes_another_program_goes_on_with_its_run(lake: Path, tmp_path: Path) -> None:
    program = programs.write(tmp_path, REPLACED)
    programs.run(lake, program, expected="is marked FAILED: the process that ran it is gone")
    assert steps("loss") == list(range(2000))
    (run,) = runlake.search_runs(output_format="list")
    assert (run.info.status, run.data.params) == ("FINISHED", {"before": "1", "after": "1"})
    proofs.assert_sound(lake)


HELPER = """
import subprocess
def main():
    run = runlake.start_run()
    run.log({"loss": 1.0}, step=0)
    helper = subprocess.Popen(["sleep", "600"], close_fds=False)
    print(helper.pid, flush=True)
    sys.stdin.readline()
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_program_that_was_started_beside_a_run_does_not_keep_it_alive(lake: Path, tmp_path: Path) -> None:
    import os
    import signal
    import subprocess
    import sys

    environment = {**os.environ, "RUNLAKE_TRACKING_URI": str(lake)}
    command = [sys.executable, str(programs.write(tmp_path, HELPER))]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment
    ) as trained:
        assert trained.stdout is not None
        helper = int(trained.stdout.readline())
        try:
            assert trained.stdin is not None
            trained.stdin.write("\n")
            trained.stdin.flush()
            assert trained.wait(30) == -signal.SIGKILL
            assert programs.alive(helper)
            assert status() == "FAILED"
        finally:
            os.kill(helper, signal.SIGKILL)


# Stevens' recipe: fork, setsid, fork, close every file, open /dev/null thrice.
DAEMON = """
def daemonise():
    if os.fork():
        return False
    os.setsid()
    if os.fork():
        os._exit(0)
    os.chdir("/")
    os.closerange(0, 1024)
    for _ in range(3):
        os.open("/dev/null", os.O_RDWR)
    return True

def main():
    done = sys.argv[1]
    run = runlake.start_run(run_name="parent")
    loss = run.metric("loss")
    loss.log(0.0, 0)
    if daemonise():
        mine = open(done + ".mine", "w")
        for step in range(1, 1000):
            loss.log(step, step)
        with runlake.start_run(run_name="daemon"):
            runlake.log_metric("own", 1.0)
            runlake.log_text("text", "note.txt")
        mine.write("still mine")  # nobody has closed a number that is another file's now
        mine.close()
        os.rename(done + ".mine", done)
        sys.exit(0)
    loss.log(1000, 1000)
"""


def test_a_daemon_that_closes_every_file_logs_into_the_run_it_came_from_and_into_its_own(
    lake: Path, tmp_path: Path
) -> None:
    done = tmp_path / "done"
    programs.run(lake, programs.write(tmp_path, DAEMON), str(done))
    wait_until(done.exists)
    assert done.read_text() == "still mine"
    assert steps("loss") == list(range(1001))
    wait_until(lambda: not any(runlake.runs().collect()["status"] == "RUNNING"))
    runs = {run.info.run_name: run for run in runlake.search_runs(output_format="list")}
    assert {name: run.info.status for name, run in runs.items()} == {"parent": "FINISHED", "daemon": "FINISHED"}
    assert runs["daemon"].data.metrics == {"own": 1.0}


TWO_STORES = """
def main():
    first = runlake.start_run()
    runlake.set_tracking_uri(sys.argv[1])
    started = []
    thread = threading.Thread(target=lambda: started.append(runlake.start_run()))
    thread.start()
    thread.join()
    (second,) = started
    handles = [first.metric("loss"), second.metric("loss")]
    def log(begin):
        for step in range(begin, begin + 1000):
            for handle in handles: handle.log(step, step)
            for run in (first, second): run.log({"row": step}, step=step)
    log(0)
    pid = os.fork()
    if pid == 0:
        log(1000)
        os._exit(0)
    threads = [threading.Thread(target=log, args=(2000 + 1000 * n,)) for n in range(3)]
    for thread in threads: thread.start()
    for thread in threads: thread.join()
    assert os.waitpid(pid, 0)[1] == 0
    for run in (first, second):
        stats = run.stats()
        assert stats.accepted == stats.stored == 8000 and stats.dropped == 0, stats
"""


def test_a_process_with_two_stores_logs_into_each_from_threads_and_forks(lake: Path, tmp_path: Path) -> None:
    programs.run(lake, programs.write(tmp_path, TWO_STORES), str(tmp_path / "other"))
    for root in (lake, tmp_path / "other"):
        runlake.set_tracking_uri(root)
        assert steps("loss") == steps("row") == list(range(5000))
        assert status() == "FINISHED"
        proofs.assert_sound(root)


SUB_INTERPRETER = """
try:
    import _interpreters as interpreters
except ImportError:
    import _xxsubinterpreters as interpreters

def main():
    try:
        number = interpreters.create("legacy")
    except TypeError:
        number = interpreters.create(isolated=False)
    said = interpreters.run_string(number, '''
import sys
for name in [name for name in sys.modules if name.partition(".")[0] == "runlake"]: del sys.modules[name]
try:
    import runlake
except ImportError as error:
    open(sys.argv[1] if hasattr(sys, "argv") and len(sys.argv) > 1 else "said", "w").write(str(error))
''')
    interpreters.destroy(number)
    with runlake.start_run() as run:
        run.log({"loss": 1.0}, step=0)
"""


def test_a_sub_interpreter_is_told_that_it_cannot_log_and_harms_nobody(lake: Path, tmp_path: Path) -> None:
    programs.run(lake, programs.write(tmp_path, SUB_INTERPRETER))
    said = Path("said").read_text()
    assert said.startswith("runlake works in the main interpreter of a process only, and this is sub-interpreter")
    assert "hint: " in said
    assert (steps("loss"), status()) == ([0], "FINISHED")


SENT = """
import copy, pickle
def main():
    with runlake.start_run() as run:
        handle = run.metric("loss")
        assert copy.deepcopy({"run": run})["run"] is run
        same = pickle.loads(pickle.dumps(run))
        copy.deepcopy(handle).log(1.0, 1)
        same.log({"loss": 2.0}, step=2)
        same.end()
        assert runlake.get_run(run.id).info.status == "RUNNING"
        handle.log(3.0, 3)
    for ended in (run, handle):
        try:
            pickle.dumps(ended)
        except runlake.MlflowException as error:
            assert "has ended in this process and cannot be sent" in str(error) and "hint: " in str(error)
        else:
            raise AssertionError
"""


def test_a_run_that_is_copied_or_pickled_logs_on_and_is_ended_by_whoever_began_it(lake: Path, tmp_path: Path) -> None:
    programs.run(lake, programs.write(tmp_path, SENT))
    assert (steps("loss"), status()) == ([1, 2, 3], "FINISHED")
