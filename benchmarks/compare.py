"""Compare: the same loop through runlake, MLflow, tensorboardX, Trackio and a plain list.

    .venv/bin/python -m benchmarks.compare [--rounds 5] [--only NAME ...]

Each round gives every tracker an empty store, times the loop alone and the loop until everything is closed, reads all
points back, and only then counts. Rounds are interleaved in one process; what is printed are medians.
"""

from __future__ import annotations

import argparse
import gc
import math
import statistics
import time
from dataclasses import dataclass
from importlib import import_module

from benchmarks.competitors.competitor import Competitor
from benchmarks.measure import ROUNDS, conditions
from benchmarks.workload import disk_bytes, losses, scratch

COMPETITORS = {
    "list": "plain_list.PlainList",
    "handle": "ours.Handle",
    "fluent": "ours.Fluent",
    "trackio": "trackio_local.Trackio",
    "tensorboard": "tensorboard.TensorBoard",
    "mlflow": "mlflow_sqlite.MLflow",
}


@dataclass(frozen=True)
class Round:
    """What one tracker took for one loop."""

    points: int
    loop_s: float
    closed_s: float
    bytes: int | None


def measure(make: type[Competitor]) -> Round:
    """Run one tracker's loop once in an empty folder.

    Raises:
        AssertionError: it does not give back every point.
    """
    values = losses(make.points).tolist()
    with scratch() as folder:
        tracker = make(folder)
        tracker.start()
        before = disk_bytes(tracker.kept) if tracker.kept else 0
        gc.collect()
        start = time.perf_counter()
        tracker.loop(values)
        looped = time.perf_counter()
        tracker.close()
        closed = time.perf_counter()
        kept = disk_bytes(tracker.kept) - before if tracker.kept else None
        check(tracker, values)
    return Round(len(values), looped - start, closed - start, kept)


def check(tracker: Competitor, values: list[float]) -> None:
    """Fail when a point is missing or changed; float32, as TensorBoard has it, is enough for these losses."""
    held = tracker.held()
    assert held.points == len(values), f"{tracker.name} holds {held.points} of {len(values)} points"
    assert math.isclose(held.total, sum(values), rel_tol=1e-9), f"{tracker.name} changed values"


def table(rounds: dict[str, list[Round]]) -> str:
    """Lay the medians out in Markdown."""
    appended = [one.loop_s / one.points for one in rounds.get("list.append", [])]
    baseline = statistics.median(appended) if appended else None
    header = (
        "tracker",
        "points",
        "time a point",
        "against list.append",
        "points/s until closed",
        "bytes a point on disk",
    )
    lines = [f"| {' | '.join(header)} |", "|---|---:|---:|---:|---:|---:|"]
    for name, taken in rounds.items():
        each_s = statistics.median(one.loop_s / one.points for one in taken)
        rate = statistics.median(one.points / one.closed_s for one in taken)
        sizes = [one.bytes / one.points for one in taken if one.bytes is not None]
        ratio = f"{each_s / baseline:.3g} ×" if baseline else ""
        size = f"{statistics.median(sizes):.3g}" if sizes else "none kept"
        lines.append(f"| {name} | {taken[0].points:,} | {_duration(each_s)} | {ratio} | {rate:,.0f} | {size} |")
    return "\n".join(lines)


def _duration(seconds: float) -> str:
    for unit, factor in (("ns", 1e9), ("µs", 1e6)):
        if seconds * factor < 1000:
            return f"{seconds * factor:.3g} {unit}"
    return f"{seconds * 1e3:.3g} ms"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--only", nargs="+", choices=COMPETITORS, default=list(COMPETITORS))
    parser.add_argument("--no-starts", action="store_true", help="leave out the table of run starts")
    options = parser.parse_args()
    makers = [_load(COMPETITORS[name]) for name in options.only]
    rounds: dict[str, list[Round]] = {make.name: [] for make in makers}
    for _ in range(options.rounds):
        for make in makers:
            rounds[make.name].append(measure(make))
    print(f"{conditions()}; medians of {options.rounds} interleaved rounds\n\n{table(rounds)}")
    if not options.no_starts:
        from benchmarks.starts import table as starts_table

        print(f"\n{starts_table(options.rounds)}")


def _load(path: str) -> type[Competitor]:
    module, _, name = path.partition(".")
    found: type[Competitor] = getattr(import_module(f"benchmarks.competitors.{module}"), name)
    return found


if __name__ == "__main__":
    main()
