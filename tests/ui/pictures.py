"""Pictures of the README, taken anew of the store that the demo leaves.

.venv/bin/runlake demo --store target/demo
.venv/bin/python -m tests.ui.pictures target/demo
"""

from __future__ import annotations

import argparse
import io
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode

from PIL import Image

import runlake
from runlake.demo.registering import MODEL
from runlake.demo.settings import EXPERIMENT
from runlake.store import get_store
from tests.browser import Visitor, browsing
from tests.server.wire import served
from tests.ui.settling import settle, watch

if TYPE_CHECKING:
    from playwright.sync_api import Page

FOLDER: Final = Path(__file__).parents[2] / "docs" / "pictures"
_COLORS: Final = 255  # a file of so many has a third of the size
_SIZE: Final = {"width": 1440, "height": 1000}
_REST_MS: Final = 1500  # curves are drawn one chart a frame, and parallel coordinates by a worker


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("store", type=Path, help="of the demo; it is left as it is")
    store: Path = parser.parse_args().store
    with tempfile.TemporaryDirectory() as folder, browsing() as browser:
        copy = shutil.copytree(store, Path(folder, "lake"))
        experiment = runlake.MlflowClient(str(copy)).get_experiment_by_name(EXPERIMENT)
        get_store(copy).close()
        asked = [
            ("experiment", experiment.experiment_id),
            ("sort", "metrics.val_accuracy DESC"),
            ("brush", "metrics.val_accuracy >= 0.97"),
            *[("column", name) for name in ("metrics.val_accuracy", "params.lr", "params.hidden")],
            ("top", "6"),
            ("find", "val_"),
        ]
        with served(Path(folder)) as server:
            visitor = Visitor(browser, viewport=_SIZE)
            watch(visitor.context)
            _take(visitor.page, f"{server.url}/runs?{urlencode(asked)}", "runs", "light")
            _take(visitor.page, f"{server.url}/models/{MODEL}?judged=3", "model", "dark")
            visitor.close()
    assert visitor.mistakes == []


def _take(page: Page, address: str, name: str, theme: str) -> None:
    page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
    page.goto(address)
    settle(page)
    page.wait_for_timeout(_REST_MS)
    settle(page)
    picture = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    FOLDER.mkdir(parents=True, exist_ok=True)
    path = FOLDER / f"{name}.png"
    picture.quantize(_COLORS, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE).save(path, optimize=True)
    print(f"{path}: {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
