"""`runlake runs`."""

import json
from pathlib import Path

import pytest

import runlake
from tests.cli.conftest import Cli
from tests.cli.terminal import on_terminal


def names(text: str) -> list[str]:
    return [line.split("\t")[0] for line in text.splitlines()[1:]]


def test_runs_are_listed_newest_first(cli: Cli, lake: Path) -> None:
    assert names(cli("runs").out) == ["odd", "broad", "narrow"]


def test_chosen_columns_are_printed_in_their_order(cli: Cli, lake: Path) -> None:
    result = cli("runs", "-e", "sweep", "--columns", "params.lr,run_name,metrics.*")
    assert result.out == (
        "params.lr\trun_name\tmetrics.loss\tmetrics.val_accuracy\n"
        "0.1\tbroad\t0.0001953125\t1.0\n"
        "0.001\tnarrow\t1.953125e-06\t0.901\n"
    )
    assert result.status == 0


def test_a_filter_compares_parameters_as_numbers(cli: Cli, lake: Path) -> None:
    result = cli("runs", "--where", "params.lr BETWEEN 1e-4 AND 1e-2", "--columns", "run_name")
    assert result.out == "run_name\nnarrow\n"


def test_runs_are_sorted_by_a_column_and_runs_without_it_come_last(cli: Cli, lake: Path) -> None:
    assert names(cli("runs", "--sort", "metrics.val_accuracy").out) == ["narrow", "broad", "odd"]
    assert names(cli("runs", "--sort", "metrics.val_accuracy DESC").out) == ["broad", "narrow", "odd"]


def test_a_limit_is_said_on_stderr(cli: Cli, lake: Path) -> None:
    result = cli("runs", "--limit", "1")
    assert (names(result.out), result.err) == (["odd"], "1 of 3 runs; --limit 0 shows all\n")


def test_json_has_every_column_and_text_for_what_json_cannot_say(cli: Cli, lake: Path) -> None:
    result = cli("runs", "--json", "--sort", "run_name")
    broad, _narrow, odd = json.loads(result.out)
    assert (broad["run_name"], broad["params.lr"], broad["tags.team"]) == ("broad", 0.1, "vision")
    assert broad["start_time"] == "[TIME]"
    assert (odd["metrics.loss"], odd["params.lr"]) == ("-Infinity", None)


def test_deleted_runs_are_listed_when_asked_for(cli: Cli, lake: Path) -> None:
    runlake.delete_run(runlake.search_runs(experiment_names=["other"], output_format="list")[0].info.run_id)
    assert names(cli("runs").out) == ["broad", "narrow"]
    assert names(cli("runs", "--deleted").out) == ["odd"]


def test_an_experiment_that_does_not_exist_is_refused(cli: Cli, lake: Path) -> None:
    result = cli("runs", "--experiment", "sweeep")
    assert (result.status, result.out) == (2, "")
    assert result.err == "error: there is no experiment 'sweeep'\nhint: did you mean sweep?\n"


def test_a_column_that_does_not_exist_is_refused(cli: Cli, lake: Path) -> None:
    result = cli("runs", "--sort", "metrics.val_acuracy")
    assert result.status == 2
    assert result.err == "error: no run has the metric 'val_acuracy'\nhint: did you mean metrics.val_accuracy?\n"
    result = cli("runs", "--columns", "run_nam")
    assert (result.status, result.err) == (
        2,
        "error: no column is called 'run_nam'\nhint: did you mean run_name or run_id?\n",
    )


def test_runs_are_sorted_by_what_a_series_had_and_by_parameters_as_numbers(cli: Cli, lake: Path) -> None:
    assert names(cli("runs", "--sort", "count(metrics.loss)").out) == ["odd", "broad", "narrow"]
    assert names(cli("runs", "--sort", "params.lr DESC").out) == ["broad", "narrow", "odd"]


def test_a_mistake_in_a_filter_is_shown_where_it_is(cli: Cli, lake: Path) -> None:
    result = cli("runs", "--where", "params.lr >> 3")
    assert (result.status, result.out) == (2, "")
    assert "^" in result.err
    assert "hint:" in result.err


