"""Settling: waits until a page has what it asked for, and has drawn it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page

_WATCH = """(() => {
  const fetched = window.fetch;
  const seen = Object.assign(window, { __open: 0 });
  window.fetch = async (...given) => {
    seen.__open += 1;
    try { return await fetched(...given); } finally { setTimeout(() => { seen.__open -= 1; }, 0); }
  };
})();"""
_SETTLED = """async (frames) => {
  for (let quiet = 0; quiet < frames; quiet += 1) {
    await new Promise((done) => requestAnimationFrame(done));
    if (window.__open > 0 || document.querySelector(".loading, .later")) quiet = -1;
  }
}"""


def watch(context: BrowserContext) -> None:
    """Let the pages of a context count what they are asking for; before they are opened."""
    context.add_init_script(_WATCH)


def settle(page: Page, frames: int = 6) -> None:
    """Wait until so many frames have passed in which nothing was asked for and nothing was awaited."""
    page.locator("main > *").first.wait_for()
    page.evaluate(_SETTLED, frames)
