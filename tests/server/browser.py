"""A visitor of MLflow's pages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.browser import Visitor

if TYPE_CHECKING:
    from playwright.sync_api import Browser, HttpCredentials, Page


class Visit(Visitor):
    """A new visitor of the pages at `url`."""

    def __init__(self, browser: Browser, url: str, user: HttpCredentials | None = None) -> None:
        super().__init__(browser, viewport={"width": 1400, "height": 900}, http_credentials=user)
        self._url = url
        # the first visit opens a panel about an assistant, over what is to be looked at
        self.page.add_init_script("localStorage.setItem('mlflow.assistant.fab.autoOpenedOnFirstLoad_v1', 'true')")

    def go(self, place: str) -> Page:
        """Open a place of the pages, by what stands behind the `#`."""
        self.page.goto(f"{self._url}/#{place}")
        return self.page