def test_a_terminal_shows_what_was_asked_about_before_what_was_not(lake: Path) -> None:
    question = ["--where", "params.depth = 6", "--sort", "metrics.val_accuracy DESC"]
    header = on_terminal(["runs", *question, "--store", str(lake)], columns=70).splitlines()[0]
    assert header.split() == ["run_name", "run_id", "val_accuracy", "depth", "status"]


def test_functions_and_keys_that_no_run_has_name_no_column(lake: Path) -> None:
    question = ["--where", "params.width IS NULL", "--sort", "min(metrics.loss)"]
    lines = on_terminal(["runs", *question, "--store", str(lake)], columns=70).splitlines()
    header = next(line for line in lines if line.startswith("run_name"))
    assert header.split()[:4] == ["run_name", "run_id", "status", "start_time"]


def test_pipes_have_the_same_columns_whatever_is_asked(cli: Cli, lake: Path) -> None:
    headers = [cli("runs", *sort).out.splitlines()[0] for sort in ((), ("--sort", "metrics.val_accuracy"))]
    plain, asked = ([name for name in header.split("\t") if "tags." not in name] for header in headers)
    assert plain == asked


def test_chosen_columns_that_do_not_fit_are_printed_below_each_other(lake: Path) -> None:
    screen = on_terminal(["runs", "-e", "sweep", "--columns", "*", "--store", str(lake)], columns=60)
    rows = [line.split() for line in screen.splitlines()]
    assert [row[1] for row in rows if row[:1] == ["run_name"]] == ["broad", "narrow"]
    assert ["optimizer", "sgd"] in rows
    assert ["tags.team", "vision"] in rows
    assert max(map(len, screen.splitlines())) <= 60


def test_chosen_columns_that_fit_are_a_table(lake: Path) -> None:
    screen = on_terminal(["runs", "-e", "sweep", "--columns", "run_name,params.*", "--store", str(lake)], columns=60)
    assert [line.split() for line in screen.splitlines() if "sgd" in line] == [
        ["broad", "6", "0.1", "sgd"],
        ["narrow", "6", "0.001", "sgd"],
    ]


def test_a_terminal_is_told_that_no_run_was_found(lake: Path) -> None:
    assert "no run found" in on_terminal(["runs", "-w", "params.lr > 9", "--store", str(lake)], columns=80)


@pytest.mark.parametrize("option", ["--experiment", "--sort", "--columns"])
def test_an_empty_choice_is_refused(cli: Cli, lake: Path, option: str) -> None:
    result = cli("runs", option, "")
    assert (result.status, result.out) == (2, "")
    assert result.err.endswith(f"'{option}': it is empty\nhint: runlake runs --help says what there is\n")


def test_a_comma_too_many_among_columns_is_none(cli: Cli, lake: Path) -> None:
    assert cli("runs", "--columns", "run_name,").out == "run_name\nodd\nbroad\nnarrow\n"
    assert cli("runs", "--columns", ",").err.startswith("error: no column is called ''\n")


def test_a_limit_beyond_every_store_is_all_and_others_are_refused(cli: Cli, lake: Path) -> None:
    assert names(cli("runs", "--limit", str(10**30)).out) == ["odd", "broad", "narrow"]
    for limit, said in (("-1", "-1 is not in the range x>=0"), ("ten", "'ten' is not a valid whole number")):
        result = cli("runs", "--limit", limit)
        assert result.status == 2
        assert result.err == (
            f"error: invalid value for '-n' / '--limit': {said}\nhint: runlake runs --help says what there is\n"
        )


def test_a_name_cannot_command_the_terminal(lake: Path) -> None:
    with runlake.start_run(run_name="\x1b[2J\x07gone"):
        pass
    for command in (["runs"], ["runs", "--columns", "*"], ["show", "\x1b[2J\x07gone"]):
        screen = on_terminal([*command, "--store", str(lake)], columns=80)
        assert "\x1b" not in screen
        assert "\\x1b[2J\\x07gone" in screen


def test_a_very_long_name_leaves_room_for_other_columns(lake: Path) -> None:
    with runlake.start_run(run_name="x" * 200):
        pass
    header = on_terminal(["runs", "--store", str(lake)], columns=80).splitlines()[0]
    assert header.split()[:3] == ["run_name", "run_id", "status"]
