"""`runlake seal`."""

import json
from pathlib import Path

import polars as pl

import runlake
from runlake.store import get_store
from tests.cli.conftest import Cli


def sealed_rows(lake: Path) -> int:
    return sum(pl.read_parquet(path).height for path in lake.glob("segments/*/*.parquet"))


def test_what_ended_processes_logged_becomes_parquet(cli: Cli, lake: Path) -> None:
    get_store(lake).close()
    assert sealed_rows(lake) == 0
    assert cli("seal").err == "25 points sealed\n"
    assert sealed_rows(lake) == 25
    assert cli("seal").err == "0 points sealed\n"


def test_points_of_a_process_that_is_logging_are_left_to_it_and_counted(cli: Cli, lake: Path) -> None:
    get_store(lake).close()
    with runlake.start_run() as run:
        run.log({"loss": 0.5}, step=0)
        assert json.loads(cli("seal", "--json").out) == {"sealed": 25, "in_journals": 1}
        assert cli("seal").err == "0 points sealed; 1 of processes that are logging stay in their journals\n"
