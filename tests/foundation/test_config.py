"""Config: the environment, ours before MLflow's."""

import os

import pytest

from runlake import config
from runlake.errors import InvalidInput


def test_ours_comes_before_mlflows(monkeypatch: pytest.MonkeyPatch) -> None:
    assert config.tracking_uri() is None
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "/theirs")
    assert config.tracking_uri() == "/theirs"
    monkeypatch.setenv("RUNLAKE_TRACKING_URI", "/ours")
    assert config.tracking_uri() == "/ours"
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "sweep")
    monkeypatch.setenv("MLFLOW_EXPERIMENT_ID", "17")
    assert (config.experiment_name(), config.experiment_id()) == ("sweep", "17")


def test_the_run_to_join_is_taken_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_RUN_ID", "abc")
    assert config.take_run_id() == "abc"
    assert config.take_run_id() is None
    assert "MLFLOW_RUN_ID" not in os.environ


def test_fields_are_set_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    assert config.from_environment() == config.Config()
    monkeypatch.setenv("RUNLAKE_SYNC_INTERVAL_MS", "5000")
    assert config.from_environment() == config.Config(sync_interval_ms=5000)
    monkeypatch.setenv("RUNLAKE_SYNC_INTERVAL_MS", "-1")
    with pytest.raises(InvalidInput, match="RUNLAKE_SYNC_INTERVAL_MS is '-1'"):
        config.from_environment()


@pytest.mark.parametrize(
    ("variables", "rank"),
    [
        ({}, None),
        ({"RANK": "3"}, 3),
        ({"RANK": "3", "RUNLAKE_RANK": "0"}, 0),
        ({"RANK": "3", "RUNLAKE_RANK": ""}, 3),
        ({"RANK": "first"}, None),
        ({"RANK": "-1"}, None),
        ({"RANK": "4294967296"}, None),
        ({"RUNLAKE_RANK": "1.5", "RANK": "3"}, None),
    ],
)
def test_the_rank_is_that_of_the_launcher_or_ours(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], rank: int | None
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert config.process_rank() == rank
    assert set(variables) <= set(config.names())


def test_a_rank_that_is_no_number_is_warned_about_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("RANK", "leader")
    assert config.process_rank() is None
    assert config.process_rank() is None
    assert [record.getMessage() for record in caplog.records] == [
        "RANK is 'leader' and no number from 0 on, so the points of this process have no rank"
    ]


def test_a_rank_of_ours_hides_the_launchers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RANK", "3")
    assert config.in_force() == {"RANK": "3"}
    monkeypatch.setenv("RUNLAKE_RANK", "0")
    assert config.in_force() == {"RUNLAKE_RANK": "0"}
