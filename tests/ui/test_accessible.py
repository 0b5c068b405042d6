"""Every page of a store as teams have them: nothing that axe finds, in both themes; forced colours; no motion."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import pytest

import runlake
from runlake import registry
from tests.browser import Visitor
from tests.server.wire import Server, served
from tests.ui.accessible import PHONE, too_wide, violations
from tests.ui.lakes import Lake, lake
from tests.ui.settling import settle, watch

if TYPE_CHECKING:
    from playwright.sync_api import Page

TABS = ("params", "metrics", "points", "artifacts", "console", "system", "ledger", "reproduce")
FILES = {
    "report.md": "# Report\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n[a link](https://example.org/)\n",
    "summary.json": '{"a": [1, 2, {"b": null}]}',
    "table.csv": "a,b\n1,2\n3,4\n",
    "console.log": "epoch 1\nepoch 2\n",
}


@dataclass
class Shown:
    """A server on a store with something on every page, and where that is."""

    server: Server
    places: dict[str, str] = field(default_factory=dict)


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shown]:
    folder = tmp_path_factory.mktemp("accessible")
    with lake(folder / "lake") as filled:
        runs = [_run(filled, number) for number in range(8)]
        experiment = filled.experiment("sweep")
        _model(filled, runs)
    runlake.set_tracking_uri(str(folder / "lake"))
    registry.set_gate("digits", "@champion", require="metrics.`train/accuracy` > 0.99", signature=True)
    with served(folder) as server:
        yield Shown(server, _places(experiment, runs))


def _run(filled: Lake, number: int) -> str:
    falling = [(number + 1) / (1 + step) for step in range(30)]
    return filled.run(
        f"run {number}",
        params={"lr": 10.0 ** -(number % 4), "optimizer": ("adam", "sgd")[number % 2], "model.depth": number},
        metrics={
            "train/loss": falling,
            "train/accuracy": [1 - value / 10 for value in falling],
            "broken": [float("nan")],
        },
        tags={"team": "vision", "mlflow.note.content": "**Best** so far, see `report.md`."},
        files=FILES if number == 0 else {},
        status=("FINISHED", "FAILED")[number == 3],
    )


def _model(filled: Lake, runs: list[str]) -> None:
    client = filled.client
    client.create_registered_model("digits", description="Tells digits. See [the report](https://example.org/).")
    for run_id in runs[:3]:
        client.create_model_version("digits", f"runs:/{run_id}/model", run_id, description="A version.")
    client.set_registered_model_alias("digits", "challenger", "3")


def _places(experiment: str, runs: list[str]) -> dict[str, str]:
    run = f"/runs/{runs[0]}"
    return {
        "experiments": "/",
        "runs": f"/runs?experiment={experiment}",
        "runs-grouped": f"/runs?experiment={experiment}&group=params.optimizer",
        "runs-mistake": f"/runs?experiment={experiment}&where=metrics.loss+%3C",
        "run": run,
        **{f"run-{tab}": f"{run}?tab={tab}" for tab in TABS},
        **{f"file-{name}": f"{run}?tab=artifacts&path={name}" for name in FILES},
        "compare": f"/compare?{urlencode([('run', run_id) for run_id in runs[:4]])}",
        "models": "/models",
        "model": "/models/digits",
        "version": "/models/digits/3",
        "nowhere": "/runs/" + "0" * 32,
    }


@pytest.fixture
def reader(visitor: Visitor, shown: Shown) -> Visitor:
    """Somebody who is on the first page of a store with something in it."""
    watch(visitor.context)
    visitor.expect(r"^40[04] |status of 40[04]")  # the filter that is wrong, and the run that is not there
    visitor.page.goto(f"{shown.server.url}/")
    settle(visitor.page)
    return visitor


@pytest.mark.timeout(180)
def test_every_page_is_accessible_in_both_themes_and_fits_a_phone(reader: Visitor, shown: Shown) -> None:
    page, found, wide = reader.page, dict[str, list[str]](), dict[str, int]()
    desk = page.viewport_size
    assert desk is not None
    for name, place in shown.places.items():
        go(page, place)
        for theme in ("light", "dark"):
            page.emulate_media(color_scheme=theme, reduced_motion="reduce")  # type: ignore[arg-type]
            settle(page, frames=2)
            found |= {f"{name}, {theme}": wrong for wrong in [violations(page)] if wrong}
        page.set_viewport_size(PHONE)
        settle(page, frames=2)
        wide[name] = too_wide(page)
        page.set_viewport_size(desk)
    assert not found, "\n".join(f"{place}: {rule}" for place, rules in found.items() for rule in rules)
    assert wide == dict.fromkeys(shown.places, 0), "pixels that have to be scrolled sideways"


@pytest.mark.timeout(180)
def test_pages_can_be_read_in_forced_colours_and_without_motion(reader: Visitor, shown: Shown) -> None:
    page = reader.page
    page.emulate_media(forced_colors="active", reduced_motion="reduce")
    for name in ("runs", "run", "model"):
        go(page, shown.places[name])
        assert page.evaluate("() => document.getAnimations().filter((one) => one.playState === 'running').length") == 0
        assert page.get_by_role("main").inner_text().strip(), name


def go(page: Page, place: str) -> None:
    """Go to another page of the same document, as a link does, and wait until it is there."""
    page.evaluate(
        "(place) => { history.pushState(null, '', place); dispatchEvent(new PopStateEvent('popstate')) }", place
    )
    settle(page)
