"""search_runs where MLflow leaves a mistake without an answer."""

from pathlib import Path

import pytest

import runlake
from runlake.errors import InvalidInput


@pytest.fixture
def one_run(lake: Path) -> str:
    runlake.set_experiment("my-sweep")
    with runlake.start_run() as run:
        pass
    return run.info.run_id


def test_a_string_is_one_experiment(one_run: str) -> None:
    experiment_id = runlake.get_run(one_run).info.experiment_id
    for found in (
        runlake.search_runs(experiment_id, output_format="list"),  # type: ignore[call-overload]
        runlake.search_runs(experiment_names="my-sweep", output_format="list"),  # type: ignore[call-overload]
    ):
        assert [run.info.run_id for run in found] == [one_run]


def test_a_view_that_is_none_is_refused(one_run: str) -> None:
    with pytest.raises(InvalidInput, match="7 is not a view type"):
        runlake.search_runs(run_view_type=7, output_format="list")


def test_a_name_that_no_experiment_has_is_said(one_run: str, caplog: pytest.LogCaptureFixture) -> None:
    assert runlake.search_runs(experiment_names=["my-sweeep"], output_format="list") == []
    assert caplog.messages == ["there is no experiment 'my-sweeep'\nhint: did you mean my-sweep?"]
