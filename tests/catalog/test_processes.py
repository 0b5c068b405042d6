"""Processes: many at once, one that keeps the lock, ones that are killed, and ones that are forked."""

import errno
import fcntl
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from runlake.catalog import Catalog
from runlake.errors import CatalogLocked, StoreError
from tests.catalog.material import add_run, writer
from tests.modes import needs_wal

STARTERS = """
import multiprocessing, sys, time
from pathlib import Path
from runlake.catalog import Catalog, WriterInfo
root, processes, runs = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
forking = multiprocessing.get_context("fork")  # nothing is open yet, and 64 interpreters would take long to start
ready, waited = forking.Barrier(processes), forking.SimpleQueue()
def start(number):
    ready.wait()
    catalog = Catalog.open(root)
    writer = WriterInfo(f"{number:032x}", "h", "b", number, 0)
    waits = []
    for i in range(runs):
        run_id = f"run-{number}-{i}"
        for call in (
            lambda: catalog.create_run(run_id, "0", name="n", user_id="u", start_time=0, owned=True, writer=writer),
            lambda: catalog.log_batch(run_id, params={f"p{k}": str(k) for k in range(30)}),
            lambda: catalog.get_run(run_id),
            lambda: catalog.update_run(run_id, status="FINISHED", end_time=1),
        ):
            began = time.perf_counter()
            call()
            waits.append(time.perf_counter() - began)
    catalog.close_writer(writer.id)
    catalog.close()
    waited.put(max(waits))
starters = [forking.Process(target=start, args=(number,)) for number in range(processes)]
for starter in starters: starter.start()
for starter in starters: starter.join()
assert [starter.exitcode for starter in starters] == [0] * processes
print(max(waited.get() for _ in starters))
"""


