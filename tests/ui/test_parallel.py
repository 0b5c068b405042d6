"""Parallel coordinates: a brush is a clause of the filter, and counts what the filter counts."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

import runlake
from tests.browser import Visitor
from tests.server.wire import Server, served
from tests.ui.accessible import assert_accessible
from tests.ui.lakes import lake

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page

RUNS = 60
HOSTILE = (
    "<img src=x onerror=alert(1)>",
    "it's",
    'say "x"',
    """both ' and " """,
    "ends in \\",
    "a|b (c)*",
    "",
    "%_",
    "שלום",
)
AXES = ("params.lr~log", "params.opt", "params.`a b: c/d`", "params.depth", "metrics.loss", "metrics.acc")


@pytest.fixture(scope="module")
def server(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("parallel")
    with lake(folder / "lake") as made:
        for index in range(2):
            made.run(f"early {index}", experiment="growing", params={"lr": 0.1 * (index + 1)}, metrics={"acc": index})
        for index in range(RUNS):  # last, so that nothing of them is news to whoever connects
            loss = math.nan if index % 20 == 3 else 1.0 + index
            made.run(
                f"run {index:02}",
                params={
                    "lr": 10.0 ** -(1 + index % 6),
                    "opt": ("adam", "sgd", "lion")[index % 3],
                    "a b: c/d": HOSTILE[index % len(HOSTILE)],
                    **({"depth": 2 + index % 7} if index % 4 else {}),
                },
                metrics={"loss": loss, "acc": index / RUNS},
            )
    with served(folder) as running:
        yield running


def id_of(server: Server, experiment: str) -> str:
    known = server.send("GET", "/api/runlake/v1/experiments").json["experiments"]
    return str(next(one["experiment_id"] for one in known if one["name"] == experiment))


def opened(page: Page, server: Server, experiment: str = "sweep", **more: Any) -> Locator:
    """The section of parallel coordinates, with its first picture drawn."""
    address = "&".join(f"{name}={value}" for name, values in {"axis": AXES, **more}.items() for value in values)
    page.goto(f"{server.url}/runs?experiment={id_of(server, experiment)}&sort=metrics.acc DESC&{address}")
    page.locator(".parallel-back[data-drawn]").wait_for(state="attached")
    return page.get_by_role("region", name="Parallel coordinates")


def said(page: Page, part: str) -> list[str]:
    """What the address says, as the page has it now: what the browser tells of it from outside comes later."""
    values: list[str] = page.evaluate("(part) => new URLSearchParams(location.search).getAll(part)", part)
    return values


def brushes(page: Page) -> list[str]:
    return said(page, "brush")


def filtered(server: Server, *clauses: str) -> int:
    """How many runs Python finds with these clauses."""
    return found(server, " AND ".join(clauses)).height


def found(server: Server, where: str | None = None) -> pl.DataFrame:
    runlake.set_tracking_uri(str(server.store))
    return runlake.runs("sweep", where=where).collect()


def shows(page: Page, left: int) -> None:
    """The count beside the plot, and the table's, are so many runs."""
    page.get_by_text(re.compile(rf"^{left} of {RUNS} runs$")).first.wait_for()
    page.locator(".runs-count", has_text=re.compile(rf"^{left} runs?$")).wait_for()


def field(page: Page, axis: str) -> tuple[float, float, float]:
    """Middle, top and bottom of an axis, where a pointer brushes."""
    box = page.locator(f"g[data-axis='{axis}'] > .parallel-frame").first.bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2, box["y"], box["y"] + box["height"]


def drag(page: Page, axis: str, begin: float, end: float) -> None:
    """Draw from one part of an axis, 0 being its bottom, to another."""
    x, top, bottom = field(page, axis)
    page.mouse.move(x, bottom - (bottom - top) * begin)
    page.mouse.down()
    page.mouse.move(x, bottom - (bottom - top) * end, steps=6)
    page.mouse.up()


def heading(page: Page, axis: str) -> Locator:
    return page.locator(f".parallel-heading[data-axis='{axis}'] .menu-button")


def test_a_brush_that_is_drawn_is_a_clause_that_counts_what_python_counts(page: Page, server: Server) -> None:
    opened(page, server)
    shows(page, RUNS)
    drag(page, "metrics.acc", 0.3, 0.72)
    page.wait_for_url("**brush=**")
    drag(page, "params.lr", 1.0, 0.5)
    page.wait_for_function("() => new URLSearchParams(location.search).getAll('brush').length === 2")
    acc, lr = brushes(page)
    assert re.fullmatch(r"metrics\.acc BETWEEN 0\.\d{1,3} AND 0\.\d{1,3}", acc)
    assert re.fullmatch(r"params\.lr >= \S+", lr), "the end of an axis is no bound"
    left = filtered(server, acc, lr)
    assert 0 < left < RUNS
    shows(page, left)
    page.reload()
    shows(page, left)
    assert page.get_by_role("slider", name="acc, lowest").get_attribute("aria-valuetext") == acc.split()[2]
    drag(page, "metrics.acc", 0.5, 0.55)  # within the brush: moves it
    page.wait_for_function("(old) => !location.search.includes(old)", arg=acc.split()[2])
    shows(page, filtered(server, *brushes(page)))
    page.get_by_role("button", name="Choose all of acc again").click()
    shows(page, filtered(server, lr))
    assert brushes(page) == [lr]


def test_whatever_a_pointer_does_a_key_does(page: Page, server: Server) -> None:
    section = opened(page, server)
    lowest = page.get_by_role("slider", name="depth, lowest")
    lowest.focus()
    for key in ("ArrowUp", "ArrowUp", "PageUp", "ArrowDown"):
        page.keyboard.press(key)
    assert (lowest.get_attribute("aria-valuenow"), lowest.get_attribute("aria-valuetext")) == ("4", "4")
    shows(page, filtered(server, "params.depth >= 4"))
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name="depth")
    dialog.get_by_label("Highest").fill("six")
    assert dialog.get_by_role("alert").inner_text() == "A bound is a number, such as 0.001 or 1e-3."
    dialog.get_by_label("Highest").fill("6")
    dialog.get_by_label("Without a value (15 runs)").check()
    page.keyboard.press("Enter")
    assert brushes(page) == ["(params.depth BETWEEN 4 AND 6 OR params.depth IS NULL)"]
    shows(page, left := filtered(server, "params.depth BETWEEN 4 AND 6 OR params.depth IS NULL"))
    section.get_by_role("status").get_by_text(f"{left} of {RUNS} runs").wait_for()
    heading(page, "params.depth").focus()
    page.keyboard.press("Shift+ArrowLeft")
    page.get_by_text("depth is axis 3 of 6").wait_for()
    page.keyboard.press("Enter")
    page.get_by_role("menuitemcheckbox", name="Upside down").press("Enter")
    assert said(page, "axis")[2] == "params.depth~flip"
    page.get_by_role("button", name="Show as a table").press("Enter")
    row = section.get_by_role("row", name=re.compile("^depth"))
    assert row.get_by_role("cell").all_inner_texts() == ["linear", "2 to 8", "4 to 6, without a value", "60", "15"]
    assert_accessible(page, ".parallel")
    page.get_by_role("button", name="Show as a table").press("Enter")
    page.locator(".parallel-back[data-drawn]").wait_for(state="attached")
    assert_accessible(page, ".parallel")


