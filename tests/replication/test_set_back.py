"""What is not as it was: another store at a server's address, an older one, one that a power cut set back."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import runlake
from tests.replication.seen import points_at, run_at
from tests.replication.test_sync import command
from tests.replication.test_trouble import free_port
from tests.server.wire import Server, served
from tests.tracking import programs

LOG = """
import sys, runlake
with runlake.start_run(run_name="long") as run:
    print(run.id, flush=True)
    runlake.log_param("lr", 1)
    runlake.set_tag("team", "vision")
    for step in range(1000):
        run.log({"x": step / 4}, step=step)
    replicator = run.store.replicator
    while sys.stdin.readline():
        asked = replicator.ask()
        while not replicator.is_done(asked):
            replicator.wait(asked, 0.01)
        print("sent", flush=True)
    runlake.set_tag("late", "yes")
"""
EXPECTED = [("x", step, step / 4) for step in range(1000)]


def test_another_store_at_the_address_of_a_running_process_gets_all_that_is_there(spools: Path, tmp_path: Path) -> None:
    port = free_port()
    logging = programs.start(f"http://127.0.0.1:{port}", LOG)
    run_id = logging.hear()
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
    with served(tmp_path / "first", "--port", str(port)):
        logging.say("send")
        logging.hear()
    with served(tmp_path / "second", "--port", str(port)) as server:
        assert logging.finish() == 0
        run = run_at(server.store, run_id)
        assert (run.info.status, run.data.params) == ("FINISHED", {"lr": "1"})
        assert {key: run.data.tags.get(key) for key in ("team", "late")} == {"team": "vision", "late": "yes"}
        assert points_at(server.store, run_id) == EXPECTED


def test_a_server_that_was_restored_from_before_a_run_gets_it_again(spools: Path, tmp_path: Path) -> None:
    port = free_port()
    with served(tmp_path, "--port", str(port)) as server:
        server.create_run()
    shutil.copytree(server.store, tmp_path / "backup")
    logging = programs.start(f"http://127.0.0.1:{port}", LOG)
    run_id = logging.hear()
    with served(tmp_path, "--port", str(port)):
        logging.say("send")
        logging.hear()
    shutil.rmtree(server.store)
    (tmp_path / "backup").rename(server.store)
    with served(tmp_path, "--port", str(port)):
        assert logging.finish() == 0
        run = run_at(server.store, run_id)
        assert (run.info.status, run.data.params) == ("FINISHED", {"lr": "1"})
        assert {key: run.data.tags.get(key) for key in ("team", "late")} == {"team": "vision", "late": "yes"}
        assert points_at(server.store, run_id) == EXPECTED


def test_points_that_a_power_cut_took_from_the_server_are_there_when_the_run_ends(
    spools: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = free_port()
    logging = programs.start(f"http://127.0.0.1:{port}", LOG)
    run_id = logging.hear()
    monkeypatch.setenv("RUNLAKE_SYNC_INTERVAL_MS", "3600000")
    with served(tmp_path, "--port", str(port)) as server:
        logging.say("send")
        logging.hear()
        server.process.kill()
        server.process.wait()
    for journal in (server.store / "journals").glob("*.journal"):
        copy = journal.with_suffix(".copy")  # another inode: what was not synced is not believed
        shutil.copyfile(journal, copy)
        copy.rename(journal)
    with served(tmp_path, "--port", str(port)):
        logging.say("send")
        logging.hear()
        assert points_at(server.store, run_id) == EXPECTED
        assert logging.finish() == 0


def test_what_a_store_says_after_it_was_set_back_is_heard(server: Server, spools: Path, tmp_path: Path) -> None:
    lake = tmp_path / "lake"
    runlake.set_tracking_uri(lake)
    with runlake.start_run() as run:
        runlake.log_metric("x", 1.0)
    client = runlake.MlflowClient()

    def change(key: str, times: int = 1) -> None:
        for number in range(times):
            client.set_tag(run.id, key, str(number))
        runlake.flush()
        command("sync", lake, server.url)

    change("early")
    shutil.copytree(lake, tmp_path / "backup")
    change("lost", 20)
    for store in runlake.store.opened_stores():
        store.close()
    shutil.rmtree(lake)
    (tmp_path / "backup").rename(lake)
    change("late")
    assert run_at(server.store, run.id).data.tags.keys() >= {"early", "lost", "late"}
