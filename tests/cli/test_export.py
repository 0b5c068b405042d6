"""`runlake export`."""

import json
import os
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from tests.cli.conftest import Cli


def test_runs_are_written_as_the_suffix_says(cli: Cli, lake: Path, tmp_path: Path) -> None:
    result = cli("export", str(tmp_path / "runs.parquet"))
    assert (result.status, result.out) == (0, "")
    assert result.err.startswith("[FOLDER]/runs.parquet: ")
    frame = pl.read_parquet(tmp_path / "runs.parquet")
    assert frame["run_name"].to_list() == ["narrow", "broad", "odd"]
    assert frame["params.lr"].to_list() == [0.001, 0.1, None]


def test_a_filter_and_an_experiment_choose_the_runs(cli: Cli, lake: Path, tmp_path: Path) -> None:
    cli("export", str(tmp_path / "runs.arrow"), "-e", "sweep", "-w", "params.lr < 0.01")
    assert pl.read_ipc(tmp_path / "runs.arrow")["run_name"].to_list() == ["narrow"]


def test_points_are_those_of_the_chosen_runs_and_keys(cli: Cli, lake: Path, tmp_path: Path) -> None:
    path = str(tmp_path / "points.parquet")
    assert cli("export", path, "--what", "points", "-w", "params.lr < 0.01", "-k", "lo*").status == 0
    points = pl.read_parquet(path)
    assert (points.height, points["key"].unique().to_list()) == (10, ["loss"])
    assert cli("export", path, "--what", "points", "--overwrite").status == 0
    assert pl.read_parquet(path).height == 25


def test_a_dash_is_csv_on_stdout(lake: Path) -> None:
    command = [sys.executable, "-m", "runlake", "export", "-", "--store", str(lake), "-w", "params.lr > 0.01"]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    header, row = done.stdout.splitlines()
    assert header.startswith("run_name,params.depth,")
    assert ",broad," in row
    assert done.stderr == ""


def test_parquet_on_stdout_has_to_be_asked_for(lake: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "runlake", "export", "-", "--format", "parquet", "--store", str(lake)]
    with (tmp_path / "f").open("wb") as file:
        subprocess.run(command, check=True, stdout=file)
    assert pl.read_parquet(tmp_path / "f").height == 3


def test_a_reader_that_closes_the_pipe_ends_the_export_quietly(lake: Path) -> None:
    read, write = os.pipe()
    os.close(read)
    command = [sys.executable, "-m", "runlake", "export", "-", "--what", "points", "--store", str(lake)]
    with open(write, "wb") as pipe:
        done = subprocess.run(command, stdout=pipe, stderr=subprocess.PIPE, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_json_says_what_was_written(cli: Cli, lake: Path, tmp_path: Path) -> None:
    result = cli("export", str(tmp_path / "runs.csv"), "--json")
    size = (tmp_path / "runs.csv").stat().st_size
    assert json.loads(result.out) == {"path": "[FOLDER]/runs.csv", "bytes": size}


def test_a_file_that_is_there_is_refused_and_kept(cli: Cli, lake: Path, tmp_path: Path) -> None:
    (tmp_path / "runs.csv").write_text("precious")
    result = cli("export", str(tmp_path / "runs.csv"))
    assert (result.status, result.out) == (2, "")
    assert result.err == "error: [FOLDER]/runs.csv is there already\nhint: overwrite replaces it\n"
    assert (tmp_path / "runs.csv").read_text() == "precious"
    assert cli("export", str(tmp_path / "runs.csv"), "--overwrite").status == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("runs.xlsx",), "error: 'runs.xlsx' has the suffix '.xlsx'\nhint: known are .parquet, "),
        (("nowhere/runs.csv",), "error: there is no folder [FOLDER]/nowhere\nhint: make it first\n"),
        (("runs.csv", "-k", "loss"), "error: --keys chooses among points\nhint: add --what points\n"),
        (("runs.csv", "-e", "sweeep"), "error: there is no experiment 'sweeep'\nhint: did you mean sweep?\n"),
        (("runs.csv", "--what", "point"), "error: invalid value for '--what': 'point' is not one of"),
        (
            ("points.csv", "--what", "points", "-k", "val_*", "-k", "los"),
            "error: no run has the metric 'los'\nhint: did you mean loss?\n",
        ),
        (("-", "--json"), "error: stdout takes the export or the JSON that describes it\nhint: leave out --json\n"),
        (("runs.csv", "-w", "params.lr >"), "error: filter needs a value here"),
    ],
)
def test_mistakes_are_said_with_what_helps_and_leave_no_file(
    cli: Cli, lake: Path, tmp_path: Path, arguments: tuple[str, ...], said: str
) -> None:
    result = cli("export", *arguments)
    assert (result.status, result.out) == (2, "")
    assert result.err.startswith(said), result.err
    assert not list(tmp_path.glob("*.csv"))