@pytest.mark.timeout(300)
def test_64_processes_that_start_runs_at_the_same_moment_never_see_a_lock(root: Path) -> None:
    command = [sys.executable, "-W", "error", "-c", STARTERS, str(root), "64", "5"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert float(done.stdout) < 20
    catalog = Catalog.open(root)
    rows = catalog.run_rows()
    assert set(rows.runs["run_id"]) == {f"run-{number}-{i}" for number in range(64) for i in range(5)}
    assert len(rows.params["value"]) == 64 * 5 * 30
    assert set(rows.runs["status"]) == {"FINISHED"}
    assert catalog.tx() == 1 + 64 * (5 * 3 + 1)
    catalog.close()


def test_a_lock_that_is_kept_too_long_is_an_error_and_goes_away_with_its_holder(catalog: Catalog, root: Path) -> None:
    add_run(catalog)
    code = (
        "import fcntl, os, sys, time; f = os.open(sys.argv[1], os.O_RDWR); fcntl.flock(f, fcntl.LOCK_EX);"
        "print('locked', flush=True); time.sleep(600)"
    )
    holder = subprocess.Popen([sys.executable, "-c", code, str(root / "catalog.lock")], stdout=subprocess.PIPE)
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"locked\n"
        began = time.monotonic()
        with pytest.raises(CatalogLocked, match=r"locked by other processes for 0\.3 s\nhint: ") as caught:
            catalog.log_batch("run1", tags={"a": "1"}, wait_s=0.3)
        assert 0.25 < time.monotonic() - began < 5
        assert caught.value.error_code == "TEMPORARILY_UNAVAILABLE"
        assert catalog.get_run("run1").data.tags == {"mlflow.runName": "quick-fox-1"}  # reading needs no lock
    finally:
        holder.kill()
        holder.communicate()
    catalog.log_batch("run1", tags={"a": "1"}, wait_s=0.3)
    assert catalog.get_run("run1").data.tags["a"] == "1"


def test_what_a_call_has_written_survives_the_death_of_the_process(root: Path) -> None:
    code = """
import os, signal, sys
from pathlib import Path
from runlake.catalog import Catalog
catalog = Catalog.open(Path(sys.argv[1]))
catalog.create_run("run1", "0", name="n", user_id="u", start_time=0, owned=True)
catalog.log_batch("run1", params={"lr": "0.1"})
os.kill(os.getpid(), signal.SIGKILL)
"""
    killed = subprocess.run([sys.executable, "-c", code, str(root)], check=False)
    assert killed.returncode == -signal.SIGKILL
    catalog = Catalog.open(root)
    assert catalog.get_run("run1").data.params == {"lr": "0.1"}
    catalog.close()


@pytest.mark.timeout(120)
@pytest.mark.usefixtures("journal")
def test_processes_killed_in_the_middle_of_writing_leave_whole_transactions(root: Path) -> None:
    code = """
import sys
import threading
from pathlib import Path
from runlake.catalog import Catalog
catalog = Catalog.open(Path(sys.argv[1]))
number = 0
while True:
    run_id = f"{sys.argv[2]}-{number}"
    catalog.create_run(run_id, "0", name="n", user_id="u", start_time=0, owned=True)
    catalog.log_batch(run_id, params={f"p{k}": str(k) for k in range(30)}, tags={"whole": "yes"})
    print(run_id, flush=True)
    number += 1
"""
    acknowledged: list[str] = []
    for round_number in range(8):
        process = subprocess.Popen(
            [sys.executable, "-c", code, str(root), str(round_number)], stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        acknowledged += [process.stdout.readline().strip() for _ in range(3 + 11 * round_number)]
        process.kill()
        acknowledged += process.communicate()[0].split("\n")[:-1]
    catalog = Catalog.open(root)
    for run in catalog.get_runs(acknowledged):
        assert len(run.data.params) == 30
    assert len(catalog.get_runs(acknowledged)) == len(acknowledged) > 200
    rows = catalog.run_rows()
    counts = {run: rows.params["run"].count(run) for run in rows.runs["run"]}
    assert set(counts.values()) <= {0, 30}
    catalog.close()


def in_fork(work: object) -> int:
    """Run a function in a forked child and return the child's exit status."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            work()  # type: ignore[operator]
            status = 0
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def test_a_forked_child_and_its_parent_both_go_on(catalog: Catalog) -> None:
    add_run(catalog, "before")

    def work() -> None:
        assert catalog.get_run("before")
        add_run(catalog, "child")

    assert in_fork(work) == 0
    add_run(catalog, "after")
    assert len(catalog.get_runs(["before", "child", "after"])) == 3


def test_what_a_child_writes_is_kept_when_the_parent_closes_first(catalog: Catalog, root: Path) -> None:
    """With an inherited connection, the parent would take itself for the last one and delete the child's WAL."""
    add_run(catalog, "before")
    go, done = multiprocessing.Pipe(duplex=False)[0:2], multiprocessing.Pipe(duplex=False)

    def work() -> None:
        add_run(catalog, "child-1")
        done[1].send("written")
        go[0].recv()
        add_run(catalog, "child-2")

    child = os.fork()
    if child == 0:
        status = 1
        try:
            work()
            status = 0
        finally:
            os._exit(status)
    assert done[0].recv() == "written"
    catalog.close()
    go[1].send("go")
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    again = Catalog.open(root)
    assert len(again.get_runs(["before", "child-1", "child-2"])) == 3
    again.close()


def test_a_child_does_not_hold_the_lock_that_its_parent_held(catalog: Catalog, root: Path) -> None:
    """A fork shares the open file, so the lock would stay taken as long as the child lives."""
    add_run(catalog, "before")
    ready, release = os.pipe(), os.pipe()
    child = os.fork()
    if child == 0:
        os.write(ready[1], b"x")
        os.read(release[0], 1)
        os._exit(0)
    os.read(ready[0], 1)
    with (root / "catalog.lock").open("r+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    add_run(catalog, "after")
    os.write(release[1], b"x")
    os.waitpid(child, 0)


@pytest.mark.timeout(120)
@pytest.mark.usefixtures("journal")
def test_forked_workers_write_while_the_threads_of_the_parent_do(catalog: Catalog) -> None:
    import threading

    stop = threading.Event()
    written: list[int] = []

    def keep_writing() -> None:
        while not stop.is_set():
            catalog.set_experiment_tags("0", {"n": str(len(written))})
            written.append(catalog.tx())

    thread = threading.Thread(target=keep_writing)
    thread.start()
    try:
        for i in range(20):
            assert in_fork(lambda i=i: add_run(catalog, f"worker-{i}")) == 0
    finally:
        stop.set()
        thread.join()
    assert len(catalog.get_runs([f"worker-{i}" for i in range(20)])) == 20
    assert written == sorted(written)


@pytest.mark.usefixtures("journal")
def test_threads_share_a_catalog(catalog: Catalog) -> None:
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda i: (add_run(catalog, f"r{i}"), catalog.get_run(f"r{i}")), range(200)))
    assert len(catalog.run_rows().runs["run_id"]) == 200


@needs_wal
def test_sync_brings_the_log_to_disk_and_then_has_nothing_to_do(catalog: Catalog) -> None:
    called: list[None] = []
    catalog.on_commit(lambda: called.append(None))
    add_run(catalog)
    assert (len(called), catalog.unsynced) == (1, True)
    catalog.sync()
    assert not catalog.unsynced
    catalog.register_writer(writer())
    catalog.sync()
    catalog.commit_seal([(writer().id, 0, 1)], [])  # synced by itself
    assert not catalog.unsynced


@needs_wal
def test_a_sync_waits_for_one_that_another_thread_has_begun(catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    begun, go_on = threading.Event(), threading.Event()
    fdatasync = os.fdatasync

    def slow(file: int) -> None:
        begun.set()
        assert go_on.wait(30)
        fdatasync(file)

    add_run(catalog)
    with monkeypatch.context() as patch:
        patch.setattr(os, "fdatasync", slow)
        first = threading.Thread(target=catalog.sync)
        first.start()
        assert begun.wait(30)
        second = threading.Thread(target=catalog.sync)
        second.start()
        second.join(0.05)
        assert second.is_alive()
        go_on.set()
        first.join(30)
        second.join(30)
    assert not catalog.unsynced


@needs_wal
def test_a_sync_that_failed_is_said_and_tried_again(catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    add_run(catalog)

    def fails(descriptor: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with monkeypatch.context() as patch:
        patch.setattr(os, "fdatasync", fails)
        for _ in range(2):
            with pytest.raises(StoreError, match="could not be synced"):
                catalog.sync()
    assert catalog.unsynced
    catalog.sync()
    assert not catalog.unsynced


def test_a_signal_handler_that_records_in_the_middle_of_a_transaction_does_not_break_it(catalog: Catalog) -> None:
    add_run(catalog)
    seen: list[str] = []

    def handler(_number: int, _frame: object) -> None:
        try:
            catalog.log_batch("run1", tags={"handler": "1"}, wait_s=0.05)
        except CatalogLocked:
            seen.append("locked")

    before = signal.signal(signal.SIGUSR1, handler)

    class Interrupting(dict):  # type: ignore[type-arg]
        def items(self):  # type: ignore[no-untyped-def]
            os.kill(os.getpid(), signal.SIGUSR1)
            return super().items()

    try:
        catalog.set_experiment_tags("0", Interrupting(a="1"))
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert seen == ["locked"]
    assert catalog.get_experiment("0").tags == {"a": "1"}
