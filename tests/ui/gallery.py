"""Gallery: pictures of every scene, light and dark, on a desk and on a phone, for people to look at.

make screens
.venv/bin/python -m tests.ui.gallery target/demo --only runs --width 390

It fails when something is wrong on a page that a program can see: an error on the console, or a page that is wider than
its window. They go to `RUNLAKE_SCREENSHOTS`, or to `target/screenshots`.
"""

from __future__ import annotations

import argparse
import math
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from playwright.sync_api import Error

import runlake
from runlake.demo.registering import MODEL
from runlake.demo.settings import EXPERIMENT
from runlake.store import get_store
from tests.browser import Visitor, browsing
from tests.server.wire import Server, served
from tests.ui.accessible import too_wide
from tests.ui.lakes import lake
from tests.ui.scenes import EMPTY, OFFLINE, SCENES, Scene
from tests.ui.settling import settle, watch

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

FOLDER: Final = Path(os.environ.get("RUNLAKE_SCREENSHOTS") or Path(__file__).parents[2] / "target" / "screenshots")
HEIGHTS: Final = {1440: 900, 390: 844}
THEMES: Final = ("light", "dark")

_TALLEST: Final = 3000
_REST_MS: Final = 600  # curves are drawn one chart a frame, and parallel coordinates by a worker
_PATIENCE_MS: Final = 15_000
_SLOW_MS: Final = 60_000  # a tall page is drawn without a graphics processor
_EXPECTED: Final = r"^40[04] |status of 40[04]|ERR_|error in connection"  # what scenes are of
_FILES: Final[Mapping[str, str | bytes]] = {
    "report.md": "# Report\n\n| epoch | loss |\n|---|---|\n| 1 | 0.5 |\n\n```\nprint(1)\n```\n\n> said\n",
    "report.html": "<h1>Report</h1><p>Some <b>bold</b> words.</p>",
    "rows.csv": "name,value,text\n" + "".join(f"row {n},{n / 7},{'word ' * (n % 9)}\n" for n in range(300)),
    "settings.json": '{"model": {"depth": 3, "dropout": null}, "widths": [64, 32], "seed": 9223372036854775807}',
    "notes.txt": "".join(f"line {n} {'and more ' * (n % 20)}\n" for n in range(200)),
    "weights.bin": b"\0" * 2048,
    "empty.txt": b"",
}
_NEEDED: Final = """() => {
  const inner = document.querySelector(".runs-charts") ?? document.querySelector("main");
  return innerHeight - inner.clientHeight + inner.scrollHeight;
}"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("store", type=Path, help="of the demo; it is left as it is")
    parser.add_argument("--only", action="append", default=[], help="scenes that have this in their name")
    parser.add_argument("--width", action="append", type=int, choices=HEIGHTS, help="of the window")
    given = parser.parse_args()
    wanted = [scene for scene in SCENES if not given.only or any(text in scene.name for text in given.only)]
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name, browsing() as browser:
        root = Path(name)
        places = _furnish(shutil.copytree(given.store, root / "demo" / "lake"))
        wrong = [
            mistake
            for width in given.width or HEIGHTS
            for mistake in _all_of(browser, root, places, wanted, width, rest=not given.only)
        ]
    print(f"pictures are in {FOLDER}", *wrong, sep="\n")
    raise SystemExit(bool(wrong))


def _all_of(
    browser: Browser, root: Path, places: Mapping[str, str], wanted: Iterable[Scene], width: int, *, rest: bool
) -> Iterator[str]:
    """Take scenes of the demo's store, then of a server that is gone and of an empty store; tell what is wrong."""
    with served(root / "demo") as server, _visiting(browser, width) as visitor:
        for scene in wanted:
            yield from _take(visitor, scene, server.url + scene.path.format(**places))
        if rest:
            away = replace(OFFLINE, act=lambda page: _leave(server, page))
            yield from _take(visitor, away, server.url + away.path.format(**places))
    if not rest:
        return
    (root / "empty").mkdir(exist_ok=True)
    with served(root / "empty") as server, _visiting(browser, width) as visitor:
        for scene in EMPTY:
            yield from _take(visitor, scene, server.url + scene.path)


