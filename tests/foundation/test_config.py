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
