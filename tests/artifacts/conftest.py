"""Fixtures: an empty artifact root, and the official client as a judge."""

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from runlake.artifacts import Artifacts

PRELUDE = """
import json, sys, mlflow
client = mlflow.MlflowClient(tracking_uri="sqlite:///judge.db")
run = client.create_run(client.create_experiment("judge", artifact_location="judged"))
run_id, root = run.info.run_id, run.info.artifact_uri
"""


@pytest.fixture
def artifacts(tmp_path: Path) -> Artifacts:
    return Artifacts(tmp_path / "root")


@pytest.fixture
def mlflow_says(tmp_path: Path) -> Callable[[str], Any]:
    """Run a program with MLflow's `client`, a new run's `run_id` and its `root`; give the JSON that it prints last."""
    if importlib.util.find_spec("mlflow") is None:
        pytest.skip("mlflow, the judge, is not installed")

    def run(program: str) -> Any:
        done = subprocess.run(
            [sys.executable, "-c", PRELUDE + program],
            cwd=tmp_path,
            env={**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.splitlines()[-1])

    return run
