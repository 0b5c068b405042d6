"""Recovery: what opening a store does about processes that are gone, and about nobody else."""

import errno
import fcntl
import logging
import os
import signal
import threading
from pathlib import Path

import pytest

from runlake import _engine
from runlake.catalog import WriterInfo
from runlake.catalog.lock import FileLock
from runlake.config import Config
from runlake.errors import CatalogLocked, StoreUnavailable
from runlake.recovery import Recovery
from runlake.store import Store
from tests.store.programs import Programs
from tests.store.reading import journal_files, numbered, points, segment_files, wait_until
from tests.store.test_store import add_run

KILL = "os.kill(os.getpid(), signal.SIGKILL)\n"


def killed(programs: Programs, code: str, *arguments: object) -> None:
    assert programs.run(code + KILL, *arguments)[0] == -signal.SIGKILL


def test_a_run_whose_process_was_killed_fails_at_its_last_point(programs: Programs, root: Path) -> None:
    killed(
        programs, "log = new_run(Store.open(root), 'run1')\nfor i in range(10): log.log_metric('k', i, i, 5000 + i)\n"
    )
    store = Store.open(root)
    run = store.get_run("run1")
    assert (run.info.status, run.info.end_time) == ("FAILED", 5009)
    assert len(points(store)) == 10
    assert [state.state for state in store.catalog.unsealed_writers()] == ["closed"]
    store.close()


def test_a_run_whose_process_was_killed_before_it_logged_fails_at_its_start(programs: Programs, root: Path) -> None:
    killed(programs, "new_run(Store.open(root), 'run1')\n")
    info = Store.open(root).get_run("run1").info
    assert (info.status, info.end_time) == ("FAILED", 1000)


def test_runs_that_nobody_owns_stay_as_they_are(programs: Programs, root: Path) -> None:
    killed(programs, "new_run(Store.open(root), 'run1', owned=False).log_metric('k', 1.0, 0)\n")
    store = Store.open(root)
    assert store.get_run("run1").info.status == "RUNNING"
    assert len(points(store)) == 1


def test_a_process_that_lives_is_left_alone(programs: Programs, root: Path) -> None:
    program = programs.start("log = new_run(Store.open(root), 'run1')\nlog.log_metric('k', 1.0, 0)\nsay('on')\nhear()")
    program.hear()
    store = Store.open(root)
    store.seal()
    assert store.get_run("run1").info.status == "RUNNING"
    assert (segment_files(store), len(points(store))) == (set(), 1)
    program.kill()
    store = Store.open(root)
    assert store.get_run("run1").info.status == "FAILED"


def test_a_run_goes_on_while_one_of_its_processes_lives(programs: Programs, root: Path) -> None:
    first = programs.start(
        "log = new_run(Store.open(root), 'run1')\nlog.log_metric('k', 1.0, 0, 100)\nsay('on')\nhear()"
    )
    first.hear()
    second = programs.start(
        "store = Store.open(root)\nstore.join_run('run1')\n"
        "store.run_logger('run1').log_metric('k', 2.0, 1, 200)\nsay('on')\nhear()"
    )
    second.hear()
    first.kill()
    store = Store.open(root)
    assert store.get_run("run1").info.status == "RUNNING"
    second.kill()
    store = Store.open(root)
    info = store.get_run("run1").info
    assert (info.status, info.end_time) == ("FAILED", 200)


@pytest.mark.parametrize("reached", [True, False])
def test_a_writer_on_another_host_is_never_taken_for_dead_where_there_can_be_one(
    programs: Programs, root: Path, monkeypatch: pytest.MonkeyPatch, reached: bool
) -> None:
    killed(programs, "new_run(Store.open(root), 'run1').log_metric('k', 1.0, 0)\n")
    before = Store.open(root, config=Config(adopt_journals=10**6))
    [here] = before.catalog.unsealed_writers()
    with before.catalog._database.writing() as session:  # as the other host would have registered itself
        session.run("UPDATE writer SET state = 'open', host = 'elsewhere', boot_id = 'another'")
        session.run("UPDATE run SET status = 'RUNNING', end_ms = NULL")
    before.close()
    monkeypatch.setattr("runlake.store.Recovery", lambda *what, alone: Recovery(*what, alone=alone and not reached))
    store = Store.open(root)
    assert store.get_run("run1").info.status == ("RUNNING" if reached else "FAILED")
    assert store.catalog.unsealed_writers()[0].state == ("open" if reached else "closed")
    assert here.info.host == os.uname().nodename


