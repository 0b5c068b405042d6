"""Filtering: a filter is typed, and the table, the charts and the parallel coordinates show what it leaves."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from benchmarks.measure import Target, at_most
from benchmarks.ui.stores import Stores, served
from benchmarks.ui.visits import seen, settled, until_first_row, visitor

if TYPE_CHECKING:
    from playwright.sync_api import Browser

_ROUNDS: Final = 7
_KEY_MS: Final = 40
_NOTE_PARTS: Final = """() => {
  const parts = { table: ".grid, [role=grid]", charts: ".charts", parallel: ".parallel" };
  __seen.parts = {};
  for (const [name, selector] of Object.entries(parts)) {
    const found = document.querySelector(selector);
    if (!found) continue;
    const note = () => { __seen.parts[name] = performance.now(); };
    new MutationObserver(note).observe(found, { subtree: true, childList: true, characterData: true });
  }
}"""


def targets(browser: Browser, stores: Stores) -> Iterator[Target]:
    """Each round is another filter, so that nothing was answered before; what counts is the time from the last key."""
    with served(stores.sweep()) as (server, experiment), visitor(browser) as context:
        page = context.new_page()
        until_first_row(page, f"{server.url}/runs?experiment={experiment}")
        settled(page)
        page.evaluate(_NOTE_PARTS)
        taken, asked = [], []
        for number in range(_ROUNDS):
            field = page.locator(".filter-field textarea")
            field.fill("")
            settled(page)
            before = len(seen(page, "asked"))
            field.press_sequentially(f"metrics.val_accuracy > 0.{60 + number}1", delay=_KEY_MS)
            last = settled(page)
            taken.append(last - float(seen(page, "key")))
            asked.append(len(seen(page, "asked")) - before)
    detail = f" (worst {max(taken):.0f}; {statistics.median(asked):.0f} requests a filter)"
    yield at_most("filter typed: all settled after the last key", statistics.median(taken), 250, " ms", detail)
