"""Runs that have not changed are not read twice, and changed ones are."""

from runlake import query
from runlake.catalog import Catalog, RunRows
from tests.query.lakes import BareLake


class Counting:
    """Counts how often runs are read from a catalog."""

    def __init__(self, catalog: Catalog) -> None:
        self.times = 0
        self._read = catalog.run_rows
        catalog.run_rows = self  # type: ignore[method-assign, assignment]

    def __call__(self, *arguments: object, **options: object) -> RunRows:
        self.times += 1
        return self._read(*arguments, **options)  # type: ignore[arg-type]


def test_unchanged_runs_are_read_once(lake: BareLake) -> None:
    lake.run("a")
    counting = Counting(lake.catalog)
    for _ in range(3):
        assert len(query.search_runs(lake, ["0"])) == 1
        assert query.runs(lake, "Default").collect().height == 1
    assert counting.times == 1


def test_what_another_process_commits_is_seen(lake: BareLake) -> None:
    other = Catalog.open(lake.catalog.root)
    for number in range(3):
        run_id = f"run{number}"
        other.create_run(run_id, "0", name=run_id, user_id="u", start_time=0, owned=False)
        assert query.runs(lake).collect().height == number + 1
        other.log_batch(run_id, params={"a": str(number)})
        assert query.runs(lake, where=f"params.a = {number}").collect()["run_id"].to_list() == [run_id]
    other.close()


def test_every_choice_of_experiments_has_an_answer_of_its_own(lake: BareLake) -> None:
    ids = [lake.catalog.create_experiment(str(number), now_ms=1) for number in range(6)]
    for experiment_id in ids:
        lake.run(f"in-{experiment_id}", experiment_id)
    for _ in range(2):
        for experiment_id in ids:
            assert [run.info.experiment_id for run in query.search_runs(lake, [experiment_id])] == [experiment_id]
