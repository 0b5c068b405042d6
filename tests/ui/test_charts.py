"""Charts of runs in a browser: they show exactly what was logged, to whoever looks, points or listens."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree

import polars as pl
import pytest

import runlake
from tests.server.wire import Server, served
from tests.ui.accessible import assert_accessible
from tests.ui.lakes import lake

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page, Route

STEPS = 600
SPIKE = 437
"""A step at which one point of a run is far from all others."""
MOST_MOUNTED = 16
MANY = 2000


@dataclass(frozen=True)
class Shown:
    """A server on a store, and the ids of its experiments by name."""

    server: Server
    root: Path
    experiments: dict[str, str]

    def url(self, experiment: str, **fields: str) -> str:
        more = "".join(f"&{name}={value}" for name, value in {"show": "charts", **fields}.items())
        return f"{self.server.url}/runs?experiment={self.experiments[experiment]}{more}"


@pytest.fixture(scope="module")
def shown(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shown]:
    """A server on a sweep with all that goes wrong in it, on steps beyond 2^53, and on 2,000 metrics."""
    folder = tmp_path_factory.mktemp("charts")
    with lake(folder / "lake") as filled:
        for n in range(6):
            loss = [2 * math.exp(-step / 300) + n / 10 + math.sin(step * 1.7 + n) / 50 for step in range(STEPS)]
            if n == 0:
                loss[SPIKE] = 9.5
            if n == 1:
                loss[100:110] = [math.nan] * 10
                loss[500] = math.inf
            filled.run(
                f"run {n}",
                params={"lr": 10.0 ** -(n % 3), "opt": ["adam", "sgd"][n % 2]},
                metrics={
                    "train/loss": loss,
                    "train/acc": [1 - value / 4 for value in loss[: STEPS // 2]],
                    "val/loss": loss[::50],
                },
                status={4: "FAILED", 5: "KILLED"}.get(n, "FINISHED"),
            )
        filled.run("far", experiment="far", metrics={"loss": [1.0, 0.5, 0.25]}, first_step=2**60)
        values = {f"layer{key // 100:02}/weight.{key % 100}": key / 7 for key in range(MANY)}
        filled.run("wide", experiment="wide", metrics=values)
        experiments = {name: filled.experiment(name) for name in ("sweep", "far", "wide")}
    with served(folder) as server:
        yield Shown(server, folder / "lake", experiments)


def panel(page: Page, key: str) -> Locator:
    """The panel of a metric, with its chart drawn."""
    found = page.locator(f'[data-panel="auto:{key}"]')
    found.scroll_into_view_if_needed()
    found.locator("canvas").first.wait_for()
    return found


def saved(page: Page, key: str, form: str, within: Locator | None = None) -> bytes:
    """What is saved of a chart."""
    (within or panel(page, key)).get_by_role("button", name=f"Menu of {key}").click()
    with page.expect_download() as download:
        page.get_by_role("menuitem", name=f"Save as {form}").click()
    return Path(download.value.path()).read_bytes()


def table(page: Page, key: str) -> list[dict[str, str]]:
    """The buckets that a chart draws."""
    return list(csv.DictReader(io.StringIO(saved(page, key, "CSV").decode())))


def number(text: str) -> float | None:
    return float(text) if text else None


def said(page: Page) -> str:
    """What a screen reader was told last."""
    return page.locator(".charts > .visually-hidden[aria-live]").inner_text()


def points_of(shown: Shown, key: str) -> pl.DataFrame:
    runlake.set_tracking_uri(str(shown.root))
    try:
        ids = runlake.runs("sweep")
        return runlake.points(ids, key).select("run_id", "step", "value").collect()
    finally:
        runlake.set_tracking_uri("")


def assert_exact(rows: list[dict[str, str]], points: pl.DataFrame) -> None:
    """Each bucket has the mean and the extremes of exactly the points that are in it; steps are 0, 1, 2, …"""
    runs = {run_id: part.sort("step")["value"].to_list() for (run_id,), part in points.group_by("run_id")}
    for row in rows:
        inside = runs[row["run_id"]][int(row["first"]) : int(row["last"]) + 1]
        finite = [value for value in inside if math.isfinite(value)]
        assert int(row["points"]) == len(inside)
        assert (number(row["min"]), number(row["max"])) == (min(finite, default=None), max(finite, default=None))
        assert (number(row["mean"]) or 0) == pytest.approx(sum(finite) / max(1, len(finite)), rel=1e-12)


def test_charts_are_exact_at_every_zoom_and_zoom_together(page: Page, shown: Shown) -> None:
    page.goto(shown.url("sweep"))
    points = points_of(shown, "train/loss")
    whole = table(page, "train/loss")
    assert len(whole) > 6 * 90
    assert_exact(whole, points)
    assert max(number(row["max"]) or 0 for row in whole) == 9.5

    area = panel(page, "train/loss").locator(".u-over").bounding_box()
    assert area is not None
    page.mouse.move(area["x"] + area["width"] * 0.6, area["y"] + 50)
    page.mouse.down()
    page.mouse.move(area["x"] + area["width"] * 0.84, area["y"] + 60, steps=5)
    with page.expect_response(lambda answer: answer.url.endswith("/series")):
        page.mouse.up()
    page.get_by_role("button", name="Show the whole step axis").wait_for()
    found = re.search(r"zoom=step%3A(\d+)\.\.(\d+)", page.url)
    assert found is not None
    low, high = int(found[1]), int(found[2])
    assert 340 < low < SPIKE < high < 520
    page.wait_for_function("() => document.querySelectorAll('.chart .spinner').length === 0")
    zoomed = table(page, "train/loss")
    assert all(low <= int(row["first"]) and int(row["last"]) <= high for row in zoomed)
    assert {int(row["last"]) - int(row["first"]) for row in zoomed} == {0}  # each point is a bucket of its own
    assert_exact(zoomed, points)
    assert table(page, "train/acc") == []  # it is over before

    page.goto(page.url)  # a link shows the same
    assert table(page, "train/loss") == zoomed
    panel(page, "train/loss").locator(".u-over").dblclick()
    page.get_by_role("button", name="Show the whole step axis").wait_for(state="detached")
    assert "zoom" not in page.url


def test_an_answer_that_comes_late_is_not_drawn_for_another_question(page: Page, shown: Shown) -> None:
    page.goto(shown.url("sweep"))
    whole = table(page, "train/loss")
    held: list[Route] = []
    page.route("**/series", lambda route: held.append(route) if "range" in _asked(route) else route.continue_())
    panel(page, "train/loss").get_by_role("group").focus()
    with page.expect_request(lambda request: request.url.endswith("/series")):
        page.keyboard.press("+")
    page.get_by_role("button", name="Show the whole step axis").wait_for()
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Show the whole step axis").wait_for(state="detached")
    page.unroute("**/series")
    for route in held:
        with contextlib.suppress(Exception):  # the page has given it up
            route.continue_()
    page.evaluate("() => fetch('/api/runlake/v1/experiments').then((answer) => answer.text())")
    assert held
    assert table(page, "train/loss") == whole


def _asked(route: Route) -> str:
    return route.request.post_data or ""


def test_a_run_that_is_deleted_is_drawn_no_more(page: Page, shown: Shown) -> None:
    page.goto(shown.url("sweep"))
    panel(page, "train/loss").get_by_role("group", name="6 lines").wait_for()
    page.get_by_text("Live", exact=True).wait_for()
    run_id = next(row["run_id"] for row in table(page, "train/loss") if row["run_name"] == "run 5")
    for state, left in (("deleted", 5), ("active", 6)):
        change = json.dumps({"runs": [run_id], "state": state})
        shown.server.send("POST", "/api/runlake/v1/runs/change", change, {"Content-Type": "application/json"})
        panel(page, "train/loss").get_by_role("group", name=f"{left} lines").wait_for()


def test_what_a_line_cannot_show_is_marked_and_said(page: Page, shown: Shown) -> None:
    page.goto(shown.url("sweep"))
    marks = panel(page, "train/loss").get_by_role("list", name="Marks")
    marks.wait_for()
    assert set(marks.locator("li").all_inner_texts()) == {
        "NaN (1 line)",
        "+∞ (1 line)",
        "run failed (1 line)",
        "run was killed (1 line)",
    }
    odd = [row for row in table(page, "train/loss") if row["non_finite"]]
    assert {row["run_name"] for row in odd} == {"run 1"}
    assert {row["non_finite"] for row in odd} == {"NaN", "+∞"}


def test_a_chart_is_walked_with_keys_and_read_as_a_table(page: Page, shown: Shown) -> None:
    page.goto(shown.url("sweep", sort="run_name", zoom="step:95..115"))
    figure = panel(page, "train/loss").get_by_role("group", name="train/loss")
    figure.focus()
    page.keyboard.press("ArrowRight")
    assert re.fullmatch(r"Step 95: run 0 [\d.]+; line 1 of 6", said(page))
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    assert said(page).startswith("Step 96: run 0 ")
    page.keyboard.press("End")
    assert said(page).startswith("Step 115: run 0 ")
    assert "last point" in said(page)
    order = points_of(shown, "train/loss").filter(pl.col("step") == 115).sort("value", descending=True)
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowUp")
    for _ in range(6):
        page.keyboard.press("ArrowUp")
    highest = runlake_name(shown, order["run_id"][0])
    assert f": {highest} " in said(page)
    assert page.locator(".tooltip .nearest .tooltip-name").inner_text() == highest
    page.keyboard.press("Home")
    page.keyboard.press("t")
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("combobox", name="Run", exact=True).select_option("run 1")
    rows = dialog.locator("tbody tr").all_inner_texts()
    assert len(rows) == 21
    assert rows[5].split("\t")[0] == "100"
    assert rows[5].endswith("NaN")
    assert_accessible(page, "dialog")
    page.keyboard.press("Escape")
    page.wait_for_function("() => document.activeElement?.classList.contains('chart')")


def runlake_name(shown: Shown, run_id: str) -> str:
    return str(runlake.MlflowClient(str(shown.root)).get_run(run_id).info.run_name)


def test_a_run_that_is_pointed_at_stands_out_everywhere(page: Page, shown: Shown) -> None:
    page.goto(shown.url("sweep"))
    loss, other = panel(page, "train/loss"), panel(page, "train/acc")
    legend = page.get_by_role("list", name="Lines")
    legend.get_by_role("link", name="run 3").hover()
    for chart in (loss, other):
        chart.locator(".plot-over").wait_for()  # the line of the run, above a veil over all others
    area = loss.locator(".u-over").bounding_box()
    assert area is not None
    page.mouse.move(area["x"] + area["width"] / 5, area["y"] + area["height"] - 8)
    page.locator(".tooltip .nearest").wait_for()
    name = page.locator(".tooltip .nearest .tooltip-name").inner_text()
    assert legend.locator("li.hovered").inner_text() == name
    assert other.locator(".u-cursor-x").bounding_box() is not None
    page.mouse.move(5, 5)
    page.wait_for_function("() => !document.querySelector('.run-lines .hovered')")
    assert page.locator(".tooltip").is_hidden()


def test_another_order_of_the_table_is_that_of_all_charts(page: Page, shown: Shown) -> None:
    page.goto(shown.url("sweep", show="both"))
    panel(page, "train/loss")
    for key in ("train/loss", "train/acc"):
        before = page.get_by_role("list", name="Lines").inner_text()
        page.locator("[role=columnheader]", has_text=key.partition("/")[2]).first.click(position={"x": 40, "y": 15})
        page.wait_for_function("before => document.querySelector('.run-lines').innerText !== before", arg=before)
        assert page.locator(".chart-note.bad-text").all_inner_texts() == []


def test_of_2000_charts_few_exist_wherever_the_board_is_scrolled_to(page: Page, shown: Shown) -> None:
    page.goto(shown.url("wide"))
    page.locator(".uplot").first.wait_for()
    assert page.locator(".panel").count() == MANY
    for key in ("layer10/weight.50", "layer19/weight.99"):
        drawn = panel(page, key)
        drawn.locator(".uplot").wait_for()
        assert 1 < page.locator(".uplot").count() <= MOST_MOUNTED
    page.get_by_label("Find charts").fill("/layer(03|17).weight.5$/")
    page.wait_for_function("() => document.querySelectorAll('.panel').length === 2")
    page.get_by_label("Find charts").fill("layer03 weight.5")
    page.wait_for_function("() => document.querySelectorAll('.panel').length === 11")
    assert "find=layer03+weight.5" in page.url


def test_groups_are_drawn_with_the_mean_and_the_band_of_all_their_runs(page: Page, shown: Shown) -> None:
    page.goto(shown.url("sweep", group="params.opt", spread="0..1", top="1"))
    page.get_by_text("2 groups of 6 runs").wait_for()
    rows = table(page, "train/loss")
    opt = runlake_params(shown)
    points = points_of(shown, "train/loss").filter(pl.col("value").is_finite()).join(opt, on="run_id")
    for row in rows[:: len(rows) // 40]:
        inside = points.filter(
            (pl.col("opt") == row["group"].removeprefix("opt = "))
            & pl.col("step").is_between(int(row["first"]), int(row["last"]))
        )
        means = inside.group_by("run_id").agg(pl.col("value").mean())["value"]
        assert number(row["mean"]) == pytest.approx(means.mean(), rel=1e-12)
        assert number(row["low"]) == pytest.approx(means.min(), rel=1e-12)
        assert number(row["high"]) == pytest.approx(means.max(), rel=1e-12)
        assert int(row["runs"]) == len(means)


def runlake_params(shown: Shown) -> pl.DataFrame:
    runlake.set_tracking_uri(str(shown.root))
    try:
        return runlake.runs("sweep").select("run_id", pl.col("params.opt").alias("opt")).collect()
    finally:
        runlake.set_tracking_uri("")


def test_steps_beyond_what_javascript_counts_are_said_exactly(page: Page, shown: Shown) -> None:
    page.goto(shown.url("far"))
    assert [row["first"] for row in table(page, "loss")] == [str(2**60 + step) for step in range(3)]
    panel(page, "loss").get_by_role("group", name="loss").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    assert said(page).startswith(f"Step {2**60 + 1:,}: far 0.5;")


def test_panels_are_arranged_and_a_link_shows_them_so(page: Page, shown: Shown) -> None:
    page.goto(shown.url("sweep"))
    loss = panel(page, "train/loss")
    loss.get_by_role("button", name="Move").focus()
    page.keyboard.press("ArrowLeft")
    assert said(page) == "train/loss is now chart 1 of 2."
    loss.get_by_role("button", name="Resize").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    page.get_by_role("combobox", name="Smooth", exact=True).select_option("ema")
    page.get_by_role("slider", name="Weight").press("Home")
    page.get_by_role("slider", name="Weight").press("PageUp")  # it is there for whoever went to its end
    page.get_by_role("combobox", name="Y", exact=True).select_option("log")
    page.get_by_role("combobox", name="X", exact=True).select_option("relative")
    page.get_by_role("button", name="Add a chart").click()
    page.get_by_role("dialog").get_by_role("combobox").last.fill("val")
    page.get_by_role("option", name="val/loss").wait_for()
    page.keyboard.press("Escape")  # closes what is innermost
    page.get_by_role("option", name="val/loss").wait_for(state="hidden")
    for key in ("train/loss", "val/loss"):
        page.get_by_role("dialog").get_by_role("combobox").last.fill(key)
        page.get_by_role("option", name=key).click()
    page.get_by_role("dialog").get_by_role("button", name="Add").click()
    own = page.get_by_role("article", name="train/loss, val/loss")
    own.locator("canvas").first.wait_for()
    panel(page, "val/loss").get_by_role("button", name="Menu of val/loss").click()
    page.get_by_role("menuitem", name="Remove").click()
    page.locator('[data-panel="auto:val/loss"]').wait_for(state="detached")

    page.goto(page.url)
    own.locator("canvas").first.wait_for()
    assert [one.get_attribute("data-panel") for one in page.locator(".panel").all()] == [
        "line-1",
        "auto:train/loss",
        "auto:train/acc",
    ]
    assert "wide-2" in (panel(page, "train/loss").get_attribute("class") or "")
    assert page.get_by_role("combobox", name="Y", exact=True).input_value() == "log"
    assert page.get_by_role("combobox", name="X", exact=True).input_value() == "relative"
    panel(page, "train/loss").get_by_role("group", name="train/loss by relative time").wait_for()

    assert saved(page, "train/loss", "PNG").startswith(b"\x89PNG\r\n\x1a\n")
    drawing = ElementTree.fromstring(saved(page, "train/loss", "SVG"))
    texts = {text.text for text in drawing.iter("{http://www.w3.org/2000/svg}text")}
    assert {"train/loss", "Relative time", *(f"run {n}" for n in range(6))} <= texts


def test_a_box_on_a_scatter_plot_is_a_filter_and_bars_compare_summaries(page: Page, shown: Shown) -> None:
    scatter = "scatter:params.lr,min(metrics.val/loss);n=1;xlog=1"
    page.goto(shown.url("sweep", panel=scatter) + "&panel=bars:train/loss;n=2;reduce=max")
    bars = page.get_by_role("list", name="train/loss").get_by_role("listitem")
    bars.first.wait_for()
    points = points_of(shown, "train/loss").filter(pl.col("value").is_finite())
    assert bars.filter(has_text="run 0").inner_text().split() == ["run", "0", "9.5"]
    assert bars.count() == points["run_id"].n_unique()
    panels = page.locator(".panel")
    lines = saved(page, "max of train/loss", "CSV", panels.nth(1)).decode().splitlines()
    assert lines[0] == "run_id,run_name,max of train/loss"
    assert [line.split(",", 1)[1] for line in lines[1:] if ",run 0," in line] == ["run 0,9.5"]
    name = "min(metrics.val/loss) by params.lr"
    rows = list(csv.DictReader(io.StringIO(saved(page, name, "CSV", panels.nth(0)).decode())))
    assert {row["params.lr"] for row in rows} == {"1", "0.1", "0.01"}
    drawing = ElementTree.fromstring(saved(page, name, "SVG", panels.nth(0)))
    assert len(list(drawing.iter("{http://www.w3.org/2000/svg}circle"))) == len(rows) == 6
    assert saved(page, name, "PNG", panels.nth(0)).startswith(b"\x89PNG")
    plot = page.get_by_role("group", name="6 runs").locator("canvas")
    area = plot.bounding_box()
    assert area is not None
    page.mouse.move(area["x"] + 40, area["y"] + 4)
    page.mouse.down()
    page.mouse.move(area["x"] + 58 + (area["width"] - 72) / 2 + 20, area["y"] + area["height"] - 30, steps=4)
    page.mouse.up()
    page.get_by_text("4 of 4 runs have both values").wait_for()
    brush = dict.fromkeys(re.findall(r"brush=([^&]+)", page.url))
    assert len(brush) == 2
    assert any(one.startswith("params.lr+BETWEEN+0.01+AND+0.") for one in brush)


def test_the_board_is_accessible_and_fits_a_phone(page: Page, shown: Shown) -> None:
    page.goto(shown.url("sweep"))
    panel(page, "train/loss")
    for theme in ("light", "dark"):
        page.emulate_media(color_scheme=theme)
        assert_accessible(page, ".charts")
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.set_viewport_size({"width": 1440, "height": 900})
    panel(page, "train/loss").get_by_role("button", name="Enlarge").click()
    page.get_by_role("dialog").locator("canvas").first.wait_for()
    assert_accessible(page, "dialog")


def test_a_run_that_goes_on_grows_on_its_chart_and_the_range_that_is_looked_at_stays(page: Page, shown: Shown) -> None:
    server = shown.server
    run_id = server.create_run(shown.experiments["far"], run_name="on")

    def log(steps: range) -> None:
        points = [{"key": "growing", "value": step * 0.5, "timestamp": step, "step": step} for step in steps]
        assert server.post("runs/log-batch", run_id=run_id, metrics=points).status == 200

    page.goto(shown.url("far"))
    page.get_by_text("Live", exact=True).wait_for()
    panel(page, "loss")
    log(range(50))  # a metric that nobody has logged before
    panel(page, "growing").locator(".mark-legend").get_by_text("run goes on").wait_for()
    page.goto(shown.url("far", find="growing"))
    panel(page, "growing").locator(".mark-legend").get_by_text("run goes on").wait_for()
    log(range(50, 90))
    page.wait_for_function(_AT_END, arg="Step 89: on 44.5")
    page.goto(shown.url("far", find="growing", zoom="step:10..120"))
    page.wait_for_function(_AT_END, arg="Step 89: on 44.5")
    log(range(90, 100))
    page.wait_for_function(_AT_END, arg="Step 99: on 49.5")
    assert "zoom=step:10..120" in page.url
    assert [row["first"] for row in table(page, "growing")] == [str(step) for step in range(10, 100)]


_AT_END = """(wanted) => {
  const chart = document.querySelector("figure.chart");
  if (!chart) return false;
  chart.focus();
  chart.dispatchEvent(new KeyboardEvent("keydown", { key: "End", bubbles: true }));
  return document.querySelector(".charts > [aria-live]").textContent.startsWith(wanted);
}"""
