"""Scripts that use MLflow's package on a store: killed, forked, left without an end, and beside runlake's own calls."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import runlake
from tests.mlflow_plugin.conftest import uri

KILLED = """
import os, signal, mlflow
with mlflow.start_run():
    for step in range(2000):
        mlflow.log_metric("loss", step / 4, step=step)
    mlflow.log_metrics({"late": 1.0}, step=1, synchronous=False)
    mlflow.log_param("lr", 0.1)
    os.kill(os.getpid(), signal.SIGKILL)
"""

FORKED_AND_LEFT_OPEN = """
import os, mlflow
run = mlflow.start_run(run_name="left")
mlflow.log_metric("parent", 1.0)
child = os.fork()
if not child:
    mlflow.MlflowClient().log_metric(run.info.run_id, "child", 2.0)
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
mlflow.log_metric("parent", 3.0, step=1)
"""

MIXED = """
import mlflow, runlake
with runlake.start_run(run_name="ours"):
    runlake.log_metric("loss", 0.5)
    with mlflow.start_run(run_name="of a library"):
        mlflow.log_metric("loss", 0.25)
"""


def script(code: str, lake: Path, *, status: int = 0) -> None:
    """Run a program as a user would: with the store in MLFLOW_TRACKING_URI and nothing else."""
    environment = runlake.config.environment_with(MLFLOW_TRACKING_URI=uri(lake))
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, cwd=lake.parent, timeout=50
    )
    assert done.returncode == status, done.stderr


def runs(lake: Path) -> Any:
    runlake.set_tracking_uri(lake)
    return runlake.runs().collect()


def test_points_logged_before_sigkill_are_all_there(lake: Path) -> None:
    script(KILLED, lake, status=-9)
    (row,) = runs(lake).to_dicts()
    assert (row["status"], row["params.lr"], row["metrics.late"]) == ("RUNNING", 0.1, 1.0)
    values = runlake.points(row["run_id"], "loss").sort("step").collect()["value"].to_list()
    assert values == [step / 4 for step in range(2000)]


def test_a_forked_child_logs_into_the_run_of_its_parent_which_ends_with_the_interpreter(lake: Path) -> None:
    script(FORKED_AND_LEFT_OPEN, lake)
    (row,) = runs(lake).select("run_name", "status", "metrics.parent", "metrics.child").rows()
    assert row == ("left", "FINISHED", 3.0, 2.0)


def test_a_library_that_imports_mlflow_logs_beside_runlake_into_one_store(lake: Path) -> None:
    script(MIXED, lake)
    assert sorted(runs(lake)["run_name"]) == ["of a library", "ours"]
    assert {path.name for path in lake.parent.iterdir()} == {lake.name}


def test_what_mlflow_loads_when_it_is_imported_is_light() -> None:
    code = "import json, sys, runlake.mlflow_plugin; print(json.dumps([name.split('.')[0] for name in sys.modules]))"
    loaded = json.loads(subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout)
    assert not {"mlflow", "polars", "pandas", "fastapi"} & set(loaded)
