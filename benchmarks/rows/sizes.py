"""Bytes a point on disk once sealed, all seven columns, by what the values and the times are."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

import runlake
from benchmarks.measure import Target, at_most
from benchmarks.workload import constant_times, disk_bytes, loop_times, losses, rounded, scratch, uniform
from runlake.store import get_store

POINTS = 1_000_000
KEYS = 4

_VALUES: dict[str, Callable[[int], NDArray[np.float64]]] = {
    "uniform random doubles": uniform,
    "float32-valued losses": losses,
    "values rounded to 4 decimals": rounded,
}
_LIMITS = {"constant": (7.1, 3.7, 2.0), "of a 20 ms loop": (7.8, 4.2, 2.5)}


def targets() -> Iterator[Target]:
    """Four series of a million points each."""
    for times, make_times in (("constant", constant_times), ("of a 20 ms loop", loop_times)):
        for (values, make_values), limit in zip(_VALUES.items(), _LIMITS[times], strict=True):
            each = bytes_per_point(make_values(POINTS), make_times(POINTS))
            yield at_most(f"bytes a point: {values}, times {times}", each, limit, " B")


def bytes_per_point(values: NDArray[np.float64], times: NDArray[np.int64]) -> float:
    """Log and seal, and say what is on disk below `segments` and `journals`.

    Raises:
        AssertionError: a value does not come back bit for bit.
    """
    with scratch() as folder:
        runlake.set_tracking_uri(str(folder))
        with runlake.start_run() as run:
            for key in range(KEYS):
                run.log_arrays(f"m{key}", np.arange(len(values)), values, times)
        store = get_store(folder)
        store.seal()
        store.close()
        back = runlake.points(run.info.run_id, "m0").collect().sort("step")["value"].to_numpy()
        assert back.tobytes() == values.tobytes(), "values are not what was logged"
        return (disk_bytes(folder / "segments") + disk_bytes(folder / "journals")) / (KEYS * len(values))
