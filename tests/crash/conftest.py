"""Nothing of a store that a test opened here stays open, or in force, behind it."""

from collections.abc import Iterator

import pytest

import runlake
from runlake.fluent import experiments
from runlake.store import opened_stores


@pytest.fixture(autouse=True)
def no_store_left() -> Iterator[None]:
    """Close the stores of the test and forget the tracking URI."""
    yield
    for store in opened_stores():
        store.close()
    experiments.forget_choice()
    runlake.set_tracking_uri("")
