"""`runlake compact`."""

import json
from pathlib import Path

import pytest

import runlake
from runlake.store import get_store
from tests.cli.conftest import Cli


@pytest.fixture(autouse=True)
def _by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNLAKE_COMPACT_IN_BACKGROUND", "0")


def log_and_seal(lake: Path, count: int) -> None:
    for number in range(count):
        with runlake.start_run(run_name=f"more-{number}") as run:
            run.log({"loss": float(number)}, step=number)
        get_store(lake).seal()


def test_segments_of_an_experiment_become_one(cli: Cli, lake: Path) -> None:
    log_and_seal(lake, 4)
    get_store(lake).close()
    before = runlake.points().collect().sort("run_id", "key", "step")
    result = cli("compact")
    assert (result.status, result.out) == (0, "")
    assert "5 segments became 2: 29 points" in result.err
    assert "4 replaced ones" in result.err
    assert runlake.points().collect().sort("run_id", "key", "step").equals(before)
    assert cli("compact").err.startswith("2 segments became 2: 29 points")


def test_what_was_done_as_json(cli: Cli, lake: Path) -> None:
    log_and_seal(lake, 3)
    said = json.loads(cli("compact", "--json").out)
    assert (said["files_before"], said["files_after"], said["points"]) == (4, 2, 28)
    assert said["kept_for_readers"]["files"] == 3
    assert said["bytes_after"] < said["bytes_before"]


def test_a_store_without_segments_has_nothing_to_merge(cli: Cli, tmp_path: Path) -> None:
    get_store(tmp_path / "empty").close()
    result = cli("compact", "--store", str(tmp_path / "empty"))
    assert result.err == "0 segments became 0: 0 points, 0 B before, 0 B now\n"


def test_replaced_files_are_no_finding_of_doctor(cli: Cli, lake: Path) -> None:
    log_and_seal(lake, 3)
    cli("compact")
    said = json.loads(cli("doctor", "--json").out)
    assert said["healthy"]
    assert not any("does not list" in check["says"] for check in said["checks"])
