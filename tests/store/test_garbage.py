"""Garbage: what is removed for good, what stays, and what a crash on the way leaves."""

import fcntl
import os
import shutil
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from runlake import _engine, garbage, query
from runlake.catalog import NewVersion, Stamp
from runlake.config import Config
from runlake.entities import ViewType
from runlake.errors import InvalidInput, NotFound
from runlake.garbage import Found
from runlake.store import Store
from tests.store.programs import Programs
from tests.store.reading import points, segment_files
from tests.store.test_compaction import assert_rebuilds, settle

BY_HAND = Config(compact_in_background=0)
STEPS = (
    *("gc.marked", "compact.checked", "compact.written", "compact.renamed", "compact.committed"),
    *("gc.rewritten", "gc.artifacts", "gc.removed"),
)


@pytest.fixture
def store(root: Path) -> Iterator[Store]:
    """A store with the runs a, b and c, ten points each; all three are in each of two segments."""
    store = Store.open(root, config=BY_HAND)
    fill(store)
    yield store
    store.close()


def fill(store: Store) -> None:
    for run_id in "abc":
        store.create_run(run_id, "0", name=f"run {run_id}", user_id="u", start_time=1, owned=False)
        store.record(run_id, params={"lr": "0.1"}, tags={"team": "vision"})
        folder = store.catalog.artifacts_root / "0" / run_id
        folder.mkdir(parents=True)
        (folder / "model.bin").write_bytes(b"x" * 100)
    for start in (0, 5):
        for step in range(start, start + 5):
            for run_id in "abc":
                store.run_logger(run_id).log_metric("k", step, step)
        store.seal()
    for run_id in "abc":
        store.record(run_id, status="FINISHED", end_time=2)


def runs_of(store: Store) -> set[str]:
    return set(query.runs(store, view=ViewType.ALL).collect()["run_id"].to_list())


def files_kept(found: Found) -> dict[str, str]:
    return {item.name: item.why for item in found.kept}


def test_what_would_go_is_listed_and_nothing_is_changed(store: Store) -> None:
    store.catalog.delete_run("b")
    before = points(store), segment_files(store), store.catalog.tx()
    found = garbage.find(store, 0)
    (item,) = found.going
    assert (item.kind, item.name, item.why, item.points, item.bytes) == ("run", "b", "run b, deleted", 10, 100)
    assert (points(store), segment_files(store), store.catalog.tx()) == before
    assert garbage.find(store, 60_000).going == [], "it was deleted a moment ago"


def test_a_deleted_run_goes_with_all_that_belongs_to_it(store: Store) -> None:
    store.catalog.delete_run("b")
    assert runs_of(store) == {"a", "b", "c"}
    before = store.get_run("a"), store.get_run("c")
    assert garbage.remove(store, 0).names("run") == ["b"]
    assert {(run, step) for run, _, step, _ in points(store)} == {(run, step) for run in "ac" for step in range(10)}
    assert runs_of(store) == {"a", "c"}, "a process that knew the run has forgotten it"
    with pytest.raises(NotFound):
        store.get_run("b")
    with pytest.raises(NotFound):
        store.catalog.restore_run("b")
    assert not (store.catalog.artifacts_root / "0" / "b").exists()
    assert (store.catalog.artifacts_root / "0" / "a" / "model.bin").exists()
    assert (store.get_run("a"), store.get_run("c")) == before
    assert store.catalog.problems() == []
    settle(store)
    for path in segment_files(store):
        assert _engine.verify_segment(str(store.segments_dir / path)).rows == 20
    assert garbage.find(store, 0) == Found()


def name_shared(store: Store, run_id: str, content: bytes, *, days_old: float) -> str:
    """Have a run name a shared file, which is as old as if the run had begun then."""
    digest = store.shared_files.put(content)
    store.record(run_id, tags={"runlake.diff": digest})
    put_s = time.time() - days_old * 86_400
    os.utime(store.shared_files.folder / digest, (put_s, put_s))
    return digest


