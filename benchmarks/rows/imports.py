"""What `import runlake` adds to a bare interpreter."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

from benchmarks.measure import Target, at_most, interleaved, seconds


def targets() -> Iterator[Target]:
    """Interpreters one after the other, with and without."""
    taken = interleaved({program: lambda p=program: _run(p) for program in ("import runlake", "pass")}, rounds=15)  # type: ignore[misc]
    yield at_most("import runlake, more than bare Python", (taken["import runlake"] - taken["pass"]) * 1e3, 80, " ms")


def _run(program: str) -> float:
    return seconds(lambda: subprocess.run([sys.executable, "-c", program], check=True))
