"""How long single calls of `handle.log` take at a steady rate, while points are synced and sealed behind them.

Beside each is what it is without the calls in which another program got the processor, and what a control takes that
logs nothing: where these tell of another machine than the row does, a quieter moment is needed.
"""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.measure import Target, at_most
from benchmarks.workload import scratch
from runlake.bench.latencies import Latencies
from runlake.bench.paced import measure
from runlake.config import Config

PACES = ((1_000, 30.0), (100_000, 15.0))
"""Points a second, and for how many seconds."""


def targets() -> Iterator[Target]:
    """Each rate for long enough that one call in ten thousand is seen several times."""
    for rate, seconds in PACES:
        with scratch() as folder:
            paced = measure(folder, Config(), rate, seconds)
        what = f"handle.log at {rate:,} points/s, {paced.sealed / 1e6:.3g} M of them sealed meanwhile"
        for name, limit, unit, size in (("p99.99", 200, " µs", 1e3), ("worst", 5, " ms", 1e6)):
            ours, alone, control = (_at(one, name) / size for one in (paced.handle, paced.alone, paced.control))
            detail = f"{alone:.3g} without {paced.interrupted} calls that others interrupted; control {control:.3g}"
            yield at_most(f"{what}: {name}", ours, limit, unit, f" ({detail})")


def _at(latencies: Latencies, name: str) -> float:
    return latencies.worst_ns if name == "worst" else latencies.quantiles_ns[name]
