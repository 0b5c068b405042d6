"""Scenes: every page, in every state that can be told apart by looking at it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from tests.ui.settling import settle

if TYPE_CHECKING:
    from playwright.sync_api import Page

Act = Callable[["Page"], None]


@dataclass(frozen=True)
class Scene:
    """An address, in which `{best}` and the like are filled in, and what is done there before it is looked at."""

    name: str
    path: str
    act: Act = settle
    tall: bool = False
    """The window is as high as the page."""
    forced: bool = False
    """In forced colours."""


def both(*acts: Act) -> Act:
    """Return what does several things one after the other."""

    def act(page: Page) -> None:
        for one in acts:
            one(page)
            settle(page)

    return act


def click(name: str, role: Literal["button", "menuitem", "radio"] = "button", *, exact: bool = False) -> Act:
    """Return what presses the first thing of a name."""
    return lambda page: page.get_by_role(role, name=name, exact=exact).first.click()


def menu_of(selector: str) -> Act:
    """Return what opens the menu of a cell."""
    return lambda page: page.locator(selector).first.click(button="right")


def write(label: str, text: str) -> Act:
    """Return what writes into a field."""
    return lambda page: page.get_by_label(label).first.fill(text)


def press(*keys: str) -> Act:
    """Return what presses keys."""

    def act(page: Page) -> None:
        for key in keys:
            page.keyboard.press(key)

    return act


def select_runs(page: Page) -> None:
    """Select three runs of the table."""
    for row in (2, 3, 4):
        page.locator(f".grid-row[aria-rowindex='{row}'] input[type=checkbox]").check()


def open_group(page: Page) -> None:
    """Open the first group of the table."""
    page.locator(".cell-button.twist:visible").first.click()


def point_at_chart(page: Page) -> None:
    """Point at the middle of the first chart."""
    area = page.locator(".panel .u-over").first
    area.scroll_into_view_if_needed()
    area.hover()


def read_chart(page: Page) -> None:
    """Show the first chart as a table."""
    page.locator(".panel .chart").first.press("t")


def open_folders(page: Page) -> None:
    """Open the folders of a run's artifacts, and those in them."""
    closed = page.get_by_role("navigation", name="Files").locator("[aria-expanded=false]")
    while closed.count():
        closed.first.click()
        settle(page)


def save_view(page: Page) -> None:
    """Save what is shown as a view."""
    page.get_by_role("button", name="Views").click()
    page.get_by_role("textbox", name="Name of the view").fill("Best by accuracy")
    page.get_by_role("button", name="Save").click()
    page.get_by_role("button", name="Best by accuracy", exact=True).wait_for()


def compare_texts(page: Page) -> None:
    """Hold a text artifact of two runs against each other."""
    page.get_by_placeholder("config.yaml").fill("console.log")
    page.keyboard.press("Enter")


SWEEP: Final = "/runs?experiment={sweep}"
BEST: Final = f"{SWEEP}&sort=metrics.val_accuracy+DESC"
FEW: Final = f"{BEST}&column=metrics.val_accuracy&column=params.lr&column=params.hidden&column=params.momentum"
BRUSHED: Final = f"{FEW}&brush=metrics.val_accuracy+%3E%3D+0.9&brush=params.hidden+IN+(64)"
OWN: Final = "".join(
    f"&panel={one}"
    for one in ("bars:val_accuracy;n=1", "line:loss,val_loss;w=2;n=2", "scatter:params.lr,metrics.val_accuracy;n=3")
)
TABS: Final = ("params", "metrics", "charts", "points", "artifacts", "console", "system", "ledger", "reproduce")
FILES: Final = ("report.md", "report.html", "rows.csv", "settings.json", "notes.txt", "weights.bin", "empty.txt")

