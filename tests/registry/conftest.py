"""A store, and runs in it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from runlake import lifecycle
from runlake.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store.open(tmp_path / "lake")
    yield opened
    opened.close()


@pytest.fixture
def run_id(store: Store) -> str:
    return lifecycle.create_run(store, "0", None, {}, "source", owned=False).info.run_id
