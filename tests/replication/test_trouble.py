"""Trouble on the way: servers that are away, slow, killed or refuse; clients that die; disks that are bounded."""

from __future__ import annotations

import contextlib
import hashlib
import re
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

import runlake
from runlake import config
from runlake.errors import InvalidInput, PermissionDenied, Unauthenticated
from runlake.remote.connection import Connection
from runlake.replication.peer import Peer
from runlake.replication.progress import Progress
from runlake.replication.shipper import Shipper
from runlake.replication.spool import spool_for
from tests.remote.scripted import Reply, answering
from tests.replication.seen import experiment_at, files_at, opened, points_at, run_at
from tests.server.wire import Server, served
from tests.tracking import programs

LOG = """
import sys, runlake
runlake.set_experiment("offline")
with runlake.start_run(run_name="offline") as run:
    print(run.id)
    runlake.log_param("lr", 1)
    for step in range(1000):
        runlake.log_metric("x", 0.5, step=step)
    runlake.log_text("hello", "a.txt")
"""
EXPECTED = [("x", step, 0.5) for step in range(1000)]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextlib.contextmanager
def silent() -> Iterator[str]:
    """A server that takes connections and says nothing."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(64)
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


def test_a_server_that_is_down_costs_a_run_nothing_and_gets_it_later(
    spools: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNLAKE_DRAIN_TIMEOUT_MS", "300")
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    done = programs.run(url, LOG)
    assert done.returncode == 0, done.stderr
    assert "not everything is at" in done.stderr
    (command,) = set(re.findall(r"^ +(runlake sync .*)$", done.stderr, re.MULTILINE))
    run_id = done.stdout.strip()
    status = [sys.executable, "-m", "runlake", "status"]
    assert "lacks 1 runs with changes, 1,000 points, 1 artifacts" in subprocess.check_output(status, text=True)
    with served(tmp_path, "--port", str(port)) as server:
        for _ in range(2):  # twice is harmless
            subprocess.run([sys.executable, "-m", *shlex.split(command)], check=True)
        assert points_at(server.store, run_id) == EXPECTED
        assert files_at(server.store, run_id) == {"a.txt": b"hello"}
        assert experiment_at(server.store, run_id) == "offline"
        assert run_at(server.store, run_id).info.status == "FINISHED"
    assert "has everything" in subprocess.check_output(status, text=True)


def test_an_experiment_that_only_the_server_knows_may_be_named_by_its_id_while_that_is_away(
    spools: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNLAKE_DRAIN_TIMEOUT_MS", "0")
    port = free_port()
    with served(tmp_path, "--port", str(port)) as server:
        experiment = server.create_experiment("made there")
    program = "import sys, runlake\nwith runlake.start_run(experiment_id=sys.argv[1]) as run: print(run.id)"
    run_id = programs.run(server.url, program, experiment).stdout.strip()
    with served(tmp_path, "--port", str(port)) as server:
        (spool,) = spools.iterdir()
        subprocess.run([sys.executable, "-m", "runlake", "sync", str(spool), server.url], check=True)
        assert run_at(server.store, run_id).info.experiment_id == experiment
        assert experiment_at(server.store, run_id) == "made there"


@pytest.mark.parametrize("runs", [1, 3])
def test_a_server_that_is_silent_costs_a_second_once(spools: Path, monkeypatch: pytest.MonkeyPatch, runs: int) -> None:
    monkeypatch.setenv("RUNLAKE_DRAIN_TIMEOUT_MS", "0")
    with silent() as url:
        runlake.set_tracking_uri(url)
        began = time.monotonic()
        for _ in range(runs):
            with runlake.start_run() as run:
                run.log({"x": 1.0})
        assert time.monotonic() - began < 2.5


@pytest.mark.parametrize(
    ("reply", "error", "said"),
    [
        (Reply(401, b'{"error_code": "UNAUTHENTICATED", "message": "who is it?"}'), Unauthenticated, "TRACKING_TOKEN"),
        (Reply(403, b'{"error_code": "PERMISSION_DENIED", "message": "no"}'), PermissionDenied, "hint"),
        (Reply(404, b"<html>nothing here</html>"), InvalidInput, "no server of runlake"),
        (Reply(200, b"<html>hello</html>"), InvalidInput, "no server of runlake"),
    ],
)
def test_a_server_that_refuses_is_found_out_when_the_run_starts(
    spools: Path, reply: Reply, error: type[Exception], said: str
) -> None:
    with answering(reply) as server:
        runlake.set_tracking_uri(server.url)
        for _ in range(2):
            with pytest.raises(error) as caught:
                runlake.start_run()
            assert said in str(caught.value)


def test_a_killed_process_leaves_its_points_to_the_next_one(server: Server, spools: Path) -> None:
    kill = "\n    import os\n    os.kill(os.getpid(), 9)\n"
    program = LOG.replace("print(run.id)", "print(run.id, flush=True)") + kill
    killed = programs.run(server.url, program)
    assert killed.returncode == -signal.SIGKILL
    other = programs.run(server.url, "import runlake\nwith runlake.start_run(): pass")
    assert other.returncode == 0, other.stderr
    run_id = killed.stdout.strip()
    assert points_at(server.store, run_id) == EXPECTED
    assert run_at(server.store, run_id).info.status == "FAILED"
    (spool,) = spools.iterdir()
    assert list((spool / "journals").iterdir()) == []


def test_no_point_is_lost_or_doubled_when_the_server_is_killed_five_times(spools: Path, tmp_path: Path) -> None:
    port = free_port()
    program = """
