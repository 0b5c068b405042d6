"""What one logging call costs, as a ratio to appending the same point to a list in the same loop."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import runlake
from benchmarks.measure import Target, at_most, interleaved, seconds
from benchmarks.workload import losses, scratch
from runlake.store import get_store

POINTS = 1_000_000
ROUNDS = 7
KEYS = tuple(f"layer{index}/grad_norm" for index in range(10))

Loops = dict[str, Callable[[], None]]


def targets() -> Iterator[Target]:
    """A million points a round, garbage collector on, rounds interleaved."""
    values = losses(POINTS).tolist()
    with scratch() as folder:
        runlake.set_tracking_uri(str(folder / "lake"))
        with runlake.start_run() as run:
            taken = _timed(one_key(run, values)) | _timed(ten_keys(run, values))
        _check(run.info.run_id)
        get_store(folder / "lake").close()
    append, ten = taken["append"], taken["ten appends"]
    for what, name, base, limit in (
        ("handle.log(v, step) ÷ list.append", "handle", append, 0.5),
        ("runlake.log_metric(key, v, step=s) ÷ list.append", "fluent", append, 0.8),
        ("run.log({10 keys}, step=s) ÷ ten list.append", "dict", ten, 0.5),
    ):
        detail = f" ({taken[name] / POINTS * 1e9:.1f} ns against {base / POINTS * 1e9:.1f} ns a point)"
        yield at_most(what, taken[name] / base, limit, " ×", detail)


def _timed(loops: Loops) -> dict[str, float]:
    return interleaved({name: partial(seconds, loop) for name, loop in loops.items()}, ROUNDS)


def one_key(run: runlake.ActiveRun, values: list[float]) -> Loops:
    """Return the loops over one key; nothing else is alive that the garbage collector would have to look at."""
    loss = run.metric("handle")

    def append() -> None:
        buffer: list[tuple[str, int, int, float]] = []
        for step, value in enumerate(values):
            buffer.append(("loss", step, 0, value))

    def handle() -> None:
        for step, value in enumerate(values):
            loss.log(value, step)

    def fluent() -> None:
        for step, value in enumerate(values):
            runlake.log_metric("fluent", value, step=step)

    return {"append": append, "handle": handle, "fluent": fluent}


def ten_keys(run: runlake.ActiveRun, values: list[float]) -> Loops:
    """Return the loops over ten keys a step."""
    rows = [values[start : start + len(KEYS)] for start in range(0, POINTS, len(KEYS))]
    k0, k1, k2, k3, k4, k5, k6, k7, k8, k9 = KEYS

    def ten_appends() -> None:
        buffer: list[tuple[str, int, int, float]] = []
        for step, (a, b, c, d, e, f, g, h, i, j) in enumerate(rows):
            buffer.append((k0, step, 0, a))
            buffer.append((k1, step, 0, b))
            buffer.append((k2, step, 0, c))
            buffer.append((k3, step, 0, d))
            buffer.append((k4, step, 0, e))
            buffer.append((k5, step, 0, f))
            buffer.append((k6, step, 0, g))
            buffer.append((k7, step, 0, h))
            buffer.append((k8, step, 0, i))
            buffer.append((k9, step, 0, j))

    def as_dict() -> None:
        for step, (a, b, c, d, e, f, g, h, i, j) in enumerate(rows):
            run.log({k0: a, k1: b, k2: c, k3: d, k4: e, k5: f, k6: g, k7: h, k8: i, k9: j}, step=step)

    return {"ten appends": ten_appends, "dict": as_dict}


def _check(run_id: str) -> None:
    """Fail when a point of any loop is missing."""
    for key, expected in (("handle", POINTS), ("fluent", POINTS), (KEYS[0], POINTS // len(KEYS))):
        held = runlake.points(run_id, key).select("step").collect().height
        assert held == expected * ROUNDS, f"{key}: {held} of {expected * ROUNDS} points"
