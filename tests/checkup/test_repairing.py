"""Repair brings back what exists, says what does not, and can be cut short anywhere."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from runlake.checkup import State, repair
from runlake.errors import StoreError
from runlake.store import Store
from runlake.throttling import policy_of
from tests.checkup.material import Patient
from tests.checkup.test_examining import break_catalog, flip
from tests.journals import write_at
from tests.store.test_store import add_run


def rows_of(path: Path) -> list[tuple[str, str, int]]:
    """Run, key and step of each row."""
    import pyarrow.parquet as pq

    table = pq.ParquetFile(path).read(columns=["run_id", "key", "step"])
    return list(zip(*(table[name].to_pylist() for name in table.column_names), strict=True))


@pytest.mark.parametrize(("which", "damage"), list(enumerate(["flip", "cut", "delete", "flip", "delete"])))
def test_a_segment_that_is_lost_costs_its_own_points_which_are_said_run_by_run(
    patient: Patient, which: int, damage: str
) -> None:
    path = patient.segments[which]
    lost = rows_of(path)
    match damage:
        case "flip":
            flip(path, 0.4)
        case "cut":
            path.write_bytes(path.read_bytes()[:-1])
        case "delete":
            path.unlink()
    report = patient.repair()
    assert report.rows.lost_points == len(lost)
    assert patient.points() == sorted(point for point in patient.model if point[:3] not in set(lost))
    patient.check_summaries()
    for run, count in patient.missing().items():
        assert count == sum(of == run * 32 for of, _, _ in lost)
    assert damage == "delete" or path.exists(), "what cannot be read is never deleted"


def test_a_segment_that_comes_back_is_taken_up_again(patient: Patient, tmp_path: Path) -> None:
    path = patient.segments[0]
    shutil.move(path, tmp_path / "aside")
    patient.repair()
    assert len(patient.points()) < len(patient.model)
    shutil.move(tmp_path / "aside", path)
    assert any("is whole again" in says for says in patient.wrong())
    patient.repair()
    patient.check_whole()
    assert patient.missing() == dict.fromkeys("abcd", 0)


def test_segments_that_were_renamed_copied_or_exchanged_are_read_where_they_are(patient: Patient) -> None:
    first, second, third, *_ = patient.segments
    shutil.copyfile(first, first.with_name("copy.parquet"))
    content = second.read_bytes()
    second.write_bytes(third.read_bytes())
    third.write_bytes(content)
    first.rename(first.with_name("renamed.parquet"))
    assert patient.wrong()
    patient.repair()
    patient.check_whole()
    assert patient.missing() == dict.fromkeys("abcd", 0)


@pytest.mark.parametrize("name", ["before-all", "before-last"])
def test_a_catalog_that_was_restored_from_an_older_copy_catches_up(patient: Patient, name: str) -> None:
    shutil.copyfile(patient.catalogs[name], patient.catalog)
    assert any("that the catalog does not list" in says for says in patient.wrong())
    patient.repair()
    patient.check_whole()
    store = Store.open(patient.root)
    assert store.get_run("a" * 32).data.params == {"lr": "0.1"}
    recovered = store.get_run("c" * 32)  # it began after the copy was made
    assert "name, parameters, tags, state" in recovered.data.tags["runlake.recovered"]
    store.close()


@pytest.mark.parametrize("damage", ["gone", "empty", "no database", "a page", "cut"])
def test_a_catalog_that_is_broken_or_gone_is_made_anew_with_every_point(patient: Patient, damage: str) -> None:
    break_catalog(patient, damage)
    report = patient.repair()
    assert any("catalog.db was made anew" in says for says in report.did)
    patient.check_whole()
    store = Store.open(patient.root)
    for run_id in ("a" * 32, "c" * 32):
        run = store.get_run(run_id)
        if damage == "a page":
            assert (run.info.run_name, run.data.params) == (f"name-{run_id[0]}", {"lr": "0.1"})
        elif damage in ("gone", "empty", "no database"):
            assert run.info.run_name == run_id
            assert "runlake.recovered" in run.data.tags
    assert store.get_run("b" * 32).info.experiment_id not in ("0", "lost"), "segments name the experiment"
    kept = list(patient.root.glob("catalog.db.damaged-*"))
    assert bool(kept) == (damage != "gone")
    store.close()


def test_runs_that_a_lost_catalog_knew_have_the_times_of_their_points(patient: Patient) -> None:
    break_catalog(patient, "gone")
    patient.repair()
    store = Store.open(patient.root)
    info = store.get_run("a" * 32).info
    assert (info.start_time, info.end_time) == (2000, 2299)
    store.close()


def test_a_run_of_which_only_artifacts_are_left_is_entered_again(patient: Patient) -> None:
    folder = patient.root / "artifacts" / "0" / ("e" * 32)
    folder.mkdir()
    (folder / "model.bin").write_bytes(b"x")
    break_catalog(patient, "gone")
    patient.repair()
    store = Store.open(patient.root)
    assert store.get_run("e" * 32).info.experiment_id == "0"
    store.close()


def test_everything_at_once(patient: Patient) -> None:
    break_catalog(patient, "no database")
    (patient.root / "lake.json").unlink()
    lost = rows_of(patient.segments[1])
    flip(patient.segments[1], 0.5)
    patient.repair()
    assert patient.points() == sorted(point for point in patient.model if point[:3] not in set(lost))
    patient.check_summaries()
    assert any(finding.state is State.LOST for finding in patient.examine())


def test_the_identity_of_a_store_is_taken_from_its_journals(patient: Patient) -> None:
    before = json.loads((patient.root / "lake.json").read_text())["store_id"]
    (patient.root / "lake.json").unlink()
    patient.repair()
    assert json.loads((patient.root / "lake.json").read_text())["store_id"] == before
    patient.check_whole()


def test_a_damaged_journal_keeps_what_verifies(patient: Patient) -> None:
    write_at(patient.journal, 4096 + 3000, b"\xff" * 64)
    patient.repair()
    left = patient.points()
    assert set(left) <= set(patient.model)
    missing = patient.missing()
    assert len(patient.model) - len(left) == missing["c"] == missing["d"], "both runs share the journal"
    assert list(patient.root.glob("journals/*.damaged"))


def test_a_journal_that_somebody_removed_is_said_to_be_gone(patient: Patient) -> None:
    for path in patient.root.glob("journals/*"):
        path.unlink()
    assert any("its journal is gone" in says for says in patient.wrong())
    patient.repair()
    store = Store.open(patient.root)
    [lost] = store.catalog.missing_points("c" * 32)
    assert (lost.points, lost.exact) == (0, False)
    assert "how many points it held is not known" in lost.reason
    assert store.catalog.missing_points("a" * 32) == []
    store.close()


def test_a_store_that_is_logged_to_is_not_repaired(patient: Patient) -> None:
    store = Store.open(patient.root)
    store.run_logger("a" * 32).log_metric("loss", 1.0, 10_000)
    patient.sql("UPDATE metric_summary SET count = count + 1")
    with pytest.raises(StoreError, match="1 process has journals of"):
        repair(patient.root)
    store.close()
    repair(patient.root)
    patient.check_summaries()


def test_a_catalog_that_a_process_has_open_is_not_replaced(patient: Patient) -> None:
    code = (
        "import sys\nfrom runlake.store import Store\nstore = Store.open(sys.argv[1])\n"
        "print('on', flush=True)\nsys.stdin.readline()\n"
    )
    command = [sys.executable, "-c", code, patient.root]
    reader = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert reader.stdout is not None
    reader.stdout.readline()
    break_catalog(patient, "a page")
    with pytest.raises(StoreError, match="which is to be replaced, open"):
        repair(patient.root)
    reader.communicate("go\n")
    own = Store.open(patient.root)
    break_catalog(patient, "a page")
    with pytest.raises(StoreError, match="which is to be replaced, open"):
        repair(patient.root)
    own.close()
    patient.repair()
    patient.check_whole()


REPAIR_AND_DIE = """
import os, signal, sys
from pathlib import Path
from runlake.checkup import repair
root, at = Path(sys.argv[1]), sys.argv[2]
renames = 0
rename = Path.rename
def counted(path, target):
    global renames
    done = rename(path, target)
    renames += 1
    if at == f"rename {renames}": os.kill(os.getpid(), signal.SIGKILL)
    return done
