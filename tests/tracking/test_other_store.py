"""A script that logs with runlake, and a library in it that logs with MLflow's own package: noticed, said, and kept."""

import logging
import sys
import time
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import runlake
from runlake import recording
from runlake.fluent.other_store import TAG, _same_store, last_written
from tests.tracking.judge import Judge


@pytest.fixture(autouse=True)
def _nothing_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(recording, "_said", set())
    runlake.set_tracking_uri(tmp_path / "lake")  # MLflow's own call puts what it is told into the environment


def logs(mlflow: Any) -> None:
    """What a callback of a library does."""
    with mlflow.start_run():
        mlflow.log_metric("loss", 1.0)


def tag_of(run: runlake.ActiveRun) -> str | None:
    return runlake.get_run(run.info.run_id).data.tags.get(TAG)


def test_a_run_beside_which_mlflow_logged_to_another_store_says_where(
    judge: Judge, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with runlake.start_run() as run:
        wait_for_the_next_tick(run)
        judge.answer(logs, tmp_path / "other")
    assert tag_of(run) == f"sqlite:///{tmp_path}/other/mlflow.db"
    (said,) = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert f"MLFLOW_TRACKING_URI=runlake://{tmp_path}/lake" in said


def test_what_was_logged_there_before_is_nobodys_business(judge: Judge, tmp_path: Path) -> None:
    judge.answer(logs, tmp_path / "other")
    wait_past(last_written(f"sqlite:///{tmp_path}/other/mlflow.db"))
    with runlake.start_run() as run:
        runlake.log_metric("loss", 1.0)
    assert tag_of(run) is None


def test_mlflow_in_the_same_store_is_no_other_store(judge: Judge, tmp_path: Path) -> None:
    before = judge.mlflow.get_tracking_uri()
    try:
        judge.mlflow.set_tracking_uri(f"runlake://{tmp_path}/lake")
        with runlake.start_run() as run:
            judge.mlflow.MlflowClient().log_metric(run.info.run_id, "loss", 0.5)
    finally:
        judge.mlflow.set_tracking_uri(before)
    assert (tag_of(run), runlake.get_run(run.info.run_id).data.metrics) == (None, {"loss": 0.5})


def test_a_password_of_the_other_store_stays_out_of_the_tag(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    package = ModuleType("mlflow")
    vars(package).update(get_tracking_uri=lambda: "postgresql://ada:secret@host:5432/runs", active_run=object)
    monkeypatch.setitem(sys.modules, "mlflow", package)
    with runlake.start_run() as run:
        pass
    assert tag_of(run) == "postgresql://host:5432/runs"
    assert "secret" not in caplog.text


@pytest.mark.parametrize(
    ("theirs", "ours", "same"),
    [
        ("runlake:///a/lake", "runlake:///a/./lake", True),
        ("runlake:///a/lake", "runlake:///a/other", False),
        ("http://ada:pw@host", "http://host:80", True),
        ("http://host:5000", "https://host:5000", False),
        ("http://host:5000", "runlake:///a/lake", False),
        ("sqlite:///mlflow.db", "runlake:///a/lake", False),
    ],
)
def test_two_uris_of_one_store_are_one_store(theirs: str, ours: str, same: bool) -> None:
    assert _same_store(theirs, ours) is same


def wait_for_the_next_tick(run: runlake.ActiveRun) -> None:
    """Times of files are those of the kernel's last tick, a few milliseconds ago."""
    wait_past(run.info.start_time)


def wait_past(moment_ms: int | None) -> None:
    while time.time() * 1000 < (moment_ms or 0) + 20:
        time.sleep(0.001)
