"""A disk whose syncs fail with EIO: a chunk is given up, the run goes on in a new one, every point is there once."""

import shutil
from pathlib import Path

import polars as pl
import pytest

import runlake
from runlake.checkup import examine
from runlake.store import get_store
from tests.endurance import programs, proofs
from tests.endurance.shim import Shim

TURNS = proofs.size(3, 60)

FAILING = """
from runlake.errors import StoreError
from tests.endurance.shim import Shim

def main():
    turns, dies = int(sys.argv[1]), sys.argv[2] == "killed"
    shim, chance = Shim.here(), random.Random(sys.argv[3])
    run = runlake.start_run()
    loss, step = run.metric("loss"), 0
    def log(count):
        nonlocal step
        for _ in range(count):
            loss.log(step / 2, step)
            run.log({"row": step}, step=step)
            step += 1
    for turn in range(turns):
        log(chance.randrange(1, 3000))
        before = poisoned(run)
        shim.fail_syncs(journals=True, others=turn % 2 == 1)
        log(chance.randrange(1, 3000))
        try:
            run.flush()
        except StoreError:
            pass
        while poisoned(run) == before:
            log(1)
        log(chance.randrange(1, 3000))
        runlake.log_param(f"p{turn}", turn)
        runlake.log_text("text", f"{turn}.txt")
        shim.fail_syncs()
        log(chance.randrange(1, 3000))
        flushed(run)
        stats = run.stats()
        assert stats.accepted == stats.stored == stats.durable == 2 * step and stats.dropped == 0, (stats, step)
        if turn % 3 == 0:
            run.store.seal()
    print(run.id, step, poisoned(run), flush=True)
    if dies:
        log(1000)
        print(step, flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
    run.end()
"""

FORGETTING = """
from runlake.errors import StoreError
from tests.endurance.shim import Shim

def main():
    shim, run = Shim.here(), runlake.start_run()
    def log(steps):
        for step in steps:
            run.log({"loss": step / 2}, step=step)
    log(range(300))
    shim.fail_syncs(journals=True, forget=True)
    while not poisoned(run):
        try:
            run.flush()
        except StoreError:
            pass
    shim.fail_syncs()
    log(range(300, 400))
    flushed(run)
    run.store.seal()
    assert run.store.stats().sealed == 400
    print(run.id, [lost.points for lost in run.store.catalog.missing_points(run.id)], flush=True)
    log(range(400, 500))
    run.store.seal()
    if sys.argv[1] == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    run.end()
"""

REFUSING = """
import logging
from runlake import sealing
from tests.endurance.shim import Shim

def main():
    said, sealing._RETRY_S = [], 0.2
    logging.getLogger("runlake").addFilter(lambda record: said.append(record.getMessage()) or True)
    shim, run = Shim.here(), runlake.start_run()
    shim.fail_syncs(journals=True)
    for step in range(5000):
        run.log({"loss": step / 2}, step=step)
    deadline = time.monotonic() + 30
    while sum("points stay in the journal" in text for text in said) < 2:
        assert time.monotonic() < deadline, said
        time.sleep(0.001)
    print(shim.failed)
    shim.fail_syncs()
    while run.store.stats().sealed < 5000:
        assert time.monotonic() < deadline, run.store.stats()
        time.sleep(0.001)
    run.end()
"""

THROTTLING = """
import shutil
from runlake.errors import StoreError
from tests.endurance.shim import Shim

def main():
    shim, run = Shim.here(), runlake.start_run()
    run.throttle("loss", every=10)
    loss = run.metric("loss")
    for step in range(23):
        loss.log(step, step)
    run.flush()
    shutil.copytree(run.store.journals_dir, sys.argv[1], ignore=shutil.ignore_patterns("*.lock"))
    shim.fail_syncs(journals=True)
    for step in range(23, 28):
        loss.log(step, step)
    run.store.seal()
    print(run.id, run.store.stats().sealed, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""

HELP = """
def flushed(run):
    deadline = time.monotonic() + 30
    while True:
        try:
            run.flush()
        except StoreError:  # what the failed chunk held is on its way into a new one
            assert time.monotonic() < deadline
            time.sleep(0.001)
        else:
            return

def poisoned(run):
    return run.store.writer().stats().poisoned_chunks
