"""Ranks: many processes in one run, as a launcher starts them, each known by its number."""

from pathlib import Path

import polars as pl
import pytest

import runlake
from runlake.store import get_store
from tests.endurance import processes, proofs

RANKS, POINTS = 16, proofs.size(500, 20_000)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("killed", [None, 3] if proofs.LONG else [3])
def test_ranks_of_one_run_keep_every_point_and_each_its_ledger(tmp_path: Path, killed: int | None) -> None:
    lake = tmp_path / "lake"
    runlake.set_tracking_uri(lake)
    run = runlake.start_run()
    ranks = [(lake, run.id, rank, POINTS, rank == killed) for rank in range(RANKS)]
    ledgers = processes.together(processes.log_as_rank, ranks, killed=0 if killed is None else 1)
    assert runlake.get_run(run.id).info.status == "RUNNING"
    run.end()

    assert ledgers == [None if rank == killed else (2 * POINTS, 2 * POINTS, 0) for rank in range(RANKS)]
    assert runlake.get_run(run.id).info.status == ("FINISHED" if killed is None else "FAILED")
    every = {("loss", rank): POINTS for rank in range(RANKS)} | {(f"rank/{n}", n): POINTS for n in range(RANKS)}
    assert seen(run.id) == every
    get_store(lake).seal()
    assert seen(run.id) == every
    steps = runlake.points(run.id, "loss").group_by("rank").agg(pl.col("step").n_unique()).collect()
    assert set(steps["step"]) == {POINTS}
    get_store(lake).close()
    counted = proofs.assert_sound(lake)
    lost = 2 * POINTS * RANKS - counted["points"]
    proofs.say("ranks", ranks=RANKS, killed=int(killed is not None), points=counted["points"], lost=lost)


def seen(run_id: str) -> dict[tuple[str, int], int]:
    """How many points there are, by key and rank."""
    counts = runlake.points(run_id).group_by("key", "rank").len().collect()
    return {(key, rank): count for key, rank, count in counts.iter_rows()}
