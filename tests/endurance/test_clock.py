"""A wall clock that jumps: nothing is refused, lost or doubled, and what has to happen in time still does."""

from pathlib import Path

import polars as pl
import pytest

import runlake
from runlake.store import get_store
from tests.endurance import programs, proofs
from tests.endurance.shim import Shim

HOUR_S, DAY_S, YEAR_S = 3600, 86400, 365 * 86400
JUMPS = {
    "an hour back": [-HOUR_S],
    "a day on, and back": [DAY_S, 0],
    "to a time before 1970": [-70 * YEAR_S],
    "back and forth": [-HOUR_S, HOUR_S, -2 * DAY_S, YEAR_S, 0, -1],
}

JUMPING = """
from tests.endurance.shim import Shim

def durable(run):
    deadline = time.monotonic() + 30
    while run.stats().durable < run.stats().stored:
        assert time.monotonic() < deadline, "the syncer waits for the wall clock"
        time.sleep(0.001)

def main():
    shim, step, longest = Shim.here(), 0, 0.0
    run = runlake.start_run()
    loss = run.metric("loss")
    for offset in [0, *map(int, sys.argv[1:])]:
        shim.set_clock(offset)
        for _ in range(2000):
            began = time.monotonic()
            loss.log(step / 2, step)
            runlake.log_metric("fluent", step, step=step)
            run.log({"row": step}, step=step)
            longest = max(longest, time.monotonic() - began)
            step += 1
        runlake.log_param(f"p{step}", step)
        runlake.log_text("text", f"{step}.txt")
        durable(run)
        run.store.seal()
        with runlake.start_run(run_name=f"nested at {offset}", nested=True) as inner:
            inner.log({"inner": 1.0})
    stats = run.stats()
    assert stats.accepted == stats.stored == 3 * step + len(sys.argv) and not stats.dropped, stats
    assert not runlake.errors_seen(), runlake.errors_seen()
    run.end()
    print(run.id, step, longest)
"""


@pytest.mark.parametrize("jumps", JUMPS if proofs.LONG else list(JUMPS)[-2:])
def test_a_clock_that_jumps_loses_nothing_and_holds_up_nothing(tmp_path: Path, jumps: str) -> None:
    lake, shim = tmp_path / "lake", Shim(tmp_path / "shim")
    offsets = JUMPS[jumps]
    said = programs.run(
        lake,
        programs.write(tmp_path, JUMPING),
        *map(str, offsets),
        RUNLAKE_SYNC_INTERVAL_MS="50",
        **shim.environment,
    )
    run_id, steps, longest = said.split()
    runlake.set_tracking_uri(lake)
    for key, factor in (("loss", 0.5), ("row", 1.0), ("fluent", 1.0)):
        found = runlake.points(run_id, key).sort("step").collect()
        assert found["step"].equals(pl.int_range(int(steps), eager=True).alias("step"))
        assert (found["value"] == found["step"] * factor).all()
        assert (found["timestamp"].cast(pl.Int64) >= 0).all()
    run = runlake.get_run(run_id)
    assert run.info.status == "FINISHED"
    assert run.data.metrics["loss"] == (int(steps) - 1) / 2, "the latest is that of the largest step, not of the clock"
    assert len(run.data.params) == 1 + len(offsets)
    assert runlake.runs().filter(pl.col("status") != "FINISHED").collect().is_empty()
    get_store(lake).close()
    counted = proofs.assert_sound(lake)
    assert counted["points"] == 3 * int(steps) + 1 + len(offsets)
    proofs.say(
        "clock", jumps=len(offsets), points=counted["points"], lost=0, longest_call_ms=f"{1000 * float(longest):.1f}"
    )