@contextmanager
def _visiting(browser: Browser, width: int) -> Iterator[Visitor]:
    visitor = Visitor(browser, viewport={"width": width, "height": HEIGHTS[width]}, has_touch=width < 600)
    visitor.context.set_default_timeout(_PATIENCE_MS)
    visitor.expect(_EXPECTED)
    watch(visitor.context)
    yield visitor
    visitor.close()


def _take(visitor: Visitor, scene: Scene, address: str) -> Iterator[str]:
    """Take a scene in both themes; tell what is wrong with it."""
    page = visitor.page
    assert page.viewport_size is not None
    width = page.viewport_size["width"]
    page.set_viewport_size({"width": width, "height": HEIGHTS[width]})
    page.mouse.move(0, 0)
    page.emulate_media(forced_colors="active" if scene.forced else "none")
    try:
        page.goto(address)
        settle(page)
        for _ in range(2 if scene.tall else 0):  # what comes into view may be higher than it seemed
            page.set_viewport_size({"width": width, "height": min(_TALLEST, page.evaluate(_NEEDED))})
            settle(page)
        scene.act(page)
        settle(page)
    except Error as error:
        yield f"{scene.name}, {width} px: {error}"
    for theme in THEMES:
        page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
        page.wait_for_timeout(_REST_MS)
        page.screenshot(path=FOLDER / f"{scene.name}-{theme}-{width}.png", animations="disabled", timeout=_SLOW_MS)
    wider = too_wide(page)
    mistakes = [*visitor.mistakes, *([f"{wider} px have to be scrolled sideways"] if wider > 0 else [])]
    visitor.mistakes.clear()
    yield from (f"{scene.name}, {width} px: {mistake}" for mistake in mistakes)


def _leave(server: Server, page: Page) -> None:
    """Stop the server, and wait until the page knows."""
    server.stop()
    page.locator(".live.offline").wait_for(timeout=20_000)


def _furnish(store: Path) -> dict[str, str]:
    """Add to a demo's store what it has none of; return what the addresses of scenes are filled in with."""
    client = runlake.MlflowClient(str(store))
    sweep = client.get_experiment_by_name(EXPERIMENT).experiment_id
    order = ["metrics.val_accuracy DESC"]
    best = [run.info.run_id for run in client.search_runs([sweep], order_by=order, max_results=4)]
    nested = client.search_runs([one.experiment_id for one in client.search_experiments()])
    parents = [run.data.tags["mlflow.parentRunId"] for run in nested if "mlflow.parentRunId" in run.data.tags]
    with lake(store) as filled:
        various = filled.run(
            "various artifacts, with a name that is rather long for a phone",
            experiment="various",
            params={"data.path": f"s3://bucket/{'very/' * 12}long.parquet", "lr": 0.001, "note": "a text " * 12},
            metrics={"loss": [1.0, 0.5, math.nan, 0.2], "ratio": math.inf, "layer.0/norm": 1.2345678901234567e-9},
            tags={"team": "vision", "mlflow.note.content": "**Best** so far, see [it](https://example.org/)."},
            files=_FILES,
        )
        loss = [1 / (step + 1) for step in range(90)]
        live = filled.run("under way", experiment="various", metrics={"loss": loss}, status=None)
        failed = filled.run("failed", experiment="various", metrics={"loss": [1.0, math.nan]}, status="FAILED")
    get_store(store).close()
    return {
        "sweep": sweep,
        "best": best[0],
        "compared": "&".join(f"run={run}" for run in best),
        "parent": parents[0],
        "various": various,
        "live": live,
        "failed": failed,
        "model": MODEL,
    }


if __name__ == "__main__":
    main()
