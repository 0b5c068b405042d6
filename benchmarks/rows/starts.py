"""A short run against the same run in MLflow."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.measure import Target, at_least
from benchmarks.starts import measured


def targets() -> Iterator[Target]:
    """Start, 30 parameters, 10 metrics, end."""
    taken = measured()
    ours, theirs = taken["runlake"], taken["MLflow, SQLite"]
    detail = f" ({ours * 1e3:.3g} ms against {theirs * 1e3:.3g} ms)"
    what = "start_run + 30 params + 10 metrics + end_run: MLflow on SQLite ÷ runlake"
    yield at_least(what, theirs / ours, 40, " ×", detail)
