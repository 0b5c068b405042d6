"""Targets: measures every row of "how fast, how small" and says what is reached.

    .venv/bin/python -m benchmarks.targets [--only calls ingest ...]

Ratios are taken in one process with rounds interleaved. The exit status is 1 when a row is missed.
"""

from __future__ import annotations

import argparse
import sys
from importlib import import_module

from benchmarks.measure import conditions

ROWS = ("calls", "ingest", "sizes", "processes", "starts", "memory", "imports", "reads")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=ROWS, default=ROWS)
    options = parser.parse_args()
    print(f"{conditions()}\n\n| what | must reach | reached | |\n|---|---|---|---|", flush=True)
    missed = 0
    for name in options.only:
        for target in import_module(f"benchmarks.rows.{name}").targets():
            missed += not target.met
            verdict = "yes" if target.met else "**no**"
            print(f"| {target.what} | {target.must} | {target.reached} | {verdict} |", flush=True)
    sys.exit(missed > 0)


if __name__ == "__main__":
    main()
