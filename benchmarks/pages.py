"""Pages: how long a visitor of MLflow's user interface waits, over a runlake server and over MLflow's own.

    .venv/bin/python -m benchmarks.pages [--runs 1000]

Both serve the same pages of the same installed mlflow package with one worker, and are given the same runs over HTTP. A
visitor has an empty profile, so that the pages' scripts are fetched and compiled each time. What counts is the time
until the newest run is in the table, or the line of a long series is drawn. Needs Chromium and playwright.
"""

from __future__ import annotations

import argparse
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from playwright.sync_api import Browser, Page, sync_playwright

from benchmarks.measure import conditions, interleaved
from benchmarks.servers import Server, mlflow_server, runlake_server
from benchmarks.workload import scratch

POINTS = 100_000
_KEYS = 10
_CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
_LINE = ".scatterlayer .lines path.js-line"


@dataclass(frozen=True)
class Places:
    """Where in the pages of a server what is waited for is."""

    table: str
    newest: str
    chart: str


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=1000)
    runs: int = parser.parse_args().runs
    with scratch() as folder, sync_playwright() as playwright:
        (folder / "ours").mkdir()
        (folder / "theirs").mkdir()
        browser = playwright.chromium.launch(executable_path=_chromium(), args=["--no-sandbox"])
        with runlake_server(folder / "ours", "--ui", "mlflow") as ours, mlflow_server(folder / "theirs") as theirs:
            filled = {"runlake": (ours, _fill(ours, runs)), "MLflow": (theirs, _fill(theirs, runs))}
            print(f"{conditions()}; {browser.version}\n\n| a visitor waits for | runlake | MLflow | MLflow ÷ runlake |")
            print("|---|---:|---:|---:|")
            _row(f"the table of {runs:,} runs", browser, filled, lambda places: places.table, _table_shows)
            _row(f"a line of {POINTS:,} points", browser, filled, lambda places: places.chart, _line_shows)
        browser.close()


def _chromium() -> str:
    return next(found for name in _CHROMIUM if (found := shutil.which(name)))


def _fill(server: Server, runs: int) -> Places:
    """Log runs with ten parameters and ten metrics, and one with a long series."""
    with server.client() as client:
        table: str = client.post("experiments/create", {"name": "table"})["experiment_id"]
        for number in range(runs):
            run_id = client.create_run(table, run_name=f"run-{number}")
            params = [{"key": f"p{key}", "value": str(number / (key + 1))} for key in range(_KEYS)]
            metrics = [{"key": f"m{key}", "value": number * key, "timestamp": 1, "step": 0} for key in range(_KEYS)]
            client.post("runs/log-batch", {"run_id": run_id, "params": params, "metrics": metrics})
        chart: str = client.post("experiments/create", {"name": "chart"})["experiment_id"]
        run_id = client.create_run(chart)
        for begin in range(0, POINTS, 1000):
            steps = range(begin, begin + 1000)
            metrics = [{"key": "loss", "value": step * 7919 % 1000, "timestamp": step, "step": step} for step in steps]
            client.post("runs/log-batch", {"run_id": run_id, "metrics": metrics})
    place = f"/experiments/{chart}/runs/{run_id}/model-metrics"
    return Places(f"/experiments/{table}/runs", f"run-{runs - 1}", place)


def _row(
    what: str,
    browser: Browser,
    filled: dict[str, tuple[Server, Places]],
    place: Callable[[Places], str],
    wait: Callable[[Page, Places], None],
) -> None:
    def visit(server: Server, places: Places) -> float:
        page = browser.new_page()
        start = time.perf_counter()
        page.goto(f"{server.url}/#{place(places)}")
        wait(page, places)
        taken = time.perf_counter() - start
        page.close()
        return taken

    visits = {name: partial(visit, *known) for name, known in filled.items()}
    for once in visits.values():
        once()  # what a server does for its first visitor only
    taken = interleaved(visits)
    ours, theirs = taken["runlake"], taken["MLflow"]
    print(f"| {what} | {ours:.2f} s | {theirs:.2f} s | {theirs / ours:.3g} × |", flush=True)


def _table_shows(page: Page, places: Places) -> None:
    page.get_by_role("link", name=places.newest, exact=True).wait_for()


def _line_shows(page: Page, _places: Places) -> None:
    page.locator(_LINE).first.wait_for(state="attached")


if __name__ == "__main__":
    main()
