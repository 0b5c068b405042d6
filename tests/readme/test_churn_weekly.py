"""The example of two weeks, run as its user runs it: what it prints, and what is in the store afterwards."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import runlake
from runlake import registry
from runlake.errors import PromotionRefused
from tests.readme.pages import run_all, snippets
from tests.tracking import leftovers

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "churn_weekly.py"
PAGE = "from-search-to-production.md"
PAGE_TITLE = "From search to production"
TRIALS = 80

pytestmark = pytest.mark.timeout(180)


@pytest.fixture(scope="module")
def weeks(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """The folder in which it ran, and what it printed in each week."""
    pytest.importorskip("optuna")
    folder, printed = tmp_path_factory.mktemp("churn"), []
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("RUNLAKE_", "MLFLOW_"))}
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")  # small models, and others test, too
    for week in ("1", "2"):
        command = [sys.executable, "-W", "error", EXAMPLE, week]
        done = subprocess.run(command, cwd=folder, env={**kept, **threads}, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        printed.append(done.stdout)
    return folder, printed


@pytest.fixture
def lake(weeks: tuple[Path, list[str]], tmp_path: Path) -> Iterator[Path]:
    """A copy of its store, in force, in the working directory."""
    root = Path(shutil.copytree(weeks[0] / "lake", tmp_path / "lake"))
    runlake.set_tracking_uri(root)
    yield root
    leftovers.end_all()


def test_every_trial_is_a_run_that_says_what_it_learned_from(lake: Path) -> None:
    runs = runlake.runs("churn-weekly").collect()
    assert runs.height == 2 * TRIALS
    assert runs["status"].unique().to_list() == ["FINISHED"]
    assert runs.group_by("tags.week", "tags.data_snapshot").len().height == 2
    assert runs["metrics.val_auc"].is_between(0.5, 1).all()
    assert runs["metrics.calibration_error"].is_between(0, 0.5).all()


def test_what_is_registered_is_the_best_run_that_passes_the_filter(lake: Path) -> None:
    for version, week in ((1, "1"), (2, "2")):
        runs = runlake.runs("churn-weekly", where=f"tags.week = '{week}'").collect()
        good = runlake.runs(
            "churn-weekly",
            where=f"tags.week = '{week}' AND metrics.val_auc > 0.94 AND metrics.calibration_error < 0.03",
        ).collect()
        best = good.sort("metrics.val_auc", descending=True)[0]
        assert registry.get_model_version("churn", str(version)).run_id == best["run_id"].item()
        assert 0 < good.height < TRIALS
        assert best["metrics.val_auc"].item() < runs["metrics.val_auc"].max(), "the filter has changed the choice"


def test_the_model_has_a_contract_and_a_picture(lake: Path) -> None:
    info = runlake.models.get_model_info("models:/churn/2")
    assert info.signature is not None
    assert [column.name for column in info.signature.inputs] == [
        *("tenure", "monthly_bill", "support_calls", "late_payments", "logins", "discount")
    ]
    model = runlake.pyfunc.load_model("models:/churn/Production")
    assert model.metadata.model_id == info.model_id
    answers = model.predict(model.input_example)
    assert answers.shape == (3, 2)
    assert answers.sum(axis=1) == pytest.approx([1, 1, 1])
    picture = runlake.artifacts.download_artifacts(f"runs:/{info.run_id}/calibration.png")
    assert Path(picture).read_bytes().startswith(b"\x89PNG")
    lineage = registry.lineage("churn", 2)
    assert [data.name for data in lineage.datasets] == ["customers-week-2"]


def test_the_version_of_the_second_week_is_served_and_the_first_is_archived(lake: Path) -> None:
    stages = {found.version: found.current_stage for found in registry.search_model_versions("name = 'churn'")}
    assert stages == {1: "Archived", 2: "Production"}
    registry.verify()
    actions = [event.action for event in registry.log("churn")]
    assert actions == [
        *("create_model", "create_version", "set_gate", "move_version", "post_check", "move_version"),
        *("create_version", "move_version", "post_check", "move_version"),
    ]


def test_each_week_is_refused_once_and_nothing_worse_gets_back_in(weeks: tuple[Path, list[str]], lake: Path) -> None:
    for version, printed in enumerate(weeks[1], 1):
        assert f"version {version} of 'churn' does not become Production: 1 of 7 rules is not met\n  check: " in printed
    with pytest.raises(PromotionRefused, match=r"metrics\.val_auc is larger than that of Production"):
        registry.transition_model_version_stage("churn", 1, "Production")


# -- the page about it

PARTS = list(snippets(PAGE))
AFTERWARDS = ("Serve it", "Look back")


def without_numbers(text: str) -> str:
    """Leave of a text what does not depend on the machine's arithmetic."""
    return re.sub(r"\d+(\.\d+)?", "0", text)


def without_indents(text: str) -> str:
    return "".join(line.strip() + "\n" for line in text.splitlines())


def test_the_page_shows_lines_of_the_example_and_what_it_prints(weeks: tuple[Path, list[str]]) -> None:
    example, printed = without_indents(EXAMPLE.read_text()), without_numbers("".join(weeks[1]))
    shown = [part for part in PARTS if part.section not in (*AFTERWARDS, PAGE_TITLE)]
    assert {part.language for part in shown} == {"python", "text"}
    for part in shown:
        if part.language == "python":
            assert without_indents(part.code) in example, f"line {part.line} of the page"
        else:
            assert without_numbers(part.code) in printed, f"line {part.line} of the page"


def test_what_the_page_does_afterwards_works_on_the_store(lake: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run_all([part for part in PARTS if part.section in AFTERWARDS])
    printed = capsys.readouterr().out
    assert "column 'logins'" in printed
    assert "metrics.val_auc is larger than that of Production -> " in printed
    stages = {found.version: found.current_stage for found in registry.search_model_versions("name = 'churn'")}
    assert stages == {1: "Production", 2: "Archived"}
    assert registry.log("churn")[-1].payload["forced"] == "version 2 does not know the new tariff"