@pytest.mark.parametrize("points_logged", [0, 10, 100_000])
def test_a_journal_of_which_everything_is_sealed_goes_with_its_dead_writer(
    programs: Programs, root: Path, points_logged: int
) -> None:
    """A closed writer without a file would be taken for one whose points somebody has removed."""
    code = "store = Store.open(root)\nlog = new_run(store, 'run1')\nfor i in range(%d): log.log_metric('k', i, i)\n"
    killed(programs, code % points_logged + "store.seal()\n")
    store = Store.open(root, config=Config(adopt_journals=10**6))
    assert (store.catalog.unsealed_writers(), store.catalog.gaps()) == ([], [])
    assert journal_files(store) == []
    assert len(points(store)) == points_logged
    assert store.get_run("run1").info.status == "FAILED"
    store.close()


def test_a_journal_that_cannot_be_read_hides_no_other(
    programs: Programs, root: Path, caplog: pytest.LogCaptureFixture
) -> None:
    code = "new_run(Store.open(root), 'run%d').log_metric('k', 1.0, 0)\nsay('on')\nhear()"
    living = [programs.start(code % number) for number in range(3)]
    for program in living:
        program.hear()
    for program in living:
        program.kill()
    chunk = min((root / "journals").glob("*.0.journal"))
    chunk.unlink()
    chunk.mkdir()
    with caplog.at_level(logging.WARNING, "runlake"):
        store = Store.open(root, config=Config(adopt_journals=10**6))
    assert caplog.text.count(f"the journal of writer {chunk.name[:32]} is left as it is") == 1
    statuses = sorted(store.catalog.get_run(f"run{number}").info.status for number in range(3))
    assert statuses == ["FAILED", "FAILED", "RUNNING"]
    chunk.rmdir()
    store.close()


def test_a_run_is_failed_though_its_journal_folder_was_emptied(programs: Programs, root: Path) -> None:
    killed(programs, "new_run(Store.open(root), 'run1').log_metric('k', 1.0, 0)\n")
    for path in (root / "journals").iterdir():
        path.unlink()
    store = Store.open(root)
    assert store.get_run("run1").info.status == "FAILED"
    assert store.catalog.unsealed_writers() == []


def test_points_of_a_writer_that_was_never_registered_are_found(root: Path) -> None:
    store = Store.open(root)
    add_run(store, owned=False)
    writer = _engine.Writer(str(store.journals_dir), store.catalog.store_id)
    writer.run("run1").log_metric("k", 1.0, 0)
    writer.close()
    assert store.catalog.writers_of(["run1"]) == [store.writer().id]
    store.seal()
    assert points(store) == [("run1", "k", 0, 1.0)]
    assert len(store.catalog.plan(["run1"]).segments) == 1
    store.close()


def closed_journals(programs: Programs, count: int, first: int = 0) -> None:
    """Leave `count` closed journals, each of a run with one point; numbers go up from `first`."""
    code = (
        "from runlake.store import Store\n"
        "for number in range(int(arguments[0]), int(arguments[1])):\n"
        "    store = Store.open(root, config=Config(adopt_journals=10**6))\n"
        "    new_run(store, f'run{number}').log_metric('k', number, 0)\n"
        "    store.leave_run(f'run{number}', 'FINISHED')\n"
        "    store.close()\n"
    )
    assert programs.run(code, first, first + count)[0] == 0


def test_few_small_journals_wait_and_many_are_sealed_together(programs: Programs, root: Path) -> None:
    closed_journals(programs, 63)
    store = Store.open(root)
    assert (len(store.catalog.unsealed_writers()), segment_files(store)) == (63, set())
    assert len(points(store)) == 63
    store.close()
    closed_journals(programs, 1, first=63)
    store = Store.open(root)
    wait_until(lambda: not journal_files(store))
    assert len(segment_files(store)) == 1
    assert store.catalog.unsealed_writers() == []
    assert [p[3] for p in sorted(points(store), key=lambda p: p[3])] == list(range(64))
    store.close()