import sys, runlake
with runlake.start_run() as run:
    print(run.id, flush=True)
    metric, step, replicator = run.metric("x"), 0, run.store.replicator
    while (told := sys.stdin.readline().strip()) != "enough":
        sent = replicator.progress.points
        for _ in range(20_000):
            metric.log(step / 4, step)
            step += 1
        runlake.set_tag("upto", step)
        asked = replicator.ask()
        while replicator.progress.points == sent or (told == "all" and not replicator.is_done(asked)):
            replicator.wait(asked, 0.01)
        print(step, flush=True)
"""
    logging = programs.start(f"http://127.0.0.1:{port}", program)
    run_id = logging.hear()
    for told in ("some", "all", "some", "all", "some"):
        with served(tmp_path, "--port", str(port)) as server:
            logging.say(told)
            logging.hear()
            server.process.kill()
            server.process.wait()
    with served(tmp_path, "--port", str(port)) as server:
        logging.say("all")
        step = int(logging.hear())
        logging.say("enough")
        assert logging.finish() == 0
        assert points_at(server.store, run_id) == [("x", n, n / 4) for n in range(step)]
        there = run_at(server.store, run_id)
        assert (there.info.status, there.data.tags["upto"]) == ("FINISHED", str(step))


def test_the_spool_is_bounded_and_what_finds_no_room_is_counted(spools: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNLAKE_SPOOL_MAX_BYTES", "1")  # the least is 64 MiB
    monkeypatch.setenv("RUNLAKE_DRAIN_TIMEOUT_MS", "0")
    runlake.set_error_policy("default")
    runlake.set_tracking_uri(f"http://127.0.0.1:{free_port()}")
    with runlake.start_run() as run:
        most = (96 << 20) // 28
        run.log_arrays("x", range(most), bytes(most))
        counts = run.stats()
    assert counts.accepted == most == counts.stored + counts.merged + counts.dropped + counts.in_flight
    assert counts.without_room > 0
    assert counts.stored * 28 > 60 << 20


def test_where_a_parameter_differs_the_first_value_stays_and_both_are_shown(
    server: Server, spools: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = server.create_run()
    server.post("runs/log-parameter", run_id=run_id, key="lr", value="first")
    program = """
import sys, runlake
with runlake.start_run(run_id=sys.argv[1]):
    print(flush=True)
    sys.stdin.readline()
    runlake.log_param("other", "second")