SCENES: Final = (
    Scene("experiments", "/"),
    Scene("experiments-none-found", "/", write("Find experiments by name", "zzz")),
    Scene("runs", SWEEP),
    Scene("runs-brushed", f"{FEW}&brush=metrics.val_accuracy+%3E%3D+0.97&top=6"),
    Scene("runs-colored", f"{FEW}&color=metrics.val_accuracy"),
    Scene("runs-colored-few", f"{FEW}&color=params.momentum"),
    Scene("runs-table", f"{BEST}&show=table"),
    Scene("runs-grouped", f"{FEW}&group=params.hidden&group=params.momentum", open_group),
    Scene("runs-selected", FEW, select_runs),
    Scene("runs-columns", BEST, click("Columns")),
    Scene("runs-row-menu", f"{FEW}&show=table", menu_of(".grid-body .grid-cell.name")),
    Scene("runs-head-menu", f"{FEW}&show=table", menu_of(".head[data-column='metrics.val_accuracy']")),
    Scene("runs-elsewhere", BEST, click("Take it elsewhere")),
    Scene("runs-copied", BEST, both(click("Take it elsewhere"), click("Copy as Python", "menuitem"))),
    Scene("runs-views", FEW, save_view),
    Scene("runs-completing", BEST, write("Filter", "metrics.val_")),
    Scene("runs-mistake", f"{SWEEP}&where=metrics.val_accuracy+%3E+%3E"),
    Scene("runs-none-left", f"{SWEEP}&where=metrics.val_accuracy+%3E+2"),
    Scene("runs-of-all", "/runs"),
    Scene("runs-forced", FEW, forced=True),
    Scene("charts", f"{BEST}&show=charts", tall=True),
    Scene("charts-set", f"{BEST}&show=charts&smooth=ema:0.8&y=log&zoom=step:1000..3000", tall=True),
    Scene(
        "charts-own",
        f"{BEST}&show=charts{OWN}",
        tall=True,
    ),
    Scene("charts-grouped", f"{BEST}&group=params.momentum&show=charts", tall=True),
    Scene("chart-pointed", f"{BEST}&show=charts", point_at_chart),
    Scene("chart-menu", f"{BEST}&show=charts", click("Menu of")),
    Scene("chart-settings", f"{BEST}&show=charts", both(click("Menu of"), click("Axes and smoothing", "menuitem"))),
    Scene("chart-large", f"{BEST}&show=charts", click("Enlarge")),
    Scene("chart-table", f"{BEST}&show=charts", read_chart),
    Scene("chart-add", f"{BEST}&show=charts", click("Add a chart")),
    Scene("parallel", f"{FEW}&show=parallel&color=metrics.val_accuracy"),
    Scene("parallel-brushed", f"{BRUSHED}&show=parallel"),
    Scene("parallel-pointed", FEW, lambda page: page.locator(".grid-body .grid-cell.name:visible").nth(2).hover()),
    Scene(
        "parallel-menu", f"{BEST}&show=parallel", lambda page: page.locator(".parallel-heading button").first.click()
    ),
    Scene("parallel-table", f"{BRUSHED}&show=parallel", click("Show as a table")),
    Scene("palette", SWEEP, both(press("Control+k"), lambda page: page.keyboard.type("digits"))),
    Scene("keymap", SWEEP, press("?")),
    Scene("run", "/runs/{best}", tall=True),
    *[Scene(f"run-{tab}", f"/runs/{{best}}?tab={tab}", tall=True) for tab in TABS],
    Scene("run-edited", "/runs/{best}", both(click("Rename"), click("Tag", exact=True))),
    Scene("run-folders", "/runs/{best}?tab=artifacts", open_folders),
    Scene("run-various", "/runs/{various}", tall=True),
    Scene("run-parent", "/runs/{parent}", tall=True),
    Scene("run-live", "/runs/{live}"),
    Scene("run-failed", "/runs/{failed}"),
    Scene("run-missing", f"/runs/{'0' * 32}"),
    Scene("run-forced", "/runs/{best}", forced=True),
    *[Scene(f"file-{name.replace('.', '-')}", f"/runs/{{various}}?tab=artifacts&path={name}") for name in FILES],
    Scene("file-picture", "/runs/{best}?tab=artifacts&path=confusion.png"),
    Scene("file-table", "/runs/{best}?tab=artifacts&path=report/predictions.parquet"),
    Scene("compare", "/compare?{compared}", tall=True),
    Scene("compare-all", "/compare?{compared}&same=1"),
    Scene("compare-texts", "/compare?{compared}", compare_texts, tall=True),
    Scene("compare-one", "/compare?run={best}"),
    Scene("compare-none", "/compare"),
    Scene("models", "/models"),
    Scene("models-none-found", "/models", write("Find models", "zzz")),
    Scene("model", "/models/{model}", tall=True),
    Scene("model-judged", "/models/{model}?judged=3"),
    Scene("model-gate", "/models/{model}", click("Change the gate")),
    Scene("model-missing", "/models/zzz"),
    Scene("model-forced", "/models/{model}", forced=True),
    Scene("version", "/models/{model}/4", tall=True),
    Scene("version-promote", "/models/{model}/4", click("Promote …", exact=True)),
    Scene("version-refused", "/models/{model}/3", both(click("Promote …", exact=True), click("@champion", "radio"))),
    Scene("nowhere", "/nowhere"),
)
EMPTY: Final = (Scene("empty-experiments", "/"), Scene("empty-runs", "/runs"), Scene("empty-models", "/models"))
OFFLINE: Final = Scene("offline", SWEEP)