def test_big_journals_are_sealed_without_waiting_for_others(programs: Programs, root: Path) -> None:
    killed(programs, "new_run(Store.open(root), 'run1').log_arrays('k', list(range(50_000)), [0.5] * 50_000)\n")
    store = Store.open(root, config=Config(seal_bytes=28 * 20_000))
    wait_until(lambda: not journal_files(store))
    assert [segment.rows for segment in store.catalog.plan().segments] == [20_000, 20_000, 10_000]
    assert [p[2] for p in points(store)] == list(range(50_000))
    assert store.get_run("run1").data.metrics == {"k": 0.5}
    store.close()


def test_sealing_waits_for_whoever_adopts_journals_and_says_when_that_takes_too_long(
    programs: Programs, root: Path
) -> None:
    closed_journals(programs, 2)
    store = Store.open(root, config=Config(adopt_journals=10**6))
    other = FileLock(root / "recover.lock")
    other.acquire(1.0)
    with pytest.raises(CatalogLocked, match=r"recover\.lock was locked"):
        store.seal(timeout_s=0.01)
    other.forget()
    store.seal()
    assert (journal_files(store), len(segment_files(store))) == ([], 1)
    store.close()


def test_sealing_includes_what_a_background_adopter_is_at(programs: Programs, root: Path) -> None:
    closed_journals(programs, 3)
    reached, go_on = threading.Event(), threading.Event()

    def pause(name: str) -> None:
        if name == "sorted" and threading.current_thread().name == "runlake-adopter":
            reached.set()
            go_on.wait(30)

    store = Store.open(root, config=Config(adopt_journals=3), hook=pause)
    assert reached.wait(30)
    left: list[list[str]] = []
    sealing = threading.Thread(target=lambda: (store.seal(), left.append(journal_files(store))))
    sealing.start()
    go_on.set()
    sealing.join()
    assert left == [[]]
    store.close()


def test_a_process_that_leaves_at_once_has_sealed_the_journals_that_were_due(programs: Programs, root: Path) -> None:
    closed_journals(programs, 5)
    store = Store.open(root, config=Config(adopt_journals=5))
    store.close()
    assert (journal_files(store), len(segment_files(store))) == ([], 1)


def test_an_adopter_whose_journals_are_removed_ends_with_a_warning(
    programs: Programs, root: Path, caplog: pytest.LogCaptureFixture
) -> None:
    closed_journals(programs, 3)

    def remove(name: str) -> None:
        if name == "committed":  # of the first of three segments
            for path in (root / "journals").iterdir():
                path.unlink()

    with caplog.at_level(logging.WARNING, "runlake"):
        store = Store.open(root, config=Config(adopt_journals=3, seal_bytes=28), hook=remove)
        wait_until(lambda: "were not moved into segments" in caplog.text)  # an error in a thread would fail the test
    store.close()


@pytest.mark.timeout(120)
def test_many_processes_that_open_at_once_adopt_once(programs: Programs, root: Path) -> None:
    for number in range(6):
        killed(programs, f"new_run(Store.open(root), 'run{number}').log_metric('k', {number}, 0)\n")
    openers = [
        programs.start("hear()\nstore = Store.open(root)\nstore.seal()\nstore.close()\nsay('ok')") for _ in range(8)
    ]
    for opener in openers:
        opener.say()
    assert {opener.finish() for opener in openers} == {(0, "ok")}
    store = Store.open(root)
    store.seal()
    assert [p[3] for p in points(store)] == list(range(6))
    assert len(set(numbered(store))) == 6
    assert {segment.path for segment in store.catalog.plan().segments} == segment_files(store)
    store.close()


def test_a_damaged_journal_is_reported_once_and_what_is_whole_is_kept(
    programs: Programs, root: Path, caplog: pytest.LogCaptureFixture
) -> None:
    code = (
        "store = Store.open(root)\nlog = new_run(store, 'run1')\n"
        "for part in range(3):\n    for i in range(1000): log.log_metric('k', i, 1000 * part + i)\n    store.flush()\n"
    )
    killed(programs, code)
    [damaged] = (root / "journals").glob("*.0.journal")
    with damaged.open("r+b") as file:  # in the second block of points
        file.seek(2 * 4096 + 100)
        file.write(b"\xff" * 64)
    with caplog.at_level(logging.WARNING, "runlake"):
        store = Store.open(root)
    [gap] = store.catalog.gaps("run1")
    assert gap.gap.first <= 146 < gap.gap.upto
    assert gap.last_verified_ms is not None
    missing = gap.gap.upto - gap.gap.first
    assert f"{missing} points of writer" in caplog.text
    assert "run1" in caplog.text
    kept = points(store)
    store.seal()
    assert points(store) == kept
    assert len(kept) == 3000 - missing
    store.close()
    caplog.clear()
    again = Store.open(root)
    assert "proven missing" not in caplog.text
    assert len(again.catalog.gaps()) == 1
    again.close()