"""
    logging = programs.start(server.url, program, run_id)
    logging.hear()
    server.post("runs/log-parameter", run_id=run_id, key="other", value="first")
    assert logging.finish() == 0
    assert run_at(server.store, run_id).data.params == {"lr": "first", "other": "first"}
    shown = subprocess.check_output([sys.executable, "-m", "runlake", "status", server.url], text=True)
    assert f"parameter 'other' of run {run_id} is already 'first' and did not become 'second'" in shown


def test_a_busy_server_is_left_alone_as_long_as_it_asks(spools: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNLAKE_DRAIN_TIMEOUT_MS", "300")
    hello = b'{"product": "runlake", "version": "0", "protocol": 1, "store_id": "%s", "time_ms": 0}' % (b"5" * 32)
    busy = Reply(429, b'{"error_code": "REQUEST_LIMIT_EXCEEDED", "message": "later"}', {"Retry-After": "60"})
    with answering(Reply(200, hello), busy) as server:
        runlake.set_tracking_uri(server.url)
        with runlake.start_run() as run:
            for step in range(100):
                run.log({"x": 1.0}, step=step)
        assert len(server.asked) <= 4


def test_a_refusal_in_the_middle_ends_no_training_and_is_not_waited_for(spools: Path) -> None:
    hello = b'{"product": "runlake", "version": "0", "protocol": 1, "store_id": "%s", "time_ms": 0}' % (b"5" * 32)
    refusal = Reply(403, b'{"error_code": "PERMISSION_DENIED", "message": "the token has expired"}')
    runlake.set_error_policy("default")
    with answering(Reply(200, hello), refusal) as server:
        runlake.set_tracking_uri(server.url)
        began = time.monotonic()
        with runlake.start_run() as run:
            run.log({"x": 1.0})
        assert time.monotonic() - began < 10
        assert any("the token has expired" in seen.message for seen in runlake.errors_seen())


def test_a_server_with_a_login_takes_what_a_token_may_write(spools: Path, tmp_path: Path) -> None:
    at = ["--store", str(tmp_path / "lake")]
    for name, *options in (("ann", "--admin"), ("bob",)):
        command = [sys.executable, "-m", "runlake", "users", "add", name, *options, *at]
        subprocess.run(command, input="correct horse battery", text=True, check=True)
    command = [sys.executable, "-m", "runlake", "tokens", "create", "bob", "--scope", "write", *at]
    token = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout.split()[-1]
    with served(tmp_path, "--auth") as server:
        runlake.set_tracking_uri(server.url)
        with pytest.raises(Unauthenticated, match="TRACKING_TOKEN"):
            runlake.start_run()
        code = f"import os\nos.environ['RUNLAKE_TRACKING_TOKEN'] = {token!r}\n{LOG}"
        done = programs.run(server.url, code)
        assert done.returncode == 0, done.stderr
        assert points_at(server.store, done.stdout.strip()) == EXPECTED


def test_what_others_left_and_the_server_refuses_holds_up_nothing(server: Server, spools: Path) -> None:
    left = spool_for(server.url)
    left.catalog.create_run("5" * 32, "0", name="n" * 10_000, user_id="me", start_time=0, owned=False)
    left.close()
    done = programs.run(server.url, LOG)
    assert done.returncode == 0, done.stderr
    assert "not everything is at" not in done.stderr
    assert "what ended processes left" in done.stderr
    assert list((left.root / "journals").iterdir()) == []
    assert run_at(server.store, done.stdout.strip()).info.status == "FINISHED"
    sync = [sys.executable, "-m", "runlake", "sync", str(left.root), server.url]
    refused = subprocess.run(sync, capture_output=True, text=True, check=False)
    assert refused.returncode != 0
    assert f"run {'5' * 32}: run name has 10000 characters" in refused.stderr


class Rewriting(Peer):
    """A server that is so slow to answer what it lacks that an artifact becomes another one meanwhile."""

    rewrite: Callable[[], object] = bool

    def missing_files(self, run_id: str, files: Sequence[Mapping[str, Any]]) -> list[str]:
        missing = super().missing_files(run_id, files)
        self.rewrite()
        return missing


def test_an_artifact_that_is_replaced_while_it_is_sent_is_sent_the_next_time(
    server: Server, spools: Path, tmp_path: Path
) -> None:
    runlake.set_tracking_uri(tmp_path / "lake")
    with runlake.start_run() as run:
        runlake.log_text("old", "a.txt")
        runlake.log_text("kept", "b.txt")
    peer = Rewriting(Connection(server.url))
    with contextlib.closing(peer), opened(tmp_path / "lake") as store:
        shipper = Shipper(store, peer, peer.hello(5.0).store_id, Progress())
        shipper.send_runs()
        peer.rewrite = lambda: runlake.log_text("newer", "a.txt", run_id=run.id)
        shipper.files.send(store.get_run(run.id))
        assert files_at(server.store, run.id) == {"b.txt": b"kept"}
        peer.rewrite = bool
        shipper.files.send(store.get_run(run.id))
        assert files_at(server.store, run.id) == {"a.txt": b"newer", "b.txt": b"kept"}


def test_a_file_that_grows_while_it_is_sent_disturbs_no_later_request(server: Server, tmp_path: Path) -> None:
    run_id = server.create_run()
    growing = tmp_path / "train.log"
    growing.write_bytes(b"hello, and more\r\n\r\n" * 10)
    peer = Peer(Connection(server.url))
    with contextlib.closing(peer), growing.open("rb") as content:
        peer.put_file(run_id, "train.log", content, 5, hashlib.sha256(b"hello").hexdigest())
        for _ in range(3):
            assert peer.have(["5" * 32])
    assert files_at(server.store, run_id) == {"train.log": b"hello"}


def test_children_inherit_the_server_and_its_spool(server: Server, spools: Path) -> None:
    program = "import runlake\nwith runlake.start_run(): pass\nprint(runlake.get_tracking_uri())"
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=config.environment_with(MLFLOW_TRACKING_URI=server.url + "/"),
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == server.url
