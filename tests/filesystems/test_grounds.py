"""What is promised of a store on file systems that keep no mapped files, on those that can be had here."""

import array
import contextlib
import json
import logging
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

import runlake
from runlake import _engine
from runlake.config import Config
from runlake.errors import StoreUnavailable
from runlake.store import Store, get_store
from tests.filesystems.grounds import Missing, btrfs, fuse_with_one_owner, fuse_without_links
from tests.store.programs import Programs
from tests.store.reading import points, segment_files
from tests.store.test_compaction import scatter, settle

LOG = """
store = Store.open(root)
log = new_run(store, "run1")
store.record("run1", params={"lr": "0.1"})
import array
loss = log.metric("loss")
for step in range(200):
    loss.log(step / 2, step)
for step in range(150):
    log.log({"a": step, "b": -step}, step)
log.log_arrays("column", array.array("q", range(1000)), array.array("d", range(1000)))
say("logged")
"""
LOGGED = 200 + 2 * 150 + 1000


def test_points_of_a_killed_process_are_there_live_adopted_and_sealed(programs: Programs, ground: Path) -> None:
    program = programs.start(LOG + "hear()")
    assert program.hear() == "logged"
    store = Store.open(ground / "lake")
    try:
        assert len(points(store)) == LOGGED  # of a living process, unasked
        program.kill()
        store._recovery.mend()
        assert store.get_run("run1").info.status == "FAILED"
        assert store.get_run("run1").data.params == {"lr": "0.1"}
        before = points(store)
        assert len(before) == LOGGED
        store.seal()
        assert points(store) == before
        assert store.catalog.plan().segments
        assert store.catalog.gaps() == []
    finally:
        store.close()


def test_merged_segments_get_their_names_where_there_are_no_hard_links(tmp_path: Path) -> None:
    with contextlib.ExitStack() as mounted:
        try:
            folder = mounted.enter_context(fuse_without_links(tmp_path))
        except Missing as missing:
            pytest.skip(str(missing))
        (folder / "file").touch()
        with pytest.raises(PermissionError):
            (folder / "link").hardlink_to(folder / "file")
        store = Store.open(folder / "lake", config=Config(compact_in_background=0))
        scatter(store)
        before = points(store)
        store.compactor.compact()
        settle(store)
        (segment,) = store.catalog.plan().segments
        assert not segment.path.startswith(".")
        assert segment_files(store) == {segment.path}
        assert points(store) == before
        assert store.catalog.replaced_segments() == []
        store.close()


def test_the_fluent_api_logs_reads_and_finds_runs(ground: Path) -> None:
    runlake.set_tracking_uri(str(ground / "lake"))
    runlake.set_experiment("e")
    with runlake.start_run() as run:
        runlake.log_params({"lr": 0.5, "n": 3})
        runlake.log_text("hello", "notes/a.txt")
        run.log_arrays("loss", array.array("q", range(500)), array.array("d", range(500)))
    assert runlake.points(run.info.run_id, "loss").collect().height == 500
    runs = runlake.runs("e", where="params.lr = 0.5").collect()
    assert runs["metrics.loss"].to_list() == [499.0]
    assert runlake.series(run.info.run_id, "loss", points=10)["max"].max() == 499.0
    assert runlake.artifacts.load_text(f"runs:/{run.info.run_id}/notes/a.txt") == "hello"
    get_store(ground / "lake").close()


def test_many_processes_share_the_catalog(programs: Programs, ground: Path) -> None:
    code = "store = Store.open(root)\nfor n in range(3):\n    run = f'{arguments[0]}-{n}'\n"
    code += "    new_run(store, run).log_metric('k', 1.0, n)\n    store.record(run, params={'n': str(n)})\n"
    code += "    store.leave_run(run, 'FINISHED', end_time=2000)\nstore.close()\n"
    started = [programs.start(code, number) for number in range(3)]
    assert [program.finish()[0] for program in started] == [0] * 3
    store = Store.open(ground / "lake")
    try:
        ended = [store.get_run(f"{number}-{n}").info.status for number in range(3) for n in range(3)]
        assert ended == ["FINISHED"] * 9
        assert len(points(store)) == 9
    finally:
        store.close()


