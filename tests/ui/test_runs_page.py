"""The page of runs: a table of all of them, what is asked of it with keys, written into it, and taken away from it."""

from __future__ import annotations

import math
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl
import pytest

from runlake.cli.app import status_of
from tests.browser import Visitor
from tests.server.wire import Server, served
from tests.ui.accessible import assert_accessible
from tests.ui.lakes import lake

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page, Route

RUNS = 60
MANY = 410
"""More than two windows of rows."""
HOSTILE = "<img src=x onerror=alert(1)>"
LONG = 'it\'s "so" `long` $(true) \\ 🐟' * 40
NAMES = """() => [...document.querySelectorAll('.grid-body .grid-row:not([hidden])')]
  .sort((a, b) => a.ariaRowIndex - b.ariaRowIndex)
  .map((row) => row.querySelector('.name').innerText.replace(/\\s+/g, ' ').trim())"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server on a sweep, a nested run, hostile texts, and a run with 12,000 metrics."""
    folder = tmp_path_factory.mktemp("runs")
    with lake(folder / "lake") as filled:
        for n in range(RUNS):
            filled.run(
                f"trial {n}",
                params={"opt": ("adam", "sgd")[n % 2], "lr": 10.0 ** -(n % 3 + 1), "depth": n % 4},
                metrics={"loss": [2.0, (n * 37 % RUNS) / RUNS], "odd": math.nan if n % 5 == 0 else n % 7},
                tags={"team": 'it\'s "us"' if n % 2 else "them"},
            )
        parent = filled.run("search", experiment="nested")
        for n in range(3):
            filled.run(f"fold {n}", experiment="nested", parent=parent, metrics={"loss": n})
        filled.run(
            HOSTILE,
            experiment="hostile",
            params={"p": '"><script>alert(1)</script>'},
            tags={"note": LONG, "mlflow.note.content": HOSTILE},
        )
        many = filled.experiment("many")
        for n in range(MANY):
            filled.client.create_run(many, run_name=f"run {n:03}")
        filled.run("wide", experiment="wide", metrics={f"layer_{n:05}/norm": n for n in range(12_000)})
    with served(folder) as running:
        yield running


@pytest.fixture
def shown(visitor: Visitor, server: Server) -> Table:
    """The table of the sweep."""
    visitor.context.grant_permissions(["clipboard-read", "clipboard-write"])
    return Table(visitor.page, server)


class Table:
    """The table on a page, as somebody sees it."""

    def __init__(self, page: Page, server: Server) -> None:
        self.page = page
        self.server = server
        self.grid = page.get_by_role("grid", name="Runs")

    def open(self, search: str = "", experiment: str = "sweep") -> Table:
        listed = self.server.send("GET", f"/api/runlake/v1/experiments?experiments={experiment}").json
        number = listed["experiments"][0]["experiment_id"]
        self.page.goto(f"{self.server.url}/runs?experiment={number}&show=table{search}")
        self.page.get_by_role("button", name="Columns").wait_for()
        self.page.locator(".name-text:visible").first.wait_for()
        return self

    def names(self) -> list[str]:
        found: list[str] = self.page.evaluate(NAMES)
        return found

    def until(self, *names: str) -> None:
        """Wait until these are the first rows."""
        for row, name in enumerate(names, 2):
            self.page.locator(f".grid-row[aria-rowindex='{row}'] .name", has_text=name).wait_for()

    def rows(self, count: int) -> None:
        """Wait until there are so many rows."""
        self.page.locator(f".grid[aria-rowcount='{count + 1}']").wait_for(state="attached")

    def edit(self, row: str, column: str) -> Locator:
        """Begin to write into a cell."""
        self.cell(row, column).dblclick()
        return self.page.locator(".cell-editor")

    def cell(self, row: str, column: str) -> Locator:
        index = self.page.get_by_role("columnheader", name=column).first.get_attribute("aria-colindex")
        return (
            self.page.get_by_role("row")
            .filter(has_text=re.compile(re.escape(row)))
            .first.locator(f"[aria-colindex='{index}']")
        )

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def active(self) -> tuple[str, str]:
        """Row and column that keys act on, from 1, as assistive technology is told."""
        cell = self.page.locator(f"#{self.grid.get_attribute('aria-activedescendant')}")
        row = cell.locator("xpath=ancestor::*[@role='row']")
        return str(row.get_attribute("aria-rowindex")), str(cell.get_attribute("aria-colindex"))

    def take(self, item: str) -> None:
        self.page.get_by_role("button", name="Take it elsewhere").click()
        self.page.get_by_role("menuitem", name=item).click()

    def saved(self, item: str) -> Path:
        with self.page.expect_download() as saved:
            self.take(item)
        return Path(saved.value.path())

    def copied(self, item: str) -> str:
        self.take(item)
        self.page.locator(".toast", has_text="Copied").last.wait_for()
        found: str = self.page.evaluate("navigator.clipboard.readText()")
        self.page.get_by_role("button", name="Close").last.click()
        return found


