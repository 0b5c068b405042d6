"""What tests of the pages share: servers on stores, and a visitor whose mistakes fail the test."""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING

import pytest

from tests.browser import Visitor
from tests.server.wire import Server, served

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Say of a test that failed what its page showed at that moment: what it waited for is not the whole story."""
    report = yield
    shown = getattr(item, "funcargs", {}).get("page")
    if report.when == "call" and report.failed and shown is not None:
        with contextlib.suppress(Exception):  # a page that is gone shows nothing, and is no second failure
            report.sections.append((f"the page {shown.url}", shown.locator("body").aria_snapshot(timeout=5000)))
    return report


@pytest.fixture(scope="session")
def empty(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server on a store in which there is nothing."""
    with served(tmp_path_factory.mktemp("empty")) as server:
        yield server


@pytest.fixture
def visitor(browser: Browser) -> Iterator[Visitor]:
    """Somebody with an empty profile. What goes wrong on their page fails the test, unless it said that it would."""
    visitor = Visitor(browser)
    yield visitor
    visitor.close()
    assert visitor.mistakes == []


@pytest.fixture
def page(visitor: Visitor) -> Page:
    """The page of a visitor."""
    return visitor.page
