"""The page of a run: everything that the run has, shown as what it is; edits that stay; nothing of it acts."""

from __future__ import annotations

import io
import math
import re
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl
import pytest

from runlake.entities import Metric
from tests.browser import Visitor
from tests.server.wire import Server, served
from tests.ui.accessible import assert_accessible
from tests.ui.lakes import BEGAN_MS, lake
from tests.writer import writing

if TYPE_CHECKING:
    from playwright.sync_api import Page

HUGE = 2**60 + 1
SCRIPT = "<script>window.ran = true</script>"
IMAGE = "<img src=x onerror='window.ran = true'>"
PDF = b"""%PDF-1.4
1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj
2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj
3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 300 200]>>endobj
trailer<</Root 1 0 R>>
"""


def picture() -> bytes:
    """A PNG of four pixels."""
    rows = b"".join(b"\0" + bytes([200, 40, 40, 40, 40, 200]) for _ in range(2))

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 2, 2, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def sound() -> bytes:
    """A second of silence as WAV."""
    form = struct.pack("<IHHIIHH", 16, 1, 1, 8000, 8000, 1, 8)
    return b"RIFF" + struct.pack("<I", 8036) + b"WAVEfmt " + form + b"data" + struct.pack("<I", 8000) + b"\x80" * 8000


def table() -> bytes:
    buffer = io.BytesIO()
    texts = [f"row {n}{'y' * 300 if n == 0 else ''}" for n in range(5000)]
    pl.DataFrame({"n": range(5000), IMAGE: texts}).write_parquet(buffer)
    return buffer.getvalue()


FILES: dict[str, bytes | str] = {
    "plots/a.png": picture(),
    "plots/drawn.svg": f"<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'>{SCRIPT}</svg>",
    "preds.parquet": table(),
    "rows.csv": f"name,value\n{IMAGE},1\n",
    "report.html": f"<h1>Report</h1>{SCRIPT}{IMAGE}",
    "report.md": f"# Results\n\n**bold** ![plot](plots/a.png) {SCRIPT}<b onclick='window.ran = true'>b</b>",
    "data.json": '{"big": 9223372036854775807, "in": [{"b": "<b>x</b>"}]}',
    "sound.wav": sound(),
    "doc.pdf": PDF,
    "weights.bin": b"\0" * 2048,
    "empty.txt": b"",
    "logs/train.log": "".join(f"epoch {n}\n" for n in range(500)),
    "model/MLmodel": """signature: {inputs: '[{"name": "x", "type": "double"}]'}\n""",
    f"{IMAGE[:8]}.txt": f"{SCRIPT}\nsecond line\n",
}


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, str]]:
    """A server, and the id of a run in whose names and values are scripts."""
    folder = tmp_path_factory.mktemp("run")
    with lake(folder / "lake") as filled:
        params = {"lr": 0.1, "model.depth": 3, "model.width": 64, "note": SCRIPT, "long": "word " * 200}
        run_id = filled.run(
            f"quick-fox {IMAGE}",
            experiment=f"sweep {SCRIPT}",
            params=params,
            metrics={
                "train/loss": [math.exp(-step / 20) for step in range(60)],
                "odd": [1.0, math.nan, math.inf],
                **{f"layer{n:03}/norm": n for n in range(300)},
            },
            tags={"team": IMAGE, "mlflow.note.content": f"## Why\n\na **smaller** rate\n\n{SCRIPT}"},
            files=FILES,
        )
        for name in ("child 0", "child 1"):
            filled.run(name, experiment=f"sweep {SCRIPT}", parent=run_id)
        filled.client.log_batch(run_id, metrics=[Metric("odd", 2.5, BEGAN_MS, HUGE)])
    with served(folder) as server:
        yield server, run_id


@pytest.fixture
def opened(page: Page, shown: tuple[Server, str]) -> Iterator[Page]:
    """The page of the run; nothing of it has acted when the test ends."""
    server, run_id = shown
    page.goto(f"{server.url}/runs/{run_id}")
    page.get_by_role("heading", name="quick-fox").wait_for()
    yield page
    assert page.evaluate("window.ran") is None


