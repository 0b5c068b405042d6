"""`runlake compare`: what differs, for people and for programs."""

import json
from pathlib import Path

import runlake
from tests.cli.conftest import Cli
from tests.cli.terminal import on_terminal


def test_what_differs_is_listed_with_every_digit(cli: Cli, lake: Path) -> None:
    result = cli("compare", "narrow", "broad")
    lines = [line.split("\t") for line in result.out.splitlines()]
    assert result.status == 0
    assert lines[0] == ["kind", "key", "field", "narrow", "broad"]
    assert lines[1:3] == [
        ["attribute", "run_id", "value", "[ID]", "[ID]"],
        ["attribute", "run_name", "value", "narrow", "broad"],
    ]
    assert ["param", "lr", "value", "0.001", "0.1"] in lines
    assert ["metric", "loss", "min", "1.953125e-06", "0.0001953125"] in lines
    assert not [line for line in lines if line[1] in ("depth", "optimizer", "team", "count")]


def test_what_is_alike_is_shown_when_asked(cli: Cli, lake: Path) -> None:
    out = cli("compare", "narrow", "broad", "--all").out
    assert "param\tdepth\tvalue\t6\t6\n" in out
    assert "metric\tloss\tcount\t10\t10\n" in out
    assert "tag\tteam\tvalue\tvision\tvision\n" in out


def test_what_a_run_lacks_is_empty(cli: Cli, lake: Path) -> None:
    assert "param\tlr\tvalue\t0.1\t\n" in cli("compare", "broad", "odd").out


def test_json_has_numbers_for_metrics_and_text_for_the_rest(cli: Cli, lake: Path) -> None:
    rows = {(row["key"], row["field"]): row for row in json.loads(cli("compare", "broad", "odd", "--json").out)}
    assert rows["loss", "latest"] == {
        "kind": "metric",
        "key": "loss",
        "field": "latest",
        "differs": True,
        "runs": {"broad": 0.0001953125, "odd": "-Infinity"},
    }
    assert rows["loss", "count"]["runs"] == {"broad": 10, "odd": 3}
    assert rows["lr", "value"]["runs"] == {"broad": "0.1", "odd": None}


def test_runs_are_found_by_the_beginnings_of_their_ids(cli: Cli, lake: Path) -> None:
    ids = [run.info.run_id for run in runlake.search_runs(experiment_names=["sweep"], output_format="list")]
    assert cli("compare", *(run_id[:10] for run_id in ids)).out.startswith("kind\tkey\tfield\tbroad\tnarrow\n")


def test_runs_of_one_name_are_told_apart_by_their_ids(cli: Cli, lake: Path) -> None:
    with runlake.start_run(run_name="odd"):
        pass
    result = cli("compare", "odd", "narrow")
    assert (result.status, result.out) == (2, "")
    assert "2 runs are called 'odd'" in result.err
    ids = [run.info.run_id for run in runlake.search_runs(experiment_names=["other"], output_format="list")]
    assert cli("compare", *ids).out.startswith("kind\tkey\tfield\t[ID]\t[ID]\n")


def test_mistakes_are_refused(cli: Cli, lake: Path) -> None:
    for arguments, error in (
        (("narrow",), "one run has nothing to be compared with; name another"),
        ((), "missing argument 'RUN...'"),
        (("narrow", "nope"), "no run has the id or name 'nope'"),
    ):
        result = cli("compare", *arguments)
        assert (result.status, result.out) == (2, "")
        assert result.err.startswith(f"error: {error}\nhint: ")


def test_a_terminal_gets_numbers_that_can_be_read(lake: Path) -> None:
    screen = on_terminal(["compare", "narrow", "broad", "--store", str(lake)], columns=100)
    assert "1.95313e-06" in screen
    assert max(map(len, screen.splitlines())) <= 100


def test_one_run_under_two_names_is_not_compared(cli: Cli, lake: Path) -> None:
    result = cli("compare", "broad", "broad")
    assert (result.status, result.out) == (2, "")
    assert result.err == "error: broad and broad are one run, [ID]\nhint: name another to compare it with\n"


def test_a_terminal_has_as_many_runs_as_fit_and_says_so(lake: Path) -> None:
    names = [f"run-{number}" for number in range(9)]
    for number, name in enumerate(names):
        with runlake.start_run(run_name=name):
            runlake.log_param("lr", 0.123456789 * number)
    screen = on_terminal(["compare", *names, "--store", str(lake)], columns=90)
    header = screen.splitlines()[0].split()
    assert header[:3] == ["kind", "key", "field"]
    assert 2 <= len(header[3:]) < 9
    assert f"{9 - len(header[3:])} more runs do not fit; a pipe and --json have all" in screen
    assert "0.123457" in screen
    wide = on_terminal(["compare", *names, "--store", str(lake)], columns=200)
    assert wide.splitlines()[0].split()[3:] == names


def test_names_that_look_like_markup_are_printed_as_they_are(lake: Path) -> None:
    for name in ("[bold]", "[/bold]"):
        with runlake.start_run(run_name=name):
            runlake.log_param("optimizer", name)
    header = on_terminal(["compare", "[bold]", "[/bold]", "--store", str(lake)], columns=100).splitlines()[0]
    assert header.split() == ["kind", "key", "field", "[bold]", "[/bold]"]
