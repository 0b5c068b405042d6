"""What is around every page: accessible to everybody, in both themes, on a desk and on a phone."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tests.browser import Visitor
from tests.server.people import PASSWORD, people
from tests.server.wire import Server, served
from tests.ui.accessible import assert_accessible, violations

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page


def test_the_bar_of_every_page_is_accessible_in_both_themes(page: Page, empty: Server) -> None:
    page.goto(f"{empty.url}/")
    bar = page.get_by_role("banner")
    bar.wait_for()
    for theme in ("light", "dark"):
        page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
        assert_accessible(page, "header")
    bar.evaluate("(bar) => bar.append(document.createElement('button'))")
    assert [rule.partition(" ")[0] for rule in violations(page, "header")] == ["button-name"]


def test_nothing_has_to_be_scrolled_sideways_on_a_phone(page: Page, empty: Server) -> None:
    page.goto(f"{empty.url}/")
    page.get_by_role("banner").wait_for()
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_who_signs_in_gets_every_module(browser: Browser, tmp_path: Path) -> None:
    people(tmp_path)
    with served(tmp_path, "--auth") as server:
        visitor = Visitor(browser, http_credentials={"username": "reader", "password": PASSWORD})
        visitor.page.goto(f"{server.url}/runs")
        visitor.page.get_by_role("navigation").wait_for()
        visitor.page.wait_for_load_state("load")
        visitor.close()
        assert visitor.mistakes == []
