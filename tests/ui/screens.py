"""Screens: pictures of a page, light and dark, on a desk and on a phone, for people to look at."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Page

# Read here and not in a test, before which the environment is emptied.
FOLDER = Path(os.environ.get("RUNLAKE_SCREENSHOTS") or Path(__file__).parents[2] / "target" / "screenshots")
SIZES = ({"width": 1440, "height": 900}, {"width": 390, "height": 844})
THEMES = ("light", "dark")


def screens(page: Page, name: str) -> list[Path]:
    """Save four pictures of a page as it is now, `name-light-1440.png` and so on; it is wide and light afterwards."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    taken = []
    for size in reversed(SIZES):
        page.set_viewport_size(size)  # type: ignore[arg-type]
        for theme in reversed(THEMES):
            page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
            _settle(page)
            taken.append(FOLDER / f"{name}-{theme}-{size['width']}.png")
            page.screenshot(path=taken[-1], animations="disabled")
    return taken


def _settle(page: Page) -> None:
    """Wait for two frames: one in which the page notes its new size, one in which it has drawn."""
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
