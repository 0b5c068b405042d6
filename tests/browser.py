"""A headless Chromium, and a visitor who notes whatever goes wrong on a page."""

from __future__ import annotations

import contextlib
import re
import shutil
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, ConsoleMessage, Page, Request, Response

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
NONE_HERE = "there is no Chromium here to open pages with"
WAIT_MS = 20_000
ARGUMENTS = (
    "--no-sandbox",  # a container has no user namespaces for it; the only pages that are opened are those under test
    "--disable-dev-shm-usage",
    # Each window loads pages of Chromium's own for its address bar, which nobody types into here. The rest is what
    # Playwright leaves out by itself, for this list replaces its own.
    "--disable-features=WebUIOmniboxPopup,WebUIOmniboxAimPopup,AvoidUnnecessaryBeforeUnloadCheckSync,"
    "DestroyProfileOnBrowserClose,HttpsUpgrades,LensOverlay,MediaRouter,NetworkTimeServiceQuerying,OptimizationHints,"
    "PaintHolding,ThirdPartyStoragePartitioning",
)

# What a policy refuses is said on the console by Chromium too, but not by every version for every kind.
_WATCH = """
document.addEventListener("securitypolicyviolation", (event) =>
  console.error(`refused by the policy: ${event.violatedDirective} ${event.blockedURI} ${event.sample}`));
"""


@contextlib.contextmanager
def browsing() -> Iterator[Browser]:
    """Start the machine's Chromium, or skip where there is none."""
    playwright = pytest.importorskip("playwright.sync_api", reason=NONE_HERE)
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        pytest.skip(NONE_HERE)
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=found, args=ARGUMENTS)
        yield browser
        browser.close()


class Visitor:
    """A visitor with an empty profile. `mistakes` is what their console would show in red, and what did not come."""

    def __init__(self, browser: Browser, **context: Any) -> None:
        self.mistakes: list[str] = []
        self._expected: list[str] = []
        self.context = browser.new_context(**{"viewport": {"width": 1440, "height": 900}, **context})
        self.context.set_default_timeout(WAIT_MS)
        self.context.add_init_script(_WATCH)
        self.context.on("page", self._watch)
        self.page: Page = self.context.new_page()

    def expect(self, pattern: str) -> None:
        """Take what matches a regular expression for no mistake from now on: the test makes it happen."""
        self._expected.append(pattern)

    def close(self) -> None:
        """Leave."""
        self.context.close()

    def _watch(self, page: Page) -> None:
        page.on("console", self._note_message)
        page.on("pageerror", lambda error: self._note(str(error)))
        page.on("response", self._note_answer)
        page.on("requestfailed", self._note_failure)

    def _note_message(self, message: ConsoleMessage) -> None:
        if message.type == "error" and "ResizeObserver" not in message.text:
            self._note(message.text)

    def _note_answer(self, answer: Response) -> None:
        if answer.status >= 400:
            self._note(f"{answer.status} {answer.request.method} {answer.url}")

    def _note_failure(self, request: Request) -> None:
        if request.failure != "net::ERR_ABORTED":  # which the page has done itself, or by leaving
            self._note(f"{request.failure}: {request.method} {request.url}")

    def _note(self, mistake: str) -> None:
        if not any(re.search(pattern, mistake) for pattern in self._expected):
            self.mistakes.append(mistake)
