"""`runlake sync`: a store that was written elsewhere, sent to a server."""

from __future__ import annotations

import json
import math
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import runlake
from runlake.entities import RunStatus
from runlake.store import Store
from tests.replication.seen import experiment_at, files_at, opened, points_at, run_at, told
from tests.server.wire import Server, served

STEPS = 3000


def log_runs(lake: Path) -> list[str]:
    """Write a store as several processes leave it: sealed points, points in journals, a deleted run, artifacts."""
    runlake.set_tracking_uri(lake)
    runlake.set_experiment("offline")
    ids = []
    for number in range(3):
        with runlake.start_run(run_name=f"run {number}", tags={"number": number}) as run:
            runlake.log_params({"lr": 10.0**-number})
            run.log_arrays("x", range(STEPS), [float(number)] * STEPS)
            runlake.log_metric("odd", [math.inf, -0.0, 1e308][number])
            runlake.log_text(f"hello {number}", "deep/a.txt")
            if number == 1:
                runlake.log_dict({"a": 1}, "b.json")
            ids.append(run.id)
        with opened(lake) as store:
            if number == 0:
                store.seal()
    runlake.delete_run(ids[2])
    return ids


def command(*arguments: object) -> str:
    """Run `runlake` and return what it prints."""
    line = [sys.executable, "-m", "runlake", *map(str, arguments)]
    return subprocess.run(line, stdout=subprocess.PIPE, text=True, check=True).stdout


def sync(lake: Path, server: Server) -> Any:
    return json.loads(command("sync", lake, server.url, "--json"))


def copies(lake: Path) -> tuple[Path, list[str]]:
    return lake, log_runs(lake)


@pytest.fixture
def lake(tmp_path: Path, spools: Path) -> tuple[Path, list[str]]:
    return copies(tmp_path / "offline")


def assert_same(lake: Path, there: Path, ids: list[str]) -> None:
    for run_id in ids:
        assert told(run_at(there, run_id)) == told(run_at(lake, run_id))
        assert points_at(there, run_id) == points_at(lake, run_id)
        assert files_at(there, run_id) == files_at(lake, run_id)
        assert experiment_at(there, run_id) == "offline"


def test_a_store_that_was_written_offline_is_all_there_and_once(server: Server, lake: tuple[Path, list[str]]) -> None:
    folder, ids = lake
    sent = sync(folder, server)
    assert sent == {"runs": 3, "points": 3 * (STEPS + 1), "artifacts": 4, "conflicts": []}
    assert_same(folder, server.store, ids)
    assert sync(folder, server) == {"runs": 0, "points": 0, "artifacts": 0, "conflicts": []}
    assert_same(folder, server.store, ids)


def test_what_is_new_is_sent_the_next_time(server: Server, lake: tuple[Path, list[str]]) -> None:
    folder, ids = lake
    sync(folder, server)
    runlake.set_tracking_uri(folder)
    runlake.restore_run(ids[2])
    with runlake.start_run(run_id=ids[0]) as run:
        run.log({"more": 1.0})
        runlake.log_text("changed", "deep/a.txt")
    assert sync(folder, server) == {"runs": 2, "points": 1, "artifacts": 1, "conflicts": []}
    assert_same(folder, server.store, ids)


def test_a_store_that_comes_by_two_ways_is_there_once(tmp_path: Path, server: Server, spools: Path) -> None:
    lake, ids = copies(tmp_path / "a")
    (tmp_path / "other").mkdir()
    with served(tmp_path / "other") as other:
        sync(lake, other)
    sync(other.store, server)
    assert_same(lake, server.store, ids)
    sync(lake, server)
    assert_same(lake, server.store, ids)


def test_a_lost_acknowledgement_doubles_nothing(tmp_path: Path, server: Server, lake: tuple[Path, list[str]]) -> None:
    folder, ids = lake
    shutil.copytree(folder, tmp_path / "before")
    sync(folder, server)
    sync(tmp_path / "before", server)
    assert_same(folder, server.store, ids)


def test_an_experiment_that_was_made_in_both_is_one(server: Server, tmp_path: Path, spools: Path) -> None:
    there = server.create_experiment("in both")
    runlake.set_tracking_uri(tmp_path / "lake")
    runlake.set_experiment("in both")
    with runlake.start_run() as run:
        pass
    assert run.info.experiment_id != there
    sync(tmp_path / "lake", server)
    assert run_at(server.store, run.id).info.experiment_id == there


def test_a_tag_of_an_experiment_that_was_changed_at_the_server_stays_changed(server: Server, tmp_path: Path) -> None:
    lake = tmp_path / "tagged"
    client = runlake.MlflowClient(str(lake))
    experiment_id = client.create_experiment("tagged", tags={"note": "first", "team": "vision"})
    sync(lake, server)
    there = server.get("experiments/get-by-name", experiment_name="tagged").json["experiment"]["experiment_id"]
    server.post("experiments/set-experiment-tag", experiment_id=there, key="note", value="edited there")
    client.set_experiment_tag(experiment_id, "team", "speech")
    sync(lake, server)
    with opened(server.store) as store:
        assert store.catalog.get_experiment(there).tags == {"note": "edited there", "team": "speech"}


def test_what_is_on_its_way_is_shown(server: Server, lake: tuple[Path, list[str]]) -> None:
    folder, _ = lake
    assert command("status", folder) == ""
    sync(folder, server)
    assert command("status", folder) == f"{server.url}: has everything of {folder}\n"
    with opened(folder) as store:
        add_points(store, 5)
    (shown,) = json.loads(command("status", folder, "--json"))
    assert (shown["runs"], shown["points"], shown["files"], shown["answers"]) == (1, 5, 0, True)


def add_points(store: Store, count: int) -> None:
    run = store.create_run("5" * 32, "0", name="n", user_id="u", start_time=0, owned=False)
    for step in range(count):
        store.run_logger(run.info.run_id).log_metric("x", 1.0, step)
    store.record(run.info.run_id, status=RunStatus.to_string(RunStatus.FINISHED))


def test_the_address_has_to_be_one(lake: tuple[Path, list[str]]) -> None:
    line = [sys.executable, "-m", "runlake", "sync", str(lake[0]), str(lake[0])]
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "is not the address of a server" in done.stderr


def test_a_store_is_not_sent_to_itself(server: Server, spools: Path) -> None:
    assert sync(server.store, server) == {"runs": 0, "points": 0, "artifacts": 0, "conflicts": []}
