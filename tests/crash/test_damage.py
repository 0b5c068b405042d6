"""Damaged files: what is whole is read, what is not is named, nothing is deleted."""

import subprocess
import sys
from pathlib import Path

import pytest

import runlake

WRITE_AND_DIE = """
import os, sys, runlake
runlake.set_tracking_uri(sys.argv[1])
run = runlake.start_run()
loss = run.metric("loss")
for step in range(1000):
    loss.log(step, step)
run.flush()
print(run.info.run_id, flush=True)
os.kill(os.getpid(), 9)
"""


def run_of_a_killed_process(store: Path) -> str:
    killed = subprocess.run([sys.executable, "-c", WRITE_AND_DIE, store], capture_output=True, text=True)
    assert killed.returncode == -9, killed.stderr
    return killed.stdout.strip()


def doctor(store: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "runlake", "doctor", "--store", store], capture_output=True, text=True)


def the_journal(store: Path) -> Path:
    (journal,) = store.glob("journals/*.journal")
    return journal


def test_a_truncated_journal_gives_back_what_is_whole_and_is_kept(tmp_path: Path) -> None:
    store = tmp_path / "lake"
    run_id = run_of_a_killed_process(store)
    journal = the_journal(store)
    with journal.open("r+b") as file:
        file.truncate(4 * 4096)

    report = doctor(store)

    assert report.returncode == 1
    assert journal.name.split(".")[0] in report.stdout + report.stderr
    runlake.set_tracking_uri(store)
    values = runlake.points(runs=run_id).collect()["value"].to_list()
    assert values == sorted(values)
    assert set(values) <= set(range(1000))
    assert any(store.glob("journals/*")), "the damaged file is kept"


@pytest.mark.parametrize("block", [1, 3, 6])
def test_a_garbled_block_costs_only_the_points_it_may_have_held(tmp_path: Path, block: int) -> None:
    store = tmp_path / "lake"
    run_id = run_of_a_killed_process(store)
    with the_journal(store).open("r+b") as file:
        file.seek(block * 4096 + 2920)
        file.write(b"\xff" * 64)

    report = doctor(store)

    assert report.returncode == 1
    runlake.set_tracking_uri(store)
    points = runlake.points(runs=run_id).collect()
    assert (points["value"] == points["step"]).all(), "no invented value is shown"
    assert any(path.suffix == ".damaged" for path in store.glob("journals/*"))


def test_points_behind_a_garbled_header_are_said_to_be_missing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store = tmp_path / "lake"
    run_id = run_of_a_killed_process(store)
    with the_journal(store).open("r+b") as file:
        file.seek(60)
        file.write(b"\xff")

    runlake.set_tracking_uri(store)
    assert runlake.points(runs=run_id).collect().is_empty()
    report = doctor(store)

    assert "1000 points" in caplog.text
    assert "header" in caplog.text
    assert report.returncode == 1
    assert "1,000 points" in report.stdout + report.stderr
    assert the_journal(store).exists(), "the damaged file is kept"


def test_a_garbled_segment_is_named_and_kept(tmp_path: Path) -> None:
    store = tmp_path / "lake"
    runlake.set_tracking_uri(store)
    with runlake.start_run() as run:
        run.log_arrays("loss", list(range(500_000)), [0.5] * 500_000)
    run.store.seal()
    (segment,) = store.glob("segments/*/*.parquet")
    with segment.open("r+b") as file:
        file.seek(segment.stat().st_size // 2)
        file.write(b"\x00\xff" * 32)

    report = doctor(store)

    assert report.returncode == 1
    assert segment.name in report.stdout + report.stderr
    assert segment.exists()
