"""Logging to a server: what it costs the loop that logs, and how fast points get there. Loopback, one worker."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np

import runlake
from benchmarks.measure import Target, at_least, at_most, interleaved, seconds
from benchmarks.servers import Server, runlake_server
from benchmarks.workload import losses, scratch
from runlake.replication.reads import wait_for
from runlake.store import Store, get_store, opened_stores

POINTS = 5_000_000
_CALL = 1_000_000
_CALLS = 10
_RUNS = 50


def targets() -> Iterator[Target]:
    """The server is empty at first; the spool is on the same disk."""
    with scratch() as folder:
        os.environ["RUNLAKE_SPOOL"] = str(folder / "spool")
        (folder / "there").mkdir()
        with runlake_server(folder / "there") as server:
            try:
                yield _cost(server, folder)
                yield from _until_acknowledged(server, folder / "there" / "lake")
                yield _short_runs(server)
            finally:
                for store in opened_stores():
                    store.close()
                del os.environ["RUNLAKE_SPOOL"]


def _cost(server: Server, folder: Path) -> Target:
    """Time a loop that logs into a folder and one that logs to the server, while its points are being sent."""
    values = losses(POINTS).tolist()
    here = get_store(folder / "here")
    here.create_run("here", "0", name="here", user_id="", start_time=0, owned=True)
    runlake.set_tracking_uri(server.url)
    with runlake.start_run() as there:
        handles = {"local": here.run_logger("here").metric("loss"), "remote": there.metric("loss")}

        def loop(name: str) -> None:
            log = handles[name].log
            for step, value in enumerate(values):
                log(value, step)

        def timed(name: str) -> float:
            taken = seconds(partial(loop, name))
            assert wait_for(server.url, timeout_s=120)  # so that nothing is being sent while the other is timed
            return taken

        taken = interleaved({name: partial(timed, name) for name in handles})
    ratio = taken["remote"] / taken["local"]
    detail = " ({:.1f} against {:.1f} ns a point)".format(*(taken[name] / POINTS * 1e9 for name in ("remote", "local")))
    return at_most("handle.log while its points are sent: to a server ÷ into a folder", ratio, 1.2, " ×", detail)


def _until_acknowledged(server: Server, lake: Path) -> Iterator[Target]:
    """Time from the first array that is logged until the server has acknowledged the last."""
    runlake.set_tracking_uri(server.url)
    steps, values = np.arange(_CALL), losses(_CALL)
    rates = []
    for _ in range(5):
        with runlake.start_run() as run:
            start = time.perf_counter()
            for call in range(_CALLS):
                run.log_arrays("loss", steps + call * _CALL, values)
            assert wait_for(server.url, run.id, 120)
            rates.append(_CALL * _CALLS / (time.perf_counter() - start) / 1e6)
    assert _points_of(lake, run.id) == _CALL * _CALLS
    reached = statistics.median(rates)
    yield at_least("one process, until acknowledged", reached, 1, " M points/s")
    yield at_most("memory of the server after that", server.memory_mb(), 300, " MB")


def _points_of(lake: Path, run_id: str) -> int:
    from runlake import query

    store = Store.open(lake, create=False)
    try:
        return int(query.points(store, run_id).select("step").collect().height)
    finally:
        store.close()


def _short_runs(server: Server) -> Target:
    """Time runs that log next to nothing, each of which waits until the server has it."""

    def run() -> None:
        with runlake.start_run() as active:
            runlake.log_params({f"p{number}": number for number in range(30)})
            active.log({f"m{number}": 0.5 for number in range(10)})

    run()
    taken_ms = statistics.median(seconds(run) for _ in range(_RUNS)) * 1e3
    return at_most("start_run + 30 params + 10 metrics + end_run, until acknowledged", taken_ms, 50, " ms")
