"""What every benchmark gets: an empty store, and an environment that nobody has set anything in."""

from collections.abc import Iterator
from pathlib import Path

import pytest

import runlake
from benchmarks.workload import scratch
from runlake.store import get_store


@pytest.fixture
def lake() -> Iterator[Path]:
    """A store of its own for one benchmark."""
    with scratch() as folder:
        runlake.set_tracking_uri(str(folder / "lake"))
        yield folder / "lake"
        while runlake.active_run():
            runlake.end_run()
        get_store(folder / "lake").close()
