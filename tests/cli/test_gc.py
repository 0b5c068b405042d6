"""`runlake gc`."""

import json
from pathlib import Path

import pytest

import runlake
from runlake.store import get_store
from tests.cli.conftest import Cli


@pytest.fixture
def lake_with_deleted_run(lake: Path) -> Path:
    """A store of three runs, one of which was deleted a moment ago."""
    (run_id,) = [run.info.run_id for run in runlake.MlflowClient().search_runs(["0"], "", 1)] or [_run_named("odd")]
    runlake.delete_run(run_id)
    get_store(lake).close()
    return lake


def _run_named(name: str) -> str:
    found = runlake.search_runs(search_all_experiments=True, filter_string=f"run_name = '{name}'", output_format="list")
    return str(found[0].info.run_id)


def test_nothing_is_removed_unless_it_is_asked_for(cli: Cli, lake_with_deleted_run: Path) -> None:
    assert cli("gc").err == "there is nothing to remove\n"
    result = cli("gc", "--older-than", "0s")
    assert result.status == 0
    assert result.out.splitlines()[0] == "kind\tname\tpoints\tbytes\tsince\twhy\twhat"
    assert result.out.splitlines()[1].startswith("run\t[ID]\t")
    assert result.out.splitlines()[1].endswith("\todd, deleted\twould go")
    assert "1 runs, 0 experiments and 0 files would go" in result.err
    assert cli("gc", "--older-than", "0s").out == result.out


def test_what_is_removed_is_gone(cli: Cli, lake_with_deleted_run: Path) -> None:
    result = cli("gc", "--older-than", "0s", "--delete")
    assert result.out.splitlines()[1].endswith("\todd, deleted\tremoved")
    assert "1 runs, 0 experiments and 0 files removed" in result.err
    assert cli("gc", "--older-than", "0s", "--delete").err == "there was nothing to remove\n"
    assert runlake.points().collect().height == 22
    assert json.loads(cli("doctor", "--json").out)["healthy"]


def test_what_would_go_as_json(cli: Cli, lake_with_deleted_run: Path) -> None:
    said = json.loads(cli("gc", "--older-than", "0s", "--json").out)
    assert said["deleted"] is False
    assert [(item["kind"], item["why"]) for item in said["going"]] == [("run", "odd, deleted")]
    assert said["kept"] == []


@pytest.mark.parametrize("age", ["30", "d", "1d1d", "-1d", ""])
def test_an_age_needs_its_unit(cli: Cli, lake: Path, age: str) -> None:
    result = cli("gc", "--older-than", age)
    assert (result.status, result.out) == (2, "")
    assert "is no span of time; write 30d, 12h or 1d2h3m4s" in result.err


def test_ages_add_up(cli: Cli, lake_with_deleted_run: Path) -> None:
    assert cli("gc", "--older-than", "1d2h3m4s").err == "there is nothing to remove\n"


def test_a_run_can_be_named(cli: Cli, lake_with_deleted_run: Path) -> None:
    (deleted,) = get_store(lake_with_deleted_run).catalog.deleted_runs(1 << 62)
    refused = cli("gc", "--run", _run_named("broad"))
    assert (refused.status, "is not deleted" in refused.err) == (2, True)
    assert cli("gc", "--run", deleted.run_id, "--older-than", "1h").err == "there is nothing to remove\n"
    assert cli("gc", "--run", deleted.run_id).out.splitlines()[1].endswith("\todd, deleted\twould go")
    assert "1 runs, 0 experiments and 0 files removed" in cli("gc", "--run", deleted.run_id, "--delete").err
