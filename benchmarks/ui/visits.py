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
_SIZE: Final = {"width": 1440, "height": 900}
_QUIET_MS: Final = 400


@contextmanager
def browsing() -> Iterator[Browser]:
    """Start the machine's Chromium."""
    from playwright.sync_api import sync_playwright

    found = next((path for name in NAMES if (path := shutil.which(name))), None)
    assert found, f"no browser is installed: {', '.join(NAMES)}"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox", "--disable-dev-shm-usage"])
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


def until_first_row(page: Page) -> float:
    """Return when the first row of the table was seen, in milliseconds since the navigation began."""
    page.wait_for_function("() => __seen.firstRow !== null", timeout=60_000)
    when: float = seen(page, "firstRow")
    return when


@contextmanager
def recording(page: Page, what: str) -> Iterator[dict[str, Any]]:
    """Note frames, and of `rows` how long they are blank, of `charts` how many there are; filled in at the end."""
    found: dict[str, Any] = {}
    page.evaluate("(what) => __record(what)", what)
    yield found
    found.update(page.evaluate("() => __stop()"))