Path.rename = counted
def step(name):
    if name == at: os.kill(os.getpid(), signal.SIGKILL)
repair(root, step=step)
"""


@pytest.mark.parametrize(
    "at",
    [
        *("lake", "salvaged", "ready", "installed", "rebuilt", "mended"),
        *(f"rename {number}" for number in range(1, 5)),
    ],
)
def test_a_repair_that_is_killed_anywhere_is_done_again(patient: Patient, at: str) -> None:
    break_catalog(patient, "a page")
    (patient.root / "lake.json").unlink()
    done = subprocess.run([sys.executable, "-c", REPAIR_AND_DIE, patient.root, at], stderr=subprocess.PIPE, text=True)
    assert done.returncode == -signal.SIGKILL, done.stderr
    patient.repair()
    patient.check_whole()
    store = Store.open(patient.root)
    assert store.get_run("a" * 32).data.params == {"lr": "0.1"}
    store.close()
    assert not (patient.root / ".repair").exists()


def test_points_of_a_journal_behind_a_lost_segment_are_brought_into_one(patient: Patient) -> None:
    """The middle one of three seals is lost, and its journal file was restored from a copy."""
    root = patient.root
    store = Store.open(root)
    log = store.run_logger("a" * 32)
    for part in range(3):
        for step in range(1000 + 100 * part, 1100 + 100 * part):
            log.log_metric("loss", 0.25, step)
            patient.model.append(("a" * 32, "loss", step, "0.25"))
        if part == 2:
            store.flush()
            writer = store.writer().id
            kept = {path: path.read_bytes() for path in root.glob(f"journals/{writer}.*.journal")}
        store.seal()
    before = {path: rows_of(path) for path in patient.segments}
    [middle] = [path for path, rows in before.items() if ("a" * 32, "loss", 1100) in rows]
    store.close()
    middle.unlink()
    for path, content in kept.items():
        path.write_bytes(content)
    try:
        assert any("behind others in segments" in says or "nowhere else" in says for says in patient.wrong())
        patient.repair()
        patient.check_whole()
        assert patient.missing()["a"] == 0
    finally:
        del patient.model[-300:]


@pytest.mark.parametrize("part", ["header", "all of the header", "side log", "cut", "delete the file alone"])
def test_a_journal_that_is_damaged_elsewhere_is_settled_and_said(patient: Patient, part: str) -> None:
    path = patient.journal
    match part:
        case "header":
            write_at(path, 60, b"\xff")
        case "all of the header":
            write_at(path, 0, b"\0" * 4096)
        case "side log":
            write_at(path, path.stat().st_size - 4096 + 64, b"\x5a" * 16)
        case "cut":
            path.write_bytes(path.read_bytes()[:9000])
        case "delete the file alone":
            path.unlink()
    assert patient.wrong()
    patient.repair()
    left = patient.points()
    assert set(left) <= set(patient.model)
    missing = patient.missing()["c"]
    is_counted = part not in ("all of the header", "delete the file alone")
    assert missing == (len(patient.model) - len(left) if is_counted else 0)
    if len(left) < len(patient.model):
        assert any(finding.state is State.LOST for finding in patient.examine())
    assert all(point in left for point in patient.model if point[0][0] in "ab")


@pytest.fixture
def compacted(patient: Patient) -> Patient:
    """The store with the first seals of both experiments compacted; replaced files are kept for readers."""
    store = Store.open(patient.root)
    store.compactor.compact()
    store.close()
    assert len(list(patient.root.glob("segments/*/.*.parquet.merged"))) == 2
    assert patient.wrong() == []
    return patient


def test_a_compacted_store_is_rebuilt_from_whichever_files_are_left(compacted: Patient) -> None:
    for broken in (False, True):
        if broken:
            break_catalog(compacted, "gone")
        compacted.repair()
        compacted.check_whole()
    listed = {str(path) for path in compacted.segments}
    store = Store.open(compacted.root)
    taken = {str(store.segments_dir / segment.path) for segment in store.catalog.plan().segments}
    store.close()
    for path in listed - taken:
        Path(path).unlink()
    compacted.repair()
    compacted.check_whole()


def test_inputs_that_are_kept_for_readers_stand_in_for_a_compacted_segment_that_is_lost(compacted: Patient) -> None:
    store = Store.open(compacted.root)
    paths = [store.segments_dir / segment.path for segment in store.catalog.plan().segments]
    store.close()
    for path in paths:
        path.unlink()
    assert any("and its points are elsewhere" in says for says in compacted.wrong())
    compacted.repair()
    compacted.check_whole()
    assert compacted.missing() == dict.fromkeys("abcd", 0)
    store = Store.open(compacted.root)
    store.compactor.remove_replaced(grace_ms=0)
    store.close()
    compacted.check_whole()


def test_a_compacted_segment_that_is_lost_for_good_is_said(compacted: Patient) -> None:
    store = Store.open(compacted.root)
    store.compactor.remove_replaced(grace_ms=0)
    [path, *_] = [store.segments_dir / segment.path for segment in store.catalog.plan().segments]
    store.close()
    lost = rows_of(path)
    for name in path.parent.glob(f"*{path.stem}*"):  # for a while it has two
        name.unlink()
    compacted.repair()
    assert compacted.points() == sorted(point for point in compacted.model if point[:3] not in set(lost))
    assert sum(compacted.missing().values()) == len(lost)


def test_what_was_throttled_away_is_accounted_for_when_the_catalog_is_made_anew(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "lake")
    add_run(store)
    store.throttle_run("run1", ["*"], policy_of(window=10))
    logger = store.run_logger("run1")
    for step in range(500):
        logger.log_metric("k", 100.0 if step == 55 else float(step % 7), step)
    store.leave_run("run1", "FINISHED")
    store.seal()
    before = store.reads.ledger("run1").keys
    assert [(key.accepted, key.stored, key.merged) for key in before] == [(500, 51, 449)]
    store.close()
    for path in store.root.glob("catalog.db*"):
        path.unlink()
    repair(store.root)
    again = Store.open(store.root)
    assert again.reads.ledger("run1").keys == before
    assert again.reads.runs(where="max(metrics.k) = 100 AND count(metrics.k) = 500").collect().height == 1
    again.close()
