"""The page for those who come from MLflow: its programs run, one after the other, in one folder."""

import subprocess
import sys
from pathlib import Path

import pytest

import runlake
from tests.readme.pages import Snippet, snippets

pytest.importorskip("mlflow")

PARTS = list(snippets("coming-from-mlflow.md"))

OLD_STORE = """
import mlflow
mlflow.set_tracking_uri("sqlite:///mlflow.db")
mlflow.set_experiment("old")
with mlflow.start_run(run_name="long ago", tags={"team": "vision"}):
    mlflow.log_param("depth", 6)
    for step in range(5):
        mlflow.log_metric("loss", step / 4, step=step)
    mlflow.log_text("kept", "notes/a.txt")
"""


def test_the_page_has_programs_and_says_how_the_variable_is_set() -> None:
    assert {part.language for part in PARTS} == {"python", "sh"}
    assert sum("MLFLOW_TRACKING_URI=runlake:///path/lake" in part.code for part in PARTS) == 2


@pytest.mark.timeout(180)
def test_the_programs_of_the_page_run_and_leave_one_store(tmp_path: Path) -> None:
    *programs, copying = [part for part in PARTS if part.language == "python"]
    for part in programs:
        run(part.code)
    assert {path.name for path in tmp_path.iterdir()} == {"lake"}
    assert sections_of(programs) == {
        "Replace the import",
        "Keep MLflow's package",
        "Libraries that import mlflow themselves",
    }
    run(OLD_STORE + copying.code)
    runlake.set_tracking_uri("")
    (old,) = runlake.runs("old").collect().to_dicts()
    assert (old["run_name"], old["status"], old["params.depth"], old["tags.team"]) == (
        "long ago",
        "FINISHED",
        6,
        "vision",
    )
    assert runlake.points(old["run_id"], "loss").collect()["value"].to_list() == [step / 4 for step in range(5)]
    assert runlake.artifacts.load_text(f"runs:/{old['run_id']}/notes/a.txt") == "kept"


def sections_of(parts: list[Snippet]) -> set[str]:
    return {part.section for part in parts}


def run(code: str) -> None:
    """Run a program in a process of its own: MLflow keeps where it logs to in globals."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, f"{code}\n{done.stderr}"
