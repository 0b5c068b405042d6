"""Accessible: what axe finds wrong with a page for those who cannot see it, or use no mouse."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from playwright.sync_api import Page, ViewportSize

PHONE: Final[ViewportSize] = {"width": 390, "height": 844}
_AXE = Path(__file__).with_name("axe.min.js").read_text()
_RUN = """async (within) => {
  const found = (await axe.run(within ?? document)).violations;
  const where = (rule) => rule.nodes.map((node) => `\\n  ${node.html.slice(0, 300)}`).join("");
  return found.map((rule) => `${rule.id} (${rule.impact}): ${rule.help}${where(rule)}`);
}"""

# Nobody looks for what is outside of a page. What scrolls by itself, such as a table, may be wide.
_TOO_WIDE = """() => Math.max(
  0,
  document.documentElement.scrollWidth - innerWidth,
  ...[...document.querySelectorAll("main, dialog")].map((one) => one.scrollWidth - one.clientWidth),
)"""


def too_wide(page: Page) -> int:
    """Return by how many pixels a page, or a dialog on it, has to be scrolled sideways."""
    wider: int = page.evaluate(_TOO_WIDE)
    return wider


def violations(page: Page, within: str | None = None) -> list[str]:
    """Return each rule that a page breaks, as it is now, with the elements that do.

    It is run from outside, so that the page's policy stays in force.

    Args:
        within: A selector of the part that is looked at; None is all of it.
    """
    if not page.evaluate("() => 'axe' in window"):
        page.evaluate(_AXE)
    found: list[str] = page.evaluate(_RUN, within)
    return found


def assert_accessible(page: Page, within: str | None = None) -> None:
    """Fail when axe finds anything."""
    found = violations(page, within)
    assert not found, "\n".join(found)
