"""A store, and runs in it; a store in force, here or on a server."""

from collections.abc import Iterator
from pathlib import Path

import pytest

import runlake
from runlake import lifecycle, registry
from runlake.store import Store
from tests.server.wire import Server, served
from tests.tracking import leftovers


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store.open(tmp_path / "lake")
    yield opened
    opened.close()


@pytest.fixture
def run_id(store: Store) -> str:
    return lifecycle.create_run(store, "0", None, {}, "source", owned=False).info.run_id


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with served(tmp_path_factory.mktemp("registry")) as running:
        yield running
        leftovers.end_all()  # what is on its way to the server arrives while there is one


@pytest.fixture(params=["folder", "server"])
def where(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A store in force, in either place."""
    uri = str(tmp_path / "lake") if request.param == "folder" else request.getfixturevalue("server").url
    runlake.set_tracking_uri(uri)
    yield uri
    runlake.set_tracking_uri("")


@pytest.fixture
def name(where: str, request: pytest.FixtureRequest) -> str:
    """A registered model of the test's own."""
    return registry.create_registered_model(f"of {hash(request.node.name)}", {"team": "risk"}, "who leaves").name
