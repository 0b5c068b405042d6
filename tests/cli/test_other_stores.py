"""`runlake doctor` on stores that MLflow's own package has logged beside."""

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

import runlake
from runlake.fluent.other_store import TAG
from tests.cli.conftest import Cli


@pytest.fixture(autouse=True)
def _package_not_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no run notice for itself what the doctor is to find, whatever other tests have imported."""
    monkeypatch.delitem(sys.modules, "mlflow", raising=False)


def notes(cli: Cli) -> list[dict[str, Any]]:
    """What the doctor says of other stores."""
    report = json.loads(cli("doctor", "--json").out)
    assert report["healthy"], "it is no damage"
    return [check for check in report["checks"] if check["check"] == "other stores"]


def test_a_store_of_its_own_is_all_right(cli: Cli, lake: Path) -> None:
    (found,) = notes(cli)
    assert found["state"] == "ok"


def test_runs_that_met_another_store_are_counted(cli: Cli, lake: Path) -> None:
    for _ in range(2):
        with runlake.start_run(tags={TAG: "http://elsewhere:5000"}):
            pass
    (found,) = notes(cli)
    assert found["state"] == "note"
    assert found["says"] == "2 runs were under way while MLflow's package logged to http://elsewhere:5000"
    assert "MLFLOW_TRACKING_URI=runlake://[FOLDER]/lake" in found["hint"]


@pytest.mark.parametrize("place", ["mlflow.db", "mlruns/0/abc/meta.yaml", "lightning_logs/mlruns/0/abc/meta.yaml"])
def test_files_that_mlflow_wrote_during_a_run_are_named(cli: Cli, lake: Path, tmp_path: Path, place: str) -> None:
    written(tmp_path / place, before := 1_000_000_000)
    assert [found["state"] for found in notes(cli)] == ["ok"]
    with runlake.start_run(run_name="training") as run:
        written(tmp_path / place, run.info.start_time / 1000 + 0.5)
        (found,) = notes(cli)
    assert found["state"] == "note"
    assert found["says"].startswith(f"[FOLDER]/{place.removesuffix('/0/abc/meta.yaml')} was written to at ")
    assert f"while run training ({run.info.run_id[:8]}) was under way" in found["says"]
    written(tmp_path / place, before)
    assert [found["state"] for found in notes(cli)] == ["ok"]


def written(path: Path, seconds: float) -> None:
    """Make a file as MLflow leaves it, last written at a time."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    os.utime(path, (seconds, seconds))
    if path.name == "meta.yaml":
        (path.parents[1] / "meta.yaml").touch()
