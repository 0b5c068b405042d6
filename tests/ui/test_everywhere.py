"""What is there on every page: finding by names, keys, the theme, saved views, and a page for what is not there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.browser import Visitor
from tests.server.wire import Server, served
from tests.ui.accessible import assert_accessible
from tests.ui.lakes import lake

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Route


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server on two experiments, and a model."""
    folder = tmp_path_factory.mktemp("everywhere")
    with lake(folder / "lake") as filled:
        for n in range(5):
            filled.run(f"trial {n}", params={"lr": 0.1 * n}, metrics={"loss": [1.0, 0.1 * n]})
        filled.run("100% 'done'", experiment="other")
        filled.client.create_registered_model("digits")
    with served(folder) as running:
        yield running


def test_anything_is_found_by_a_part_of_its_name(page: Page, server: Server) -> None:
    page.goto(f"{server.url}/")
    page.get_by_role("link", name="sweep").wait_for()
    for text, found, address in (
        ("oth", "other", r"/runs\?experiment="),
        ("trial 3", "trial 3", r"/runs/[0-9a-f]{32}$"),
        ("% 'do", "100% 'done'", r"/runs/[0-9a-f]{32}$"),
        ("dig", "digits", r"/models/digits$"),
        ("go to exp", "Go to experiments", r"/$"),
    ):
        page.keyboard.press("Control+k")
        page.get_by_role("combobox", name=re.compile("^Find a command")).fill(text)
        page.get_by_role("option", name=found).first.wait_for()
        assert_accessible(page) if text == "dig" else None
        page.keyboard.press("Enter")
        page.wait_for_url(re.compile(address))
    page.keyboard.press("Control+k")
    page.get_by_role("combobox", name=re.compile("^Find a command")).fill("dig")
    page.keyboard.press("Escape")  # one is enough, whatever the field would do with it
    page.get_by_role("dialog").wait_for(state="detached")


def test_keys_lead_to_pages_are_listed_and_do_nothing_while_one_writes(page: Page, server: Server) -> None:
    page.goto(f"{server.url}/")
    page.get_by_role("link", name="sweep").wait_for()
    page.keyboard.press("?")
    keys = page.get_by_role("dialog", name="Keys")
    keys.get_by_text("Find an experiment").wait_for()
    assert_accessible(page)
    page.keyboard.press("Escape")
    keys.wait_for(state="detached")
    page.keyboard.press("/")
    page.keyboard.type("gmt?")
    field = page.get_by_role("searchbox", name="Find experiments by name")
    assert field.input_value() == "gmt?"
    assert page.evaluate("document.documentElement.dataset.theme") is None
    field.blur()
    page.keyboard.press("t")
    page.wait_for_function("() => document.documentElement.dataset.theme === 'light'")
    page.keyboard.press("t")
    page.reload()
    page.get_by_role("link", name="sweep").wait_for()
    assert page.evaluate("document.documentElement.dataset.theme") == "dark", "it is remembered"
    page.keyboard.press("g")
    page.keyboard.press("r")
    page.get_by_role("row", name="trial 4").wait_for()
    page.keyboard.press("?")
    keys.get_by_text("In the table").wait_for()  # which has keys of its own
    page.keyboard.press("Escape")
    page.keyboard.press("g")
    page.keyboard.press("m")
    page.wait_for_url(re.compile("/models$"))


def test_the_first_link_leads_past_the_bar(page: Page, server: Server) -> None:
    page.goto(f"{server.url}/")
    page.get_by_role("link", name="sweep").wait_for()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_function("() => document.activeElement.id === 'main'")
    page.get_by_role("link", name="sweep").wait_for()


def test_text_that_is_marked_beyond_a_dialog_does_not_close_it(page: Page, server: Server) -> None:
    page.goto(f"{server.url}/runs")
    page.get_by_role("button", name="Views").click()
    name = page.get_by_role("textbox", name="Name of the view")
    name.fill("what has been written")
    box = name.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 60, box["y"] + 10)
    page.mouse.down()
    page.mouse.move(5, box["y"] + 10)
    page.mouse.up()
    assert name.input_value() == "what has been written"
    page.mouse.click(5, box["y"] + 10)
    name.wait_for(state="detached")


def test_enter_takes_what_was_written_however_fast_it_is_pressed(page: Page, server: Server) -> None:
    page.goto(f"{server.url}/")
    page.get_by_role("link", name="sweep").wait_for()
    page.keyboard.press("Control+k")
    field = page.get_by_role("combobox", name="Find a command")
    field.fill("trial")
    page.get_by_role("option", name="trial 1").wait_for()
    field.fill("trial 2")
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="trial 2").wait_for()
    page.get_by_role("link", name="sweep").click()
    groups = page.get_by_role("combobox", name="Group by")
    groups.click()
    page.get_by_role("option").first.wait_for()
    page.keyboard.insert_text("status")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("group=status"))


