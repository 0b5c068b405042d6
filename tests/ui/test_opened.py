"""What is open in the table of runs, on all levels: the address has it, so that links, reloads and saved views do."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.browser import Visitor
from tests.server.wire import Server, served
from tests.ui.lakes import lake

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Route

LONG = "it's a long text, " * 400
KINDS = ("a/b,c~d", LONG, "NaN", "", None)
MANY = 270
FOLLOW = """(name) => {
  const found = [...document.querySelectorAll(".name a")].find((link) => link.innerText === name);
  const { top } = found.getBoundingClientRect();
  found.focus();
  found.click();
  return Math.round(top);
}"""
PLACE = """(name) => {
  const found = [...document.querySelectorAll(".name a")].find((link) => link.innerText === name);
  return found && Math.round(found.getBoundingClientRect().top);
}"""
NAMES = """() => [...document.querySelectorAll('.grid-body .grid-row:not([hidden])')]
  .sort((a, b) => a.ariaRowIndex - b.ariaRowIndex)
  .map((row) => row.querySelector('.name').innerText.replace(/\\s+/g, ' ').trim().slice(0, 20))"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server on runs of groups with odd values, and on runs in runs in runs."""
    folder = tmp_path_factory.mktemp("opened")
    with lake(folder / "lake") as filled:
        for n, kind in enumerate(KINDS):
            for lr in ("0.1", "0.01"):
                tags = {} if kind is None else {"kind": kind}
                filled.run(f"{n} at {lr}", params={"lr": lr}, metrics={"loss": [3.0, 2.0, n]}, tags=tags)
        above = filled.run("search", experiment="nested")
        fold = filled.run("fold", experiment="nested", parent=above)
        filled.run("epoch", experiment="nested", parent=fold)
        for n in range(MANY):
            filled.run(f"plain {n}", experiment="many")
        above = filled.run("top", experiment="many")
        for n in range(3):
            filled.run(f"below {n}", experiment="many", parent=above)
    with served(folder) as running:
        yield running


def address(server: Server, experiment: str) -> str:
    listed = server.send("GET", f"/api/runlake/v1/experiments?experiments={experiment}").json
    return f"{server.url}/runs?experiment={listed['experiments'][0]['experiment_id']}&show=table"


def opened(page: Page, url: str, *rows: str) -> list[str]:
    """Open a page, then rows with these texts, and return what all rows say."""
    page.goto(url)
    for row in rows:
        one = page.get_by_role("row").filter(has_text=re.compile(row))
        one.get_by_role("button", name="Open", exact=True).click()
        one.get_by_role("button", name="Close", exact=True).wait_for()
        page.locator(".grid-row.pending:visible").first.wait_for(state="detached")
    found: list[str] = page.evaluate(NAMES)
    return found


def test_groups_and_nested_runs_stay_open_wherever_the_address_goes(
    page: Page, browser: Browser, server: Server
) -> None:
    grouped = f"{address(server, 'sweep')}&sort=run_name&group=tags.kind&group=params.lr"
    rows = opened(page, grouped, r"kind ?a/b", r"lr ?0\.01", r"kind ?it's", r"kind ?none")
    assert rows[:5] == ["kind a/b,c~d 2", "lr 0.01 1", "0 at 0.01", "lr 0.1 1", "kind it's a long tex"]
    assert len(rows) == len(KINDS) + 3 * 2 + 1
    assert len(page.url) < 300
    page.get_by_role("columnheader", name="duration").click()
    page.wait_for_url("**sort=duration**")
    page.go_back()
    page.wait_for_url("**sort=run_name**")
    shown = f"() => ({NAMES})().join() === {','.join(rows)!r}"
    page.wait_for_function(shown)
    page.reload()
    page.wait_for_function(shown)
    stranger = Visitor(browser)
    stranger.page.goto(page.url.replace("&open=", "&open=%2Fgone%2Faway&open=", 1))
    stranger.page.wait_for_function(shown)
    stranger.page.get_by_role("button", name="Close", exact=True).first.click()
    stranger.page.locator(f".grid[aria-rowcount='{len(rows) - 3 + 1}']").wait_for(state="attached")
    stranger.close()
    assert stranger.mistakes == []
    page.go_back()
    assert page.url == "about:blank", "opening makes no steps to go back through"
    rows = opened(page, address(server, "nested"), "search", "fold")
    assert rows == ["search 1", "fold 1", "epoch"]
    page.reload()
    page.get_by_role("link", name="epoch").wait_for()
    page.get_by_role("button", name="Close", exact=True).first.click()
    page.get_by_role("link", name="fold").wait_for(state="hidden")
    assert "open=" not in page.url


def test_who_comes_back_from_a_run_finds_the_cell_and_the_rows_where_they_were(page: Page, server: Server) -> None:
    opened(page, address(server, "many"), "top")
    grid = page.get_by_role("grid", name="Runs")
    grid.evaluate("(grid) => { grid.scrollTop = 7000 }")
    page.get_by_role("link", name="plain 37", exact=True).wait_for()
    where = page.evaluate(FOLLOW, "plain 37")
    page.get_by_role("heading", name="plain 37").wait_for()
    page.go_back()
    page.locator(".grid:focus").wait_for()
    assert page.evaluate(PLACE, "plain 37") == where
    assert "plain 37" in page.locator("#active-cell").inner_text()
    page.locator(f".grid[aria-rowcount='{MANY + 2}']").wait_for()  # the first rows are not here, nor what is below them
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="plain 36").wait_for()
    page.go_back()
    page.locator(".grid:focus").wait_for()
    assert "plain 36" in page.locator("#active-cell").inner_text()
    late: list[Route] = []
    page.route(re.compile(r"/runs\?.*&offset=0&"), lambda route: late.append(route))
    grid.evaluate("(grid) => { grid.scrollTop = 6100 }")
    page.get_by_role("link", name="plain 62", exact=True).wait_for()
    where = page.evaluate(PLACE, "plain 62")
    for route in late:
        route.continue_()
    page.unroute_all()
    page.locator(f".grid[aria-rowcount='{MANY + 5}']").wait_for()
    assert page.evaluate(PLACE, "plain 62") == where