def part(page: Page, name: str) -> None:
    page.get_by_role("navigation", name="Parts of the run").get_by_role("link", name=name).click()


def choose(page: Page, path: str) -> None:
    """Choose a file in the tree, whose folders are opened first."""
    tree = page.get_by_role("navigation", name="Files")
    *folders, name = path.split("/")
    for folder in folders:
        button = tree.get_by_role("button", name=folder)
        if button.get_attribute("aria-expanded") == "false":
            button.click()
    tree.get_by_role("link").filter(has_text=name).first.click()
    page.locator(".preview-head h2", has_text=name).wait_for()


def test_a_run_is_seen_at_a_glance_and_says_where_it_belongs(opened: Page) -> None:
    assert opened.get_by_role("heading", level=1).inner_text() == f"quick-fox {IMAGE}"
    assert opened.get_by_role("link", name=f"sweep {SCRIPT}").is_visible()
    opened.get_by_role("heading", name="Why").wait_for()
    assert opened.locator(".note strong").inner_text() == "smaller"
    row = opened.get_by_role("row").filter(has=opened.get_by_role("rowheader", name="train/loss"))
    row.get_by_role("img", name="train/loss: from").wait_for()
    assert opened.get_by_role("link", name="child 1").is_visible()
    for theme in ("light", "dark"):
        opened.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
        assert_accessible(opened)
    opened.set_viewport_size({"width": 390, "height": 844})
    assert opened.evaluate("document.documentElement.scrollWidth") <= 390