def test_what_is_opened_above_a_page_is_left_with_it(page: Page, server: Server) -> None:
    page.goto(f"{server.url}/")
    page.get_by_role("link", name="sweep").click()
    page.get_by_role("button", name="Views").click()
    views = page.get_by_role("dialog", name="Saved views")
    views.wait_for()
    page.go_back()
    views.wait_for(state="detached")
    page.get_by_role("heading", name="Experiments").wait_for()


def test_a_saved_view_shows_somebody_else_the_same(browser: Browser, page: Page, server: Server) -> None:
    page.goto(f"{server.url}/runs?where=metrics.loss+%3E+0.05&sort=metrics.loss+DESC&column=params.lr&show=table")
    page.get_by_role("row", name="trial 4").wait_for()
    page.get_by_role("button", name="Views").click()
    page.get_by_role("textbox", name="Name of the view").fill("best/worst <b>")
    page.get_by_role("button", name="Save").click()
    page.get_by_role("button", name="best/worst <b>", exact=True).wait_for()
    assert_accessible(page)
    other = Visitor(browser)
    other.page.goto(f"{server.url}/runs")
    other.page.get_by_role("button", name="Views").click()
    other.page.get_by_role("button", name="best/worst <b>", exact=True).click()
    other.page.wait_for_url(re.compile(r"sort=metrics.loss\+DESC"))
    assert other.page.url.partition("?")[2] == page.url.partition("?")[2]
    other.page.get_by_role("row", name="trial 4").wait_for()
    assert other.mistakes == []
    other.close()
    page.get_by_role("button", name="Delete the view best/worst <b>").click()
    page.get_by_text("None yet.").wait_for()


def test_addresses_of_nothing_and_of_mlflow_lead_on(page: Page, visitor: Visitor, server: Server) -> None:
    visitor.expect("404")
    page.goto(f"{server.url}/nowhere/at/all")
    page.get_by_text("There is no such page.").wait_for()
    page.get_by_role("link", name="All experiments").click()
    page.get_by_role("link", name="sweep").wait_for()
    page.goto(f"{server.url}/#/models/digits")
    page.wait_for_url(f"{server.url}/models/digits")
    page.get_by_role("heading", name="digits").wait_for()


def test_what_is_refused_is_said_and_what_was_written_stays(page: Page, visitor: Visitor, server: Server) -> None:
    visitor.expect("403|500")
    page.goto(f"{server.url}/runs")
    page.get_by_role("button", name="Views").click()
    name = page.get_by_role("textbox", name="Name of the view")
    page.route("**/views/*", lambda route: route.fulfill(status=403, json={"message": "it is somebody else's"}))
    name.fill("theirs")
    page.keyboard.press("Enter")
    page.get_by_role("alert").get_by_text("it is somebody else's").wait_for()
    assert name.input_value() == "theirs"
    page.keyboard.press("Escape")
    page.route("**/columns?*limit=100*", lambda route: route.fulfill(status=500, json={"message": "out of order"}))
    page.keyboard.press("c")
    page.get_by_role("dialog", name="Columns").get_by_text("out of order").wait_for()


def test_experiments_without_runs_are_listed(page: Page, server: Server) -> None:
    def without_runs(route: Route) -> None:
        said = route.fetch().json()
        route.fulfill(json={**said, "experiments": [{**one, "runs": 0} for one in said["experiments"]]})

    page.route("**/experiments", without_runs)
    page.goto(f"{server.url}/")
    page.get_by_role("link", name="sweep").wait_for()


def test_going_back_leads_to_where_the_reader_was(page: Page, server: Server) -> None:
    page.set_viewport_size({"width": 1440, "height": 170})
    page.goto(f"{server.url}/")
    page.get_by_role("link", name="other").scroll_into_view_if_needed()
    page.wait_for_function("() => history.state?.top > 0")
    top = page.evaluate("document.getElementById('main').scrollTop")
    assert top > 0
    page.get_by_role("link", name="other").click()
    page.get_by_role("grid").wait_for()
    page.go_back()
    page.wait_for_function("(top) => document.getElementById('main').scrollTop === top", arg=top)
    page.wait_for_function("() => document.title === 'Experiments · runlake'")
    page.get_by_role("link", name="Models").click()
    page.get_by_role("heading", name="Models").wait_for()
    page.wait_for_function("() => document.title === 'Models · runlake'")
    assert page.evaluate("document.getElementById('main').scrollTop") == 0


def test_a_page_that_could_not_be_fetched_is_there_when_it_is_tried_again(
    page: Page, visitor: Visitor, server: Server
) -> None:
    visitor.expect("ERR_FAILED")
    page.goto(f"{server.url}/")
    page.get_by_role("link", name="sweep").wait_for()
    page.route("**/pages/models.js", lambda route: route.abort())
    page.evaluate("() => { window.isSame = true; }")
    page.get_by_role("link", name="Models").click()
    page.get_by_role("alert").get_by_text("could not be fetched").wait_for()
    page.unroute_all()
    page.get_by_role("button", name="Try again").click()
    page.get_by_role("heading", name="Models").wait_for()
    assert page.evaluate("window.isSame")
