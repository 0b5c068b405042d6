"""What every test gets: an empty folder to work in, and an environment that nobody has set anything in."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from runlake.filesystem import keeping_of
from tests.browser import NONE_HERE, browsing
from tests.modes import JOURNAL

if TYPE_CHECKING:
    from playwright.sync_api import Browser


def pytest_configure() -> None:
    """Let modules be compiled once, not by each of a thousand processes, also where the machine says otherwise."""
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    sys.dont_write_bytecode = False


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """Forget the machine's settings and work in a folder of the test's own, so that no `./lake` is left behind."""
    _forget_settings()
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))  # where what is on its way to servers is kept
    monkeypatch.chdir(tmp_path)
    if JOURNAL:
        monkeypatch.setattr("runlake.store.keeping_of", lambda root, _setting: keeping_of(root, JOURNAL))
    yield
    _forget_settings()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """The machine's Chromium, or the test is skipped."""
    with browsing() as started:
        yield started


def _forget_settings() -> None:
    """Forget what the machine has set, and what `set_experiment` and others leave to child processes.

    NOTE: not through monkeypatch, which would put back what a fixture of a whole module had left.
    """
    for name in list(os.environ):
        if name.startswith(("RUNLAKE_", "MLFLOW_")) or name == "RANK":
            del os.environ[name]
    if JOURNAL:
        os.environ["RUNLAKE_JOURNAL"] = JOURNAL


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say in one line that pages were not opened, where there is no browser."""
    skipped = terminalreporter.stats.get("skipped", [])
    unopened = sum(isinstance(report.longrepr, tuple) and NONE_HERE in report.longrepr[2] for report in skipped)
    if unopened:
        terminalreporter.write_line(f"{unopened} tests of pages did not run: {NONE_HERE} (apt-get install chromium)")
