"""Visits: a headless Chromium, and a page that notes what it does (`recorder.js`)."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

NAMES: Final = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_RECORDER: Final = Path(__file__).with_name("recorder.js").read_text()
_ARGUMENTS: Final = (
    "--no-sandbox",
    "--disable-dev-shm-usage",
    # A window of Chromium's own loads pages of its own for what is typed into its address bar: two programs that want
    # a processor for a third of a second, while ours is measured. The rest is what Playwright leaves out by itself,
    # for this list replaces its own.
    "--disable-features=WebUIOmniboxPopup,WebUIOmniboxAimPopup,AvoidUnnecessaryBeforeUnloadCheckSync,"
    "DestroyProfileOnBrowserClose,HttpsUpgrades,LensOverlay,MediaRouter,NetworkTimeServiceQuerying,OptimizationHints,"
    "PaintHolding,ThirdPartyStoragePartitioning",
)
_SIZE: Final = {"width": 1440, "height": 900}
_QUIET_MS: Final = 400


@contextmanager
def browsing() -> Iterator[Browser]:
    """Start the machine's Chromium."""
    from playwright.sync_api import sync_playwright

    found = next((path for name in NAMES if (path := shutil.which(name))), None)
    assert found, f"no browser is installed: {', '.join(NAMES)}"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=_ARGUMENTS)
        yield browser
        browser.close()


@contextmanager
def visitor(browser: Browser) -> Iterator[BrowserContext]:
    """Somebody with an empty profile, whose pages note what they do."""
    context = browser.new_context(viewport=_SIZE)  # type: ignore[arg-type]
    context.add_init_script(_RECORDER)
    yield context
    context.close()


def settled(page: Page, quiet_ms: int = _QUIET_MS) -> float:
    """Wait until a page asks, changes and draws nothing, and return when it last did."""
    when: float = page.evaluate("(quiet) => __settled(quiet)", quiet_ms)
    return when


def seen(page: Page, name: str) -> Any:
    """Return one thing that the recorder has noted."""
    return page.evaluate("(name) => __seen[name]", name)


def until_first_row(page: Page, address: str) -> float:
    """Go to an address, and return when the first row of its table was seen, in milliseconds since then."""
    with page.expect_console_message(lambda message: message.text.startswith("first row"), timeout=60_000):
        page.goto(address, wait_until="commit")
    when: float = seen(page, "firstRow")
    return when


@contextmanager
def recording(page: Page, what: str) -> Iterator[dict[str, Any]]:
    """Note frames, and of `rows` how long they are blank, of `charts` how many there are; filled in at the end."""
    found: dict[str, Any] = {}
    page.evaluate("(what) => __record(what)", what)
    yield found
    found.update(page.evaluate("() => __stop()"))
