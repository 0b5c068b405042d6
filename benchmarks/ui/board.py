"""Board: 2,000 charts of 20 runs are scrolled; only those near view are there, and no frame is long."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from benchmarks.measure import Target, at_most
from benchmarks.ui.stores import CHART_KEYS, Stores, served
from benchmarks.ui.visits import recording, settled, visitor

if TYPE_CHECKING:
    from playwright.sync_api import Browser

_TURNS: Final = 150
_MOST_MOUNTED: Final = 16


def targets(browser: Browser, stores: Stores) -> Iterator[Target]:
    """The wheel is turned as fast as pages are drawn."""
    with served(stores.charts()) as (server, experiment), visitor(browser) as context:
        page = context.new_page()
        page.goto(f"{server.url}/runs?experiment={experiment}&show=charts&parallel=folded")
        page.locator(".charts canvas").first.wait_for()
        settled(page)
        box = page.locator(".charts").bounding_box()
        assert box is not None
        page.mouse.move(box["x"] + box["width"] / 2, 600)
        with recording(page, "charts") as found:
            for turn in range(_TURNS):
                page.mouse.wheel(0, 500 if turn < _TURNS * 2 / 3 else -500)
                page.wait_for_timeout(16)
            settled(page)
    frames = found["frames"]
    long = sum(each > 50 for each in frames)
    usual = f" (of {len(frames)} the median {statistics.median(frames):.0f}, {long} above 50)"
    yield at_most(f"{len(CHART_KEYS):,} charts scrolled: mounted at once", found["mounted"], _MOST_MOUNTED)
    yield at_most(f"{len(CHART_KEYS):,} charts scrolled: longest frame", max(frames), 50, " ms", usual)
