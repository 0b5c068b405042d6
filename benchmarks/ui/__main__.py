"""Pages: measures every row of "how fast" that is about the pages, in the machine's Chromium.

    .venv/bin/python -m benchmarks.ui [--only first_row scrolling ...] [--stores FOLDER] [--runs 100000]

The stores are made below FOLDER the first time, which takes minutes, and are copied before they are served. The row
`live` watches a page for ten minutes. The exit status is 1 when a row is missed.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.measure import Target, report
from benchmarks.rows.find import RUNS, STORES
from benchmarks.ui.stores import Stores
from benchmarks.ui.visits import browsing

if TYPE_CHECKING:
    from playwright.sync_api import Browser

ROWS = ("first_row", "filtering", "scrolling", "brushing", "board", "zooming", "endpoints", "live")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=ROWS, default=ROWS)
    parser.add_argument("--stores", type=Path, default=STORES, metavar="FOLDER")
    parser.add_argument("--runs", type=int, default=RUNS)
    options = parser.parse_args()
    with browsing() as browser:
        wanted = ", ".join(f"{load:.1f}" for load in os.getloadavg())
        print(f"Chromium {browser.version}; programs that wanted a processor, over 1, 5 and 15 minutes: {wanted}")
        missed = report(_targets(browser, options.only, Stores(options.stores.absolute(), options.runs)))
    sys.exit(missed > 0)


def _targets(browser: Browser, rows: list[str], stores: Stores) -> Iterator[Target]:
    for name in rows:
        yield from import_module(f"benchmarks.ui.{name}").targets(browser, stores)


if __name__ == "__main__":
    main()
