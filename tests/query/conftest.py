"""A store for each test of the query layer."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.query.lakes import BareLake


@pytest.fixture
def lake(tmp_path: Path) -> Iterator[BareLake]:
    made = BareLake(tmp_path / "lake")
    yield made
    made.close()