def test_shared_files_go_with_the_last_run_that_names_them(store: Store) -> None:
    only_b = name_shared(store, "b", b"diff of b", days_old=2)
    shared = name_shared(store, "c", b"diff of c", days_old=2)
    store.record("b", tags={"runlake.requirements": shared})
    store.catalog.delete_run("b")
    assert garbage.find(store, 60_000).going == [], "the run may be restored"
    assert garbage.find(store, 0).names("shared") == [f"provenance/{only_b}"]
    garbage.remove(store, 0)
    assert store.shared_files.names() == [shared]
    garbage.remove(store, 0)
    assert store.shared_files.names() == [shared]


def test_a_shared_file_that_a_run_may_be_about_to_name_stays(store: Store) -> None:
    fresh = store.shared_files.put(b"just put")
    old = name_shared(store, "a", b"named before", days_old=2)
    store.record("a", deleted_tags=["runlake.diff"])
    found = garbage.find(store, 0)
    assert (found.names("shared"), [item.name for item in found.kept]) == (
        [f"provenance/{old}"],
        [f"provenance/{fresh}"],
    )
    assert store.shared_files.put(b"named before") == old, "a run begins that has the same changes"
    assert garbage.remove(store, 0).names("shared") == []
    assert store.shared_files.get(old) == b"named before"


def test_a_shared_file_that_is_renewed_while_it_is_removed_stays(store: Store) -> None:
    digest = name_shared(store, "a", b"content", days_old=2)
    assert not store.shared_files.remove(digest, 3 * 86_400)
    assert store.shared_files.renew(digest)
    assert not store.shared_files.remove(digest, 86_400)
    assert store.shared_files.names() == [digest]
    assert store.shared_files.remove(digest, -1)
    assert (store.shared_files.renew(digest), store.shared_files.names()) == (False, [])


def test_only_the_runs_that_are_named_go(store: Store) -> None:
    for run_id in "ab":
        store.catalog.delete_run(run_id)
    left = store.segments_dir / "experiment_id=0" / f".{'0' * 32}.parquet.{'0' * 32}.tmp"
    left.write_bytes(b"")
    assert garbage.find(store, 0, run_ids=["b"]).going == [garbage.find(store, 0).going[1]]
    with pytest.raises(InvalidInput, match="run c is not deleted"):
        garbage.remove(store, 0, run_ids=["b", "c"])
    with pytest.raises(NotFound):
        garbage.remove(store, 0, run_ids=["nobody"])
    assert garbage.remove(store, 0, run_ids=["b"]).names("run") == ["b"]
    assert runs_of(store) == {"a", "c"}
    assert left.exists()


def test_another_process_that_had_read_the_runs_no_longer_shows_them(root: Path, store: Store) -> None:
    other = Store.open(root, config=BY_HAND)
    assert runs_of(other) == {"a", "b", "c"}
    for run_id in "abc":
        store.catalog.delete_run(run_id)
    garbage.remove(store, 0)
    assert runs_of(other) == set()
    other.close()


def test_a_run_can_be_made_anew_under_its_id(store: Store) -> None:
    store.catalog.delete_run("b")
    garbage.remove(store, 0)
    store.create_run("b", "0", name="again", user_id="u", start_time=1, owned=False)
    store.run_logger("b").log_metric("k", 5.0, 0)
    store.seal()
    assert [row for row in points(store) if row[0] == "b"] == [("b", "k", 0, 5.0)]
    assert runs_of(store) == {"a", "b", "c"}


