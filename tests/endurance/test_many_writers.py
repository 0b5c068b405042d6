"""Many processes log into one store at once: nobody meets an error, nobody waits for long, every point is there."""

import time
from pathlib import Path

import polars as pl
import pytest

import runlake
from tests.endurance import processes, proofs

PROCESSES, RUNS, POINTS = proofs.size(12, 64), proofs.size(5, 100), 1_000


@pytest.mark.timeout(600)
def test_processes_that_log_into_one_store_at_once_meet_no_error_and_lose_no_point(tmp_path: Path) -> None:
    root = tmp_path / "lake"
    began = time.monotonic()
    told = processes.together(processes.log_runs, [(root, number, RUNS, POINTS) for number in range(PROCESSES)])
    seconds = time.monotonic() - began
    assert [said for said, _ in told if said] == []
    counted = proofs.assert_sound(root)
    runlake.set_tracking_uri(root)
    runs = runlake.runs().select("run_id", "status", "params.process", "params.index").collect()
    assert set(runs.select("params.process", "params.index").iter_rows()) == {
        (number, index) for number in range(PROCESSES) for index in range(RUNS)
    }
    assert set(runs["status"]) == {"FINISHED"}
    seen = (
        runlake.points(keys="loss")
        .group_by("run_id")
        .agg(
            pl.len(),
            pl.col("step").n_unique().alias("steps"),
            pl.col("step").max().alias("last"),
            pl.col("value").sum(),
        )
    )
    of_runs = runs.join(seen.collect(), on="run_id", how="left")
    assert of_runs.height == PROCESSES * RUNS
    assert (of_runs["len"] == POINTS).all()
    assert (of_runs["steps"] == POINTS).all()
    assert (of_runs["last"] == POINTS - 1).all()
    total = sum(range(POINTS)) / 4
    assert (of_runs["value"] == total + of_runs["params.process"] * POINTS).all()
    assert counted["points"] == PROCESSES * RUNS * POINTS
    proofs.say(
        "many_writers",
        processes=PROCESSES,
        runs=PROCESSES * RUNS,
        points=counted["points"],
        lost=PROCESSES * RUNS * POINTS - counted["points"],
        errors=sum(len(said) for said, _ in told),
        seconds=f"{seconds:.1f}",
        longest_start_or_end_s=f"{max(longest for _, longest in told):.2f}",
    )