def test_a_journal_full_of_garbage_hides_nothing_else(programs: Programs, root: Path) -> None:
    killed(programs, "new_run(Store.open(root), 'run1').log_metric('k', 1.0, 0)\n")
    garbage = root / "journals" / f"{'ab' * 16}.0.journal"
    garbage.write_bytes(b"garbage" * 10_000)
    store = Store.open(root)
    store.seal()
    assert points(store) == [("run1", "k", 0, 1.0)]
    assert store.get_run("run1").info.status == "FAILED"
    left = [path for path in (root / "journals").iterdir() if path.name.startswith("ab" * 16)]
    assert any(path.stat().st_size == 70_000 for path in left), "what cannot be read is never deleted"
    store.close()


def test_nothing_is_written_by_opening_a_store_in_order(root: Path) -> None:
    store = Store.open(root)
    add_run(store).log_metric("k", 1.0, 0)
    store.leave_run("run1", "FINISHED")
    store.close()
    before = Store.open(root).catalog.tx()
    store = Store.open(root)
    assert store.catalog.tx() == before
    store.close()


def test_who_a_writer_was_is_kept(store: Store) -> None:
    store.create_run("run1", "0", name="n", user_id="u", start_time=1, owned=True)
    [state] = store.catalog.unsealed_writers()
    assert isinstance(state.info, WriterInfo)
    assert (state.info.id, state.info.pid, state.info.host) == (store.writer().id, os.getpid(), os.uname().nodename)


def test_a_journal_with_changes_that_wait_is_not_adopted_before_they_are_delivered(
    programs: Programs, root: Path
) -> None:
    program = programs.start(
        "store = Store.open(root, config=Config(record_timeout_ms=50))\nlog = new_run(store, 'run1')\n"
        "log.log_metric('k', 1.0, 0)\nsay('on')\nhear()\nstore.record('run1', params={'lr': '0.1'})\nsay('ok')\nhear()"
    )
    assert program.hear() == "on"
    store = Store.open(root)
    holder = programs.hold_lock()
    program.say()
    assert program.hear() == "ok"
    program.kill()
    holder.kill()
    store._recovery._adopt_quietly()
    assert segment_files(store) == set()
    store.seal()
    assert store.get_run("run1").data.params == {"lr": "0.1"}
    assert (len(segment_files(store)), points(store)) == (1, [("run1", "k", 0, 1.0)])
    store.close()


def refuse_locks(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Let the lock file of that name be one that cannot be locked, as on a network disk without its lock service."""
    flock = fcntl.flock

    def refuse(file: int, operation: int) -> None:
        if os.readlink(f"/proc/self/fd/{file}").endswith(name):
            raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))
        flock(file, operation)

    monkeypatch.setattr(fcntl, "flock", refuse)


def test_a_store_opens_where_recovery_cannot_lock(
    root: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    refuse_locks(monkeypatch, "recover.lock")
    store = Store.open(root)
    add_run(store)
    store.close()
    assert "recover.lock cannot be locked: No locks available" in caplog.text


def test_a_catalog_that_cannot_be_locked_is_an_error_of_the_store(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    refuse_locks(monkeypatch, "catalog.lock")
    with pytest.raises(StoreUnavailable, match=r"catalog\.lock cannot be locked: No locks available"):
        Store.open(root)


def test_a_folder_of_journals_that_cannot_be_read_does_not_keep_a_process_from_opening(
    root: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(_path: str) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "scandir", refuse)
    Store.open(root).close()
    assert "was not put in order" in caplog.text


def test_a_lock_that_a_dead_process_was_making_is_removed(root: Path) -> None:
    Store.open(root).close()
    left = root / "journals" / f"new-{'0' * 32}.lock.tmp"
    left.touch()
    Store.open(root).close()
    assert not left.exists()
