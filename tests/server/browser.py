"""A headless Chromium, and a page of it that notes whatever goes wrong."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, ConsoleMessage, HttpCredentials, Page, Response

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
WAIT_MS = 20_000


@contextlib.contextmanager
def browsing() -> Iterator[Browser]:
    """Start the machine's Chromium, or skip where there is none."""
    playwright = pytest.importorskip("playwright.sync_api")
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        pytest.skip("there is no Chromium here to open pages with")
    with playwright.sync_playwright() as started:
        # a container has no user namespaces for the sandbox; the only pages that are opened are those under test
        browser = started.chromium.launch(executable_path=found, args=["--no-sandbox", "--disable-dev-shm-usage"])
        yield browser
        browser.close()


class Visit:
    """A new visitor: a page with an empty profile. `mistakes` are what a visitor's console would show in red."""

    def __init__(self, browser: Browser, url: str, user: HttpCredentials | None = None) -> None:
        self._url = url
        self.mistakes: list[str] = []
        self.page: Page = browser.new_page(viewport={"width": 1400, "height": 900}, http_credentials=user)
        self.page.set_default_timeout(WAIT_MS)
        # the first visit opens a panel about an assistant, over what is to be looked at
        self.page.add_init_script("localStorage.setItem('mlflow.assistant.fab.autoOpenedOnFirstLoad_v1', 'true')")
        self.page.on("console", self._note_message)
        self.page.on("pageerror", lambda error: self.mistakes.append(str(error)))
        self.page.on("response", self._note_answer)

    def go(self, place: str) -> Page:
        """Open a place of the pages, by what stands behind the `#`."""
        self.page.goto(f"{self._url}/#{place}")
        return self.page

    def _note_message(self, message: ConsoleMessage) -> None:
        if message.type == "error" and "ResizeObserver" not in message.text:
            self.mistakes.append(message.text)

    def _note_answer(self, answer: Response) -> None:
        if answer.status >= 400:
            self.mistakes.append(f"{answer.status} {answer.request.method} {answer.url}")
