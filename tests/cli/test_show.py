"""`runlake show` and `runlake points`."""

import json
from pathlib import Path

import pytest

import runlake
from tests.cli.conftest import Cli


def test_a_run_is_shown_with_all_it_has(cli: Cli, lake: Path) -> None:
    out = cli("show", "broad").out
    assert "run_name\tbroad\nexperiment\tsweep\nstatus\tFINISHED\n" in out
    assert "\n# params\ndepth\t6\nlr\t0.1\noptimizer\tsgd\n" in out
    assert "\n# metrics\nloss\t0.0001953125\nval_accuracy\t1.0\n" in out
    assert "\nteam\tvision\n" in out
    assert "\nclasses.txt\t8 B\n" in out


def test_a_run_as_json(cli: Cli, lake: Path) -> None:
    shown = json.loads(cli("show", "broad", "--json").out)
    assert shown["params"] == {"depth": "6", "lr": "0.1", "optimizer": "sgd"}
    assert shown["run"]["run_id"] == "[ID]"
    assert {"path": "classes.txt", "bytes": 8} in shown["artifacts"]


def test_a_run_is_found_by_id_and_by_the_beginning_of_it(cli: Cli, lake: Path) -> None:
    run_id = runlake.search_runs(experiment_names=["other"], output_format="list")[0].info.run_id
    for name in (run_id, run_id[:12]):
        assert "run_name\todd\n" in cli("show", name).out


def test_a_name_of_two_runs_lists_them(cli: Cli, lake: Path) -> None:
    with runlake.start_run(run_name="broad"):
        pass
    result = cli("show", "broad")
    assert (result.status, result.out) == (2, "")
    assert result.err == (
        "error: 2 runs are called 'broad':\n  [ID]  broad\n  [ID]  broad\nhint: give more of the id\n"
    )


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("boad", "did you mean broad?"),
        ("n", "did you mean narrow?"),
        ("", "`runlake runs` lists what there is"),
        ("something else", "`runlake runs` lists what there is"),
    ],
)
def test_a_run_that_does_not_exist_is_refused(cli: Cli, lake: Path, name: str, hint: str) -> None:
    result = cli("show", name)
    assert (result.status, result.out) == (2, "")
    assert result.err == f"error: no run has the id or name {name!r}\nhint: {hint}\n"


def test_of_many_runs_whose_names_begin_so_three_are_named(cli: Cli, lake: Path) -> None:
    for number in range(5):
        with runlake.start_run(run_name=f"lr-0.{number}"):
            pass
    assert cli("show", "lr").err.endswith("hint: did you mean lr-0.0 or lr-0.1 or lr-0.2 or 2 others?\n")


def test_points_are_printed_in_order_of_steps_with_every_digit(cli: Cli, lake: Path) -> None:
    lines = cli("points", "narrow", "loss").out.splitlines()
    assert lines[:3] == ["step\ttimestamp\tvalue", "0\t[TIME]\t0.001", "1\t[TIME]\t0.0005"]
    assert len(lines) == 11


def test_points_as_json_keep_nan_and_infinities(cli: Cli, lake: Path) -> None:
    rows = json.loads(cli("points", "odd", "loss", "--json").out)
    assert [(row["step"], row["value"]) for row in rows] == [(0, 1.0), (1, "NaN"), (2, "-Infinity")]


def test_points_of_a_live_run_of_this_moment_are_there(cli: Cli, lake: Path) -> None:
    with runlake.start_run(run_name="live") as run:
        run.log({"loss": 0.5}, step=3)
        assert cli("points", "live", "loss").out.splitlines()[1] == "3\t[TIME]\t0.5"


@pytest.mark.parametrize(("option", "rows"), [(("--limit", "4"), 4), (("--buckets", "5"), 5)])
def test_points_can_be_cut_and_reduced(cli: Cli, lake: Path, option: tuple[str, str], rows: int) -> None:
    assert len(cli("points", "broad", "loss", *option).out.splitlines()) == 1 + rows


def test_a_metric_that_was_never_logged_is_refused(cli: Cli, lake: Path) -> None:
    result = cli("points", "broad", "los")
    assert (result.status, result.out) == (2, "")
    assert result.err == "error: run broad never logged 'los'\nhint: its metrics are loss, val_accuracy\n"


def test_the_ledger_is_shown_when_something_is_not_stored(cli: Cli, lake: Path) -> None:
    with runlake.start_run(run_name="thin") as run:
        run.throttle("k", every=5)
        for step in range(10):
            runlake.log_metrics({"k": 0.0, "whole": 0.0}, step=step)
    assert "# ledger\nkey\taccepted\tstored\tmerged\tdropped\nk\t10\t3\t0\t7 throttled (steps 1 to 8)\n" in (
        cli("show", "thin").out
    )
    assert "whole\t10" not in cli("show", "thin").out
    assert "whole\t10\t10\t0\t0\n" in cli("show", "thin", "--ledger").out
    assert "ledger" not in cli("show", "broad").out
    of_whole = json.loads(cli("show", "thin", "--json").out)["ledger"][1]
    assert of_whole == {
        "key": "whole",
        "accepted": 10,
        "stored": 10,
        "merged": 0,
        "dropped": {},
        "in_flight": 0,
        "stretches": [],
    }
