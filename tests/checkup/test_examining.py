"""Doctor finds every kind of damage, says what and where, and touches nothing."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from runlake.checkup import State, examine
from runlake.store import Store
from tests.checkup.material import Patient
from tests.journals import write_at


def test_a_healthy_store_is_healthy_and_stays_as_it_is(patient: Patient) -> None:
    assert patient.wrong() == []
    assert patient.wrong(read=False) == []
    assert patient.repair().did == []
    patient.check_whole()


def test_a_store_that_others_use_is_checked_beside_them(patient: Patient) -> None:
    store = Store.open(patient.root)
    store.run_logger("a" * 32).log_metric("loss", 1.0, 10_000)
    findings = list(examine(patient.root))
    assert [one.says for one in findings if not one.is_healthy] == []
    assert any(": 1 alive, 1 closed, 0 died" in one.says for one in findings)
    store.close()


def test_a_check_drops_no_lock_of_the_process_that_makes_it(patient: Patient, monkeypatch: pytest.MonkeyPatch) -> None:
    def locks() -> list[str]:
        inodes = {f":{path.stat().st_ino} " for path in patient.root.glob("catalog.db*")}
        lines = Path("/proc/locks").read_text().splitlines()
        return sorted(line.split(":", 1)[1] for line in lines if any(inode in line for inode in inodes))

    store = Store.open(patient.root)
    before = locks()
    assert before, "SQLite holds locks while it has the catalog open"
    monkeypatch.chdir(patient.root.parent)
    assert [one.says for one in examine(Path(patient.root.name)) if not one.is_healthy] == []
    assert locks() == before
    store.close()


def test_checks_beside_a_process_that_logs_and_seals_never_find_what_is_not_there(patient: Patient) -> None:
    code = (
        "import sys\nfrom runlake.config import Config\nfrom runlake.store import Store\n"
        "store = Store.open(sys.argv[1], config=Config(seal_bytes=28 * 500))\nlog = store.run_logger('a' * 32)\n"
        "print('on', flush=True)\n"
        "for step in range(10**9):\n    log.log_metric('loss', 0.5, step)\n    if step % 5000 == 0: store.seal()\n"
    )
    program = subprocess.Popen([sys.executable, "-c", code, patient.root], stdout=subprocess.PIPE, text=True)
    try:
        assert program.stdout is not None
        program.stdout.readline()
        for _ in range(8):
            assert [one.says for one in examine(patient.root) if not one.is_healthy] == []
    finally:
        program.send_signal(signal.SIGKILL)
        program.communicate()


def test_a_folder_that_cannot_be_written_to_is_checked(patient: Patient) -> None:
    (patient.root / "catalog.lock").unlink()
    assert patient.wrong() == []
    assert not (patient.root / "catalog.lock").exists()


def flip(path: Path, at: float = 0.5) -> None:
    byte = path.read_bytes()[int(path.stat().st_size * at)]
    write_at(path, int(path.stat().st_size * at), bytes([byte ^ 0xFF]))


@pytest.mark.parametrize(("which", "damage"), list(enumerate(["flip", "cut", "delete", "empty"])))
def test_a_segment_that_is_damaged_is_named_with_what_it_costs(patient: Patient, which: int, damage: str) -> None:
    path = patient.segments[which]
    match damage:
        case "flip":
            flip(path, 0.3)
        case "cut":
            path.write_bytes(path.read_bytes()[:-7])
        case "delete":
            path.unlink()
        case "empty":
            path.write_bytes(b"")
    (found,) = patient.wrong()
    assert path.name in found
    assert "points of it are nowhere else" in found


def test_files_beside_the_segments_are_noted_and_do_no_harm(patient: Patient) -> None:
    folder = patient.segments[0].parent
    (folder / "copy of it.parquet").write_bytes(patient.segments[0].read_bytes())
    (folder / "strange.parquet").write_bytes(b"PAR1 and more, but no segment PAR1")
    (folder / "notes.txt").write_text("mine")
    (patient.root / "todo.txt").write_text("mine")
    findings = patient.examine()
    assert [one.says for one in findings if not one.is_healthy] == []
    notes = " ".join(one.says for one in findings if one.state is State.NOTE)
    assert "strange.parquet: damaged, and in no list" in notes
    assert "2 files that the catalog does not list" in notes
    assert "todo.txt: no part of the store" in notes


CATALOGS = {
    "UPDATE segment SET rows = rows + 1 WHERE segment = 1": "segments are not what the catalog says of them",
    "UPDATE segment SET bytes = 5 WHERE segment = 1": "segments are not what the catalog says of them",
    "UPDATE segment SET max_step = 7 WHERE segment = 1": "segments are not what the catalog says of them",
    "UPDATE segment_run SET rows = 1 WHERE segment = 1": "segments have points of other runs than the catalog says",
    "DELETE FROM segment_range WHERE segment = 1": "segments stand for other parts of journals than the catalog says",
    "UPDATE metric_summary SET count = count + 1": "summaries of metrics are not those of the points",
    "UPDATE metric_summary SET sum = 3.5, min = -1 WHERE run = 1": "summaries of metrics are not those of the points",
    "DELETE FROM metric_summary WHERE run = 1": "summaries of metrics are not those of the points",
    "UPDATE writer SET sealed = sealed - 10 WHERE sealed > 0": "segments hold points of writer",
    "UPDATE writer SET state = 'sealed' WHERE sealed = 0": "and the catalog says that they have none",
}


@pytest.mark.parametrize("statement", CATALOGS)
def test_a_catalog_that_disagrees_is_found_and_put_right(patient: Patient, statement: str) -> None:
    patient.sql(statement)
    assert any(CATALOGS[statement] in says for says in patient.wrong())
    patient.repair()
    patient.check_whole()
    assert patient.missing() == dict.fromkeys("abcd", 0)


def test_a_journal_that_is_damaged_is_named_before_anybody_mends_it(patient: Patient) -> None:
    write_at(patient.journal, 4096 + 3000, b"\xff" * 64)
    (found,) = patient.wrong()
    assert "cannot be believed" in found
    assert "checksum" in found
    assert patient.journal.name in found


def test_a_journal_whose_header_is_damaged_is_named(patient: Patient) -> None:
    write_at(patient.journal, 60, b"\xff")
    found = " ".join(patient.wrong())
    assert "header" in found
    assert patient.journal.name in found


def test_a_side_log_that_is_damaged_is_named(patient: Patient) -> None:
    write_at(patient.journal, patient.journal.stat().st_size - 4096 + 64, b"\x5a" * 16)
    assert any("of its side log are no record" in says for says in patient.wrong())


def test_a_store_without_its_description_is_not_taken_for_an_empty_folder(patient: Patient) -> None:
    (patient.root / "lake.json").unlink()
    assert any("lake.json is gone, and the data of a store is there" in says for says in patient.wrong())
    (patient.root / "lake.json").write_text("{")
    assert any("lake.json is not what was written" in says for says in patient.wrong())


@pytest.mark.parametrize("damage", ["gone", "empty", "no database", "a page", "cut"])
def test_a_catalog_that_is_broken_is_named(patient: Patient, damage: str) -> None:
    break_catalog(patient, damage)
    assert any("catalog.db" in says or "database" in says or "Tree" in says for says in patient.wrong())


def break_catalog(patient: Patient, damage: str) -> None:
    match damage:
        case "gone":
            patient.catalog.unlink()
        case "empty":
            os.truncate(patient.catalog, 0)
        case "no database":
            patient.catalog.write_bytes(b"not a database at all" * 1000)
        case "a page":
            connection = sqlite3.connect(patient.catalog)
            (page,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'metric_summary'").fetchone()
            connection.close()
            write_at(patient.catalog, (page - 1) * 4096, b"\xff" * 4096)
        case "cut":
            os.truncate(patient.catalog, patient.catalog.stat().st_size // 2)


def test_what_runs_share_and_is_gone_is_named(patient: Patient) -> None:
    store = Store.open(patient.root)
    digest = store.shared_files.put(b"numpy==2.0\n")
    store.record("a" * 32, tags={"runlake.requirements": digest})
    store.close()
    assert patient.wrong() == []
    path = patient.root / "provenance" / digest
    path.write_bytes(b"numpy==1.0\n")
    assert patient.wrong() == [f"provenance/{digest}: its content is not what its name says"]
    path.unlink()
    assert patient.wrong() == [f"provenance/{digest}: it is gone; runs name it as their packages or changes"]