def test_name_note_and_tags_that_were_edited_are_there_after_a_reload(page: Page, shown: tuple[Server, str]) -> None:
    server, _ = shown
    with_tags = server.send("POST", "/api/2.0/mlflow/runs/create", b'{"experiment_id": "0"}', JSON).json["run"]["info"]
    page.goto(f"{server.url}/runs/{with_tags['run_id']}")
    page.get_by_role("button", name="Rename").click()
    name = page.get_by_role("textbox", name="name of the run")
    name.fill(f"renamed {IMAGE}")
    name.press("Enter")
    page.get_by_role("heading", name="renamed").wait_for()
    assert page.evaluate("document.activeElement.textContent") == "Rename"
    page.get_by_role("button", name="Write a note").click()
    page.get_by_role("textbox", name="note").fill(f"it *works* {IMAGE}")
    page.get_by_role("textbox", name="note").press("Control+Enter")
    page.locator(".note em", has_text="works").wait_for()
    page.get_by_role("button", name="Tag", exact=True).click()
    page.get_by_role("textbox", name="Key").fill("stage")
    page.get_by_role("textbox", name="Value").fill("draft")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Change the tag stage draft").click()
    page.get_by_role("textbox", name="Value").fill("final")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Change the tag stage final").wait_for()
    assert page.evaluate("document.activeElement.textContent").endswith("final")
    page.reload()
    page.get_by_role("heading", name=f"renamed {IMAGE}").wait_for()
    page.locator(".note em", has_text="works").wait_for()
    page.get_by_role("button", name="Remove the tag stage").click()
    page.get_by_role("button", name="Remove the tag stage").wait_for(state="detached")
    page.get_by_role("button", name="More about this run").click()
    page.get_by_role("menuitem", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    page.locator(".chip.bad", has_text="deleted").wait_for()
    page.get_by_role("button", name="Undo").click()
    page.locator(".chip.bad", has_text="deleted").wait_for(state="detached")
    assert page.evaluate("window.ran") is None


JSON = {"Content-Type": "application/json"}


def test_parameters_metrics_and_points_are_found_with_all_their_digits(opened: Page) -> None:
    part(opened, "Parameters")
    opened.get_by_role("button", name="model", expanded=True).click()
    rows = opened.get_by_role("table", name="Parameters")
    assert "depth" not in rows.inner_text()
    opened.get_by_role("searchbox", name="Find parameters").fill("WIDTH")
    opened.get_by_text("1 parameter", exact=True).wait_for()
    assert rows.inner_text().split() == ["Name", "Value", "model.width", "64"]
    assert_accessible(opened, ".run-part")
    part(opened, "Metrics")
    assert opened.get_by_role("table", name="Metrics").get_attribute("aria-rowcount") == "303"
    assert opened.locator(".windowed-line").count() < 60, "only what is seen is on the page"
    opened.get_by_role("button", name="Last").click()
    opened.locator(".windowed-line").first.get_by_role("link", name="layer299/norm").wait_for()
    opened.get_by_role("searchbox", name="Find metrics").fill("odd")
    odd = opened.locator(".windowed-line").first
    odd.get_by_text(str(HUGE)).wait_for()
    assert odd.inner_text().split() == ["odd", "2.5", str(HUGE), "1", "+∞", "+∞", "4", "1"]
    odd.locator(".spark-odd").first.wait_for(state="attached")
    opened.get_by_role("link", name="odd").click()
    opened.get_by_text("points 1 to 4 of 4").wait_for()
    cells = [row.split("\t") for row in opened.locator("table.points tbody").inner_text().split("\n")]
    assert [(step, value) for step, _, value in cells] == [
        ("0", "1"),
        ("1", "NaN"),
        ("2", "Infinity"),
        (str(HUGE), "2.5"),
    ]
    opened.get_by_role("textbox", name="From step").fill(str(HUGE))
    opened.get_by_text("points 1 to 1 of 1").wait_for()
    assert_accessible(opened, ".run-part")
    part(opened, "Ledger")
    opened.get_by_text("All 364 points that were logged are stored.").wait_for()
    part(opened, "Charts")
    opened.locator(".charts canvas").first.wait_for()


def test_every_kind_of_file_is_shown_as_what_it_is(opened: Page, visitor: Visitor) -> None:
    visitor.expect("Blocked script execution in .*report.html")
    visitor.expect("(?:Loading the image|img-src|csp: GET).*artifacts/x")
    part(opened, "Artifacts")
    choose(opened, "plots/a.png")
    assert opened.locator("img.picture").evaluate(WIDTH) == 2
    choose(opened, "plots/drawn.svg")
    assert opened.locator("img.picture").evaluate(WIDTH) == 9
    choose(opened, "report.html")
    opened.frame_locator("iframe.document").get_by_role("heading", name="Report").wait_for()
    choose(opened, "report.md")
    opened.get_by_role("heading", name="Results").wait_for()
    assert opened.locator(".markdown img").evaluate(WIDTH) == 2
    choose(opened, "data.json")
    opened.locator(".json-number", has_text="9223372036854775807").wait_for()
    opened.get_by_role("button", name="in", expanded=True).click()
    assert "<b>x</b>" not in opened.locator(".json").inner_text()
    choose(opened, "preds.parquet")
    opened.get_by_text("rows 1 to 100 of 5,000").wait_for()
    opened.get_by_role("button", name="all", exact=True).click()
    opened.get_by_role("dialog").get_by_text(f"row 0{'y' * 300}").wait_for()
    opened.keyboard.press("Escape")
    opened.get_by_role("button", name="Later rows").click()
    opened.get_by_role("cell", name="row 199").wait_for()
    assert_accessible(opened, ".run-part")
    choose(opened, "rows.csv")
    opened.get_by_role("cell", name=IMAGE).wait_for()
    choose(opened, "model/MLmodel")
    opened.get_by_role("rowheader", name="x").wait_for()
    choose(opened, "sound.wav")
    assert opened.locator("audio").evaluate(PLAYABLE) == pytest.approx(1.0)
    choose(opened, "doc.pdf")
    assert opened.locator("iframe.document").get_attribute("src").endswith("path=doc.pdf")  # type: ignore[union-attr]
    choose(opened, "weights.bin")
    opened.get_by_text("cannot be shown").wait_for()
    choose(opened, "empty.txt")
    opened.get_by_text("The file is empty.").wait_for()
    choose(opened, f"{IMAGE[:8]}.txt")
    opened.get_by_role("cell", name=SCRIPT).wait_for()
    with opened.expect_download() as saved:
        opened.get_by_role("link", name="Download").click()
    assert Path(saved.value.path()).read_text() == f"{SCRIPT}\nsecond line\n"
    opened.go_back()
    opened.locator(".preview-head h2", has_text="empty.txt").wait_for()
    part(opened, "Console")
    opened.get_by_text("epoch 499").wait_for()
    opened.get_by_role("searchbox", name="Find in logs/train.log").fill("epoch 49")
    opened.get_by_text("11 lines of 500").wait_for()


def test_what_is_typed_and_pressed_beside_pages_keeps_the_focus(opened: Page) -> None:
    part(opened, "Points")
    opened.get_by_role("combobox", name="Metric").fill("train/loss")
    opened.get_by_role("option", name="train/loss").click()
    opened.get_by_text("points 1 to 60 of 60").wait_for()
    opened.get_by_role("combobox", name="Metric").fill("what is none")
    opened.keyboard.press("Tab")
    assert opened.get_by_role("combobox", name="Metric").input_value() == "train/loss"
    opened.get_by_role("textbox", name="From step").focus()
    for key, left in (("4", 56), ("2", 18)):
        opened.keyboard.press(key)
        opened.get_by_text(f"points 1 to {left} of {left}").wait_for()
    part(opened, "Artifacts")
    choose(opened, "preds.parquet")
    opened.get_by_role("button", name="Later rows").focus()
    for first in (101, 201):
        opened.keyboard.press("Enter")
        opened.get_by_text(f"rows {first} to {first + 99} of 5,000").wait_for()
        opened.get_by_role("rowheader", name=str(first), exact=True).wait_for()


def test_a_run_that_cannot_be_had_any_more_is_said_to_be_from_before(opened: Page, visitor: Visitor) -> None:
    visitor.expect("404")
    opened.route(
        opened.url.replace("/runs/", "/api/runlake/v1/runs/"),
        lambda route: route.fulfill(status=404, json={"message": "it is gone"}),
    )
    opened.get_by_role("button", name="More about this run").click()
    opened.get_by_role("menuitem", name="Ask the server again").click()
    opened.get_by_role("alert").get_by_text("it is gone").wait_for()
    opened.get_by_role("heading", name="quick-fox").wait_for()
    with opened.expect_request(re.compile(r"/api/runlake/v1/runs/[0-9a-f]{32}$")):
        opened.get_by_role("button", name="Try again").click()
    opened.unroute_all()
    opened.get_by_role("button", name="More about this run").click()
    opened.get_by_role("menuitem", name="Ask the server again").click()
    opened.get_by_role("alert").wait_for(state="detached")  # by itself as well, when something else is news of the run


def test_a_run_that_goes_on_is_followed_without_losing_the_place(page: Page, tmp_path: Path) -> None:
    with writing(tmp_path / "lake") as writer, served(tmp_path) as server:
        start = (
            "run = runlake.start_run(); [runlake.log_metric(f'm{n:03}', n) for n in range(200)]; print(run.info.run_id)"
        )
        page.goto(f"{server.url}/runs/{writer.do(start)}")
        page.locator(".chip.busy", has_text="running").wait_for()
        page.keyboard.press("p")
        page.keyboard.press("m")
        rows = page.get_by_role("table", name="Metrics")
        rows.evaluate("(rows) => { rows.scrollTop = 3000 }")
        page.get_by_role("link", name="m100").wait_for()
        page.get_by_text("Live", exact=True).wait_for()
        writer.do("runlake.log_metric('m100', 0.25, step=1)")
        line = page.locator(".windowed-line").filter(has=page.get_by_role("link", name="m100"))
        line.get_by_text("0.25").first.wait_for()
        assert rows.evaluate("(rows) => rows.scrollTop") == 3000
        writer.do("runlake.end_run()")
        page.locator(".chip.good", has_text="finished").wait_for()
        page.goto("about:blank")  # a server waits for those who are being told


WIDTH = "async (image) => { await image.decode(); return image.naturalWidth }"
PLAYABLE = """(audio) => new Promise((done, fail) => {
  const look = () => { if (audio.readyState >= 1) done(audio.duration); };
  audio.addEventListener("loadedmetadata", look);
  audio.addEventListener("error", () => fail(new Error("it cannot be played")));
  look();
})"""