def test_the_table_is_walked_sorted_and_arranged_with_keys_alone(shown: Table) -> None:
    shown.open().rows(RUNS)
    assert shown.names()[:2] == [f"trial {RUNS - 1}", f"trial {RUNS - 2}"]
    shown.grid.focus()
    shown.press("ArrowDown", "ArrowDown", "ArrowRight")
    assert shown.active() == ("3", "3")
    shown.press("PageDown", "End", "Home")
    assert int(shown.active()[0]) > 15
    assert shown.active()[1] == "1"
    shown.press("Control+End")
    assert shown.active() == (str(RUNS + 1), str(shown.grid.get_attribute("aria-colcount")))
    shown.page.get_by_role("link", name="trial 0", exact=True).wait_for()
    shown.press("Control+Home", "ArrowUp", "ArrowRight", "ArrowRight")
    shown.press("Shift+ArrowRight")
    shown.page.locator("[data-column=status][style*='width: 112px']").wait_for()
    shown.press("Alt+ArrowRight")
    shown.page.locator("[data-column=status][aria-colindex='4']").wait_for()
    shown.press("Control+ArrowRight", "Enter")
    name = str(shown.page.locator("#active-cell").get_attribute("data-column"))
    shown.page.wait_for_url(re.compile(rf"sort={re.escape(name)}"))
    assert shown.page.locator("#active-cell").get_attribute("aria-sort") == "ascending"
    shown.press("Enter")
    shown.page.wait_for_url(re.compile("DESC"))
    shown.page.locator(".grid[aria-busy=false]").wait_for()
    shown.press("Control+ArrowDown", "Home", "Space", "ArrowRight")
    shown.page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    shown.press("Enter")
    shown.page.wait_for_url(re.compile(r"/runs/[0-9a-f]{32}$"))
    shown.page.go_back()
    shown.page.locator("[data-column=status][aria-colindex='4']").wait_for()
    shown.page.locator(f".grid-row[aria-rowindex='{RUNS + 1}']").wait_for()


@pytest.mark.parametrize(
    "search",
    ["", "&sort=metrics.loss+DESC&column=metrics.loss&color=params.lr&brush=params.depth+%3D+1", "&group=params.opt"],
)
def test_the_first_rows_are_asked_for_once_ahead_of_what_draws_them(shown: Table, search: str) -> None:
    shown.open(search)
    assert shown.page.evaluate("globalThis.ahead.address") == "", "the page has asked for something else"