@pytest.mark.parametrize("step", STEPS)
def test_a_process_killed_while_it_removes_leaves_other_runs_alone(programs: Programs, root: Path, step: str) -> None:
    store = Store.open(root, config=BY_HAND)
    fill(store)
    store.catalog.delete_run("b")
    store.close()
    program = programs.start(
        "from runlake import garbage\n"
        "def hook(step):\n    if step == arguments[0]: os.kill(os.getpid(), signal.SIGKILL)\n"
        "garbage.remove(Store.open(root, hook=hook), 0)\n",
        step,
    )
    assert program.finish()[0] == -signal.SIGKILL
    store = Store.open(root, config=BY_HAND)
    expected = {(run, step) for run in "ac" for step in range(10)}
    assert {row[0:3:2] for row in points(store) if row[0] != "b"} == expected
    if step != "gc.removed":
        with pytest.raises(NotFound, match="removed for good"):
            store.catalog.restore_run("b")
    garbage.remove(store, 3_600_000)  # goes on with what was begun
    assert {row[0:3:2] for row in points(store)} == expected
    assert not (store.catalog.artifacts_root / "0" / "b").exists()
    assert runs_of(store) == {"a", "c"}
    assert_rebuilds(store)
    store.close()


def test_a_run_that_was_restored_meanwhile_stays(store: Store) -> None:
    store.catalog.delete_run("b")
    found = garbage.find(store, 0)
    store.catalog.restore_run("b")
    assert store.catalog.begin_removal(found.names("run"), 1 << 60) == []
    assert store.get_run("b").info.lifecycle_stage == "active"


def test_runs_of_models_and_of_living_processes_stay(store: Store, programs: Programs) -> None:
    program = programs.start(
        "store = Store.open(root)\nlog = new_run(store, 'live')\nlog.log_metric('k', 1, 1)\nsay('logged')\nhear()\n"
    )
    assert program.hear() == "logged"
    stamp = Stamp("u", 1)
    store.catalog.create_registered_model("m", tags={}, description=None, stamp=stamp)
    store.catalog.create_version(NewVersion("m", "runs:/a/model", run_id="a"), stamp)
    for run_id in ("a", "live"):
        store.catalog.delete_run(run_id)
    reasons = {"a": "a registered model version is of it", "live": "a process may be logging to it"}
    assert files_kept(garbage.remove(store, 0)) == reasons
    program.say()
    program.finish()
    assert garbage.remove(store, 0).names("run") == ["live"]


def test_a_run_whose_points_wait_in_the_journal_of_this_process_stays(store: Store) -> None:
    store.catalog.delete_run("b")
    store.run_logger("a").log_metric("k", 10, 10)
    assert garbage.find(store, 0).names("run") == ["b"]
    store.catalog.restore_run("b")
    store.run_logger("b").log_metric("k", 10, 10)
    store.catalog.delete_run("b")
    assert files_kept(garbage.find(store, 0)) == {"b": "points of it wait in the journal of a living process"}
    garbage.remove(store, 0)  # which seals what is there
    with pytest.raises(NotFound):
        store.get_run("b")


def test_an_experiment_goes_when_none_of_its_runs_stays(store: Store) -> None:
    experiment = store.catalog.create_experiment("old", tags={"x": "y"}, now_ms=1)
    store.create_run("d", experiment, name="d", user_id="u", start_time=1, owned=False)
    store.run_logger("d").log_metric("k", 1.0, 1)
    store.seal()
    store.record("d", status="FINISHED")
    folder = store.catalog.artifacts_root / experiment
    (folder / "d").mkdir(parents=True)
    store.catalog.delete_experiment(experiment)
    found = garbage.remove(store, 0)
    assert (found.names("experiment"), found.names("run")) == ([experiment], ["d"])
    assert experiment not in {one.experiment_id for one in store.catalog.experiments(ViewType.ALL)}
    assert not folder.exists()
    assert store.catalog.problems() == []
    assert len(points(store)) == 30
    assert_rebuilds(store)
    assert store.catalog.create_experiment("old", now_ms=1) != experiment


