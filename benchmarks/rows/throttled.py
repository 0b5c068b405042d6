"""What a throttled-away point costs against a stored one: in its call, and in processor time until all is sealed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import partial

import runlake
from benchmarks.measure import Target, at_most, interleaved, seconds
from benchmarks.workload import losses, scratch
from runlake.fluent.run import MetricHandle
from runlake.store import get_store

POINTS = 1_000_000
ROUNDS = 7
EVERY = 100


def targets() -> Iterator[Target]:
    """A million points a round through handles, rounds interleaved; the empty loop is taken off the calls."""
    values = losses(POINTS).tolist()
    with scratch() as folder:
        runlake.set_tracking_uri(str(folder / "lake"))
        with runlake.start_run() as run:
            run.throttle("thin", every=EVERY)
            calls = {"nothing": partial(_pass, values)}
            calls |= {key: partial(_log, run.metric(key), values) for key in ("full", "thin")}
            called = interleaved({key: partial(seconds, call) for key, call in calls.items()}, ROUNDS)
            seal = get_store(folder / "lake").seal
            sealed = {key: partial(_processor_s, calls[key], seal) for key in ("full", "thin")}
            worked = interleaved(sealed, ROUNDS)
        _check(run.info.run_id)
        get_store(folder / "lake").close()
    call_ns = {key: (called[key] - called["nothing"]) / POINTS * 1e9 for key in ("full", "thin")}
    work_ns = {key: taken / POINTS * 1e9 for key, taken in worked.items()}
    for what, ns in (
        (f"handle.log, every={EVERY} ÷ a stored point", call_ns),
        ("the same, processor time of all threads until it is sealed", work_ns),
    ):
        yield at_most(what, ns["thin"] / ns["full"], 0.8, " ×", f" ({ns['thin']:.1f} ns against {ns['full']:.1f} ns)")


def _pass(values: list[float]) -> None:
    for _step, _value in enumerate(values):
        pass


def _log(handle: MetricHandle, values: list[float]) -> None:
    log = handle.log
    for step, value in enumerate(values):
        log(value, step)


def _processor_s(call: Callable[[], object], seal: Callable[[], object]) -> float:
    start = time.process_time()
    call()
    seal()
    return time.process_time() - start


def _check(run_id: str) -> None:
    """Fail when a point is unaccounted for, or more or fewer are stored than the policy says."""
    rounds = {of_key.key: of_key for of_key in runlake.ledger(run_id).keys}
    full, thin = rounds["full"], rounds["thin"]
    assert full.accepted == full.stored == thin.accepted == 2 * ROUNDS * POINTS, rounds
    assert thin.stored <= 2 * ROUNDS * (POINTS // EVERY + 2), rounds
