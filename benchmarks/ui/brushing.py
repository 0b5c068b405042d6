"""Brushing: a brush is drawn over an axis of 100,000 runs, and the counts follow the pointer."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

import numpy as np

from benchmarks.measure import Target, at_most
from benchmarks.ui.stores import Stores, served
from benchmarks.ui.visits import seen, settled, until_first_row, visitor

if TYPE_CHECKING:
    from playwright.sync_api import Browser

_AXES: Final = (
    *("params.lr", "params.weight_decay", "params.dropout", "params.optimizer"),
    *("params.depth", "metrics.loss", "metrics.val_auc", "metrics.val_accuracy"),
)
_MOVES: Final = 120
_WATCH: Final = """() => {
  __seen.counted = [];
  const told = document.querySelector(".parallel-count");
  const told_at = () => {
    const answered = __seen.asked.filter((one) => one.url === "crossfilter" && one.ended !== null && !one.counted);
    requestAnimationFrame((now) => {
      for (const one of answered) if (!one.counted) { one.counted = true; __seen.counted.push(now - one.move); }
    });
  };
  new MutationObserver(told_at).observe(told, { subtree: true, childList: true, characterData: true });
}"""


def targets(browser: Browser, stores: Stores) -> Iterator[Target]:
    """From the move of the pointer that was asked about to the frame in which its counts are shown."""
    axes = "".join(f"&axis={axis}" for axis in _AXES)
    with served(stores.sweep()) as (server, experiment), visitor(browser) as context:
        page = context.new_page()
        until_first_row(page, f"{server.url}/runs?experiment={experiment}{axes}")
        page.locator(".parallel-count").wait_for()
        settled(page)
        page.evaluate(_WATCH)
        box = page.locator(".parallel-field").nth(5).bounding_box()
        assert box is not None
        x = box["x"] + box["width"] / 2
        page.mouse.move(x, box["y"] + box["height"] * 0.9)
        page.mouse.down()
        for move in range(_MOVES):
            page.mouse.move(x, box["y"] + box["height"] * (0.9 - 0.6 * move / _MOVES))
            page.wait_for_timeout(16)
        page.mouse.up()
        settled(page)
        counted = [each for each in seen(page, "counted") if each > 0]
    assert len(counted) > _MOVES / 20, f"the counts followed only {len(counted)} times"
    detail = f" (median {statistics.median(counted):.0f}, {len(counted)} answers to {_MOVES} moves)"
    what = f"brush over {stores.runs:,} runs × {len(_AXES)} axes: pointer to counts, p95"
    yield at_most(what, float(np.percentile(counted, 95)), 80, " ms", detail)
