"""What is shown follows what is logged, without a reload; nothing is asked while nobody can see it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.browser import Visitor
from tests.server.wire import Server, served
from tests.writer import Writer, writing

if TYPE_CHECKING:
    from playwright.sync_api import Page

HIDE = """(hidden) => {
  Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
  Object.defineProperty(document, "visibilityState", { value: hidden ? "hidden" : "visible", configurable: true });
  document.dispatchEvent(new Event("visibilitychange"));
}"""


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Writer]]:
    """A server on a store that another process writes to, with a run in it."""
    folder = tmp_path_factory.mktemp("live")
    with writing(folder / "lake") as writer, served(folder) as server:
        writer.do("runlake.set_experiment('sweep')")
        writer.do("runlake.start_run(); runlake.end_run()")
        yield server, writer


def streams(server: Server) -> int:
    """How many pages are being told what changes."""
    text = server.send("GET", "/metrics").body.decode()
    under_way = next(line for line in text.splitlines() if line.startswith("runlake_http_requests_under_way{"))
    return int(under_way.split()[-1]) - 1


def experiment_of(server: Server, name: str) -> str:
    return str(server.get("experiments/get-by-name", experiment_name=name).json["experiment"]["experiment_id"])


def runs_of(page: Page, experiment: str) -> str:
    """What the page of experiments says of the number of runs."""
    row = page.get_by_role("row").filter(has=page.get_by_role("link", name=experiment, exact=True))
    return str(row.locator("td.number").inner_text())


def test_the_page_of_experiments_counts_runs_as_they_come(page: Page, lake: tuple[Server, Writer]) -> None:
    server, writer = lake
    page.goto(f"{server.url}/")
    page.get_by_text("Live", exact=True).wait_for()
    assert runs_of(page, "sweep") == "1"
    writer.do("runlake.start_run()")
    page.locator("td.number", has_text="2").wait_for()
    page.locator(".chip.busy", has_text="1").wait_for()
    writer.do("runlake.end_run()")
    page.locator(".chip.busy").wait_for(state="detached")


def test_a_browser_without_shared_workers_has_a_stream_a_page(visitor: Visitor, lake: tuple[Server, Writer]) -> None:
    server, writer = lake
    visitor.context.add_init_script("delete globalThis.SharedWorker")
    first, second = visitor.page, visitor.context.new_page()
    for page in (first, second):
        page.goto(f"{server.url}/")
        page.get_by_text("Live", exact=True).wait_for()
    assert streams(server) == 2
    before = int(runs_of(second, "sweep"))
    writer.do("runlake.start_run(); runlake.end_run()")
    for page in (first, second):
        page.locator("td.number", has_text=str(before + 1)).wait_for()
    second.close()
    while streams(server) > 1:
        pass


def test_all_tabs_of_a_browser_have_one_stream_and_hidden_ones_none(
    visitor: Visitor, lake: tuple[Server, Writer]
) -> None:
    server, writer = lake
    first, second = visitor.page, visitor.context.new_page()
    for page in (first, second):
        page.goto(f"{server.url}/")
        page.get_by_text("Live", exact=True).wait_for()
    assert streams(server) == 1
    first.evaluate(HIDE, True)
    asked: list[str] = []
    first.on("request", lambda request: asked.append(request.url))
    before = int(runs_of(second, "sweep"))
    writer.do("runlake.start_run(); runlake.end_run()")
    second.locator("td.number", has_text=str(before + 1)).wait_for()
    assert (asked, runs_of(first, "sweep")) == ([], str(before))
    second.evaluate(HIDE, True)
    while streams(server):
        pass
    writer.do("runlake.start_run(); runlake.end_run()")
    for page in (first, second):  # what happened in between is there at once
        page.evaluate(HIDE, False)
        page.locator("td.number", has_text=str(before + 2)).wait_for()
    second.close()


def test_a_server_that_goes_and_comes_back_is_noticed(visitor: Visitor, tmp_path: Path) -> None:
    visitor.expect("ERR_|Failed to fetch|Failed to load")
    page = visitor.page
    with writing(tmp_path / "lake") as writer:
        writer.do("runlake.start_run(); runlake.end_run()")
        with served(tmp_path) as server:
            port = server.address.rpartition(":")[2]
            page.goto(f"{server.url}/")
            page.get_by_text("Live", exact=True).wait_for()
        page.get_by_role("alert").filter(has_text="as of").wait_for()
        writer.do("runlake.start_run(); runlake.end_run()")
        with served(tmp_path, "--port", port):
            page.get_by_role("alert").wait_for(state="detached")
            page.locator("td.number", has_text="2").wait_for()
            page.get_by_text("Live", exact=True).wait_for()


def test_the_table_follows_without_moving_what_is_in_view(page: Page, lake: tuple[Server, Writer]) -> None:
    server, writer = lake
    writer.do("runlake.set_experiment('table')")
    writer.do("[(runlake.start_run(run_name=f'old {n:03}'), runlake.end_run()) for n in range(300)]")
    page.goto(f"{server.url}/runs?experiment={experiment_of(server, 'table')}&sort=start_time+DESC&show=table")
    page.get_by_text("Live", exact=True).wait_for()
    grid = page.get_by_role("grid")
    page.get_by_text("old 299").wait_for()
    writer.do("runlake.start_run(run_name='newest')")
    newest = page.get_by_role("row").nth(1)
    newest.get_by_text("newest").wait_for()
    writer.do("runlake.log_metric('loss', 0.5)")
    newest.get_by_text("0.5", exact=True).wait_for()
    writer.do("runlake.log_metric('loss', 0.25)")
    newest.get_by_text("0.25", exact=True).wait_for()
    page.locator(".dot[data-status=RUNNING]").wait_for()
    writer.do("runlake.end_run()")
    page.locator(".dot[data-status=RUNNING]").wait_for(state="detached")

    grid.evaluate("(grid) => { grid.scrollTop = 4000 }")
    page.get_by_text("old 160").wait_for()
    page.get_by_role("row").filter(has_text="old 160").get_by_role("checkbox").click()
    where = grid.evaluate(WHERE, "old 160")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    writer.do("[(runlake.start_run(run_name=f'new {n}'), runlake.end_run()) for n in range(3)]")
    page.get_by_text("3 new runs").wait_for()
    assert grid.evaluate(WHERE, "old 160") == where
    assert page.get_by_role("row", selected=True).filter(has_text="old 160").count() == 1
    assert 1 <= len(asked) <= 6
    page.get_by_text("3 new runs").click()
    page.get_by_role("row").nth(1).get_by_text(re.compile("new [012]")).wait_for()
    page.get_by_text("3 new runs").wait_for(state="detached")


# Where in the view the row with a text is, in pixels.
WHERE = """(grid, text) => {
  const row = [...grid.querySelectorAll("[role=row]")].find((one) => !one.hidden && one.textContent.includes(text));
  return Math.round(row.getBoundingClientRect().top);
}"""


def test_charts_appear_with_their_metrics_and_grow_and_a_zoom_stays(page: Page, lake: tuple[Server, Writer]) -> None:
    server, writer = lake
    page.goto(f"{server.url}/runs?where=attributes.run_name+%3D+'curve'")
    page.get_by_text("No run matches the filter.").wait_for()
    writer.do("runlake.set_experiment('curves'); runlake.start_run(run_name='curve')")
    page.get_by_role("grid").get_by_role("link", name="curve").wait_for()
    writer.do("[runlake.log_metric('falling', 1 / (n + 1), step=n) for n in range(50)]")
    chart = page.get_by_role("group", name="falling")
    chart.get_by_text("run goes on").wait_for()
    plot = chart.locator(".u-over").bounding_box()
    assert plot is not None
    page.mouse.move(plot["x"] + plot["width"] * 0.2, plot["y"] + 40)
    page.mouse.down()
    page.mouse.move(plot["x"] + plot["width"] * 0.6, plot["y"] + 40, steps=4)
    page.mouse.up()
    page.wait_for_url("**zoom=**")
    zoomed = page.url
    with page.expect_request(lambda request: "/series" in request.url) as asked:
        writer.do("runlake.log_metric('falling', 0.1, step=50)")
    assert asked.value.post_data_json["range"]
    writer.do("runlake.end_run()")
    chart.get_by_text("run goes on").wait_for(state="detached")
    assert page.url == zoomed


def test_what_is_typed_of_how_many_runs_are_drawn_stays_when_another_run_comes(
    page: Page, lake: tuple[Server, Writer]
) -> None:
    server, writer = lake
    writer.do("runlake.set_experiment('crowd')")
    run = "with runlake.start_run(): runlake.log_metric('m', 1)"
    writer.do(run)
    page.goto(f"{server.url}/runs?experiment={experiment_of(server, 'crowd')}&top=2")
    caps = page.locator(".caps")
    caps.get_by_text("1 of 1 run drawn").wait_for()
    field = page.get_by_label("How many runs of the order are drawn")
    field.fill("1")
    writer.do(run)
    caps.get_by_text("2 of 2 runs drawn").wait_for()
    assert field.input_value() == "1"
    field.press("Enter")
    caps.get_by_text("1 of 2 runs drawn").wait_for()
    page.wait_for_url("**top=1**")


def test_a_column_is_shown_as_soon_as_runs_differ_in_it(page: Page, lake: tuple[Server, Writer]) -> None:
    server, writer = lake
    begin = "runlake.set_experiment('alike'); runlake.start_run(run_name='alike {}')"
    start = f"{begin}; runlake.log_param('opt', '{{}}'); runlake.end_run()"
    writer.do(start.format(1, "adam"))
    columns = "&column=status&column=params.opt&differs=1&show=table"
    page.goto(f"{server.url}/runs?where=run_name+LIKE+'alike%25'{columns}")
    page.get_by_role("grid").get_by_role("link", name="alike 1").wait_for()
    page.get_by_role("columnheader", name="opt").wait_for(state="detached")
    page.get_by_text("Live", exact=True).wait_for()
    writer.do(start.format(2, "sgd"))
    page.get_by_role("columnheader", name="opt").wait_for()


def test_columns_that_could_not_be_had_are_asked_for_again(
    page: Page, visitor: Visitor, lake: tuple[Server, Writer]
) -> None:
    visitor.expect("500")
    server, writer = lake
    writer.do("runlake.set_experiment('all columns'); runlake.start_run(run_name='wide'); runlake.log_metric('a', 1)")
    page.route("**/columns?*limit=50000*", lambda route: route.fulfill(status=500, json={"message": "out of order"}))
    page.goto(f"{server.url}/runs?experiment={experiment_of(server, 'all columns')}&column=metrics.*&show=table")
    page.get_by_role("grid").get_by_role("link", name="wide").wait_for()
    page.get_by_text("Live", exact=True).wait_for()
    page.unroute_all()
    writer.do("runlake.log_metric('b', 2); runlake.end_run()")
    for name in ("a", "b"):
        page.get_by_role("columnheader", name=name, exact=True).or_(
            page.locator(f"[role=columnheader][title='metrics.{name}']")
        ).first.wait_for()


def test_the_table_of_a_chart_stays_that_of_its_run_when_another_one_comes(
    page: Page, lake: tuple[Server, Writer]
) -> None:
    server, writer = lake
    writer.do("runlake.set_experiment('read')")
    run = "with runlake.start_run(run_name='{}'): runlake.log_metric('m', 1)"
    writer.do(run.format("earlier"))
    page.goto(f"{server.url}/runs?experiment={experiment_of(server, 'read')}&show=charts")
    page.get_by_role("group", name="m by step, 1 line").press("t")
    choice = page.get_by_role("dialog").get_by_role("combobox")
    choice.wait_for()
    writer.do(run.format("later"))
    choice.locator("option").nth(1).wait_for(state="attached")
    assert choice.evaluate("(choice) => choice.selectedOptions[0].textContent") == "earlier"


def test_groups_that_are_open_stay_open_on_all_levels(page: Page, lake: tuple[Server, Writer]) -> None:
    server, writer = lake
    writer.do("runlake.set_experiment('groups')")
    one = "runlake.start_run(run_name=f'{a}{b}'); runlake.log_params({'a': a, 'b': b}); runlake.end_run()"
    writer.do(f"for a in 'xy': [exec({one!r}, dict(globals(), a=a, b=b)) for b in 'pq']")
    address = f"{server.url}/runs?experiment={experiment_of(server, 'groups')}&group=params.a&group=params.b&show=table"
    page.goto(f"{address}&sort=run_name")
    page.get_by_text("Live", exact=True).wait_for()
    for level in (re.compile("a ?x"), re.compile("b ?p")):
        page.get_by_role("row").filter(has_text=level).get_by_role("button", name="Open", exact=True).click()
    page.get_by_role("grid").get_by_role("link", name="xp", exact=True).wait_for()
    writer.do("a, b = 'x', 'p'")
    writer.do(one.replace("{a}{b}", "{a}{b} again"))
    page.get_by_role("link", name="xp again").wait_for()
    assert page.get_by_role("grid").get_by_role("link").all_inner_texts() == ["xp", "xp again"]
