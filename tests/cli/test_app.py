"""The program itself: versions, help, mistakes, pipes and terminals."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import runlake
from tests.cli.conftest import Cli
from tests.cli.terminal import on_terminal

COMMANDS = (
    *("demo", "ui", "runs", "show", "points", "compare", "export", "seal", "server", "sync", "status"),
    *("users", "tokens", "grant", "doctor", "bench", "compact", "gc", "models", "registry"),
)


def test_the_version_is_printed(cli: Cli) -> None:
    assert cli("--version").out == f"runlake {runlake.__version__}\n"


def test_python_m_runlake_is_the_same_program() -> None:
    done = subprocess.run([sys.executable, "-m", "runlake", "--version"], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, f"runlake {runlake.__version__}\n")


def test_help_lists_every_command(cli: Cli) -> None:
    result = cli("--help")
    assert result.status == 0
    assert all(f"  {command} " in result.out for command in COMMANDS)
    assert "..." not in result.out.partition("Commands:")[2]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_takes_a_store_and_json(cli: Cli, command: str) -> None:
    subcommand = ("list",) if command in ("users", "tokens", "models", "registry") else ()
    out = cli(command, *subcommand, "--help").out
    takes_store = "--store FOLDER" in out or "--store STORE" in out
    assert takes_store or command in ("sync", "status")  # which are told by an argument
    assert "--json" in out or command in ("server", "ui", "grant")  # which print nothing but a sentence


@pytest.mark.parametrize("group", [("models",), ("registry",), ("registry", "gate")])
def test_each_command_on_models_says_what_it_takes_with_an_example(cli: Cli, group: tuple[str, ...]) -> None:
    listed = cli(*group, "--help").out.partition("Commands:\n")[2].splitlines()
    assert "..." not in "".join(listed)
    for command in [line.split()[0] for line in listed if line.startswith("  ") and line[2] != " "]:
        out = cli(*group, command, "--help").out
        if "Commands:" not in out:
            assert "Example:" in out, command
            assert f"runlake {' '.join((*group, command))} " in out, command
            assert "--store STORE" in out, command


def test_no_command_shows_the_help_and_is_a_mistake(cli: Cli) -> None:
    result = cli()
    assert (result.status, result.out) == (2, "")
    assert "Commands:" in result.err


def test_a_mistyped_command_is_guessed(cli: Cli) -> None:
    result = cli("run")
    assert (result.status, result.out) == (2, "")
    assert result.err == "error: no such command 'run'\nhint: did you mean runs?\n"


def test_a_mistyped_option_is_guessed(cli: Cli) -> None:
    result = cli("runs", "--wher", "params.lr > 1")
    assert (result.status, result.out) == (2, "")
    assert result.err == "error: no such option '--wher'\nhint: did you mean --where?\n"


def test_an_option_without_its_value_leads_to_the_help_of_the_command(cli: Cli) -> None:
    result = cli("runs", "--where")
    assert (result.status, result.out) == (2, "")
    assert result.err == "error: option '--where' requires an argument\nhint: runlake runs --help says what there is\n"


def test_a_missing_argument_is_named(cli: Cli) -> None:
    result = cli("points", "some-run")
    assert (result.status, result.out) == (2, "")
    assert result.err == "error: missing argument 'KEY'\nhint: runlake points --help says what there is\n"


@pytest.mark.parametrize(
    "command", [("runs",), ("show", "x"), ("points", "x", "loss"), ("compare", "x", "y"), ("doctor",)]
)
def test_a_store_that_does_not_exist_is_refused_and_not_made(
    cli: Cli, tmp_path: Path, command: tuple[str, ...]
) -> None:
    result = cli(*command, "--store", "nowhere")
    assert (result.status, result.out) == (2, "")
    assert result.err.startswith("error: there is no store at [FOLDER]/nowhere\nhint: `runlake demo` fills one")
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.parametrize("command", [("runs",), ("show", "x"), ("points", "x", "loss"), ("doctor",), ("demo",)])
def test_an_empty_store_option_does_not_mean_the_default_store(
    cli: Cli, tmp_path: Path, command: tuple[str, ...]
) -> None:
    result = cli(*command, "--store", "")
    assert (result.status, result.out) == (2, "")
    assert result.err.startswith("error: invalid value for '--store': it is empty\nhint: ")
    assert not (tmp_path / "lake").exists()


def test_the_store_is_the_one_of_the_environment(lake: Path, tmp_path: Path) -> None:
    environment = {**os.environ, "RUNLAKE_TRACKING_URI": str(lake)}
    command = [sys.executable, "-m", "runlake", "runs", "--columns", "run_name"]
    done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True)
    assert done.stdout == "run_name\nodd\nbroad\nnarrow\n"


def test_a_reader_that_stops_early_is_no_error(lake: Path) -> None:
    with runlake.start_run(run_name="long") as run:
        run.log_arrays("loss", range(100_000), [0.5] * 100_000)
    command = f"{sys.executable} -m runlake points long loss --store {lake} | head -n 2; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True)
    assert done.stdout.splitlines()[-1] == "0"
    assert done.stderr == ""


@pytest.mark.parametrize("command", ["runs", "runs --json", "show broad", "export -"])
def test_a_full_disk_behind_stdout_is_said_in_a_sentence(lake: Path, command: str) -> None:
    line = f"{sys.executable} -m runlake {command} --store {lake} > /dev/full"
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr == "error: stdout cannot be written to: no space left on device\n"


@pytest.mark.parametrize("command", ["runs", "export -"])
def test_a_closed_stdout_takes_nothing_and_harms_nothing(lake: Path, command: str) -> None:
    line = f"{sys.executable} -m runlake {command} --store {lake} >&-"
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_ctrl_c_while_the_program_is_loading_is_no_traceback() -> None:
    program = (
        "import os, signal, sys\n"
        "class Interrupting:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'polars': os.kill(os.getpid(), signal.SIGINT)\n"
        "sys.meta_path.insert(0, Interrupting())\n"
        "from runlake.cli import main\n"
        "main(['runs'])\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "interrupted\n")


def test_a_terminal_gets_a_table_that_fits(lake: Path) -> None:
    screen = on_terminal(["runs", "--store", str(lake)], columns=70)
    assert "run_name" in screen
    assert "━" in screen or "─" in screen
    assert "more columns; --columns '*' shows all" in screen
    assert max(map(len, screen.splitlines())) <= 70


def test_output_for_pipes_has_no_colours(lake: Path) -> None:
    done = subprocess.run([sys.executable, "-m", "runlake", "show", "broad", "--store", lake], capture_output=True)
    assert b"\x1b" not in done.stdout


def test_data_and_messages_do_not_mix(cli: Cli, lake: Path) -> None:
    result = cli("runs", "--json", "--limit", "2")
    assert len(json.loads(result.out)) == 2
    assert result.err == "2 of 3 runs; --limit 0 shows all\n"


def test_what_is_longer_than_the_screen_goes_through_the_pager(lake: Path) -> None:
    pager = {"PAGER": "sed s/^/paged:/", "LINES": "5"}
    screen = on_terminal(["runs", "--store", str(lake)], columns=120, person=True, **pager)
    assert next(line for line in screen.splitlines() if "broad" in line).startswith("paged:")
    short = on_terminal(["runs", "--store", str(lake)], columns=120, person=True, **{**pager, "LINES": "50"})
    assert "broad" in short
    assert "paged:" not in short
