"""A store of the test's own, and programs that use it in processes of their own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from runlake.store import Store
from tests.store.programs import Programs


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The folder of a store that is not there yet."""
    return tmp_path / "lake"


@pytest.fixture
def store(root: Path) -> Iterator[Store]:
    store = Store.open(root)
    yield store
    store.close()


@pytest.fixture
def programs(root: Path) -> Iterator[Programs]:
    """Starts programs that use the store at `root`; those that still run at the end are killed."""
    programs = Programs(root)
    yield programs
    programs.kill_all()
