"""Values that no program means to log, and somebody's does: they are shown, and nothing else is lost by them."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.server.wire import Server, served
from tests.ui.lakes import BEGAN_MS, Lake, lake

if TYPE_CHECKING:
    from playwright.sync_api import Page

NANOSECONDS = BEGAN_MS * 1_000_000
"""What time.time_ns() says, taken for milliseconds."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    root = tmp_path_factory.mktemp("odd")
    with lake(root / "lake") as filled:
        _begin(filled, "in nanoseconds", NANOSECONDS, NANOSECONDS + 90_000)
        _begin(filled, "clock set back", BEGAN_MS, BEGAN_MS - 61_000)
        for name, value in {"huge": 1.7e308, "negative": -1.7e308, "infinite": math.inf, "none": math.nan}.items():
            filled.run(name, experiment="values", metrics={"score": value})
        for name, end in {"long": "", "longer": "y"}.items():
            filled.run(name, experiment="texts", params={"prompt": "x" * 500 + end})
    with served(root) as server:
        yield server


def _begin(filled: Lake, name: str, start: int, end: int) -> str:
    experiment = filled.experiment("times")
    run_id: str = filled.client.create_run(experiment, start_time=start, run_name=name).info.run_id
    filled.client.set_terminated(run_id, "FINISHED", end)
    return run_id


def test_a_run_that_began_at_no_date_takes_no_page_away(page: Page, server: Server) -> None:
    page.goto(server.url)
    page.get_by_role("row", name=re.compile(r"times 2 .* ms")).get_by_role("link").click()
    rows = page.get_by_role("grid").get_by_role("row")
    rows.filter(has_text="clock set back").filter(has_text="−1 min 1 s").wait_for()
    rows.filter(has_text="in nanoseconds").filter(has_text=f"{NANOSECONDS} ms").filter(has_text="1 min 30 s").wait_for()
    page.get_by_role("link", name="in nanoseconds").click()
    page.get_by_role("heading", name="in nanoseconds").wait_for()
    page.get_by_text("took 1 min 30 s").wait_for()


def test_runs_are_coloured_by_values_however_far_apart(page: Page, server: Server) -> None:
    page.goto(server.url)
    page.get_by_role("link", name="values").click()
    page.get_by_role("grid").get_by_role("row").nth(1).wait_for()
    page.goto(f"{page.url}&color=metrics.score")
    page.locator(".color-ramp").wait_for()
    colours = page.locator(".grid-body .cell-button.ink:visible").evaluate_all(
        "all => all.map((one) => one.style.color)"
    )
    assert len(colours) == 4
    assert len(set(colours)) >= 3


def test_runs_with_a_long_value_are_found_by_it(page: Page, server: Server) -> None:
    page.goto(server.url)
    page.get_by_role("link", name="texts").click()
    page.get_by_role("grid").get_by_role("link", name="longer").wait_for()
    page.goto(f"{page.url}&column=params.prompt&show=table")
    row = page.get_by_role("grid").get_by_role("row", name="longer")
    row.get_by_role("gridcell", name="xxxx").click(button="right")
    page.get_by_role("menuitem", name="Only runs with this value").click()
    page.get_by_text("1 run", exact=True).first.wait_for()
    row.wait_for()
