"""First row: from the navigation until the first of 100,000 runs is seen, and what was sent until then."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from typing import TYPE_CHECKING

from benchmarks.measure import ROUNDS, Target, at_most
from benchmarks.ui.stores import Stores, served
from benchmarks.ui.visits import settled, until_first_row, visitor

if TYPE_CHECKING:
    from playwright.sync_api import Browser

_BYTES = """(until) => {
  const entries = [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")];
  return entries.filter((one) => one.responseEnd <= until).map((one) => [one.name, one.transferSize]);
}"""


def targets(browser: Browser, stores: Stores) -> Iterator[Target]:
    """Cold: a server that was just started, and an empty profile. Warm: the same visitor comes again."""
    cold, warm, sent = [], [], {}
    for _ in range(ROUNDS):
        with served(stores.sweep()) as (server, experiment), visitor(browser) as context:
            address = f"{server.url}/runs?experiment={experiment}"
            page = context.new_page()
            cold.append(until_first_row(page, address))
            sent = dict(page.evaluate(_BYTES, cold[-1]))
            settled(page)
            page.close()
            again = context.new_page()
            warm.append(until_first_row(again, address))
    runs = f"first row of {stores.runs:,} runs"
    yield at_most(f"{runs}, cold", statistics.median(cold), 400, " ms", f" (worst {max(cold):.0f})")
    yield at_most(f"{runs}, warm", statistics.median(warm), 200, " ms", f" (worst {max(warm):.0f})")
    yield at_most("bytes to first row, compressed", sum(sent.values()) / 1000, 150, " kB", f" in {len(sent)} answers")
