"""A server in a process of its own, and a spool of the test's own."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

import runlake
from runlake import guard, operations
from runlake.errors import StoreError
from runlake.fluent import experiments
from runlake.store import opened_stores
from tests.server.wire import Server, served
from tests.tracking import programs


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
    programs.end_all()
    runlake.set_error_policy("default")
    while runlake.active_run() is not None:
        runlake.end_run()
    experiments.forget_choice()
    operations.flush(10.0)
    for store in opened_stores():
        with contextlib.suppress(StoreError):
            store.close()
    runlake.set_tracking_uri("")
    guard._guard.seen.clear()


@pytest.fixture
def remote(server: Server, spools: Path) -> Iterator[Server]:
    """The server, which is in force."""
    runlake.set_tracking_uri(server.url)
    return server
