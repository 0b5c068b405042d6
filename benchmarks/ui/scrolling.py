"""Scrolling: with the wheel, and by jumps to anywhere in 100,000 rows; no frame may be long, no row blank for long."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from benchmarks.measure import Target, at_most
from benchmarks.ui.stores import Stores, served
from benchmarks.ui.visits import recording, settled, until_first_row, visitor

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

_TURNS: Final = 120
_JUMPS: Final = 30
_JUMP = """(part) => {
  const grid = document.querySelector('[role="grid"]');
  grid.scrollTop = part * (grid.scrollHeight - grid.clientHeight);
}"""


def targets(browser: Browser, stores: Stores) -> Iterator[Target]:
    """Only the table is shown, so that it is what is measured."""
    with served(stores.sweep()) as (server, experiment), visitor(browser) as context:
        page = context.new_page()
        until_first_row(page, f"{server.url}/runs?experiment={experiment}&show=table")
        settled(page)
        yield from _row("scrolled by the wheel", _scrolled(page))
        yield from _row("jumps to anywhere", _jumped(page))


def _scrolled(page: Page) -> dict[str, Any]:
    grid = page.locator('[role="grid"]').bounding_box()
    assert grid is not None
    page.mouse.move(grid["x"] + grid["width"] / 2, grid["y"] + grid["height"] / 2)
    with recording(page, "rows") as found:
        for turn in range(_TURNS):
            page.mouse.wheel(0, 700 if turn < _TURNS * 2 / 3 else -700)
        settled(page, 200)
    return found


def _jumped(page: Page) -> dict[str, Any]:
    with recording(page, "rows") as found:
        for jump in range(_JUMPS):
            page.evaluate(_JUMP, (jump * 0.6180339887) % 1)
            settled(page, 60)
    return found


def _row(what: str, found: dict[str, Any]) -> Iterator[Target]:
    frames, blanks = found["frames"], found["blanks"] or [0.0]
    long = sum(each > 50 for each in frames)
    usual = f" (of {len(frames)} the median {statistics.median(frames):.0f}, {long} above 50)"
    yield at_most(f"{what}: longest frame", max(frames), 50, " ms", usual)
    yield at_most(f"{what}: longest time that a row is blank", max(blanks), 150, " ms")
