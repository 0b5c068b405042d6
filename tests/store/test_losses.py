"""What is missing after a machine has stopped or a disk has failed: only that, and it is said of every run."""

import logging
import shutil
import struct
import time
from pathlib import Path

import pytest

from runlake import recovery
from runlake.catalog import GapInfo
from runlake.errors import NotFound
from runlake.store import Store
from tests.journals import BLOCK, MADE_AT, change_header, restart_machine, write_at
from tests.store.programs import Program, Programs
from tests.store.reading import journal_files, points, wait_until
from tests.store.test_recovery import killed

SYNCED_THEN_MORE = """
store = Store.open(root, config=Config(sync_interval_ms=3_600_000))
log = new_run(store, 'run1')
for i in range(1000): log.log_metric('k', i, i)
store.flush()
for i in range(1000, 1100): log.log_metric('k', i, i)
"""


def steps(store: Store) -> list[int]:
    found = points(store)
    assert all(value == step for _, _, step, value in found), "nothing is invented"
    return [step for _, _, step, _ in found]


def test_after_a_power_cut_what_was_synced_is_there_and_the_rest_is_said(
    programs: Programs, root: Path, caplog: pytest.LogCaptureFixture
) -> None:
    before_ms = time.time_ns() // 1_000_000
    killed(programs, SYNCED_THEN_MORE)
    restart_machine(root)
    with caplog.at_level(logging.WARNING, "runlake"):
        store = Store.open(root)
    assert steps(store) == list(range(1000))
    [lost] = store.catalog.missing_points("run1")
    assert (lost.points, lost.exact) == (100, True)
    assert "after the last sync" in lost.reason
    assert lost.last_verified_ms is not None
    assert before_ms <= lost.last_verified_ms <= lost.found_ms
    assert "100 points of writer" in caplog.text
    assert store.get_run("run1").info.status == "FAILED"
    assert journal_files(store) == [], "losing what was not synced is no damage, and the rest is in a segment"
    store.close()


@pytest.mark.parametrize("torn", [0, 512, 2048])
def test_pages_that_a_power_cut_left_torn_or_from_another_time_cost_only_what_was_not_synced(
    programs: Programs, root: Path, torn: int
) -> None:
    killed(programs, SYNCED_THEN_MORE)
    [chunk] = (root / "journals").glob("*.0.journal")
    first_unsynced = 1 + 1000 // 146
    write_at(chunk, first_unsynced * BLOCK + torn, b"\x55" * (BLOCK - torn))  # holds the last points that were synced
    write_at(chunk, (first_unsynced + 1) * BLOCK, b"\0" * BLOCK)
    restart_machine(root)
    store = Store.open(root)
    assert steps(store) == [], "the frame over all synced points does not verify, and says so"
    assert sum(lost.points for lost in store.catalog.missing_points("run1")) == 1100
    store.close()


def test_a_hole_in_the_middle_is_kept_aside_and_said(programs: Programs, root: Path) -> None:
    code = (
        "store = Store.open(root, config=Config(sync_interval_ms=3_600_000))\nlog = new_run(store, 'run1')\n"
        "for part in range(3):\n"
        "    for i in range(146): log.log_metric('k', 146 * part + i, 146 * part + i)\n    store.flush()\n"
    )
    killed(programs, code)
    [chunk] = (root / "journals").glob("*.0.journal")
    write_at(chunk, 2 * BLOCK + 3000, b"\xff" * 64)
    restart_machine(root)
    damaged = chunk.read_bytes()
    store = Store.open(root)
    assert steps(store) == [*range(146), *range(292, 438)]
    [lost] = store.catalog.missing_points("run1")
    assert (lost.points, lost.exact) == (146, True)
    assert "checksum" in lost.reason
    assert Path(lost.file).name == chunk.name
    assert chunk.with_name(f"{chunk.name}.damaged").read_bytes() == damaged
    store.close()


