"""A new catalog for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from runlake.catalog import Catalog


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The folder of a store that is not there yet."""
    return tmp_path / "lake"


@pytest.fixture
def catalog(root: Path) -> Iterator[Catalog]:
    catalog = Catalog.open(root)
    yield catalog
    catalog.close()


@pytest.fixture(params=["auto", "write"])
def journal(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """How stores are kept: as on a local disk, and as where files cannot be mapped."""
    monkeypatch.setenv("RUNLAKE_JOURNAL", request.param)
    return str(request.param)