"""


@pytest.mark.timeout(300)
@pytest.mark.parametrize("how", ["ends", "killed"])
def test_a_run_goes_on_when_syncs_of_its_journal_fail(tmp_path: Path, how: str) -> None:
    lake, shim, seed = tmp_path / "lake", Shim(tmp_path / "shim"), proofs.chance("bad_disk").randrange(2**32)
    done = programs.finished(
        lake,
        programs.write(tmp_path, FAILING + HELP),
        str(TURNS),
        how,
        str(seed),
        RUNLAKE_SYNC_INTERVAL_MS="20",
        **shim.environment,
    )
    assert done.returncode == (0 if how == "ends" else -9), done.stdout + done.stderr
    run_id, _, poisoned, *last = done.stdout.split()
    steps = int(last[0]) if last else int(done.stdout.split()[1])
    assert int(poisoned) >= TURNS
    assert shim.failed >= TURNS

    assert done.stderr.count("the catalog could not be synced") <= (TURNS + 1) // 2, "it is said once a failure"

    counted = proofs.assert_sound(lake)
    assert counted["points"] == 2 * steps
    runlake.set_tracking_uri(lake)
    for key, factor in (("loss", 0.5), ("row", 1.0)):
        found = runlake.points(run_id, key).sort("step").collect()
        assert found["step"].equals(pl.int_range(steps, eager=True).alias("step"))
        assert (found["value"] == found["step"] * factor).all()
    run = runlake.get_run(run_id)
    assert run.info.status == ("FINISHED" if how == "ends" else "FAILED")
    assert run.data.params == {f"p{turn}": str(turn) for turn in range(TURNS)}
    get_store(lake).seal()
    get_store(lake).close()
    assert proofs.assert_sound(lake)["points"] == 2 * steps
    proofs.say(
        "eio",
        turns=TURNS,
        how=how,
        chunks_given_up=poisoned,
        failed_syncs=shim.failed,
        points=2 * steps,
        lost=0,
        doubled=0,
    )


@pytest.mark.parametrize("how", ["ends", "killed"])
def test_points_that_the_system_forgot_are_noted_and_the_others_sealed_while_the_run_goes_on(
    tmp_path: Path, how: str
) -> None:
    lake, shim = tmp_path / "lake", Shim(tmp_path / "shim")
    program = programs.write(tmp_path, FORGETTING + HELP)
    done = programs.finished(lake, program, how, RUNLAKE_SYNC_INTERVAL_MS="3600000", **shim.environment)
    assert done.returncode == (0 if how == "ends" else -9), done.stdout + done.stderr
    run_id, said = done.stdout.split()
    assert said == "[300]", "they are under one checksum"
    assert done.stderr.count("300 points of writer") == 1
    runlake.set_tracking_uri(lake)
    found = runlake.points(run_id, "loss").sort("step").collect()
    assert found["step"].to_list() == list(range(300, 500))
    store = get_store(lake)
    assert [lost.points for lost in store.catalog.missing_points(run_id)] == [300]
    assert store.catalog.unsealed_writers() == []
    store.close()
    unhealthy = [finding.check for finding in examine(lake) if not finding.is_healthy]
    assert unhealthy == ["losses"]


def test_sealing_waits_before_it_tries_again_where_nothing_can_be_synced(tmp_path: Path) -> None:
    lake, shim = tmp_path / "lake", Shim(tmp_path / "shim")
    program = programs.write(tmp_path, REFUSING)
    environment = {"RUNLAKE_SYNC_INTERVAL_MS": "3600000", "RUNLAKE_SEAL_BYTES": "28000", **shim.environment}
    done = programs.finished(lake, program, **environment)
    assert done.returncode == 0, done.stdout + done.stderr
    assert int(done.stdout) < 50
    assert "Input/output error" in done.stderr
    runlake.set_tracking_uri(lake)
    assert runlake.points(keys="loss").collect()["step"].sort().to_list() == list(range(5000))


def test_a_seal_on_a_failing_disk_counts_no_point_that_a_power_cut_leaves_pending(tmp_path: Path) -> None:
    lake, left, shim = tmp_path / "lake", tmp_path / "copy", Shim(tmp_path / "shim")
    program = programs.write(tmp_path, THROTTLING)
    environment = {"RUNLAKE_SYNC_INTERVAL_MS": "3600000", **shim.environment}
    done = programs.finished(lake, program, str(left / "journals"), **environment)
    assert done.returncode == -9, done.stdout + done.stderr
    run_id, sealed = done.stdout.split()
    assert int(sealed) == 3
    # What is on the disk for sure: the segment and the catalog, and journals as they were when they were synced.
    shutil.copytree(lake, left, ignore=shutil.ignore_patterns("*.lock", "journals"), dirs_exist_ok=True)
    runlake.set_tracking_uri(left)
    assert runlake.points(run_id, "loss").collect()["step"].sort().to_list() == [0, 10, 20, 22]
    [key] = runlake.ledger(run_id).keys
    assert (key.accepted, key.dropped) == (23, {"throttled": 19})
