"""`runlake bench`."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Cli


def test_everything_is_measured_and_nothing_is_left_behind(cli: Cli, tmp_path: Path) -> None:
    chart = tmp_path / "chart.svg"
    result = cli("bench", "--quick", "--kills", "1", "--json", "--plot", str(chart))
    assert (result.status, result.err) == (0, "")
    report = json.loads(result.out)
    assert [cost["call"] for cost in report["calls"]["costs"]] == [
        *("handle.log", "runlake.log_metric", "run.log of 10 keys")
    ]
    for cost in report["calls"]["costs"]:
        single = cost["single"]
        assert cost["loop_ns"] > 0
        assert 0 < single["quantiles_ns"]["p99"] <= single["quantiles_ns"]["p99.9"] <= single["worst_ns"]
    for paced in report["paced"]:
        assert paced["handle"]["count"] == paced["control"]["count"] == paced["rate"] * paced["seconds"]
        assert paced["sealed"] > 0
        assert 0 < paced["alone"]["worst_ns"] <= paced["handle"]["worst_ns"]
    for way in report["throughput"]:
        assert way["logged_per_s"] > way["durable_per_s"] > way["sealed_per_s"] > 0
        assert 2 < way["bytes_per_point"] < 6
    assert report["kills"]["acknowledged"] > 0
    assert (report["kills"]["kills"], report["kills"]["lost"], report["kills"]["wrong"]) == (1, 0, 0)
    assert report["machine"]["settings"]["sync_interval_ms"] == 1000
    assert report["machine"]["file_system"] != "?"
    assert "handle.log at 1,000/s" in chart.read_text()
    assert list(tmp_path.iterdir()) == [chart]


def test_ctrl_c_ends_it_and_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    command = [sys.executable, "-m", "runlake", "bench", "--store", "here"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as bench:
        while not list(tmp_path.glob("here/*/lake-*/journals/*.journal")):
            assert bench.poll() is None
        bench.send_signal(signal.SIGINT)
        out, err = bench.communicate()
    assert (bench.returncode, out, err.strip()) == (130, "", "interrupted")
    assert list((tmp_path / "here").iterdir()) == []


def test_below_a_store_only_its_cache_is_used(lake: Path) -> None:
    from runlake.bench import place

    with place.scratch(lake) as folder:
        assert folder.parent == lake / "cache"
    assert not folder.exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--kills", "-1"), "invalid value for '--kills': -1 is not in the range 0<=x<=10000"),
        (("--kills", "many"), "invalid value for '--kills': 'many' is not a valid whole number"),
        (("--store", "nowhere"), "there is no folder [FOLDER]/nowhere to measure in"),
        (("--store", "/proc"), "the folder /proc cannot be written to: No such file or directory"),
        (
            ("--store", "http://localhost:5000"),
            "the store is the server http://localhost:5000, and this is done in its folder alone",
        ),
        (("--plot", "chart.txt"), "a chart cannot be written to 'chart.txt'"),
        (("--plot", "nowhere/chart.png"), "there is no folder [FOLDER]/nowhere for the chart"),
    ],
)
def test_mistakes_are_told_before_anything_is_measured(cli: Cli, arguments: tuple[str, ...], message: str) -> None:
    result = cli("bench", *arguments)
    assert (result.status, result.out) == (2, "")
    assert result.err.splitlines()[0] == f"error: {message}"


def test_without_matplotlib_it_says_how_to_get_it(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    result = cli("bench", "--plot", "chart.png")
    assert result.status == 2
    assert result.err == (
        "error: matplotlib is needed to draw the chart and is not installed\nhint: pip install matplotlib\n"
    )
