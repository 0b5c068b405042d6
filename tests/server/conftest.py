"""One server for the tests of a module; those that stop it or look at its log start their own."""

from collections.abc import Iterator

import pytest

from tests.server.judge import mlflow_served
from tests.server.wire import Server, served


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with a store of its own."""
    with served(tmp_path_factory.mktemp("server")) as running:
        yield running


@pytest.fixture(scope="session")
def judge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """MLflow's own server."""
    pytest.importorskip("mlflow")
    with mlflow_served(tmp_path_factory.mktemp("judge")) as running:
        yield running
