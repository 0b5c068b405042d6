"""Live: twenty runs that log a hundred points a second each, while a page shows their table and twelve charts.

    .venv/bin/python -m benchmarks.ui.live [--seconds 600] [--profile FILE]

What the pages take of a core is what their processes have used of it, by Chromium's own account; drawing on the screen,
which no graphics processor does here, is done by another process and said beside it.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from benchmarks.measure import Target, at_most, report
from benchmarks.servers import Server, runlake_server
from benchmarks.ui.visits import browsing

if TYPE_CHECKING:
    from playwright.sync_api import Browser, CDPSession, Page

RUNS: Final = 20
KEYS: Final = 12
SECONDS: Final = 600
_POINTS_S: Final = 100
_SIZE: Final = {"width": 1440, "height": 1800}  # all charts are in view
_WARM_S: Final = 15
_EVERY_S: Final = 10
_MIB: Final = 1 << 20
_WRITER: Final = """
import math, sys, time
import runlake

lake, runs, keys, points_s = sys.argv[1], *map(int, sys.argv[2:])
runlake.set_tracking_uri(lake)
runlake.set_experiment("live")
live = []
for n in range(runs):
    live.append(runlake.start_run(run_name=f"run-{n}", nested=n > 0))
    runlake.log_param("lr", 0.1 / (n + 1))
metrics = [[run.metric(f"group_{key % 3}/metric_{key}") for key in range(keys)] for run in live]
began, step = time.perf_counter(), 0
while True:
    for n, of_run in enumerate(metrics):
        for key, metric in enumerate(of_run):
            metric.log(math.sin(step / 500 + n) + key + 20 / (step + 10), step=step)
    step += 1
    time.sleep(max(0.0, began + step * keys / points_s - time.perf_counter()))
"""


@dataclass
class Watched:
    """What processes took of a core, in per cent, and the page's heap in MiB after a collection, from time to time."""

    pages: float
    others: float
    server: float
    requests_s: float
    heaps: list[float] = field(default_factory=list)

    @property
    def growth(self) -> float:
        """By how much the heap of the last third is larger than that of the first, in MiB."""
        part = max(1, len(self.heaps) // 3)
        return sum(self.heaps[-part:]) / part - sum(self.heaps[:part]) / part


def targets(browser: Browser, _stores: object = None, seconds: float = SECONDS) -> Iterator[Target]:
    """Watch the page for a while."""
    with _shown(browser) as (page, server):
        found = watch(browser, page, server, seconds)
    what = f"{RUNS} live runs at {_POINTS_S} points/s, {KEYS} charts, {seconds / 60:.3g} minutes"
    others = f" (browser's other processes {found.others:.1f} %, server {found.server:.1f} %)"
    yield at_most(f"{what}: of a core, in the page", found.pages, 15, " %", others)
    heap = f" (of {found.heaps[0]:.1f}; {found.requests_s:.1f} requests/s)"
    yield at_most(f"{what}: growth of the heap", found.growth, 2, " MiB", heap)


def watch(browser: Browser, page: Page, server: Server, seconds: float) -> Watched:
    """Note what a page takes, once it has settled."""
    processes, session = browser.new_browser_cdp_session(), page.context.new_cdp_session(page)
    page.wait_for_timeout(1000 * _WARM_S)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    heaps: list[float] = []
    before, began = _taken(processes, server), time.monotonic()
    while (passed := time.monotonic() - began) < seconds:
        heaps.append(_heap_mib(session))
        page.wait_for_timeout(1000 * min(_EVERY_S, seconds - passed))
    passed = time.monotonic() - began
    after = _taken(processes, server)
    pages, others, of_server = (100 * (after[n] - before[n]) / passed for n in range(3))
    return Watched(pages, others, of_server, len(asked) / passed, heaps)


def profile(browser: Browser, seconds: float, file: Path) -> None:
    """Write a profile of the page's scripts, as Chromium's tools read it."""
    with _shown(browser) as (page, _):
        page.wait_for_timeout(1000 * _WARM_S)
        session = page.context.new_cdp_session(page)
        session.send("Profiler.enable")
        session.send("Profiler.start")
        page.wait_for_timeout(1000 * seconds)
        file.write_text(json.dumps(session.send("Profiler.stop")["profile"]))


@contextmanager
def _shown(browser: Browser) -> Iterator[tuple[Page, Server]]:
    """Have runs that log, and a page of them with all charts drawn."""
    with (
        tempfile.TemporaryDirectory() as folder,
        runlake_server(Path(folder)) as server,
        _logging(Path(folder) / "lake"),
    ):
        context = browser.new_context(viewport=_SIZE)  # type: ignore[arg-type]
        page = context.new_page()
        page.goto(f"{server.url}/runs?sort=start_time+DESC")
        drawn = "(n) => document.querySelectorAll('.charts canvas').length >= n"
        page.wait_for_function(drawn, arg=KEYS, timeout=60_000)
        yield page, server
        context.close()


@contextmanager
def _logging(lake: Path) -> Iterator[None]:
    command = [sys.executable, "-c", _WRITER, str(lake), str(RUNS), str(KEYS), str(_POINTS_S)]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        try:
            yield
            assert process.poll() is None, "the process that logs has died"
        finally:
            process.kill()


def _taken(session: CDPSession, server: Server) -> tuple[float, float, float]:
    """Processor seconds so far: of pages, of the browser's other processes, of the server."""
    processes = session.send("SystemInfo.getProcessInfo")["processInfo"]
    pages = sum(one["cpuTime"] for one in processes if one["type"] == "renderer")
    fields = Path(f"/proc/{server.pid}/stat").read_text().rsplit(")", 1)[1].split()
    return pages, sum(one["cpuTime"] for one in processes) - pages, (int(fields[11]) + int(fields[12])) / 100


def _heap_mib(session: CDPSession) -> float:
    session.send("HeapProfiler.collectGarbage")
    used: float = session.send("Runtime.getHeapUsage")["usedSize"]
    return used / _MIB


def main() -> None:
    """Measure, or write a profile."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=SECONDS)
    parser.add_argument("--profile", type=Path, metavar="FILE")
    options = parser.parse_args()
    with browsing() as browser:
        if options.profile is None:
            sys.exit(report(targets(browser, seconds=options.seconds)) > 0)
        profile(browser, options.seconds, options.profile)


if __name__ == "__main__":
    main()
