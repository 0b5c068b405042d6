"""What counts as a lost point, and as a wrong one."""

from pathlib import Path

import pytest

from runlake.bench import kills, place
from runlake.bench.victim import KEY, VALUES
from runlake.store import Store


@pytest.fixture
def logged(tmp_path: Path) -> tuple[Store, str]:
    """A store with the points that a victim would have logged up to step 9, and its run."""
    store = Store.open(tmp_path / "lake")
    run = place.begin(store)
    handle = run.metric(KEY)
    for step in range(10):
        handle.log(step / VALUES, step)
    return store, run.info.run_id


@pytest.mark.parametrize(("acknowledged", "lost", "wrong"), [(10, 0, 0), (9, 0, 0), (12, 2, 0), (7, 0, 2)])
def test_points_are_compared_with_what_was_acknowledged(
    logged: tuple[Store, str], acknowledged: int, lost: int, wrong: int
) -> None:
    store, run_id = logged
    assert kills.compare(store, run_id, acknowledged) == (lost, wrong)
    store.close()


def test_a_point_that_is_there_twice_or_changed_is_wrong(logged: tuple[Store, str]) -> None:
    store, run_id = logged
    store.run_logger(run_id).log_metric(KEY, 3 / VALUES, 3)
    store.run_logger(run_id).log_metric(KEY, 0.1, 10)
    assert kills.compare(store, run_id, 10) == (0, 2)
    store.close()
