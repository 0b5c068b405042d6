"""Zooming: a series of ten million points is opened and zoomed ten times; what is drawn has the exact extremes."""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from benchmarks.measure import Target, at_most
from benchmarks.ui.stores import LONG_POINTS, Stores, long_values, served
from benchmarks.ui.visits import seen, settled, visitor

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Response

_ZOOMS: Final = 10
_NOTE_UP: Final = "() => addEventListener('pointerup', (event) => { __seen.up = event.timeStamp; }, true)"


def targets(browser: Browser, stores: Stores) -> Iterator[Target]:
    """From the release of the pointer to the last drawing, and from the first request of points to the first one."""
    answers: list[Response] = []
    with served(stores.long()) as (server, experiment), visitor(browser) as context:
        page = context.new_page()
        page.on("response", lambda answer: answers.append(answer) if answer.url.endswith("/series") else None)
        page.goto(f"{server.url}/runs?experiment={experiment}&show=charts&parallel=folded")
        page.locator(".charts .u-over").first.wait_for()
        settled(page)
        opened = seen(page, "drawn") - next(one["begun"] for one in seen(page, "asked") if one["url"] == "series")
        page.evaluate(_NOTE_UP)
        taken = [_zoomed(page, answers) for _ in range(_ZOOMS)]
    detail = f" (median {statistics.median(taken):.0f})"
    yield at_most(f"a series of {LONG_POINTS:,} points: opened", opened, 150, " ms")
    yield at_most(f"the same: the slowest of {_ZOOMS} zooms, extremes exact", max(taken), 150, " ms", detail)


def _zoomed(page: Page, answers: list[Response]) -> float:
    box = page.locator(".charts .u-over").first.bounding_box()
    assert box is not None
    y = box["y"] + box["height"] / 2
    answers.clear()
    page.mouse.move(box["x"] + box["width"] * 0.2, y)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.5, y, steps=4)
    page.mouse.move(box["x"] + box["width"] * 0.8, y, steps=4)
    page.mouse.up()
    settled(page)
    taken: float = seen(page, "drawn") - page.evaluate("() => __seen.up")
    for answer in answers:
        _check(answer)
    return taken


def _check(answer: Response) -> None:
    """Compare every bucket with the points that it is of."""
    lengths = [int(length) for length in answer.headers["x-runlake-parts"].split(",")]
    body = answer.body()
    notes: dict[str, Any] = json.loads(body[sum(lengths) :])
    buckets = pl.read_ipc_stream(body[: lengths[0]])
    start, width = int(float(notes["grid"]["start"])), int(float(notes["grid"]["width"]))
    values = _values()
    for bucket, low, high in buckets.select("bucket", "min", "max").iter_rows():
        points = values[max(0, start + bucket * width) : start + (bucket + 1) * width]
        if 0 < bucket < buckets["bucket"].max():  # those at the ends are cut by the range
            assert (low, high) == (points.min(), points.max()), f"bucket {bucket} of {notes['grid']} is not exact"


_values = cache(long_values)