def test_any_value_can_be_chosen_and_what_has_no_place_on_an_axis_as_well(page: Page, server: Server) -> None:
    opened(page, server, show=["charts"])
    expected = found(server)
    for value in HOSTILE:
        heading(page, "params.`a b: c/d`").click()
        page.get_by_role("menuitem", name="Choose values").click()
        dialog = page.get_by_role("dialog", name="a b: c/d")
        dialog.get_by_role("button", name="Untick these").click()
        dialog.get_by_label(value or "(empty)", exact=False).first.check()
        dialog.get_by_role("button", name="Choose these").click()
        count = expected.filter(expected["params.a b: c/d"] == value).height
        page.locator(".parallel-count", has_text=f"{count} of {RUNS} runs").wait_for()
        (clause,) = brushes(page)
        assert filtered(server, clause) == count
    page.reload()  # the last one again, as the address has it
    page.locator(".parallel-count", has_text=f"{count} of {RUNS} runs").wait_for()
    page.locator("g[data-axis='params.`a b: c/d`'] .parallel-tick.chosen").wait_for()
    page.get_by_role("button", name="Choose all", exact=True).click()
    x, _, bottom = field(page, "metrics.loss")
    page.mouse.click(x, bottom + 22)
    page.locator(".parallel-count", has_text=f"3 of {RUNS} runs").wait_for()
    assert filtered(server, *brushes(page)) == 3, "NaN is not on the axis, and not missing either"
    drag(page, "params.opt", 0.1, 0.5)
    page.wait_for_function("() => location.search.includes('params.opt')")
    assert brushes(page)[1] == "params.opt IN ('adam', 'lion')"