def test_artifacts_outside_the_store_are_left_alone(store: Store, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    linked = store.catalog.artifacts_root / "0" / "linked"
    linked.symlink_to(elsewhere)
    for run_id, place in (("out", str(elsewhere)), ("linked", None)):
        store.create_run(run_id, "0", name="", user_id="u", start_time=1, artifact_uri=place, owned=False)
        store.catalog.delete_run(run_id)
    assert sorted(garbage.remove(store, 0).names("run")) == ["linked", "out"]
    assert elsewhere.is_dir()


def test_files_go_only_when_nobody_needs_them(store: Store) -> None:
    kept, gone = store.catalog.plan().segments
    folder = store.segments_dir / "experiment_id=0"
    writer = store.writer().id
    lost = folder / f"{'1' * 32}.parquet"
    shutil.copy(store.segments_dir / kept.path, lost)
    store.run_logger("a").log_metric("k", 10, 10)
    (waiting,) = _engine.seal(str(store.journals_dir), str(store.segments_dir), [(writer, 30, 31)], {"a": "0"})
    dead, alive = (folder / f".{digit * 32}.parquet.{digit * 32}.tmp" for digit in "23")
    dead.touch()
    alive.touch()
    (folder / "notes.txt").write_text("mine")
    torn = folder / f"{'4' * 32}.parquet"
    torn.write_bytes(b"PAR1")
    (store.journals_dir / f"{'5' * 32}.0.journal.damaged").touch()
    with alive.open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        found = garbage.find(store, 0)
    names = {item.name: item.kind for item in found.going}
    relative = {str(path.relative_to(store.segments_dir)): path for path in (lost, dead, alive, torn)}
    assert names == {f"experiment_id=0/{lost.name}": "segment", f"experiment_id=0/{dead.name}": "temporary"}
    kept_for = files_kept(found)
    assert kept_for[waiting.path] == "listed segments do not hold all of its points"
    assert kept_for[f"experiment_id=0/{alive.name}"] == "it is being written"
    assert kept_for["experiment_id=0/notes.txt"] == "it is no file of runlake"
    assert kept_for[f"experiment_id=0/{torn.name}"].startswith("it cannot be read")
    assert f"journals/{'5' * 32}.0.journal.damaged" in kept_for
    found = garbage.remove(store, 0, damaged=True)
    assert not any(path.exists() for path in relative.values())
    assert not list(store.journals_dir.glob("*.damaged"))
    assert (folder / "notes.txt").exists()
    assert {row[2] for row in points(store) if row[0] == "a"} == set(range(11))
    assert gone.path in segment_files(store)


def test_replaced_files_go_after_their_grace(root: Path) -> None:
    store = Store.open(root, config=BY_HAND)
    fill(store)
    store.compactor.compact()
    assert {item.kind for item in garbage.find(store, 0).kept} == {"replaced"}
    store.close()
    store = Store.open(root, config=Config(compact_in_background=0, replaced_grace_ms=0))
    store.compactor.stop(30)
    store.compactor.forget()
    garbage.remove(store, 0)
    garbage.remove(store, 0)
    assert len(segment_files(store)) == 1
    store.close()


def test_a_file_that_somebody_lists_meanwhile_stays(store: Store) -> None:
    listed = store.catalog.plan().segments[0]
    assert store.catalog.remove_unlisted([garbage.UnlistedFile(listed.path)]) == []
    assert (store.segments_dir / listed.path).exists()


def test_a_process_that_logs_and_seals_meanwhile_loses_nothing(programs: Programs, root: Path) -> None:
    store = Store.open(root, config=Config(replaced_grace_ms=60_000))
    program = programs.start(
        "store = Store.open(root)\nlog = new_run(store, 'live')\n"
        "for i in range(500):\n    log.log_metric('k', i, i)\n    if i % 10 == 9: store.seal()\n"
        "store.close()\n"
    )
    rounds = 0
    while program.process.poll() is None:
        run_id = f"short{rounds}"
        store.create_run(run_id, "0", name="", user_id="u", start_time=1, owned=False)
        store.run_logger(run_id).log_metric("k", 1.0, 1)
        store.record(run_id, status="FINISHED", end_time=2)
        store.catalog.delete_run(run_id)
        garbage.remove(store, 0, damaged=True)
        rounds += 1
    assert program.finish()[0] == 0
    garbage.remove(store, 0)
    store.seal()
    assert [(run, step) for run, _, step, _ in points(store)] == [("live", step) for step in range(500)]
    assert rounds > 0
    assert_rebuilds(store)
    store.close()
