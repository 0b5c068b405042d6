"""A server in a process of its own, and a spool of the test's own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import runlake
from runlake import guard
from runlake.fluent import experiments
from tests.server.wire import Server, served
from tests.tracking import leftovers


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with a store of its own."""
    with served(tmp_path_factory.mktemp("server")) as running:
        yield running


@pytest.fixture
def spools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of spools; what the test leaves active or open is ended and closed."""
    folder = tmp_path / "spools"
    monkeypatch.setenv("RUNLAKE_SPOOL", str(folder))
    runlake.set_error_policy("all")
    experiments.forget_choice()
    yield folder
    leftovers.end_all()
    guard._guard.seen.clear()


@pytest.fixture
def remote(server: Server, spools: Path) -> Iterator[Server]:
    """The server, which is in force."""
    runlake.set_tracking_uri(server.url)
    return server
