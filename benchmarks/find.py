"""Find: measures every row of "how fast" that is about finding runs.

    .venv/bin/python -m benchmarks.find [--stores FOLDER] [--runs 100000]

The stores are made below FOLDER the first time (`benchmarks.lakes`; some minutes, 1 GB) and used again afterwards. Each
answer is compared with one that is worked out without a store. The exit status is 1 when a row is missed.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from benchmarks.measure import report
from benchmarks.rows import find


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stores", type=Path, default=find.STORES, metavar="FOLDER")
    parser.add_argument("--runs", type=int, default=find.RUNS)
    options = parser.parse_args()
    sys.exit(report(find.targets(options.stores.absolute(), options.runs)) > 0)


if __name__ == "__main__":
    main()
