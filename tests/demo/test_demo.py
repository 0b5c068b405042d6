"""`runlake demo`: the whole way, with a few short runs instead of ninety-six."""

import json
import math
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

import runlake
from runlake.demo import digits, program
from runlake.demo.program import Report
from runlake.demo.settings import Settings
from runlake.store import get_store

RUNS = [Settings(lr, 16, 0.9, seed, epochs=2) for seed, lr in enumerate((0.0001, 0.03))]
POINTS = sum(run.batches * 4 + run.epochs * 2 for run in RUNS)


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Report, Report]]:
    """A store that the demo was run in twice, and what it said."""
    root = tmp_path_factory.mktemp("demo") / "lake"
    yield root, program.run(root, RUNS), program.run(root, RUNS)
    get_store(root).close()


@pytest.fixture(autouse=True)
def in_the_store(swept: tuple[Path, Report, Report]) -> None:
    runlake.set_tracking_uri(str(swept[0]))


def test_the_demo_runs_twice_in_one_store(swept: tuple[Path, Report, Report]) -> None:
    _, first, second = swept
    assert (first.points, second.points) == (POINTS, POINTS)
    assert runlake.points(runlake.runs("digits-sweep")).select("step").collect().height == 2 * POINTS
    assert runlake.runs("digits-sweep", where="status = 'FINISHED'").collect().height == 2 * len(RUNS)


def test_runs_go_on_in_several_processes_at_once(swept: tuple[Path, Report, Report]) -> None:
    assert swept[1].processes == len(RUNS)
    assert runlake.points().select("writer").collect()["writer"].n_unique() >= 2 * 2


def test_the_answer_is_what_its_filter_says(swept: tuple[Path, Report, Report]) -> None:
    answer = swept[2].answer
    assert answer["run_name"].to_list() == ["lr0.03-h16-m0.9"]
    assert answer["params.lr"].is_between(1e-3, 1e-1).all()
    assert (answer["metrics.val_accuracy"] > 0.9).all()


def test_every_run_has_parameters_tags_metrics_and_a_picture(swept: tuple[Path, Report, Report]) -> None:
    for run in runlake.search_runs(experiment_names=["digits-sweep"], output_format="list"):
        assert {"lr", "hidden", "momentum", "batch_size", "epochs", "seed"} <= set(run.data.params)
        assert {"loss", "accuracy", "grad_norm", "lr", "val_accuracy", "val_loss"} == set(run.data.metrics)
        assert {"sweep", "model"} <= set(run.data.tags)
        picture = Path(run.info.artifact_uri, "confusion.png")
        assert picture.read_bytes().startswith(b"\x89PNG")


def test_what_a_terminal_would_have_shown_is_kept_with_every_run(swept: tuple[Path, Report, Report]) -> None:
    for run in runlake.search_runs(experiment_names=["digits-sweep"], output_format="list"):
        console = Path(run.info.artifact_uri, "console.log").read_text()
        assert "epoch  2/2  val_accuracy" in console


def test_the_best_network_is_the_challenger_and_a_weaker_one_says_why_it_is_not(
    swept: tuple[Path, Report, Report],
) -> None:
    model = runlake.registry.get_registered_model("digits")
    assert model.aliases["challenger"] == int(swept[2].challenger) == 5
    assert model.aliases["champion"] == 2
    assert "models:/digits@champion" in model.description
    report = runlake.registry.evaluate("digits", "1", "@champion")
    assert {rule.rule for rule in report.unmet} >= {"require", "better_than"}
    best = runlake.registry.get_model_version("digits", "4")
    assert runlake.get_run(best.run_id).info.run_name == "lr0.03-h16-m0.9"
    assert runlake.get_run(best.run_id).data.tags["mlflow.note.content"].startswith("Registered as version 4 of")


def test_a_registered_network_tells_digits(swept: tuple[Path, Report, Report]) -> None:
    data = digits.load()
    model = runlake.pyfunc.load_model("models:/digits@challenger")
    assert (model.predict(data.val_images) == data.val_labels).mean() > 0.8


def test_a_registered_run_has_a_report_of_every_kind_of_file(swept: tuple[Path, Report, Report]) -> None:
    version = runlake.registry.get_model_version_by_alias("digits", "challenger")
    folder = Path(runlake.get_run(version.run_id).info.artifact_uri, "report")
    names = {"summary.json", "report.md", "mistakes.csv", "mistakes.png", "predictions.parquet"}
    assert {path.name for path in folder.iterdir()} == names
    table = pl.read_parquet(folder / "predictions.parquet")
    mistakes = pl.read_csv(folder / "mistakes.csv")
    summary = json.loads((folder / "summary.json").read_text())
    assert len(table) == summary["images"] == 360
    assert table.filter(~pl.col("right")).height == len(mistakes) == summary["mistakes"]


def test_checks_beside_the_sweep_are_nested_runs_and_one_that_failed(swept: tuple[Path, Report, Report]) -> None:
    runs = runlake.search_runs(experiment_names=["digits-checks"], output_format="list")
    assert Counter(run.info.status for run in runs) == {"FINISHED": 8, "FAILED": 2}
    parents = Counter(run.data.tags["mlflow.parentRunId"] for run in runs if "mlflow.parentRunId" in run.data.tags)
    assert list(parents.values()) == [3, 3]
    failed = next(run for run in runs if run.info.status == "FAILED")
    assert math.isnan(failed.data.metrics["loss"])
    assert "Diverged: the loss is NaN at step" in Path(failed.info.artifact_uri, "console.log").read_text()


def test_numbers_of_the_report_are_plausible(swept: tuple[Path, Report, Report]) -> None:
    report = swept[2]
    assert 0 < report.logging_share < 0.5
    assert 0 < report.bytes_per_point < 100  # of files with few points; the whole sweep has less than 4
    assert report.points_per_second == pytest.approx(report.points / report.seconds)


def test_the_report_says_what_to_try_next(
    swept: tuple[Path, Report, Report], capsys: pytest.CaptureFixture[str]
) -> None:
    program.show(swept[2], given_store="my lake")
    out = capsys.readouterr().out
    assert f"{POINTS:,}" in out
    assert "runs --store 'my lake' --where" in out
    json.dumps(swept[2].to_dictionary())


def test_without_scikit_learn_the_extra_is_named(tmp_path: Path) -> None:
    code = "import sys; sys.modules['sklearn'] = None; from runlake.cli import main; main(['demo'])"
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (2, "")
    assert "hint: pip install 'runlake[demo]'" in done.stderr
    assert list(tmp_path.iterdir()) == []
