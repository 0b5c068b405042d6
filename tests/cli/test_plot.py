"""`runlake points` as a curve: where it is drawn, and that nothing is lost in it."""

from pathlib import Path

import polars as pl
import pytest

import runlake
from runlake.cli import plot
from tests.cli.conftest import Cli
from tests.cli.terminal import on_terminal


def test_a_terminal_gets_a_curve(lake: Path) -> None:
    screen = on_terminal(["points", "broad", "loss", "--store", str(lake)], columns=80)
    assert "(loss)" in screen
    assert "(step)" in screen
    assert "step\t" not in screen
    assert max(map(len, screen.splitlines())) <= 80
    assert any("\u2801" <= character <= "\u28ff" for character in screen)


@pytest.mark.parametrize("options", [["--no-plot"], ["--limit", "20"], ["--buckets", "10"]])
def test_a_terminal_gets_numbers_when_asked(lake: Path, options: list[str]) -> None:
    screen = on_terminal(["points", "broad", "loss", "--store", str(lake), *options], columns=80)
    assert "(loss)" not in screen
    assert len(screen.splitlines()) >= 12


def test_a_pipe_gets_numbers_and_a_curve_when_asked(cli: Cli, lake: Path) -> None:
    assert cli("points", "broad", "loss").out.startswith("step\ttimestamp\tvalue\n")
    drawn = cli("points", "broad", "loss", "--plot")
    assert (drawn.status, drawn.err) == (0, "")
    assert "(loss)" in drawn.out
    assert "\x1b" not in drawn.out


def test_a_spike_in_a_long_curve_is_seen(lake: Path, cli: Cli) -> None:
    with runlake.start_run(run_name="long") as run:
        run.log_arrays("loss", range(5000), [0.0] * 2500 + [1.0] + [0.0] * 2499)
    rows = [line for line in cli("points", "long", "loss", "--plot").out.splitlines() if "| " in line]
    assert all(any("\u2801" <= character <= "\u28ff" for character in row) for row in rows[2:-2])


def test_steps_at_the_axis_are_whole(lake: Path, cli: Cli) -> None:
    with runlake.start_run(run_name="long") as run:
        run.log_arrays("loss", range(5371), [0.5] * 5371)
    steps = cli("points", "long", "loss", "--plot").out.splitlines()[-1].split()[1:]
    assert len(steps) > 3
    assert all(step.isdigit() for step in steps)


@pytest.mark.parametrize(
    "values", [[1.0], [0.0], [-3.5, -3.5], [1e300, -1e300], [5e-324, 1.0], [float("nan"), 2.0, float("inf")]]
)
def test_any_finite_values_are_drawn(cli: Cli, lake: Path, values: list[float]) -> None:
    with runlake.start_run(run_name="some") as run:
        run.log_arrays("m", range(len(values)), values)
    result = cli("points", "some", "m", "--plot")
    assert (result.status, result.err) == (0, "")
    assert max(map(len, result.out.splitlines())) <= 80


def test_steps_of_64_bits_are_drawn(cli: Cli, lake: Path) -> None:
    with runlake.start_run(run_name="far") as run:
        run.log_arrays("m", [-(2**63), 0, 2**63 - 1], [1.0, 2.0, 3.0])
    assert cli("points", "far", "m", "--plot").status == 0


def test_a_curve_without_a_finite_value_is_refused(cli: Cli, lake: Path) -> None:
    with runlake.start_run(run_name="odd2"):
        runlake.log_metric("m", float("nan"))
    result = cli("points", "odd2", "m", "--plot")
    assert (result.status, result.out) == (2, "")
    assert result.err == "error: no value of 'm' is finite, so there is nothing to draw\nhint: leave --plot out\n"


@pytest.mark.parametrize("option", [["--json"], ["--limit", "3"]])
def test_a_curve_and_numbers_exclude_each_other(cli: Cli, lake: Path, option: list[str]) -> None:
    result = cli("points", "broad", "loss", "--plot", *option)
    assert (result.status, result.out) == (2, "")
    assert result.err.startswith(f"error: --plot and {option[0]} exclude each other\nhint: ")


def test_a_terminal_without_the_characters_gets_numbers(lake: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    screen = on_terminal(["points", "broad", "loss", "--store", str(lake)], columns=80)
    assert "timestamp" in screen
    screen = on_terminal(["points", "broad", "loss", "--plot", "--store", str(lake)], columns=80)
    assert "stdout has the encoding ascii" in screen


def test_a_curve_is_drawn_between_its_extremes() -> None:
    curve = pl.DataFrame({"step": [0, 10], "min": [0.0, 5.0], "max": [10.0, 5.0]})
    drawn = plot.draw(curve, "loss")
    assert drawn.splitlines()[1].strip().startswith("10 |")
    assert any(line.strip().startswith("0 | ") for line in drawn.splitlines())
