"""Targets: measures every row of "how fast, how small" and says what is reached.

    .venv/bin/python -m benchmarks.targets [--only calls ingest ...]

Ratios are taken in one process with rounds interleaved. The exit status is 1 when a row is missed.
"""

from __future__ import annotations

import argparse
import sys
from importlib import import_module

from benchmarks.measure import report

ROWS = (
    "calls",
    "throttled",
    "latency",
    "ingest",
    "sizes",
    "processes",
    "starts",
    "memory",
    "imports",
    "reads",
    "points",
    "series",
    "find",
    "serving",
    "receiving",
    "registry",
    "models",
    "remote",
    "compaction",
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=ROWS, default=ROWS)
    options = parser.parse_args()
    rows = (import_module(f"benchmarks.rows.{name}") for name in options.only)
    missed = report(target for row in rows for target in row.targets())
    sys.exit(missed > 0)


if __name__ == "__main__":
    main()
