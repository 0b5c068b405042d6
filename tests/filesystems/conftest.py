"""Stores on file systems that keep no mapped files."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.crash.conftest import no_store_left
from tests.filesystems.grounds import GROUNDS, Missing
from tests.store.programs import Programs

__all__ = ["no_store_left"]


@pytest.fixture(params=list(GROUNDS))
def ground(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder on each of the file systems in turn."""
    if request.param == "forced":
        monkeypatch.setenv("RUNLAKE_JOURNAL", "write")
    try:
        with GROUNDS[request.param](tmp_path) as folder:
            yield folder
    except Missing as missing:
        pytest.skip(str(missing))


@pytest.fixture
def programs(ground: Path) -> Iterator[Programs]:
    programs = Programs(ground / "lake")
    yield programs
    programs.kill_all()