def test_only_what_is_new_is_asked_for(page: Page, server: Server) -> None:
    asked: list[dict[str, Any]] = []
    columns: list[str] = []
    page.on(
        "request", lambda sent: asked.append(json.loads(sent.post_data or "")) if "crossfilter" in sent.url else None
    )
    page.on("request", lambda sent: columns.append(sent.url) if "/columns?" in sent.url else None)
    opened(page, server)
    assert len(asked[0]["pairs"]) == 5
    assert not asked[0]["all"], "nothing is chosen: what is left is all there is, and is counted once"
    handle, target = heading(page, "params.opt").bounding_box(), heading(page, "metrics.loss").bounding_box()
    assert handle is not None
    assert target is not None
    page.mouse.move(handle["x"] + 8, handle["y"] + 8)
    page.mouse.down()
    page.mouse.move(target["x"] + 8, target["y"] + 8, steps=4)
    page.mouse.up()
    page.wait_for_function("() => new URLSearchParams(location.search).getAll('axis')[4] === 'params.opt'")
    page.wait_for_function("() => document.querySelector('.parallel-view').getAttribute('aria-busy') === 'false'")
    assert [[0, 1], [3, 4], [4, 5]] in [request["pairs"] for request in asked], "two of five neighbours are known"
    page.get_by_text("Live", exact=True).wait_for()
    heading(page, "params.opt").click()
    page.get_by_role("menuitemcheckbox", name="Upside down").click()
    page.wait_for_function("() => location.search.includes('flip')")
    page.locator(".charts .uplot").first.wait_for()
    columns.clear()
    drag(page, "metrics.acc", 0.9, 0.4)
    shows(page, filtered(server, *brushes(page)))
    assert columns == [], "which columns there are does not depend on the filter"
    moving = [request["all"] for request in asked if request["axes"][0]["bins"] == 64]
    assert moving, "counts follow while a brush moves, in fewer bins"
    assert not any([*moving, asked[-1]["all"]]), "what a brush does not change is known"


def test_a_run_has_the_same_colour_of_a_value_everywhere_and_a_brush_leaves_it(page: Page, server: Server) -> None:
    opened(page, server, color=["metrics.acc"], where=["metrics.acc < 0.5"], brush=["metrics.acc >= 0.4"])
    legend = page.locator(".color-legend")
    legend.get_by_text("0.48333").wait_for()
    assert legend.inner_text().split() == ["0", "0.48333"], "of what the filter leaves, the brush apart"
    row = page.get_by_role("row", name=re.compile("run 24"))
    row.hover()
    page.locator(".parallel-name", has_text="run 24").wait_for()
    dot = row.locator(".cell-button.ink").evaluate("(dot) => getComputedStyle(dot).color")
    painted = page.evaluate(_PAINTED)
    assert dot == f"rgb({', '.join(map(str, painted))})"


# The colour in which an axis has the run that is pointed at, left of where its value stands.
_PAINTED = """() => {
  const value = [...document.querySelectorAll(".parallel-pointed text")].at(-1);
  const [x, y] = [Number(value.getAttribute("x")) - 12, Number(value.getAttribute("y")) + 5];
  const context = document.querySelector(".parallel-front").getContext("2d");
  return [...context.getImageData(x * devicePixelRatio, y * devicePixelRatio, 1, 1).data].slice(0, 3);
}"""


def test_axes_are_chosen_for_whoever_says_none_and_runs_light_up_both_ways(page: Page, server: Server) -> None:
    page.goto(f"{server.url}/runs?experiment={id_of(server, 'sweep')}&sort=metrics.loss")
    page.locator(".parallel-back[data-drawn]").wait_for(state="attached")
    axes = page.locator(".parallel-heading").evaluate_all("(all) => all.map((one) => one.dataset.axis)")
    assert axes == ["params.`a b: c/d`", "params.depth", "params.lr", "params.opt", "metrics.loss", "metrics.acc"]
    assert said(page, "axis") == []
    page.get_by_role("row", name=re.compile("run 02")).hover()
    page.locator(".parallel-name", has_text="run 02").wait_for()
    page.get_by_role("combobox", name="Add an axis").fill("run_id start")
    page.get_by_role("combobox", name="Add an axis").fill("start")
    page.get_by_role("option", name=re.compile("start_time")).click()
    page.locator(".parallel-heading[data-axis='start_time']").wait_for()
    heading(page, "metrics.loss").click()
    page.get_by_role("menuitemcheckbox", name="Least value", exact=True).click()
    page.locator(".parallel-heading[data-axis='min(metrics.loss)']").wait_for()
    page.get_by_role("button", name="Parallel coordinates").click()
    page.locator(".parallel-view").wait_for(state="detached")
    assert said(page, "parallel") == ["folded"]


def test_runs_that_come_are_counted_and_brushes_stay(visitor: Visitor, server: Server) -> None:
    page = visitor.page
    visitor.expect("400|Bad Request")
    opened(page, server, "growing", axis=["params.lr", "metrics.acc"], brush=["metrics.acc >= 0.5"], show=["charts"])
    page.locator(".parallel-count", has_text="1 of 2 runs").wait_for()
    page.get_by_text("Live", exact=True).wait_for()
    with lake(server.store) as made:
        made.run("late", experiment="growing", params={"lr": 0.7}, metrics={"acc": 2.5})
    page.locator(".parallel-count", has_text="2 of 3 runs").wait_for()
    assert brushes(page) == ["metrics.acc >= 0.5"]
    page.goto(f"{server.url}/runs?experiment={id_of(server, 'growing')}&show=charts&axis=nothing&axis=params.lr")
    page.get_by_text("unknown attribute 'nothing'").wait_for()
    page.get_by_role("button", name="Let the page choose axes").click()
    page.locator(".parallel-back[data-drawn]").wait_for(state="attached")
