"""Runs side by side: what differs, how far from a baseline, and how their text artifacts and curves differ."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.server.wire import Server, served
from tests.ui.accessible import assert_accessible
from tests.ui.lakes import lake

if TYPE_CHECKING:
    from playwright.sync_api import Page

SCRIPT = "<script>window.ran = true</script>"
RIGHT_TO_LEFT = "\u05e9\u05dc\u05d5\u05dd"


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, list[str]]]:
    """A server, and the ids of three runs."""
    folder = tmp_path_factory.mktemp("compare")
    with lake(folder / "lake") as filled:
        ids = [
            filled.run(
                name,
                params={"lr": lr, "depth": 3, "opt": f"adam {SCRIPT}" if lr == 0.1 else "sgd"},
                metrics={
                    "loss": [1.0, loss],
                    "odd": math.nan if lr == 0.1 else 1.0,
                    **{f"m{n}": n for n in range(200)},
                },
                tags={"team": "vision"},
                files={"config.yaml": f"seed: 1\nlr: {lr}\nname: {SCRIPT}\n", "same.txt": "same\n"},
            )
            for name, lr, loss in (("first", 0.1, 0.4), (f"second {SCRIPT}", 0.05, 0.5), (RIGHT_TO_LEFT, 0.2, 0.2))
        ]
    with served(folder) as server:
        yield server, ids


def row(page: Page, name: str) -> list[str]:
    """The cells of a row of the comparison."""
    line = page.locator(".windowed-line").filter(has=page.get_by_role("rowheader", name=name, exact=True))
    line.wait_for()
    return line.get_by_role("cell").all_inner_texts()


def test_runs_are_told_apart_by_what_differs_and_how_far(page: Page, shown: tuple[Server, list[str]]) -> None:
    server, ids = shown
    page.goto(f"{server.url}/compare?{'&'.join(f'run={run_id}' for run_id in ids)}")
    page.get_by_role("heading", name="Comparison of 3 runs").wait_for()
    assert row(page, "lr") == ["0.1", "0.05 ▼ −50.0 %", "0.2 ▲ +100 %"]
    assert row(page, "loss") == ["0.4", "0.5 ▲ +25.0 %", "0.2 ▼ −50.0 %"]
    assert row(page, "odd") == ["NaN", "1", "1"]
    assert row(page, "opt") == [f"adam {SCRIPT}", "sgd", "sgd"]
    assert page.get_by_role("rowheader", name="depth").count() == 0
    for part in (".page-head", ".part-bar", ".comparison"):
        assert_accessible(page, part)
    page.get_by_role("button", name=f"Hold the others against {RIGHT_TO_LEFT}").click()
    page.get_by_role("button", name="Hold the others against first").wait_for()
    assert row(page, "loss") == ["0.4 ▲ +100 %", "0.5 ▲ +150 %", "0.2"]
    page.get_by_role("checkbox", name="only what differs").uncheck()
    assert row(page, "depth") == ["3", "3", "3"]
    assert page.locator(".windowed-line").count() < 60, "only what is seen is on the page"
    page.reload()
    assert row(page, "depth") == ["3", "3", "3"]
    page.get_by_role("checkbox", name="least, greatest").check()
    page.get_by_role("searchbox", name="Find names").fill("loss max")
    page.get_by_role("rowheader", name="loss greatest", exact=True).wait_for()
    assert row(page, "loss greatest") == ["1", "1", "1"]
    page.get_by_role("searchbox", name="Find names").fill("")
    page.get_by_role("button", name="Leave out first").click()
    page.get_by_role("heading", name="Comparison of 2 runs").wait_for()
    page.go_back()
    page.get_by_role("heading", name="Comparison of 3 runs").wait_for()
    page.locator(".charts canvas").first.wait_for()
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.evaluate("window.ran") is None


def test_text_artifacts_are_compared_line_by_line(page: Page, shown: tuple[Server, list[str]]) -> None:
    server, ids = shown
    page.goto(f"{server.url}/compare?run={ids[0]}")
    adding = page.get_by_role("combobox", name="Add a run")
    adding.fill("second")
    page.get_by_role("option", name="second").click()
    page.get_by_role("heading", name="Comparison of 2 runs").wait_for()
    file = page.get_by_role("combobox", name="File in both runs")
    file.fill("conf")
    page.get_by_role("option", name="config.yaml").click()
    page.locator(".diff-line").first.wait_for()
    assert page.locator(".diff-line.removed").all_text_contents() == ["−lr: 0.1"]
    assert page.locator(".diff-line.added").all_text_contents() == ["+lr: 0.05"]
    assert f"name: {SCRIPT}" in page.locator(".diff-lines").inner_text()
    assert_accessible(page, ".text-diff")
    file.fill("same.txt")
    file.press("Enter")
    page.get_by_text("Both runs have the same text.").wait_for()
    assert page.evaluate("window.ran") is None


def test_settings_of_charts_are_in_the_address_of_a_run_and_of_a_comparison(
    page: Page, shown: tuple[Server, list[str]]
) -> None:
    server, ids = shown
    page.goto(f"{server.url}/runs/{ids[0]}?tab=charts")
    charts = page.get_by_role("group", name="Settings of the charts")
    charts.get_by_role("combobox", name="Y", exact=True).select_option("log")
    charts.get_by_role("combobox", name="Smooth").select_option("ema")
    charts.get_by_role("searchbox").fill("loss")
    charts.get_by_text("1 metric", exact=True).wait_for()
    page.wait_for_url("**/runs/*?tab=charts&y=log&smooth=ema*&find=loss")
    page.reload()
    assert charts.get_by_role("combobox", name="Y", exact=True).input_value() == "log"
    assert charts.get_by_role("combobox", name="Smooth").input_value() == "ema"
    page.get_by_role("link", name="Parameters").click()
    page.get_by_role("region", name="Parameters").wait_for()
    page.go_back()
    charts.get_by_text("1 metric", exact=True).wait_for()
    page.go_back()
    charts.get_by_text("1 metric", exact=True).wait_for(state="detached")
    assert charts.get_by_role("combobox", name="Y", exact=True).input_value() == "linear"
    page.goto(f"{server.url}/compare?run={ids[0]}&run={ids[1]}&y=log&find=loss")
    assert charts.get_by_role("combobox", name="Y", exact=True).input_value() == "log"
    page.get_by_role("checkbox", name="only what differs").uncheck()
    page.wait_for_url("**/compare?*same=1*")
    charts.get_by_role("combobox", name="X", exact=True).select_option("relative")
    page.wait_for_url(f"**/compare?run={ids[0]}&run={ids[1]}&same=1&x=relative&y=log&find=loss")
    assert row(page, "depth") == ["3", "3"]