def test_a_loss_that_several_runs_share_is_said_to_be_at_most_theirs(programs: Programs, root: Path) -> None:
    killed(programs, SYNCED_THEN_MORE + "new_run(store, 'run2').log_metric('k', 0.0, 0)\n")
    restart_machine(root)
    store = Store.open(root)
    for run_id in ("run1", "run2"):
        [lost] = store.catalog.missing_points(run_id)
        assert (lost.points, lost.exact) == (101, False)
    with pytest.raises(NotFound):
        store.catalog.missing_points("run3")
    store.close()


def test_a_copy_of_a_store_in_use_has_what_was_synced_and_says_what_it_lacks(
    programs: Programs, root: Path, tmp_path: Path
) -> None:
    program = programs.start(SYNCED_THEN_MORE + "say('on')\nhear()\n")
    program.hear()
    shutil.copytree(root, tmp_path / "copy")
    copy = Store.open(tmp_path / "copy")
    assert steps(copy) == list(range(1000))
    assert [lost.points for lost in copy.catalog.missing_points("run1")] == [100]
    assert copy.get_run("run1").info.status == "FAILED"
    copy.close()
    here = Store.open(root)
    assert (len(steps(here)), here.get_run("run1").info.status) == (1100, "RUNNING")
    assert here.catalog.missing_points("run1") == []
    here.close()


def test_a_clock_that_jumped_back_costs_nothing(programs: Programs, root: Path) -> None:
    code = (
        "store = Store.open(root)\nlog = new_run(store, 'run1')\n"
        "for i in range(1000): log.log_metric('k', i, i, 4_102_444_800_000 if i < 500 else 1000 + i)\nstore.flush()\n"
    )
    killed(programs, code)
    for chunk in (root / "journals").glob("*.journal"):
        change_header(chunk, MADE_AT, struct.pack("<q", 4_102_444_800_000))  # in 2100, behind every sync
    store = Store.open(root)
    assert steps(store) == list(range(1000))
    info = store.get_run("run1").info
    assert (info.status, info.end_time) == ("FAILED", 4_102_444_800_000)
    assert store.catalog.missing_points("run1") == []
    store.close()


def test_a_journal_that_others_have_sealed_meanwhile_is_not_said_to_be_gone(programs: Programs, root: Path) -> None:
    assert (
        programs.run(
            "store = Store.open(root, config=Config(close_seal_bytes=1 << 40))\n"
            "new_run(store, 'run1').log_metric('k', 1.0, 0)\nstore.close()"
        )[0]
        == 0
    )
    store = Store.open(root)
    [seen] = store.catalog.unsealed_writers()
    store.seal()  # between the moment at which a mender reads the catalog and that at which it looks at the folder
    assert not store.catalog.forget_journal(seen, GapInfo(0, 0, "gone", ""))
    assert store.catalog.missing_points("run1") == []
    store.close()


def logging_beside(programs: Programs, root: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Program, Store]:
    """Start a program that has logged and lives, and open its store here, where every read looks for the dead."""
    program = programs.start("log = new_run(Store.open(root), 'run1')\nlog.log_metric('k', 1.0, 0)\nsay('on')\nhear()")
    program.hear()
    reader = Store.open(root)
    monkeypatch.setattr(recovery, "LOOK_S", 0.0)
    return program, reader


def test_a_process_that_only_reads_sees_that_another_has_died(
    programs: Programs, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program, reader = logging_beside(programs, root, monkeypatch)
    assert reader.get_run("run1").info.status == "RUNNING"
    program.kill()
    wait_until(lambda: reader.get_run("run1").info.status == "FAILED")
    assert len(points(reader)) == 1
    reader.close()


def test_looking_for_the_dead_changes_nothing_while_all_live(
    programs: Programs, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, reader = logging_beside(programs, root, monkeypatch)
    before = reader.catalog.tx()
    for _ in range(3):
        reader.journals()
    assert reader.catalog.tx() == before
    reader.close()
