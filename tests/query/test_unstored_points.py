"""What a chart says of points that were merged or dropped is what the ledger of each run says, live or sealed."""

from __future__ import annotations

from pathlib import Path

import runlake
from runlake.query import run_ledger, unstored_of_runs
from runlake.store import get_store

KEYS = ["window", "every", "plain", "of another chart"]


def test_a_chart_says_of_points_that_are_not_stored_what_the_ledger_says(tmp_path: Path) -> None:
    runlake.set_tracking_uri(str(tmp_path / "lake"))
    ids = []
    for n in range(3):
        with runlake.start_run() as run:
            ids.append(run.info.run_id)
            run.throttle("every", every=10)
            run.throttle("window", window=20)
            run.throttle("of another chart", every=2)
            for step in range(100 + n):
                for key in KEYS:
                    runlake.log_metric(key, step, step=step)
            if n == 2:
                assert_same(tmp_path / "lake", ids)  # some of it is in a journal, some in the catalog
        get_store(str(tmp_path / "lake")).seal()
    assert_same(tmp_path / "lake", ids)


def assert_same(root: Path, ids: list[str]) -> None:
    store = get_store(str(root))
    keys = KEYS[:3]
    ledger, gaps = unstored_of_runs(store, ids, keys)
    wanted = {
        (place, keys.index(entry.key)): (entry.merged, sum(entry.dropped.values()))
        for place, run_id in enumerate(ids)
        for entry in run_ledger(store, run_id).keys
        if entry.key in keys and (entry.merged or entry.dropped)
    }
    assert len(wanted) == 2 * len(ids)
    assert {(run, key): (merged, dropped) for run, key, merged, dropped in ledger.rows()} == wanted
    assert gaps.is_empty()