def test_a_catalog_is_converted_when_its_store_has_moved_and_when_it_comes_back(
    ground: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    local = tmp_path_factory.mktemp("local")
    forced = ground / "lake"
    with monkeypatch.context() as patch:
        patch.setenv("RUNLAKE_JOURNAL", "map")
        store = Store.open(local / "lake")
        store.create_run("run1", "0", name="run1", user_id="u", start_time=1000, owned=False)
        shutil.copytree(local / "lake", forced)  # as it is: in use, with a WAL
        assert (forced / "catalog.db-wal").stat().st_size > 0
        store.close()
    moved = Store.open(forced)
    assert moved.get_run("run1").info.start_time == 1000
    moved.create_run("run2", "0", name="run2", user_id="u", start_time=2000, owned=False)
    assert not (forced / "catalog.db-wal").exists()
    assert not moved.catalog.unsynced
    moved.close()
    assert _journal_mode(forced) == "delete"  # of a connection that wants nothing in particular
    shutil.rmtree(local / "lake")
    shutil.copytree(forced, local / "lake")
    monkeypatch.delenv("RUNLAKE_JOURNAL", raising=False)
    back = Store.open(local / "lake")
    assert back.get_run("run2").info.start_time == 2000
    assert _journal_mode(local / "lake") == "wal"
    back.close()


def _journal_mode(root: Path) -> str:
    connection = sqlite3.connect(root / "catalog.db")
    try:
        return str(connection.execute("PRAGMA journal_mode").fetchone()[0])
    finally:
        connection.close()


def test_opening_says_once_what_the_store_is_on_and_doctor_says_it_again(
    ground: Path, request: pytest.FixtureRequest, caplog: pytest.LogCaptureFixture
) -> None:
    name = request.node.callspec.params["ground"].split()[0]
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            Store.open(ground / "lake").close()
    warned = [record.message for record in caplog.records if " is on " in record.message]
    assert len(warned) == (0 if name == "forced" else 1)
    command = [sys.executable, "-m", "runlake", "doctor", "--json", "--store", str(ground / "lake")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    (found,) = [one for one in json.loads(done.stdout)["checks"] if one["check"] == "file system"]
    assert "each point is written, each change of the catalog waits for the disk" in found["says"]
    if name != "forced":
        assert found["says"].startswith(name)
        assert name in warned[0]
    assert (found["state"], "one host at a time" in found["says"]) == (
        "ok" if name == "forced" else "note",
        name == "FUSE",
    )


def test_a_store_is_refused_where_a_lock_keeps_nobody_out(tmp_path: Path) -> None:
    try:
        with (
            fuse_with_one_owner(tmp_path) as mounted,
            pytest.raises(StoreUnavailable, match=r"on FUSE, where files cannot be locked.*second owner.*\nhint: "),
        ):
            Store.open(mounted / "lake")
    except Missing as missing:
        pytest.skip(str(missing))


def test_a_full_btrfs_drops_points_and_kills_nobody(tmp_path: Path) -> None:
    try:
        with btrfs(tmp_path) as mounted:
            _fill_and_log(mounted)
    except Missing as missing:
        pytest.skip(str(missing))


def _fill_and_log(mounted: Path) -> None:
    programs = Programs(mounted / "lake")
    code = """
store = Store.open(root, config=Config(max_block_ms=20, sync_interval_ms=50))
loss = new_run(store, "run1").metric("loss")
loss.log(0.0, 0)
say("begun")
hear()
step = 1
while store.stats().met_no_room < 100 and step < 1_000_000:
    loss.log(float(step), step)
    step += 1
stats = store.stats()
assert stats.accepted == stats.stored + stats.merged + stats.dropped + stats.pending == step
say(stats.stored, stats.met_no_room)
hear()
"""
    program = programs.start(code)
    try:
        assert program.hear() == "begun"
        _fill(mounted / "rest")
        program.say()
        stored, without_room = map(int, program.hear().split())
        assert without_room == 100
        program.kill()
        (left,) = _engine.survey(str(mounted / "lake" / "journals"))
        assert (left.alive, left.committed) == (False, stored)
    finally:
        programs.kill_all()


def _fill(path: Path) -> None:
    with path.open("wb", buffering=0) as file:
        for size in (1 << 20, 4096, 4096):
            try:
                while True:
                    file.write(bytes(size))
            except OSError:
                continue