def test_a_filter_is_completed_judged_where_it_is_wrong_and_applied_when_it_is_right(shown: Table) -> None:
    shown.open().press("/")
    shown.page.keyboard.type("params.o")
    shown.page.get_by_role("option", name="params.opt").wait_for()
    shown.press("ArrowDown", "Enter")
    field = shown.page.get_by_role("textbox", name="Filter")
    assert field.input_value() == "params.opt "
    shown.page.keyboard.type("= ")
    shown.page.get_by_role("option", name="'sgd'").wait_for()
    shown.press("ArrowUp", "Enter")
    shown.rows(RUNS // 2)
    assert all(int(name.split()[1]) % 2 for name in shown.names())
    shown.page.wait_for_url(re.compile(r"where=params\.opt\+%3D\+%27sgd%27"))
    shown.page.keyboard.type("AND strat_time > 0")
    shown.page.locator(".misread", has_text="strat_time").wait_for(state="attached")
    shown.press("Escape")
    shown.page.get_by_text("did you mean start_time?").wait_for()
    assert field.get_attribute("aria-invalid") == "true"
    assert shown.grid.get_attribute("aria-rowcount") == str(RUNS // 2 + 1)
    assert_accessible(shown.page, ".runs-page")
    shown.page.get_by_role("button", name="Clear the filter").click()
    shown.rows(RUNS)
    shown.page.go_back()
    shown.rows(RUNS // 2)
    assert field.input_value() == "params.opt = 'sgd'"
    held: list[Route] = []
    shown.page.route(re.compile(r"/v1/runs\?"), lambda route: held.append(route))
    shown.page.get_by_role("button", name="Clear the filter").click()
    shown.page.locator(".grid.late").wait_for()
    assert len(shown.names()) > 10, "rows are pale while others are awaited, and stay"
    for route in held:
        route.continue_()
    shown.page.unroute(re.compile(r"/v1/runs\?"))
    shown.rows(RUNS)
    shown.page.locator(".grid:not(.late)").wait_for()


def test_one_of_12_000_columns_is_found_and_all_of_them_are_scrolled(shown: Table) -> None:
    shown.open(experiment="wide").press("c")
    panel = shown.page.get_by_role("dialog")
    panel.get_by_role("searchbox").fill("norm 07123")
    panel.get_by_role("checkbox", name="layer_07123/norm").check()
    shown.press("Escape")
    shown.page.get_by_role("gridcell", name="7123", exact=True).wait_for()
    shown.press("c")
    panel.get_by_role("button", name="Metrics", exact=True).click()
    panel.get_by_text("12,000 columns").wait_for()
    panel.get_by_role("button", name="Show all metrics").click()
    shown.press("Escape")
    shown.page.locator(".grid[aria-colcount='12005']").wait_for()
    shown.grid.focus()
    shown.press("ArrowDown", "End")
    shown.page.get_by_role("gridcell", name="11999", exact=True).wait_for()
    assert shown.page.evaluate("document.querySelectorAll('.grid *').length") < 3000
    assert len(shown.page.url) < 500


def test_many_runs_are_tagged_deleted_and_brought_back(shown: Table) -> None:
    shown.open("&where=params.depth+%3D+3&sort=run_name")
    shown.until("trial 11")
    shown.grid.focus()
    shown.press("ArrowDown", "Space", "ArrowDown", "ArrowDown", "Shift+Space")
    bar = shown.page.get_by_role("region", name="Runs selected")
    bar.get_by_text("3 runs selected").wait_for()
    bar.get_by_role("button", name="Tag").click()
    shown.page.get_by_label("Tag", exact=True).fill("reviewed")
    shown.page.get_by_label("Value").fill(HOSTILE)
    shown.press("Enter")
    shown.page.get_by_text("3 runs are tagged reviewed.").wait_for()
    bar.get_by_role("button", name=f"Select all {RUNS // 4}").click()
    bar.get_by_role("button", name="Delete").click()
    shown.page.get_by_role("button", name=f"Delete {RUNS // 4} runs").click()
    shown.page.get_by_text("No run matches the filter.").wait_for()
    shown.page.get_by_role("button", name="Undo").click()
    shown.rows(RUNS // 4)
    shown.page.get_by_role("textbox", name="Filter").fill(f"tags.reviewed = '{HOSTILE}'")
    shown.rows(3)


def test_all_of_a_range_is_selected_also_what_was_never_looked_at(shown: Table) -> None:
    page = shown.page
    shown.open("&sort=run_name", experiment="many").until("run 000")
    page.reload()
    page.route(lambda url: "offset=200" in url and "characters=" in url, lambda _: None)  # never answered
    shown.until("run 000")
    shown.grid.focus()
    shown.press("ArrowUp", "Control+Home", "Space", "Control+ArrowDown")
    page.get_by_role("link", name=f"run {MANY - 1}").wait_for()
    shown.press("Shift+Space")
    page.get_by_text(f"{MANY} runs selected").wait_for()
    page.unroute_all(behavior="ignoreErrors")
    page.get_by_role("button", name="Select none").click()
    shown.grid.focus()
    shown.press("Control+Home", "ArrowUp", "Space")
    page.get_by_text(f"{MANY} runs selected").wait_for()
    assert page.get_by_role("checkbox", name="Select all runs of the filter").is_checked()


def test_groups_and_nested_runs_open_in_place(shown: Table) -> None:
    shown.open("&group=tags.team&group=params.lr&column=metrics.loss&sort=run_name").rows(2)
    losses = [(n * 37 % RUNS) / RUNS for n in range(RUNS) if n % 2 == 0]
    assert shown.names() == ["team them 30", 'team it\'s "us" 30']
    assert shown.cell("them", "loss").inner_text().startswith(f"{sum(losses) / len(losses):.4g} ± ")
    shown.grid.focus()
    shown.press("ArrowDown", "ArrowDown", "Enter")
    shown.rows(5)
    shown.press("ArrowDown", "Enter")
    shown.rows(15)
    shown.until("them", 'it\'s "us"', "0.01", "trial 1", "trial 13")
    shown.press("Enter", "ArrowUp", "Enter")
    shown.rows(2)
    shown.open(experiment="nested").rows(1)
    shown.page.get_by_text("4 runs").wait_for()
    shown.page.get_by_role("button", name="Open", exact=True).click()
    shown.until("search", "fold 2", "fold 1", "fold 0")
    shown.page.get_by_role("checkbox", name="nested").uncheck()
    shown.until("fold 2", "fold 1", "fold 0", "search")


def test_names_tags_and_notes_are_edited_in_their_cells(shown: Table, visitor: Visitor) -> None:
    shown.open("&column=tags.team&column=tags.mlflow.note.content&where=params.depth+%3D+0&sort=run_name").until(
        "trial 0"
    )
    shown.edit("trial 0", "team").fill("nobody")
    shown.press("Enter")
    shown.page.get_by_role("gridcell", name="nobody", exact=True).wait_for()
    shown.grid.focus()
    shown.press("Home", "ArrowRight", "F2")
    shown.page.locator(".cell-editor").fill("renamed")
    shown.press("Escape")
    assert shown.names()[0] == "trial 0"
    visitor.expect("400")
    shown.press("F2")
    editor = shown.page.get_by_role("textbox", name="Name of trial 0")
    editor.fill(" ")
    shown.press("Enter")
    shown.page.get_by_text("the name of a run is empty").wait_for()
    editor.fill(HOSTILE)
    shown.press("Enter")
    shown.until(HOSTILE)
    shown.page.reload()
    shown.until(HOSTILE)
    assert shown.cell(HOSTILE, "team").inner_text() == "nobody"
    shown.open(experiment="hostile", search="&column=tags.note")
    assert shown.edit(HOSTILE, "note").input_value() == LONG
    shown.press("Escape")


def test_a_cell_that_is_edited_takes_nobody_s_focus_and_is_left_with_the_page(shown: Table) -> None:
    shown.open("&where=params.depth+%3D+1&sort=run_name").until("trial 1")
    filter_field = shown.page.get_by_role("textbox", name="Filter")
    filter_field.wait_for()
    for text in (None, "trial 1 again"):
        shown.grid.focus()
        shown.press("Control+Home", "ArrowRight", "F2")
        editor = shown.page.get_by_role("textbox", name="Name of trial 1", exact=True)
        editor.wait_for()
        if text is not None:
            editor.fill(text)
        filter_field.click()
        editor.wait_for(state="detached")
        assert filter_field.evaluate("(field) => field === document.activeElement")
    shown.page.get_by_role("gridcell", name="trial 1 again").wait_for()
    shown.page.get_by_role("link", name="Experiments").click()
    shown.page.go_back()
    shown.page.get_by_role("gridcell", name="trial 1 again").wait_for()
    shown.grid.focus()
    shown.press("Control+Home", "ArrowRight", "F2")
    shown.page.locator(".cell-editor").wait_for()
    shown.page.go_forward()
    shown.page.get_by_role("heading", name="Experiments").wait_for()
    assert shown.page.locator(".cell-editor").count() == 0


def test_what_is_shown_is_copied_as_python_and_as_a_command_that_list_the_same(
    shown: Table, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    where = "tags.team+RLIKE+%27us%22%24%27+AND+params.lr+%3C+0.1"
    shown.open(f"&where={where}&sort=metrics.odd+DESC&column=metrics.odd&column=tags.team").rows(20)
    names = shown.names()[:20]
    program = tmp_path / "copied.py"
    program.write_text(shown.copied("Copy as Python") + "\nprint(*runs['run_name'], sep='\\n')\nprint(runs.columns)")
    printed = subprocess.run(
        [sys.executable, str(program)], capture_output=True, text=True, timeout=60, check=True, cwd=tmp_path
    ).stdout.splitlines()
    assert printed[-1] == "['run_id', 'run_name', 'metrics.odd', 'tags.team']"
    assert printed[:-1] == names
    words = shlex.split(shown.copied("Copy as a command line"))
    assert status_of(words[1:]) == 0
    listed = capsys.readouterr().out
    assert [line.split("\t")[0] for line in listed.splitlines()[1:]] == names
    lines = shown.saved("Export as CSV").read_text().splitlines()
    assert lines[0] == "run_id,run_name,metrics.odd,tags.team"
    assert [line.split(",")[1] for line in lines[1:]] == names
    assert lines[1].endswith(',"it\'s ""us"""')
    frame = pl.read_ipc_stream(shown.saved("Export as Arrow"))
    assert frame.columns == ["run_id", "run_name", "metrics.odd", "tags.team"]
    assert sorted(frame["run_name"]) == sorted(names)


def test_hostile_texts_stay_texts_and_the_page_is_accessible_in_both_themes(shown: Table) -> None:
    shown.open(experiment="hostile", search="&color=params.p&column=params.p")
    assert shown.names() == [HOSTILE]
    shown.page.get_by_text('"><script>alert(1)</script>').first.wait_for()
    shown.open("&color=metrics.loss&pin=x")
    shown.page.locator(".color-legend").wait_for()
    shown.page.set_viewport_size({"width": 1000, "height": 420})  # axe looks at each cell
    for theme in ("light", "dark"):
        shown.page.emulate_media(color_scheme=theme)
        assert_accessible(shown.page)
    shown.page.set_viewport_size({"width": 390, "height": 844})
    assert shown.page.evaluate("document.documentElement.scrollWidth") <= 390
